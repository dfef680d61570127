"""The laboratory's own reference range, where it is in the unit of the result and can be true."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

import msgspec

from cds_service.facts.labs import Comparator
from cds_service.fhir.remembered import remembered
from cds_service.fhir.resources import Quantity, ReferenceRange
from cds_service.fhir.result_text import AmbiguousNumber, parse_result
from cds_service.fhir.result_units import ReadUnit, is_measurable, printed_number, read_unit
from cds_service.fhir.unusable import Unusable
from cds_service.knowledge.model import AnalyteKnowledge, Scale


@dataclass(frozen=True, slots=True)
class OwnRange:
    """The limits in the result's canonical unit, and as printed; empty where the laboratory gave none we can use.

    `is_unread`: a lower limit was given and cannot be read. `is_too_many`: more ranges were given in
    words than are read, so that the limits may be others. `has_no_unit`: the limits were sent without one and are taken
    in the unit of the result; `against` tells what may be made of them.
    """

    low: Decimal | None = None
    high: Decimal | None = None
    printed: str = ""
    is_unread: bool = False
    is_too_many: bool = False
    has_no_unit: bool = False

    def against(self, value: Decimal, comparator: Comparator | None, scale: Scale) -> OwnRange:
        """What of the range counts for this value.

        A range without a unit is most likely in the unit of the result, which is how laboratories send it. It is only
        likely, so it may call a level low or a marker raised where the published limit does not, as a flag does, and
        never reassures; and only where its limit could be one of this scale. A lower limit above the level that could
        not be one is told as not read.
        """
        if not self.has_no_unit:
            return self
        low = high = None
        is_unread = False
        ours, raised_above = scale.unlikely_above, scale.raised_above
        if self.low is not None and ours is not None and comparator not in _AT_LEAST and ours <= value < self.low:
            is_unread = self.low > ours * _APART
            low = None if is_unread else self.low
        if self.high is not None and raised_above is not None and comparator not in _AT_MOST and self.high < value:
            high = self.high if self.high < raised_above <= self.high * _APART else None
        if low is None and high is None:
            return OwnRange(is_unread=is_unread, is_too_many=self.is_too_many)
        return replace(self, low=low, high=high, printed=f"{self.printed} (no unit)")


NO_RANGE = OwnRange()
_AT_LEAST = (Comparator.ABOVE, Comparator.AT_LEAST)
_AT_MOST = (Comparator.BELOW, Comparator.AT_MOST)
_APART = 2
"""Times that a limit without a unit may be off the published one; those in another unit are mostly further off."""
_ENCODER = msgspec.json.Encoder()
MOST_RANGES: Final = 12
"""Different ranges in words that are read of one result, for sexes and ages: each is dear to read."""


def read_own_range(given: Sequence[ReferenceRange], analyte: AnalyteKnowledge, unit: ReadUnit) -> OwnRange:
    """The one range that a result carries.

    A limit in another unit is dropped, as is a range that is upside down or beyond what is believed: a limit that is
    too high would make a raised result look normal. One without a unit counts where none has one (see `OwnRange`).
    Of several different ranges (for other ages, or "therapeutic") it is not known which is meant, so none is taken.
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
    with_unit = {own: None for one in given if (own := _read(one, analyte, unit)) != NO_RANGE}
    without = {own: None for one in given if (own := _read(_in_unit(one, unit), analyte, unit)) != NO_RANGE}
    found = with_unit or without
    if len(found) != 1:
        return NO_RANGE
    return replace(next(iter(found)), has_no_unit=not with_unit)


def _in_unit(given: ReferenceRange, unit: ReadUnit) -> ReferenceRange:
    """The range with the unit of the result where it has none of its own."""
    return msgspec.structs.replace(
        given,
        low=_with_unit(given.low, unit),
        high=_with_unit(given.high, unit),
        text=_text_with_unit(given.text or "", unit),
    )


def _with_unit(limit: Quantity | None, unit: ReadUnit) -> Quantity | None:
    if limit is None or (limit.unit or "").strip() or (limit.code or "").strip():
        return limit
    return msgspec.structs.replace(limit, unit=unit.printed)


def _text_with_unit(text: str, unit: ReadUnit) -> str:
    try:
        written = parse_result(text)
    except AmbiguousNumber:
        return text
    return f"{text} {unit.printed}" if written is not None and not written.unit else text


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
