"""How often, from directions in words: "bid", "every 3 months", "on Mondays", "once daily in the morning".

Every phrase that speaks of how often is taken out of the text, so that the numbers left over are amounts. Two phrases
that disagree make the frequency unreadable; a time of day only counts where nothing more explicit is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from cds_service.fhir.sig_text import number

DAYS_A_MONTH = Fraction(1461, 48)  # a calendar month on average over four years: 30.4375 days
DAYS_IN = {
    "s": Fraction(1, 86400),
    "min": Fraction(1, 1440),
    "h": Fraction(1, 24),
    "d": Fraction(1),
    "wk": Fraction(7),
    "mo": DAYS_A_MONTH,
    "a": DAYS_A_MONTH * 12,
}
_MARK = " ; "


@dataclass(frozen=True, slots=True)
class Frequency:
    """Times a day, from `low` to `high` (equal unless a range was given); `low` 0 where only a most was given."""

    low: Fraction
    high: Fraction

    @classmethod
    def of(cls, low: Fraction, high: Fraction | None = None) -> Frequency:
        """Times a day; one number is a range from itself to itself."""
        return cls(low, low if high is None else high)


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a text says of how often. `rest` is the text without it; `reason` says why it cannot be told.

    `is_by_parts`: it is the number of times of the day that are named ("in the morning and at night").
    """

    frequency: Frequency | None
    rest: str
    is_single: bool = False
    is_by_parts: bool = False
    reason: str = ""


_N = r"(\d+(?:\.\d+)?)(?:\s*(?:-|to|or)\s*(\d+(?:\.\d+)?))?"
_UNIT = (
    r"(hours?|hrs?|h|days?|daily|d|24\s?h(?:ou)?rs?|weeks?|weekly|wks?|w|months?|monthly|mths?|mnths?|mo|years?|yearly|yrs?"
    r"|fortnights?|fortnightly)\b"
)
_PART = (
    r"(morning|am|mane|qam|breakfast|noon|midday|lunch(?:time)?|afternoon"
    r"|evening|pm|qpm|night(?:ly)?|nocte?|bedtime|qhs|hs|dinner|supper)s?\b"
)
_WEEKDAY = r"(mon|tue|wed|thu|fri|sat|sun)(?:day|s|sday|nesday|r|rs|rsday|urday)?s?\b"


def _unit_days(unit: str) -> Fraction:
    if unit.startswith("24"):
        return Fraction(1)
    if unit.startswith("fortnight"):
        return Fraction(14)
    key = {"h": "h", "d": "d", "w": "wk", "m": "mo", "y": "a"}[unit[0]]
    return DAYS_IN[key]


def _range(low: str | None, high: str | None) -> tuple[Fraction, Fraction]:
    first = number(low) if low else Fraction(1)
    return first, number(high) if high else first


def _times_per(found: re.Match[str]) -> Frequency | None:
    """`2-3 times a day`, `up to 3 times daily`, `1 times every 3 months`, `2 x/week`."""
    low, high = _range(found["n1"], found["n2"])
    every, most = _range(found["e1"], found["e2"])
    days = _unit_days(found["unit"])
    if every <= 0 or most <= 0 or low <= 0 or high < low:
        return None
    return Frequency.of(Fraction(0) if found["upto"] else low / (most * days), high / (every * days))


def _every(found: re.Match[str]) -> Frequency | None:
    """`every 4-6 hours`, `every 3 months`, `q 12 h`, `6-hourly`, `3-monthly`."""
    every, most = _range(found["e1"], found["e2"])
    if every <= 0 or most < every:
        return None
    days = _unit_days(found["unit"])
    return Frequency.of(1 / (most * days), 1 / (every * days))


def _fixed(times: Fraction) -> Callable[[re.Match[str]], Frequency | None]:
    return lambda _found: Frequency.of(times)


_E = r"(?P<e1>\d+(?:\.\d+)?)(?:\s*(?:-|to|or)\s*(?P<e2>\d+(?:\.\d+)?))?"
_TIMES = r"(?P<upto>up to |at most )?(?P<n1>\d+)(?:\s*(?:-|to|or)\s*(?P<n2>\d+))?\s*(?:x|times?)"
_NAMED_UNIT = _UNIT.replace("(hours?", "(?P<unit>hours?", 1)

_OTHER = r"(?:every|each) (?:other|second|2nd|alternate)"
_EACH = r"(?:every|each|a|per|q)"
_ONCE = r"\b(?:1 times )?"

_PHRASES: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Frequency | None]], ...] = tuple(
    (re.compile(pattern), make)
    for pattern, make in (
        (_ONCE + _OTHER + r" (?:day|night|morning|evening)s?\b", _fixed(Fraction(1, 2))),
        (_ONCE + r"(?:on |each |every )?alternat(?:e|ing) (?:day|night|morning)s?\b", _fixed(Fraction(1, 2))),
        (r"\bqod\b|\beod\b", _fixed(Fraction(1, 2))),
        (_ONCE + r"(?:" + _OTHER + r"|(?:on )?alternate) weeks?\b|\bqow\b", _fixed(Fraction(1, 14))),
        (_ONCE + r"(?:" + _OTHER + r"|(?:on )?alternate) months?\b", _fixed(1 / (2 * DAYS_A_MONTH))),
        (_TIMES + r"\s*(?:every|each)\s*" + _E + r"\s*" + _NAMED_UNIT, _times_per),
        (
            _TIMES + r"\s*(?:/|a |an |per |each |every |in a |in )?\s*(?P<e1>)(?P<e2>)" + _NAMED_UNIT,
            _times_per,
        ),
        (
            r"\bx ?(?P<n1>\d+)(?P<n2>)(?P<upto>)\s*(?:/|a |per |times )?\s*(?P<e1>)(?P<e2>)"
            r"(?P<unit>d(?:ay|aily)?|weekly)\b",
            _times_per,
        ),
        (r"\btiw\b", _fixed(Fraction(3, 7))),
        (_ONCE + r"(?:every|each|q)\s*" + _E + r"\s*-?\s*" + _NAMED_UNIT, _every),
        (r"\b" + _E + r"\s?-?\s?(?P<unit>hourly|hrly)\b", _every),
        (r"\b" + _E + r"-(?P<unit>weekly|monthly|yearly)\b", _every),
        (r"(?<=[a-z.;,)] )" + _E + r" (?P<unit>weekly|monthly)\b", _every),
        (_ONCE + r"quarterly\b", _fixed(1 / (3 * DAYS_A_MONTH))),
        (r"\bbid\b|\bbd\b|\bbds\b", _fixed(Fraction(2))),
        (r"\btid\b|\btds\b", _fixed(Fraction(3))),
        (r"\bqid\b|\bqds\b", _fixed(Fraction(4))),
        (_ONCE + r"(?:" + _EACH + r" ?fortnight|fortnightly)\b", _fixed(Fraction(1, 14))),
        (_ONCE + r"(?:" + _EACH + r" ?week|weekly|q ?weekly|qwk?)\b|/ ?w(?:ee)?k\b", _fixed(Fraction(1, 7))),
        (_ONCE + r"(?:" + _EACH + r" ?month|monthly|q ?monthly|qmo)\b|/ ?mo(?:nth)?\b", _fixed(1 / DAYS_A_MONTH)),
        (_ONCE + r"(?:" + _EACH + r" ?year|yearly|annually)\b", _fixed(1 / (12 * DAYS_A_MONTH))),
        (
            _ONCE + r"(?:" + _EACH + r" ?day|daily|qdaily|qd|od|oad)\b|/ ?(?:d|day|24 ?h(?:ours|rs)?)\b",
            _fixed(Fraction(1)),
        ),
    )
)
_BI = re.compile(r"\bbi-?(?:weekly|monthly)\b|\bsemi-?(?:weekly|monthly)\b")
_EXCEPT = re.compile(
    r"\b(?:except|apart from|but not|not)(?: on)?(?: the)?(?: days?(?: of| you take| when you take)?)?\s*"
    r"(?:methotrexate|mtx|" + _WEEKDAY + r")(?: days?)?"
)
_WEEKDAY_RANGE = re.compile(r"\bmon(?:day)?s?\s*(?:-|to|through)\s*(fri|sat)(?:day|urday)?s?\b|\bweekdays\b")
_WEEKDAYS = re.compile(r"\b(?:(?:every|each|on)\s+)?" + _WEEKDAY)
_PARTS = re.compile(r"\b(?:every |each |in the |at |on |before |with |after |1 times )*" + _PART)
_CLOCK = re.compile(
    r"(?:\bat\s+|@\s*)?\b(?:\d{1,2}(?::\d{2})\s?(?:am|pm)?|\d{1,2}\s?(?:am|pm))\b"
    r"|(?:\bat\s+|@\s*|\()\d{4}\b(?!\s*(?:mcg|mg|ug))"
)
_SINGLE = re.compile(
    r"\bx ?1(?: doses?)?\b(?!\s*(?:\d|\.|mg|mcg|ug|g\b|ml|micro|milli|tab|cap))"
    r"|\bstat\b|\bsingle dose\b|\b(?:1|one)-?off\b|\b1 times?\b|\b1 dose only\b"
)
_BARE_COUNT = re.compile(r"^(?:take |give |use |have )?(\d+) (?:weekly|monthly)\b")
_MORNING = frozenset({"morning", "am", "mane", "qam", "breakfast"})
_NOON = frozenset({"noon", "midday", "lunch", "lunchtime", "afternoon"})


def read_frequency(text: str) -> Spoken:
    """What a plain text (see `sig_text.plain`) says of how often."""
    count = _BARE_COUNT.search(text)
    if _BI.search(text) or (count is not None and count.group(1) != "1"):
        return Spoken(None, text, reason="'biweekly', '2 weekly' and their like can mean twice in, or once in two")
    text, has_exception = _taken_out(_EXCEPT, text)
    found, text = _explicit(text)
    text, days = _weekdays(text)
    text, parts = _parts_of_day(text)
    text, is_single = _taken_out(_SINGLE, text)
    frequency = _with_weekdays(_agreed(found), days, parts)
    if isinstance(frequency, str):
        return Spoken(None, text, reason=frequency)
    is_by_parts = frequency is None and parts > 0 and not is_single
    if is_by_parts:
        frequency = Frequency.of(Fraction(parts))
    if frequency is not None and has_exception and frequency.low >= 1:
        # Folic acid "daily except on the day of methotrexate": six days in seven.
        frequency = Frequency.of(frequency.low * Fraction(6, 7), frequency.high * Fraction(6, 7))
    return Spoken(frequency, text, is_single=frequency is None and is_single, is_by_parts=is_by_parts)


def _agreed(found: list[Frequency]) -> Frequency | str | None:
    """One frequency of all that were named; monthly and every four weeks agree well enough to be a range."""
    if not found:
        return None
    low, high = min(f.low for f in found), max(f.high for f in found)
    if len(set(found)) == 1 or (low > 0 and high / low <= Fraction(11, 10)):
        return Frequency.of(low, high)
    return "the directions name two different frequencies"


def _explicit(text: str) -> tuple[list[Frequency], str]:
    found: list[Frequency] = []
    for pattern, make in _PHRASES:
        while (match := pattern.search(text)) is not None:
            frequency = make(match)
            if frequency is not None:
                found.append(frequency)
            text = text[: match.start()] + _MARK + text[match.end() :]
    return found, text


def _taken_out(pattern: re.Pattern[str], text: str) -> tuple[str, bool]:
    text, count = pattern.subn(_MARK, text)
    return text, count > 0


def _weekdays(text: str) -> tuple[str, int]:
    """The text without days of the week, and how many days a week they are (0: none named)."""
    span = _WEEKDAY_RANGE.search(text)
    if span is not None:
        return text[: span.start()] + _MARK + text[span.end() :], 6 if span.group(1) == "sat" else 5
    days = {match.group(1) for match in _WEEKDAYS.finditer(text)}
    return (_WEEKDAYS.sub(_MARK, text), len(days)) if days else (text, 0)


def _parts_of_day(text: str) -> tuple[str, int]:
    """The text without times of the day, and how many of them are named."""
    clocks = {match.group().strip(" @(").removeprefix("at ") for match in _CLOCK.finditer(text)}
    text = _CLOCK.sub(_MARK, text)
    groups = set(_groups(text))
    return _PARTS.sub(_MARK, text), max(len(groups), len(clocks))


def _groups(text: str) -> Iterator[int]:
    """Morning, noon, evening: a dose at bedtime and one in the evening are the same dose."""
    for match in _PARTS.finditer(text):
        part = match.group(1)
        yield 0 if part in _MORNING else 1 if part in _NOON else 2


def _with_weekdays(frequency: Frequency | str | None, days: int, parts: int) -> Frequency | str | None:
    if isinstance(frequency, str):
        return frequency
    daily = Frequency.of(Fraction(1))
    if frequency == daily and parts > 1:
        return "the directions say once daily and name several times of the day"
    if not days:
        return frequency
    weekly = Frequency.of(Fraction(days, 7))
    if frequency is None or frequency == weekly or (frequency == daily and days >= 5):
        return weekly
    return "the directions name days of the week and another frequency"
