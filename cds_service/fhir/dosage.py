"""The daily dose of one medicine, from structured dosage and from directions in words, checked against each other.

Where a dose was given as a range, or one of several steps, the end that never reassures falsely is taken: the upper
for folic acid (it masks a deficiency above a limit), the lower for everything else (vitamin B12 treats above one).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Context, Decimal
from fractions import Fraction

from cds_service.facts.dates import ClinicalDate
from cds_service.facts.treatments import DailyDose
from cds_service.fhir.amounts import Amount, Kind, Strength, Unread, exact, read_quantity, read_range, unit_kind
from cds_service.fhir.resources import Dosage, DoseAndRate, Quantity, Ratio
from cds_service.fhir.sig import Sig, read_sig
from cds_service.fhir.sig_frequency import DAYS_IN, Frequency
from cds_service.fhir.timing import Told, read_timing

NO_DOSAGE = DailyDose(None, "no dosage was given")


@dataclass(frozen=True, slots=True)
class DoseRead:
    """What all dosage lines of one record come to for one medicine.

    `dose_mg` is the mass at a time. `amount` and `frequency` are those of a single line, for reckoning how long a
    supply lasts; `lasts_days` is for how long all lines together say it is taken. `as_needed`: every line is.
    `is_single`: one dose only.
    """

    daily: DailyDose
    dose_mg: Decimal | None = None
    amount: Amount | None = None
    frequency: Frequency | None = None
    lasts_days: Fraction | None = None
    as_needed: bool = False
    is_single: bool = False


@dataclass(frozen=True, slots=True)
class _Line:
    """One Dosage: mg a day from low to high, or the reason why not."""

    low: Fraction | None = None
    high: Fraction | None = None
    reason: str = ""
    dose: tuple[Fraction, Fraction] | None = None
    amount: Amount | None = None
    frequency: Frequency | None = None
    lasts_days: Fraction | None = None
    as_needed: bool = False
    is_single: bool = False


def daily_dose(dosages: Sequence[Dosage], strength: Strength, takes_upper: bool, on: date | None = None) -> DailyDose:
    """Milligrams a day of one medicine; None with the reason where it cannot be told."""
    return read_dose(dosages, strength, takes_upper, on).daily


def read_dose(dosages: Sequence[Dosage], strength: Strength, takes_upper: bool, on: date | None = None) -> DoseRead:
    """All dosage lines of one record for one medicine (see the module on ranges).

    Lines without `sequence`, or with the same, are taken together; lines in sequence follow one another, and the
    dose is then that of one step: the one whose bounds hold the day `on`, where bounds are given.
    """
    if not dosages:
        return DoseRead(NO_DOSAGE)
    distinct = _distinct(_holding(dosages, on))
    lines = [_read_line(dosage, strength) for dosage in distinct]
    steps: dict[int, list[_Line]] = {}
    for dosage, line in zip(distinct, lines, strict=True):
        steps.setdefault(dosage.sequence or 0, []).append(line)
    totals = [_together(step, takes_upper) for step in steps.values()]
    only = lines[0] if len(lines) == 1 else _Line()
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
        if dosage not in distinct:
            distinct.append(dosage)
    return distinct


def _read_line(dosage: Dosage, strength: Strength) -> _Line:
    sig = read_sig(dosage.text or dosage.patient_instruction or "")
    as_needed = bool(dosage.as_needed_boolean) or dosage.as_needed_codeable_concept is not None or sig.as_needed
    line = replace(_read_dose_line(dosage, sig, strength), as_needed=as_needed, lasts_days=_duration(dosage, sig))
    most = dosage.max_dose_per_period
    if line.low is None and most is not None and as_needed:
        limit = _per_day(most, strength)
        if limit is not None:
            return replace(line, low=Fraction(0), high=limit, reason="taken when needed; the stated maximum is counted")
    return line


def _duration(dosage: Dosage, sig: Sig) -> Fraction | None:
    """For how many days the dose is to be taken, by the timing's bounds or by the words ("for 7 days")."""
    repeat = dosage.timing.repeat if dosage.timing is not None else None
    bounds = repeat.bounds_duration if repeat is not None else None
    if repeat is not None and bounds is None and repeat.bounds_range is not None:
        bounds = repeat.bounds_range.high
    if bounds is None:
        return sig.lasts_days
    number, unit = exact(bounds.value), DAYS_IN.get(bounds.code or "") or DAYS_IN.get(bounds.unit or "")
    return number * unit if number is not None and unit is not None and number > 0 else None


def _lasting(steps: Iterable[Sequence[_Line]]) -> Fraction | None:
    """All steps one after the other; None where one of them has no end."""
    total = Fraction(0)
    for step in steps:
        lasting = [line.lasts_days for line in step if line.lasts_days is not None]
        if len(lasting) < len(step):
            return None
        total += max(lasting)
    return total


def _read_dose_line(dosage: Dosage, sig: Sig, strength: Strength) -> _Line:
    rate = _read_rate(dosage.dose_and_rate or (), strength)
    if rate is not None:
        return rate
    told = read_timing(dosage.timing)
    said = _structured_amount(dosage)
    frequency = _agreed_frequency(told, sig)
    amount = _agreed_amount(said, sig, strength)
    mg = amount if isinstance(amount, str) else _in_mg(amount, sig, strength) if amount is not None else None
    known = None if isinstance(amount, str) else amount
    dose = mg if isinstance(mg, tuple) else None
    line = _Line(dose=dose, amount=known, frequency=None if isinstance(frequency, str) else frequency)
    is_complete = isinstance(said, Amount) and told.frequency is not None
    if sig.reason and (sig.is_changing or not is_complete):
        return replace(line, reason=sig.reason, dose=None, amount=None)
    if isinstance(frequency, str):
        return replace(line, reason=frequency)
    if isinstance(mg, str):
        return replace(line, reason=mg)
    if frequency is None and (told.is_single or sig.is_single):
        return replace(line, reason="a single dose, not a daily one", is_single=True)
    if mg is None:
        return replace(line, reason="the amount taken at a time is not given")
    if frequency is None:
        return replace(line, reason="how often it is taken is not given")
    return replace(line, low=mg[0] * frequency.low, high=mg[1] * frequency.high)


def _structured_amount(dosage: Dosage) -> Amount | Unread | None:
    """The amount in doseAndRate, in an administration's dose, or in the older doseQuantity; all given must agree."""
    given: list[Amount | Unread] = []
    for entry in dosage.dose_and_rate or ():
        if entry.dose_quantity is not None:
            given.append(read_quantity(entry.dose_quantity))
        elif entry.dose_range is not None:
            given.append(read_range(entry.dose_range))
    given.extend(read_quantity(q) for q in (dosage.dose, dosage.dose_quantity) if q is not None)
    if len(set(given)) > 1:
        return Unread("two different doses are given")
    return given[0] if given else None


def _agreed_frequency(told: Told, sig: Sig) -> Frequency | str | None:
    if told.reason:
        return told.reason
    if (told.is_single and sig.frequency is not None) or (sig.is_single and told.frequency is not None):
        return "timing and directions contradict each other on how often"
    if told.frequency is None or sig.frequency is None:
        return told.frequency or sig.frequency
    if _meet(told.frequency, sig.frequency):
        return told.frequency
    return "timing and directions contradict each other on how often"


def _meet(one: Frequency, other: Frequency) -> bool:
    """Whether two frequencies can be the same; a month may be four weeks."""
    ten_percent = Fraction(11, 10)
    return one.low <= other.high * ten_percent and other.low <= one.high * ten_percent


def _agreed_amount(said: Amount | Unread | None, sig: Sig, strength: Strength) -> Amount | str | None:
    """The structured amount, checked against the one in words; the words alone where no amount is structured."""
    if isinstance(said, Unread):
        # A number without a unit is not guessed, but the directions may tell it in full.
        return sig.amount if sig.amount is not None and not sig.is_weak else said.reason
    if sig.amount is None or (sig.is_weak and said is not None):
        return said
    if said is None:
        return sig.amount if sig.amount.is_believable else "the dose in the directions is not believable"
    ours, theirs = _in_mg(said, Sig(), strength), _in_mg(sig.amount, sig, strength)
    if said.kind is sig.amount.kind:
        ours, theirs = (said.low, said.high), (sig.amount.low, sig.amount.high)
    if isinstance(ours, tuple) and isinstance(theirs, tuple) and (ours[0] > theirs[1] or theirs[0] > ours[1]):
        return "dose and directions contradict each other on the amount"
    return said


def _in_mg(amount: Amount, sig: Sig, strength: Strength) -> tuple[Fraction, Fraction] | str:
    """An amount in mg of the medicine, from low to high; the reason where the product does not tell."""
    if amount.kind is Kind.MASS:
        if strength.is_combination:
            return "the dose is in mg of a product that holds several medicines"
        return amount.low, amount.high
    if amount.kind is Kind.VOLUME:
        if strength.mg_per_ml is None:
            return strength.conflict or "what one mL of the product holds is not known"
        return amount.low * strength.mg_per_ml, amount.high * strength.mg_per_ml
    unit = _mg_per_unit(amount, sig, strength)
    return unit if isinstance(unit, str) else (amount.low * unit, amount.high * unit)


def _mg_per_unit(amount: Amount, sig: Sig, strength: Strength) -> Fraction | str:
    known = strength.mg_per_unit
    if sig.strength_mg is not None and not strength.is_combination:
        if known is not None and known != sig.strength_mg:
            return "the directions name another strength than the product has"
        return sig.strength_mg
    if known is None:
        return strength.conflict or "what one unit of the product holds is not known"
    if sig.together_mg is not None and sig.together_mg not in (known, known * amount.low):
        return "the directions name another strength than the product has"
    return known


def _together(lines: Sequence[_Line], takes_upper: bool) -> _Line:
    """Lines that hold at the same time: the sum. As-needed lines add nothing certain to regular ones."""
    regular = [line for line in lines if not line.as_needed]
    counted = list(lines) if takes_upper or not regular else regular
    for line in counted:
        if line.low is None or line.high is None:
            return line
    low = sum((line.low for line in counted if line.low is not None), Fraction(0))
    high = sum((line.high for line in counted if line.high is not None), Fraction(0))
    return _Line(low, high, reason=next((line.reason for line in counted if line.reason), ""))


def _one_of(totals: Sequence[_Line], takes_upper: bool) -> DailyDose:
    """The dose of one step: the highest or the lowest, and saying so where there was a choice."""
    lows = [t.low for t in totals if t.low is not None]
    highs = [t.high for t in totals if t.high is not None]
    if len(lows) < len(totals) or len(highs) < len(totals):
        return DailyDose(None, next(t.reason for t in totals if t.low is None))
    mg = max(highs) if takes_upper else min(lows)
    if mg <= 0:
        return DailyDose(None, "only the most that may be taken is given")
    notes = [totals[0].reason] if totals[0].reason else []
    if min(lows) != max(highs) and not notes:
        why = "the dose changes in steps" if len(totals) > 1 else "the dose is a range"
        notes.append(f"{why}; the {'highest' if takes_upper else 'lowest'} is counted")
    return DailyDose(decimal(mg), "; ".join(notes))


def _read_rate(entries: Sequence[DoseAndRate], strength: Strength) -> _Line | None:
    """A continuous rate such as 5 mg/d; None where no line has one, or a dose stands beside it."""
    for entry in entries:
        if entry.dose_quantity is not None or entry.dose_range is not None:
            continue
        if entry.rate_ratio is not None:
            limit = _per_day(entry.rate_ratio, strength)
        elif entry.rate_quantity is not None:
            limit = _quantity_per_day(entry.rate_quantity, strength)
        elif entry.rate_range is not None:
            limit = None
        else:
            continue
        return _Line(limit, limit) if limit else _Line(reason="the rate at which it is given cannot be read")
    return None


def _per_day(ratio: Ratio, strength: Strength) -> Fraction | None:
    """An amount per time, as mg a day."""
    if ratio.numerator is None or ratio.denominator is None:
        return None
    amount, number = read_quantity(ratio.numerator), exact(ratio.denominator.value)
    days = DAYS_IN.get(ratio.denominator.code or ratio.denominator.unit or "")
    if isinstance(amount, Unread) or number is None or number <= 0 or days is None:
        return None
    mg = _in_mg(amount, Sig(), strength)
    return None if isinstance(mg, str) else mg[1] / (number * days)


def _quantity_per_day(rate: Quantity, strength: Strength) -> Fraction | None:
    """`5 mg/d`, `0.1 mL/h`."""
    unit, slash, time = (rate.code or rate.unit or "").partition("/")
    kind, number, days = unit_kind(unit), exact(rate.value), DAYS_IN.get(time)
    if not slash or not isinstance(kind, tuple) or number is None or number <= 0 or days is None:
        return None
    mg = _in_mg(Amount.of(kind[0], number * kind[1]), Sig(), strength)
    return None if isinstance(mg, str) else mg[1] / days
