"""The value of a laboratory Observation or of one of its components: a number on a known scale, or words.

Whatever is not understood as a whole raises `Unusable`; a number is never taken out of its context.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import NamedTuple

import msgspec

from cds_service.facts.labs import Comparator, Finding
from cds_service.facts.units import measures
from cds_service.fhir.codings import texts
from cds_service.fhir.qualitative_results import read_finding
from cds_service.fhir.reference_ranges import NO_RANGE, OwnRange, read_own_range
from cds_service.fhir.remembered import remembered
from cds_service.fhir.resources import CodeableConcept, Component, Quantity, Range, Resource
from cds_service.fhir.result_remarks import remark
from cds_service.fhir.result_text import (
    AmbiguousNumber,
    WrittenResult,
    parse_comparator,
    parse_result,
)
from cds_service.fhir.result_units import ReadUnit, is_measurable, printed_number, read_unit
from cds_service.fhir.result_words import are_contradictory, finding_in_words, finding_of, interpretations
from cds_service.fhir.unusable import Unusable, quoted
from cds_service.knowledge.model import AnalyteKnowledge, Code, Property

_DIRECTIONS = (Finding.LOW, Finding.NORMAL, Finding.HIGH)
_MARKED = (Finding.LOW, Finding.HIGH)
_MEASURED = (Property.MASS, Property.SUBSTANCE)


# All that is read of a holder; a component lacks the last two.
VALUE_FIELDS = (
    "value_quantity", "value_range", "data_absent_reason", "interpretation", "reference_range", "value_boolean",
    "value_integer",
)  # fmt: skip
_OF_RESOURCE = attrgetter(*VALUE_FIELDS)
_OF_COMPONENT = attrgetter(*VALUE_FIELDS[:-2])
_ENCODER = msgspec.json.Encoder()


class _Number(NamedTuple):
    """A number before it is put on its scale."""

    number: Decimal
    comparator: Comparator | None
    unit: ReadUnit
    printed: str


@dataclass(frozen=True, slots=True)
class ReadValue:
    """A usable value: a number in `unit`, or a finding. `notes` are (field, clause) of what needs care."""

    printed: str
    value: Decimal | None = None
    unit: str = ""
    comparator: Comparator | None = None
    finding: Finding | None = None
    flag: Finding | None = None
    own_range: OwnRange = NO_RANGE
    notes: tuple[tuple[str, str], ...] = ()


def read_value(holder: Resource | Component, analyte: AnalyteKnowledge, code: Code | None) -> ReadValue:
    """The value that a result or component holds, for an analyte.

    Raises:
        Unusable: it holds none, more than one, or one that is not understood.
    """
    return _the_value((holder, code), analyte)


_Asked = tuple[Resource | Component, Code | None]


def _spelling(asked: _Asked) -> Hashable | None:
    """The same levels come again, in the same unit and range. What was written as free text may be of one patient."""
    holder, code = asked
    if holder.value_string is not None or holder.value_codeable_concept is not None:
        return None
    told = _OF_RESOURCE(holder) if isinstance(holder, Resource) else _OF_COMPONENT(holder)
    return _ENCODER.encode(told), (code.system, code.code) if code is not None else None


@remembered(_spelling)
def _the_value(asked: _Asked, analyte: AnalyteKnowledge) -> ReadValue:
    holder, code = asked
    if holder.data_absent_reason is not None:
        raise Unusable("dataAbsentReason", f"it has no value ({_absent(holder.data_absent_reason)})")
    _refuse_two_values(holder)
    flags = interpretations(holder)
    if are_contradictory(flags):
        raise Unusable("interpretation", "the laboratory's own flags contradict each other")
    if not analyte.scales:
        finding = read_finding(holder, analyte)
        return ReadValue(printed=finding.value, finding=finding)
    if holder.value_quantity is not None and holder.value_quantity.value is not None:
        return _number(holder, analyte, code, _from_quantity(holder.value_quantity, analyte))
    if holder.value_range is not None:
        return _number(holder, analyte, code, _from_range(holder.value_range, analyte))
    if holder.value_string is not None:
        return _from_words(holder, analyte, code, "valueString", [holder.value_string])
    if holder.value_codeable_concept is not None:
        return _from_concept(holder, analyte, code, holder.value_codeable_concept)
    if isinstance(holder, Resource) and (holder.value_integer is not None or holder.value_boolean is not None):
        raise Unusable("value", "it has a bare number or yes/no without a unit")
    return _from_flags(analyte, finding_of(flags))


def _absent(reason: CodeableConcept) -> str:
    codes = [(coding.code or "").strip() for coding in reason.coding or ()]
    return next((f"reason {quoted(code)}" for code in codes if code), "no reason given")


def _refuse_two_values(holder: Resource | Component) -> None:
    quantity, words = holder.value_quantity, holder.value_string
    given = (quantity is not None and quantity.value is not None) + (holder.value_range is not None)
    given += (holder.value_codeable_concept is not None) + (words is not None and bool(words.strip()))
    if isinstance(holder, Resource):
        given += (holder.value_boolean is not None) + (holder.value_integer is not None)
    if given > 1:
        raise Unusable("value", "it has more than one value")


def _from_quantity(quantity: Quantity, analyte: AnalyteKnowledge) -> _Number:
    if quantity.value is None:
        raise Unusable("valueQuantity", "it has no value")
    number = _measurable("valueQuantity.value", quantity.value)
    if quantity.comparator is not None and not quantity.comparator.strip():
        raise Unusable("valueQuantity.comparator", "its comparator is blank, so the number may be a bound")
    try:
        comparator = parse_comparator(quantity.comparator or "")
    except ValueError:
        raise Unusable(
            "valueQuantity.comparator", f"the comparator {quoted(quantity.comparator or '')} is not known"
        ) from None
    unit = read_unit(analyte, "valueQuantity", quantity.unit or "", quantity.code or "", quantity.system or "")
    sign = comparator.value if comparator is not None else ""
    return _Number(number, comparator, unit, f"{sign}{printed_number(number)} {unit.printed}")


def _from_range(interval: Range, analyte: AnalyteKnowledge) -> _Number:
    low, high = _end("low", interval.low, analyte), _end("high", interval.high, analyte)
    if low is not None and high is not None:
        (from_, unit), (to, other) = low, high
        if other.scale is not unit.scale or other.factor != unit.factor or from_ > to:
            raise Unusable("valueRange", "its two ends make no range in one unit")
        return _bounded(from_, to, unit, f"{printed_number(from_)}-{printed_number(to)}")
    if low is not None:
        return _Number(low[0], Comparator.AT_LEAST, low[1], f">={printed_number(low[0])} {low[1].printed}")
    if high is not None:
        return _Number(high[0], Comparator.AT_MOST, high[1], f"<={printed_number(high[0])} {high[1].printed}")
    raise Unusable("valueRange", "it has no value")


def _end(name: str, end: Quantity | None, analyte: AnalyteKnowledge) -> tuple[Decimal, ReadUnit] | None:
    if end is None or end.value is None:
        return None
    number = _measurable(f"valueRange.{name}.value", end.value)
    return number, read_unit(analyte, f"valueRange.{name}", end.unit or "", end.code or "", end.system or "")


def _measurable(field: str, number: Decimal) -> Decimal:
    if not is_measurable(number):
        raise Unusable(field, "its number is not one that a laboratory reports")
    return number


def _bounded(low: Decimal, high: Decimal, unit: ReadUnit, printed: str) -> _Number:
    """A range as the one bound that cannot reassure: "at most" where low values matter, else "at least"."""
    words = f"{printed} {unit.printed}"
    if low == high:
        return _Number(low, None, unit, words)
    scale = unit.scale
    low_matters = any(
        limit is not None
        for limit in (scale.deficient_below, scale.low_below, scale.low_below_female, scale.low_below_male)
    )
    if low_matters:
        return _Number(high, Comparator.AT_MOST, unit, words)
    return _Number(low, Comparator.AT_LEAST, unit, words)


def _from_concept(
    holder: Resource | Component, analyte: AnalyteKnowledge, code: Code | None, concept: CodeableConcept
) -> ReadValue:
    if are_contradictory([concept]):
        raise Unusable("valueCodeableConcept", "its codings and text contradict each other")
    finding = finding_of([concept])
    if finding is not None:
        return _worded(analyte, "valueCodeableConcept", finding)
    return _from_words(holder, analyte, code, "valueCodeableConcept", texts(concept))


def _from_words(
    holder: Resource | Component, analyte: AnalyteKnowledge, code: Code | None, field: str, words: list[str]
) -> ReadValue:
    for text in words:
        finding = finding_in_words(text)
        if finding is not None:
            return _worded(analyte, field, finding)
        written = _parsed(field, text)
        if written is not None:
            return _number(holder, analyte, code, _from_written(written, field, analyte))
    raise Unusable(field, f"its text {remark(words[0] if words else '')} is no result that can be read")


def _parsed(field: str, text: str) -> WrittenResult | None:
    try:
        return parse_result(text)
    except AmbiguousNumber as ambiguous:
        raise Unusable(
            field, f"{quoted(str(ambiguous))} may part decimals or thousands, and neither is guessed"
        ) from None


def _from_written(written: WrittenResult, field: str, analyte: AnalyteKnowledge) -> _Number:
    number = _measurable(field, written.value)
    unit = read_unit(analyte, field, written.unit)
    if written.until is not None:
        return _bounded(number, _measurable(field, written.until), unit, written.number)
    return _Number(number, written.comparator, unit, written.printed)


def _from_flags(analyte: AnalyteKnowledge, finding: Finding | None) -> ReadValue:
    if finding is None:
        raise Unusable("value", "it has no value")
    return _worded(analyte, "interpretation", finding)


def _worded(analyte: AnalyteKnowledge, field: str, finding: Finding) -> ReadValue:
    if analyte.scales and finding not in _DIRECTIONS:
        raise Unusable(field, f"the word {quoted(finding.value)} says nothing of the amount of {analyte.short}")
    return ReadValue(printed=finding.value, finding=finding)


def _number(holder: Resource | Component, analyte: AnalyteKnowledge, code: Code | None, read: _Number) -> ReadValue:
    value = read.number * read.unit.factor
    _refuse_implausible(value, read)
    own_range = read_own_range(holder.reference_range or [], analyte, read.unit)
    own_range = own_range.against(value, read.comparator, read.unit.scale)
    notes = _property_conflict(code, read.unit)
    return ReadValue(
        printed=read.printed,
        value=value,
        unit=read.unit.scale.unit,
        comparator=read.comparator,
        flag=_flag(holder),
        own_range=own_range,
        notes=tuple(notes),
    )


def _flag(holder: Resource | Component) -> Finding | None:
    """That the laboratory marked a number as low or high."""
    flags = interpretations(holder)
    found = finding_of(flags) if flags else None
    return found if found in _MARKED else None


def _property_conflict(code: Code | None, unit: ReadUnit) -> list[tuple[str, str]]:
    """A mass code with a unit of substance, or the other way round, is a mapping error: the unit is trusted."""
    kind = measures(unit.printed)
    if code is None or code.property is kind or code.property not in _MEASURED or kind not in _MEASURED:
        return []
    clause = (
        f"its code {quoted(code.code)} is for {_kind(code.property)} and its unit {quoted(unit.printed)} for "
        f"{_kind(kind)}; the unit was trusted"
    )
    return [("code", clause)]


def _kind(measured: Property) -> str:
    return "a mass" if measured is Property.MASS else "an amount of substance"


def _refuse_implausible(value: Decimal, read: _Number) -> None:
    """Bounds of what can be true (knowledge/analytes). "Below 30" is a detection limit, however low it lies."""
    scale = read.unit.scale
    is_upper_bound = read.comparator in (Comparator.BELOW, Comparator.AT_MOST)
    too_low = value <= 0 if is_upper_bound else value < scale.plausible_from
    if too_low or value < 0 or value > scale.plausible_to:
        bounds = f"{scale.plausible_from:f} to {scale.plausible_to:f} {scale.unit}"
        raise Unusable("value", f"{quoted(read.printed)} is outside of what is plausible ({bounds})")
