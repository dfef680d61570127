"""The daily dose of one medicine, from structured dosage and from directions in words, checked against each other.

Where a dose was given as a range, or one of several steps, the end that never reassures falsely is taken: the upper
for folic acid (it masks a deficiency above a limit), the lower for everything else (vitamin B12 treats above one).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache

import msgspec
from msgspec.structs import replace

from cds_service.facts.dates import ClinicalDate
from cds_service.facts.treatments import DailyDose
from cds_service.fhir.amounts import Amount, Strength
from cds_service.fhir.dosage_line import Line, read_line
from cds_service.fhir.resources import Dosage
from cds_service.fhir.sig_frequency import Frequency

_LONGEST_KEPT = 2000  # bytes of all lines of a record as JSON; what is longer is read each time
_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(list[Dosage])
NO_DOSAGE = DailyDose(None, "no dosage was given")


@dataclass(frozen=True, slots=True)
class DoseRead:
    """What all dosage lines of one record come to for one medicine.

    `dose_mg` is the mass at a time; that of one unit of the product where nothing says how many. `amount` and
    `frequency` are those of a single line, for reckoning how long a supply lasts; `lasts_days` is how long all lines
    say that it is taken. `as_needed`: every line is. `is_single`: one dose only. `is_doubted`: a line speaks of
    not taking it. `is_not_taken`: a line says outright that it is not taken, and of folic acid every line does.
    """

    daily: DailyDose
    dose_mg: Decimal | None = None
    amount: Amount | None = None
    frequency: Frequency | None = None
    lasts_days: Fraction | None = None
    as_needed: bool = False
    is_single: bool = False
    is_doubted: bool = False
    is_not_taken: bool = False


def daily_dose(dosages: Sequence[Dosage], strength: Strength, takes_upper: bool, on: date | None = None) -> DailyDose:
    """Milligrams a day of one medicine; None with the reason where it cannot be told."""
    return read_dose(dosages, strength, takes_upper, on).daily


def read_dose(dosages: Sequence[Dosage], strength: Strength, takes_upper: bool, on: date | None = None) -> DoseRead:
    """All dosage lines of one record for one medicine (see the module on ranges).

    Lines without `sequence`, or with the same, are taken together; lines in sequence follow one another, and the
    dose is then that of one step: the one whose bounds hold the day `on`, where bounds are given.
    """
    if not dosages:
        unit = strength.mg_per_unit
        return DoseRead(NO_DOSAGE, dose_mg=None if unit is None else decimal(unit))
    # A single line, which is the usual, counts whatever its bounds.
    distinct = dosages if len(dosages) == 1 else _distinct(_holding(dosages, on))
    spelled = _ENCODER.encode([_without_dates(dosage) for dosage in distinct])
    if len(spelled) > _LONGEST_KEPT:
        return _read(distinct, strength, takes_upper)
    return _read_spelled(spelled, strength, takes_upper)


def _without_dates(dosage: Dosage) -> Dosage:
    """The line without what tells one order of it from the next, and nothing of the dose."""
    timing = dosage.timing
    repeat = timing.repeat if timing is not None else None
    if timing is None or repeat is None or repeat.bounds_period is None:
        return dosage
    undated = replace(timing, repeat=replace(repeat, bounds_period=None))
    return replace(dosage, timing=undated)


def spelling_of_line(dosage: Dosage) -> bytes:
    """All that a line says of a dose."""
    return _ENCODER.encode(_without_dates(dosage))


@lru_cache(maxsize=4096)
def _read_spelled(spelled: bytes, strength: Strength, takes_upper: bool) -> DoseRead:
    """Most doses are written in the same few hundred ways, and each is read once."""
    return _read(_DECODER.decode(spelled), strength, takes_upper)


def _read(distinct: Sequence[Dosage], strength: Strength, takes_upper: bool) -> DoseRead:
    lines = [read_line(dosage, strength) for dosage in distinct]
    steps: dict[int, list[Line]] = {}
    for dosage, line in zip(distinct, lines, strict=True):
        steps.setdefault(dosage.sequence or 0, []).append(line)
    totals = [_together(step, takes_upper) for step in steps.values()]
    only = lines[0] if len(lines) == 1 else Line()
    doses = [line.dose for line in lines if line.dose]
    at_a_time = (max(d[1] for d in doses) if takes_upper else min(d[0] for d in doses)) if doses else None
    return DoseRead(
        daily=_one_of(totals, takes_upper),
        dose_mg=None if at_a_time is None else decimal(at_a_time),
        amount=only.amount,
        frequency=only.frequency,
        lasts_days=_lasting(steps.values()),
        as_needed=all(line.as_needed for line in lines),
        is_single=all(line.is_single for line in lines),
        is_doubted=any(line.is_doubted for line in lines),
        is_not_taken=(all if takes_upper else any)(line.is_not_taken for line in lines),
    )


def decimal(value: Fraction) -> Decimal:
    """A fraction as a Decimal: exact where it can be, else to twelve digits (a third of a tablet has no end)."""
    divided = Decimal(value.numerator) / Decimal(value.denominator)
    return divided if Fraction(divided) == value else Context(prec=12).create_decimal(divided)


def _holding(dosages: Sequence[Dosage], on: date | None) -> Sequence[Dosage]:
    """The lines whose bounds hold the day; all where no line has bounds that do."""
    holding = [d for d in dosages if on is not None and _bounds_hold(d, on)]
    return holding or dosages


def _bounds_hold(dosage: Dosage, on: date) -> bool:
    repeat = dosage.timing.repeat if dosage.timing is not None else None
    bounds = repeat.bounds_period if repeat is not None else None
    if bounds is None or not (bounds.start or bounds.end):
        return False
    try:
        begins = ClinicalDate.parse(bounds.start).earliest if bounds.start else date.min
        ends = ClinicalDate.parse(bounds.end).latest if bounds.end else date.max
    except ValueError:
        return False  # the date itself is reported where the interval is read
    return begins <= on <= ends


def _distinct(dosages: Sequence[Dosage]) -> list[Dosage]:
    """Without lines that were merely sent twice."""
    distinct: list[Dosage] = []
    for dosage in dosages:
        if not any(_is_same(dosage, other) for other in distinct):
            distinct.append(dosage)
    return distinct


def _is_same(one: Dosage, other: Dosage) -> bool:
    try:
        return one == other
    except InvalidOperation:
        return False  # "sNaN" where a number belongs: it cannot even be compared


def _lasting(steps: Iterable[Sequence[Line]]) -> Fraction | None:
    """All steps one after the other; None where one of them has no end."""
    total = Fraction(0)
    for step in steps:
        lasting = [line.lasts_days for line in step if line.lasts_days is not None]
        if len(lasting) < len(step):
            return None
        total += max(lasting)
    return total


def _together(lines: Sequence[Line], takes_upper: bool) -> Line:
    """Lines that hold at the same time: the sum. As-needed lines add nothing certain to regular ones."""
    regular = [line for line in lines if not line.as_needed]
    counted = list(lines) if takes_upper or not regular else regular
    for line in counted:
        if line.low is None or line.high is None:
            return line
    low = sum((line.low for line in counted if line.low is not None), Fraction(0))
    high = sum((line.high for line in counted if line.high is not None), Fraction(0))
    return Line(low, high, reason=next((line.reason for line in counted if line.reason), ""))


def _one_of(totals: Sequence[Line], takes_upper: bool) -> DailyDose:
    """The dose of one step: the highest or the lowest, and saying so where there was a choice."""
    lows = [t.low for t in totals if t.low is not None]
    highs = [t.high for t in totals if t.high is not None]
    if len(lows) < len(totals) or len(highs) < len(totals):
        return DailyDose(None, next(t.reason for t in totals if t.low is None))
    mg = max(highs) if takes_upper else min(lows)
    if mg <= 0:
        return DailyDose(None, "only the most that may be taken is given")
    remark = totals[0].reason
    if min(lows) != max(highs) and not remark:
        why = "the dose changes in steps" if len(totals) > 1 else "the dose is a range"
        remark = f"{why}; the {'highest' if takes_upper else 'lowest'} is counted"
    return DailyDose(decimal(mg), remark)
