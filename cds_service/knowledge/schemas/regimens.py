"""Regimens: what a suggestion orders, dose by dose."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, post_load, validates, validates_schema

from cds_service.config import SITES
from cds_service.knowledge.model import DosageStep, Recommendation, Regimen
from cds_service.knowledge.schemas.base import (
    ReviewedSchema,
    StrictSchema,
    choice,
    did_you_mean,
    list_of,
    number,
    plain_text,
    whole_number,
)
from cds_service.knowledge.schemas.codes import one_code

_PERIOD_UNITS = ("h", "d", "wk", "mo", "a")  # FHIR R4 units-of-time, as far as a dose interval goes


class StepSchema(StrictSchema):
    """One step: a dose at a frequency, for a time or without end."""

    text = plain_text(required=True)
    dose = number(required=True, above=0)
    dose_unit = plain_text(required=True)
    dose_code = plain_text(required=True)
    frequency = whole_number(required=True, above=0)
    period = whole_number(required=True, above=0)
    period_unit = plain_text(required=True)
    for_days = whole_number(above=0, allow_none=True, load_default=None)

    @validates("period_unit")
    def _is_a_unit_of_time(self, value: str, **_kwargs: Any) -> None:
        if value not in _PERIOD_UNITS:
            raise ValidationError(f"{value!r} is not known; write one of {', '.join(_PERIOD_UNITS)}")

    @post_load
    def _made(self, data: dict[str, Any], **_kwargs: Any) -> DosageStep:
        return DosageStep(**data)


class RegimenSchema(ReviewedSchema):
    """`regimens/<id>.yaml`."""

    title = plain_text(required=True)
    recommends = choice(Recommendation, required=True)
    label = plain_text(required=True)
    medicine = one_code(required=True)
    medicine_text = plain_text(required=True)
    form = plain_text(required=True)
    route = one_code(required=True)
    route_text = plain_text(required=True)
    steps = list_of(StepSchema, required=True)
    quantity = number(required=True, above=0)
    quantity_unit = plain_text(required=True)
    supply_days = whole_number(required=True, above=0)
    repeats = whole_number(required=True, above=-1)
    note = plain_text(load_default="")
    sites = list_of(plain_text(), load_default=list)
    instead_of = plain_text(load_default="")
    also = list_of(plain_text(), load_default=list)

    @validates_schema
    def _stands_in_somewhere(self, data: dict[str, Any], **_kwargs: Any) -> None:
        unknown = [site for site in data["sites"] if site not in SITES]
        if unknown:
            raise ValidationError({"sites": [f"{unknown[0]!r} is no site; {did_you_mean(unknown[0], SITES)}"]})
        if bool(data["sites"]) != bool(data["instead_of"]):
            what = "and sites go together; write both, or neither where the regimen holds at every site"
            raise ValidationError({"instead_of": [what]})

    @validates_schema
    def _steps_follow_each_other(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if not data["steps"]:
            raise ValidationError({"steps": ["are empty; write at least one step with its dose"]})
        for index, step in enumerate(data["steps"][:-1]):
            if step.for_days is None:
                what = "is missing: another step follows this one; say for how many days it is taken"
                raise ValidationError({"steps": {index: {"for_days": [what]}}})

    @post_load
    def _made(self, data: dict[str, Any], **_kwargs: Any) -> Regimen:
        reviewed = self.review(data)
        return Regimen(**reviewed | {name: tuple(reviewed[name]) for name in ("steps", "sites", "also")})
