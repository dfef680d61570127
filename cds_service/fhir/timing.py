"""How often, from a FHIR Timing: its repeat, or its code where there is no repeat.

FHIR R4, Timing: `frequency` times per `period` of `periodUnit`; the Max elements make a range of it. `dayOfWeek`,
`timeOfDay` and `when` count doses of a week or a day. Whatever contradicts itself gives a reason, never a number.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from cds_service.fhir.amounts import exact
from cds_service.fhir.resources import CodeableConcept, Timing, TimingRepeat
from cds_service.fhir.sig_frequency import DAYS_IN, Frequency, read_frequency
from cds_service.fhir.sig_text import LONGEST, plain

_UNIT_SPELLINGS = {
    "second": "s",
    "seconds": "s",
    "minute": "min",
    "minutes": "min",
    "hour": "h",
    "hours": "h",
    "day": "d",
    "days": "d",
    "week": "wk",
    "weeks": "wk",
    "month": "mo",
    "months": "mo",
    "year": "a",
    "years": "a",
}
# HL7 v3 GTSAbbreviation, the preferred codes of Timing.code.
_CODES = {
    "BID": Fraction(2),
    "TID": Fraction(3),
    "QID": Fraction(4),
    "AM": Fraction(1),
    "PM": Fraction(1),
    "QD": Fraction(1),
    "QOD": Fraction(1, 2),
    "Q1H": Fraction(24),
    "Q2H": Fraction(12),
    "Q3H": Fraction(8),
    "Q4H": Fraction(6),
    "Q6H": Fraction(4),
    "Q8H": Fraction(3),
    "BED": Fraction(1),
    "WK": 1 / DAYS_IN["wk"],
    "MO": 1 / DAYS_IN["mo"],
}
_SINGLE_CODES = frozenset({"ONCE", "STAT", "X1", "1X"})
# Event timings that name one moment of a day; AC, PC and C ("with meals") do not say how many meals.
_MOMENTS = frozenset(
    {"MORN", "AFT", "EVE", "NIGHT", "NOON", "HS", "WAKE", "PHS"}
    | {"ACM", "ACD", "ACV", "PCM", "PCD", "PCV", "CM", "CD", "CV"}
)
_DAYS_OF_WEEK = frozenset({"mon", "tue", "wed", "thu", "fri", "sat", "sun"})


@dataclass(frozen=True, slots=True)
class Told:
    """What a Timing tells. `reason`: why it cannot be used. All empty: it tells nothing of how often."""

    frequency: Frequency | None = None
    is_single: bool = False
    reason: str = ""


def read_timing(timing: Timing | None) -> Told:
    """How often a day, a single dose, or why it cannot be told."""
    if timing is None:
        return Told()
    coded = _read_code(timing.code)
    repeated = _read_repeat(timing.repeat) if timing.repeat is not None else Told()
    if repeated.reason or coded.reason:
        return repeated if repeated.reason else coded
    if repeated.frequency and coded.frequency and repeated.frequency != coded.frequency:
        return Told(reason="the timing's repeat and its code contradict each other")
    if timing.event and not repeated.frequency and not coded.frequency:
        return Told(is_single=len(timing.event) == 1, reason="" if len(timing.event) == 1 else "given on listed dates")
    if repeated.is_single or coded.is_single:
        return Told(is_single=True)
    return repeated if repeated.frequency else coded


def words_of_code(code: CodeableConcept) -> list[str]:
    """Every code, display and text of a timing's code: each may tell how often, cut to what is read of it."""
    written = [text for coding in code.coding or () for text in (coding.code, coding.display)]
    return [text[:LONGEST] for text in (*written, code.text) if text]


def _read_code(code: CodeableConcept | None) -> Told:
    """The preferred codes, and local ones that are abbreviations or words ("DAILY", "Q24H", "1X/WEEK")."""
    if code is None:
        return Told()
    told = [found for text in words_of_code(code) if (found := _read_word(text)) != Told()]
    frequencies = {t.frequency for t in told if t.frequency}
    if len(frequencies) > 1:
        return Told(reason="the timing's codes contradict each other")
    if frequencies:
        return Told(frequencies.pop())
    return Told(is_single=any(t.is_single for t in told))


# As many as one request can hold (`reading_limit`).
@lru_cache(maxsize=8192)
def _read_word(text: str) -> Told:
    word = text.strip().upper()
    if word in _CODES:
        return Told(Frequency.of(_CODES[word]))
    if word in _SINGLE_CODES:
        return Told(is_single=True)
    spoken = read_frequency(plain(text))
    return Told(spoken.frequency, spoken.is_single)


def _read_repeat(repeat: TimingRepeat) -> Told:
    if repeat.count is not None and repeat.count == 1 and repeat.count_max in (None, 1):
        return Told(is_single=True)
    moments = _moments_a_day(repeat)
    days = {day.strip().lower() for day in repeat.day_of_week or ()} & _DAYS_OF_WEEK
    has_period = repeat.period is not None or repeat.period_unit is not None
    if not has_period:
        return _without_period(repeat, moments, len(days))
    rate = _rate(repeat)
    if isinstance(rate, str):
        return Told(reason=rate)
    if days:
        return _on_days(rate, len(days), moments, states_times=repeat.frequency is not None)
    if moments and repeat.frequency is None and rate == Frequency.of(Fraction(1)):
        return Told(Frequency.of(Fraction(moments)))
    if moments > 1 and rate.high != moments and rate.low >= 1:
        return Told(reason="the timing's frequency and its times of the day contradict each other")
    return Told(rate)


def _moments_a_day(repeat: TimingRepeat) -> int:
    """How many moments of the day are named (0: none, or none that can be counted)."""
    if repeat.time_of_day:
        return len(set(repeat.time_of_day))
    when = {moment.split(".")[0].strip().upper() for moment in repeat.when or ()}
    return len(when) if when and when <= _MOMENTS else 0


def _without_period(repeat: TimingRepeat, moments: int, days: int) -> Told:
    if repeat.frequency is not None and not moments:
        return (
            Told(reason="the timing says how many times, but not in which period")
            if not days
            else _on_days(Frequency.of(Fraction(repeat.frequency)), days, 0, states_times=True)
        )
    if days:
        return Told(Frequency.of(Fraction(max(moments, 1) * days, 7)))
    if moments and repeat.frequency in (None, 1, moments):
        return Told(Frequency.of(Fraction(moments)))
    return (
        Told() if not moments else Told(reason="the timing's frequency and its times of the day contradict each other")
    )


def _rate(repeat: TimingRepeat) -> Frequency | str:
    """`frequency` (1 if left out) to `frequencyMax` times per `period` to `periodMax`."""
    unit = (repeat.period_unit or "").strip()
    days = DAYS_IN.get(unit) or DAYS_IN.get(_UNIT_SPELLINGS.get(unit.lower(), ""))
    if days is None:
        return f"the timing's period unit {unit[:10]!r} is not known" if unit else "the timing's period has no unit"
    period = exact(repeat.period) if repeat.period is not None else Fraction(1)
    longest = exact(repeat.period_max) if repeat.period_max is not None else period
    low = repeat.frequency if repeat.frequency is not None else 1
    high = repeat.frequency_max if repeat.frequency_max is not None else low
    if period is None or longest is None or not 0 < period <= longest or not 0 < low <= high <= 1000:
        return "the timing's frequency or period is not believable"
    return Frequency.of(Fraction(low) / (longest * days), Fraction(high) / (period * days))


def _on_days(rate: Frequency, days: int, moments: int, states_times: bool) -> Told:
    """Days of the week with a period: a daily rate holds on those days; a weekly one must count them."""
    if rate.low >= 1:
        times = Fraction(moments) if moments and not states_times else rate.low
        return Told(Frequency.of(times * Fraction(days, 7), max(times, rate.high) * Fraction(days, 7)))
    on_each = Frequency.of(Fraction(days * max(moments, 1), 7))
    if rate == on_each or days == 1:
        return Told(rate if states_times or days > 1 else on_each)
    if rate == Frequency.of(Fraction(1, 7)):
        # "Once a week, on Monday and Thursday": once on either, or once on each. Both are kept as a range.
        return Told(Frequency.of(rate.low, on_each.high))
    return Told(reason="the timing's days of the week and its frequency contradict each other")
