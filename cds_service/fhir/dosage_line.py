"""One dosage line for one medicine: its structure and its words, checked against each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from cds_service.fhir.amounts import Amount, Kind, Strength, Unread, exact, read_quantity, read_range, unit_kind
from cds_service.fhir.resources import Dosage, DoseAndRate, Quantity, Ratio
from cds_service.fhir.sig import Sig, read_sig
from cds_service.fhir.sig_frequency import DAYS_IN, Frequency
from cds_service.fhir.timing import Told, read_timing


@dataclass(frozen=True, slots=True)
class Line:
    """One Dosage, or several taken together: mg a day from `low` to `high`, or the `reason` why not.

    `dose` is in mg at a time (of one unit of the product where nothing says how many), `amount` in the unit it was
    given in. A `reason` beside a number is a remark on it.
    """

    low: Fraction | None = None
    high: Fraction | None = None
    reason: str = ""
    dose: tuple[Fraction, Fraction] | None = None
    amount: Amount | None = None
    frequency: Frequency | None = None
    lasts_days: Fraction | None = None
    as_needed: bool = False
    is_single: bool = False
    is_doubted: bool = False
    is_not_taken: bool = False


def read_line(dosage: Dosage, strength: Strength) -> Line:
    """What one Dosage comes to for a medicine of which the product holds `strength`."""
    sig = read_sig(dosage.text or dosage.patient_instruction or "")
    as_needed = bool(dosage.as_needed_boolean) or dosage.as_needed_codeable_concept is not None or sig.as_needed
    line = _read_dose_line(dosage, sig, strength)
    line = replace(
        line,
        as_needed=as_needed,
        lasts_days=_duration(dosage, sig) or _counted(dosage, sig, line.frequency),
        is_doubted=sig.is_doubted,
        is_not_taken=sig.is_not_taken,
    )
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


def _counted(dosage: Dosage, sig: Sig, frequency: Frequency | None) -> Fraction | None:
    """For how many days a stated number of doses lasts: three weekly ones, three weeks."""
    repeat = dosage.timing.repeat if dosage.timing is not None else None
    doses = (repeat.count_max or repeat.count if repeat is not None else None) or sig.doses
    if doses is None or doses < 1 or frequency is None or frequency.low <= 0:
        return None
    return doses / frequency.low


def _read_dose_line(dosage: Dosage, sig: Sig, strength: Strength) -> Line:
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
    is_single = frequency is None and (told.is_single or sig.is_single) and not sig.is_changing
    line = Line(
        dose=dose, amount=known, frequency=None if isinstance(frequency, str) else frequency, is_single=is_single
    )
    is_complete = isinstance(said, Amount) and told.frequency is not None
    if sig.reason and (sig.is_changing or not is_complete):
        return replace(line, reason=sig.reason, dose=None, amount=None)
    if isinstance(frequency, str):
        return replace(line, reason=frequency)
    if isinstance(mg, str):
        return replace(line, reason=mg)
    if is_single:
        return replace(line, reason="a single dose, not a daily one")
    if mg is None:
        unit = strength.mg_per_unit if sig.strength_mg in (None, strength.mg_per_unit) else None
        line = replace(line, dose=None if unit is None else (unit, unit))
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


def _read_rate(entries: Sequence[DoseAndRate], strength: Strength) -> Line | None:
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
        return Line(limit, limit) if limit else Line(reason="the rate at which it is given cannot be read")
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
