"""The laboratory's own reference range, where it is in the unit of the result and can be true."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

import msgspec

from cds_service.fhir.remembered import remembered
from cds_service.fhir.resources import Quantity, ReferenceRange
from cds_service.fhir.result_text import AmbiguousNumber, parse_result
from cds_service.fhir.result_units import ReadUnit, is_measurable, printed_number, read_unit
from cds_service.fhir.unusable import Unusable
from cds_service.knowledge.model import AnalyteKnowledge


@dataclass(frozen=True, slots=True)
class OwnRange:
    """The limits in the result's canonical unit, and as printed; empty where the laboratory gave none we can use.

    `is_unread`: a lower limit was given with its unit, and cannot be read. `is_too_many`: more ranges were given in
    words than are read, so that the limits may be others.
    """

    low: Decimal | None = None
    high: Decimal | None = None
    printed: str = ""
    is_unread: bool = False
    is_too_many: bool = False


NO_RANGE = OwnRange()
_ENCODER = msgspec.json.Encoder()
MOST_RANGES: Final = 12
"""Different ranges in words that are read of one result, for sexes and ages: each is dear to read."""


def read_own_range(given: Sequence[ReferenceRange], analyte: AnalyteKnowledge, unit: ReadUnit) -> OwnRange:
    """The one range that a result carries.

    A limit in another unit or without one is dropped, as is a range that is upside down or beyond what is believed: a
    limit that is too high would make a raised result look normal. Of several different ranges (for other ages, or
    "therapeutic") it is not known which is meant, so none is taken.
    """
    if not given:
        return NO_RANGE
    if len(given) <= MOST_RANGES:
        return _the_range((analyte.id, given, unit), analyte)
    different, is_too_many = _told_apart(given)
    return replace(_the_range((analyte.id, different, unit), analyte), is_too_many=is_too_many)


def _told_apart(given: Sequence[ReferenceRange]) -> tuple[list[ReferenceRange], bool]:
    """Of very many ranges those that hold a number and differ, and whether there are more in words than are read."""
    different: dict[bytes, ReferenceRange] = {}
    in_words: dict[str, ReferenceRange] = {}
    for one in given:
        if _is_given(one.low) or _is_given(one.high):
            different.setdefault(_ENCODER.encode((one.low, one.high)), one)
        elif one.text and any(map(str.isdigit, one.text)):
            in_words.setdefault(one.text, one)
    return [*different.values(), *list(in_words.values())[:MOST_RANGES]], len(in_words) > MOST_RANGES


_Asked = tuple[str, Sequence[ReferenceRange], ReadUnit]


def _spelling(asked: _Asked) -> Hashable:
    """A laboratory prints the same few ranges on all its reports."""
    analyte_id, given, unit = asked
    return analyte_id, _ENCODER.encode(given), unit.printed, unit.factor, unit.scale.unit


@remembered(_spelling)
def _the_range(asked: _Asked, analyte: AnalyteKnowledge) -> OwnRange:
    _, given, unit = asked
    found: OwnRange = NO_RANGE
    for one in given:
        own = _read(one, analyte, unit)
        if own not in (NO_RANGE, found):
            if found is not NO_RANGE:
                return NO_RANGE
            found = own
    return found


def _read(given: ReferenceRange, analyte: AnalyteKnowledge, unit: ReadUnit) -> OwnRange:
    low, is_low_read = _limit(given.low, analyte, unit)
    high, _ = _limit(given.high, analyte, unit)
    if not (_is_given(given.low) or _is_given(given.high)):
        low, high = _from_text(given.text or "", analyte, unit)
    believed = unit.scale.own_limit_to or unit.scale.plausible_to
    if high is not None and not 0 < high <= believed:
        high = None  # one that is too high would make a raised result look normal
    if (low is not None and high is not None and low >= high) or (not low and high is None):
        low = high = None
    return OwnRange(low, high, _printed(low, high, unit), is_unread=not is_low_read)


def _is_given(limit: Quantity | None) -> bool:
    return limit is not None and limit.value is not None


def _limit(limit: Quantity | None, analyte: AnalyteKnowledge, unit: ReadUnit) -> tuple[Decimal | None, bool]:
    """One limit, and False where it was sent with its unit and cannot be read; one on another scale can be."""
    if limit is None or limit.value is None:
        return None, True
    try:
        own = read_unit(analyte, "referenceRange", limit.unit or "", limit.code or "", limit.system or "")
    except Unusable:
        # A range is a help; without it the published limit is used, and the card says which.
        return None, not (limit.unit or limit.code)
    if not is_measurable(limit.value) or limit.value < 0:
        return None, False
    if own.scale is not unit.scale:
        return None, True
    value = limit.value * own.factor
    return (value, True) if value <= unit.scale.plausible_to else (None, False)


def _from_text(text: str, analyte: AnalyteKnowledge, unit: ReadUnit) -> tuple[Decimal | None, Decimal | None]:
    try:
        written = parse_result(text)
        own = read_unit(analyte, "referenceRange", written.unit) if written is not None else None
    except (AmbiguousNumber, Unusable):
        return None, None
    if written is None or own is None or own.scale is not unit.scale:
        return None, None
    if written.until is not None:
        return written.value * own.factor, written.until * own.factor
    bound = written.value * own.factor
    sign = written.comparator.value if written.comparator is not None else ""
    return (bound if ">" in sign else None), (bound if "<" in sign else None)


def _printed(low: Decimal | None, high: Decimal | None, unit: ReadUnit) -> str:
    """In the unit of the result as it was sent, so that the two can be compared at sight."""

    def back(limit: Decimal) -> str:
        exact = limit / unit.factor
        return printed_number(exact.normalize() if exact == exact.to_integral_value() else exact)

    if low is not None and high is not None:
        return f"{back(low)}-{back(high)}"
    if high is not None:
        return f"<{back(high)}"
    return f">{back(low)}" if low is not None else ""
