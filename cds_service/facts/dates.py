"""Clinical dates: a FHIR date may be a year, a month, a day or an instant, and is compared as the interval it is."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

_DAY = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ](?P<time>[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:[.,][0-9]+)?(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})?)?$"
)
_YEAR_OR_MONTH = re.compile(r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2}))?$")
_LONGEST_KEPT = 40
_IN_EVERY_MONTH = 28  # days that every month has


@dataclass(frozen=True, slots=True)
class ClinicalDate:
    """One date as a record tells it: every day from `earliest` to `latest`, both included.

    `time` is the clock time as written ("08:15:00", "" when none was given); it orders samples of one day and is
    never used to move a date to another day: the day that the laboratory or clinic wrote down is the day that counts.
    """

    earliest: date
    latest: date
    time: str = ""

    @classmethod
    def parse(cls, text: str) -> ClinicalDate:
        """Read a FHIR date, dateTime or instant.

        Raises:
            ValueError: the text is no FHIR date, or names a day that does not exist.
        """
        return _kept(text) if len(text) <= _LONGEST_KEPT else _parsed(text)

    @classmethod
    def on(cls, day: date) -> ClinicalDate:
        """The given day."""
        return cls(day, day)

    @property
    def is_exact(self) -> bool:
        """Whether the day is known, not just the month or year."""
        return self.earliest == self.latest

    @property
    def order(self) -> tuple[date, date, str]:
        """Sort key: oldest first; of two dates with one `latest`, the vaguer comes first."""
        return (self.latest, self.earliest, self.time)

    def __str__(self) -> str:
        """As precise as it is known: 2025-09-20, 2025-09 or 2025."""
        if self.is_exact:
            return self.earliest.isoformat()
        is_month = self.earliest.month == self.latest.month
        return self.earliest.isoformat()[: len("YYYY-MM") if is_month else len("YYYY")]


def _parsed(text: str) -> ClinicalDate:
    written = text.strip()
    found = _DAY.match(written)
    if found is not None:
        day, time = found.groups()
        exact = date.fromisoformat(day)
        return ClinicalDate(exact, exact, time or "")
    found = _YEAR_OR_MONTH.match(written)
    if found is None:
        raise ValueError(f"{text[:40]!r} is not a FHIR date (YYYY, YYYY-MM, YYYY-MM-DD or a dateTime)")
    year, month = found.groups()
    if month is None:
        return ClinicalDate(date(int(year), 1, 1), date(int(year), 12, 31))
    first = date(int(year), int(month), 1)
    return ClinicalDate(first, first.replace(day=calendar.monthrange(int(year), int(month))[1]))


_kept = lru_cache(maxsize=1024)(_parsed)  # the results of one sample share a time, and many a record shares a day


def later(day: date, more: timedelta) -> date:
    """So much later; the last day that there is, where it would lie behind that: 9999-12-31 often means "no end"."""
    try:
        return day + more
    except OverflowError:
        return date.max


def add_months(day: date, months: int) -> date:
    """The same day of the month `months` calendar months on; the last day of that month where it has no such day, and
    the first or last of all days beyond those."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    if not date.min.year <= year <= date.max.year:
        return date.max if months > 0 else date.min
    if day.day <= _IN_EVERY_MONTH:
        return date(year, month + 1, day.day)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def whole_months_between(start: date, end: date) -> int:
    """Calendar months completed from `start` to `end`; 0 where `end` is not after `start`."""
    months = (end.year - start.year) * 12 + end.month - start.month
    if add_months(start, months) > end:
        months -= 1
    return max(months, 0)


def age_in_years(born: ClinicalDate, today: date) -> tuple[int, int]:
    """The youngest and the oldest age, in completed years, that a (partial) birth date allows today."""

    def years(birth: date) -> int:
        return today.year - birth.year - ((today.month, today.day) < (birth.month, birth.day))

    return years(born.latest), years(born.earliest)


def days(count: int) -> timedelta:
    """`count` days."""
    return timedelta(days=count)


def parse_day(text: str) -> date:
    """A full ISO date, for settings and command lines.

    Raises:
        ValueError: the text is not YYYY-MM-DD.
    """
    return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a calendar day has no zone
