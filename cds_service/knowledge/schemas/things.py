"""Analytes, tests, medicines, conditions and parameters: what there is, how it is recognised, and its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Any

from marshmallow import ValidationError, post_load, validates_schema

from cds_service.knowledge.model import (
    LIMITS,
    AnalyteKnowledge,
    ConditionKnowledge,
    MedicineKnowledge,
    Parameter,
    ProblemRole,
    Property,
    Scale,
    SpecimenKnowledge,
    TestKnowledge,
)
from cds_service.knowledge.schemas.base import (
    ReviewedSchema,
    StrictSchema,
    choice,
    list_of,
    mapping_of,
    number,
    plain_text,
    read_flag,
    read_pattern,
    read_with,
)
from cds_service.knowledge.schemas.codes import code_rows, medicine_code_rows, one_code

_ASCENDING = ("severe_below", "deficient_below", "unlikely_above")


class ScaleSchema(StrictSchema):
    """One canonical unit of an analyte: its spellings with their factors, and the limits printed in that unit."""

    unit = plain_text(required=True)
    property = choice(Property, required=True)
    units = mapping_of(number(above=0), required=True)
    plausible_from = number(required=True)
    plausible_to = number(required=True)
    own_limit_to = number()
    severe_below = number()
    deficient_below = number()
    unlikely_above = number()
    raised_above = number()
    low_below = number()
    low_below_female = number()
    low_below_male = number()
    low_below_pregnant = number()

    @validates_schema
    def _bands_neither_overlap_nor_leave_a_gap(self, data: dict[str, Any], **_kwargs: Any) -> None:
        problems = {field: [what] for field, what in _band_problems(data)}
        if problems:
            raise ValidationError(problems)

    @post_load
    def _made(self, data: dict[str, Any], **_kwargs: Any) -> Scale:
        return Scale(**data)


def _band_problems(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if ("deficient_below" in data) != ("unlikely_above" in data):
        lacking, given = ("unlikely_above", "deficient_below")
        if "deficient_below" not in data:
            lacking, given = given, lacking
        yield lacking, f"is missing beside {given}, which leaves a gap between the bands; add it"
    for lower, upper in pairwise([name for name in _ASCENDING if name in data]):
        if data[lower] > data[upper] or (data[lower] == data[upper] and upper == "unlikely_above"):
            than = "less than" if upper == "unlikely_above" else "at most"
            must = f"must be {than} {upper} ({data[upper]}), not {data[lower]}"
            yield lower, f"{must}: the bands overlap; mend one of the two"
    least, most = data["plausible_from"], data["plausible_to"]
    if least >= most:
        yield "plausible_from", f"must be less than plausible_to ({most}), not {least}; mend one of the two"
    raised, own = data.get("raised_above"), data.get("own_limit_to")
    if own is not None and (raised is None or own < raised):
        must = f"must be at least raised_above ({raised})" if raised is not None else "needs raised_above beside it"
        yield "own_limit_to", f"{must}, or what a laboratory calls raised would not be; mend one of the two"
    for name in LIMITS:
        if name in data and not least <= data[name] <= most:
            yield name, f"{data[name]} lies outside the plausible range {least} to {most}; mend one of them"


class AnalyteSchema(ReviewedSchema):
    """`analytes/<id>.yaml`."""

    title = plain_text(required=True)
    short = plain_text(required=True)
    codes = code_rows(required=True)
    names = list_of(read_with(read_pattern), required=True)
    not_names = list_of(read_with(read_pattern), load_default=list)
    scales = list_of(ScaleSchema, required=True)
    refused_units = mapping_of(plain_text(), load_default=dict)

    @validates_schema
    def _a_unit_means_one_thing(self, data: dict[str, Any], **_kwargs: Any) -> None:
        first: dict[str, str] = dict.fromkeys(data["refused_units"], "refused_units")
        for index, scale in enumerate(data["scales"]):
            for unit in scale.units:
                if unit in first:
                    path = f"scales.{index}.units"
                    raise ValidationError({path: [f"{unit!r} stands in {first[unit]} too; keep one of them"]})
                first[unit] = f"scales.{index}.units"

    @post_load
    def _made(self, data: dict[str, Any], **_kwargs: Any) -> AnalyteKnowledge:
        return AnalyteKnowledge(**_tuples(self.review(data), "names", "not_names", "scales"))


class TestSchema(ReviewedSchema):
    """`tests/<id>.yaml`."""

    __test__ = False

    title = plain_text(required=True)
    order = one_code(required=True)
    codes = code_rows(required=True)
    names = list_of(read_with(read_pattern), required=True)

    @post_load
    def _made(self, data: dict[str, Any], **_kwargs: Any) -> TestKnowledge:
        return TestKnowledge(**_tuples(self.review(data), "names"))


class MedicineSchema(ReviewedSchema):
    """`medicines/<id>.yaml`."""

    title = plain_text(required=True)
    short = plain_text(load_default="")
    codes = medicine_code_rows(required=True)
    names = list_of(read_with(read_pattern), required=True)
    not_names = list_of(read_with(read_pattern), load_default=list)

    @post_load
    def _made(self, data: dict[str, Any], **_kwargs: Any) -> MedicineKnowledge:
        return MedicineKnowledge(**_tuples(self.review(data), "names", "not_names"))


class ConditionSchema(ReviewedSchema):
    """`conditions/<id>.yaml`."""

    title = plain_text(required=True)
    short = plain_text(load_default="")
    role = choice(ProblemRole, required=True)
    is_reversible = read_with(read_flag, allow_none=True, load_default=None)
    codes = code_rows(required=True)
    names = list_of(read_with(read_pattern), required=True)
    not_names = list_of(read_with(read_pattern), load_default=list)
    beside = list_of(read_with(read_pattern), load_default=list)

    @post_load
    def _made(self, data: dict[str, Any], **_kwargs: Any) -> ConditionKnowledge:
        return ConditionKnowledge(**_tuples(self.review(data), "names", "not_names", "beside"))


class SpecimenSchema(ReviewedSchema):
    """`specimens/<id>.yaml`."""

    title = plain_text(required=True)
    codes = code_rows(required=True)
    names = list_of(read_with(read_pattern), required=True)
    not_names = list_of(read_with(read_pattern), load_default=list)

    @post_load
    def _made(self, data: dict[str, Any], **_kwargs: Any) -> SpecimenKnowledge:
        return SpecimenKnowledge(**_tuples(self.review(data), "names", "not_names"))


class ParameterSchema(ReviewedSchema):
    """`parameters/<id>.yaml`."""

    statement = plain_text(required=True)
    value = number(required=True)
    unit = plain_text(required=True)

    @validates_schema
    def _is_not_negative(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if data["value"] < Decimal(0):
            raise ValidationError({"value": [f"must not be negative, not {data['value']}; mend the number"]})

    @post_load
    def _made(self, data: dict[str, Any], **_kwargs: Any) -> Parameter:
        return Parameter(**self.review(data))


def _tuples(data: dict[str, Any], *names: str) -> dict[str, Any]:
    return {**data, **{name: tuple(data[name]) for name in names}}
