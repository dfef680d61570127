"""Results among others: which is the newest, which stands, how far two lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from cds_service.facts.dates import ClinicalDate, add_months
from cds_service.facts.labs import Analyte, LabResult


class Labs:
    """All results of one patient, and those of each analyte. Immutable to its readers."""

    def __init__(self, results: Sequence[LabResult]) -> None:
        self.all = results
        self._by_analyte: dict[Analyte, list[LabResult]] = {}
        for result in results:
            self._by_analyte.setdefault(result.analyte, []).append(result)
        self._newest: dict[Analyte, LabResult] = {}

    def of(self, analyte: Analyte) -> Sequence[LabResult]:
        """The results of an analyte, in the order of all."""
        return self._by_analyte.get(analyte, ())

    def newest(self, analyte: Analyte) -> LabResult | None:
        """The newest result of an analyte: final before preliminary on the same day and time."""
        if analyte not in self._by_analyte:
            return None
        if analyte not in self._newest:
            self._newest[analyte] = max(self._by_analyte[analyte], key=_newness)
        return self._newest[analyte]


def _newness(result: LabResult) -> tuple[tuple[date, date, str], bool, bool, tuple[date, date, str]]:
    return (result.taken.order, result.is_corrected, not result.is_preliminary, issued_order(result))


def standing(results: Sequence[LabResult]) -> list[LabResult]:
    """The results that no later one certainly takes the place of.

    A vague date ("2025") neither gives way to a day of that year nor takes its place, and of two results of one day
    without clock times neither is the newer: both stand, and the more severe decides.
    """
    newest = max((result.taken.earliest for result in results), default=date.min)
    left = [result for result in results if result.taken.latest >= newest]
    return left if len(left) < 2 else _of_one_day(left)


_Rank = tuple[bool, tuple[date, date, str]]


def _of_one_day(results: Sequence[LabResult]) -> list[LabResult]:
    """What stands of results that no later day displaces: all with an exact date are then of one day.

    A later clock time takes the place of an earlier one; otherwise, in one unit, a corrected and a later issued report.
    """
    exact = [result for result in results if result.taken.is_exact]
    last = max((result.taken.time for result in exact), default="")
    at_a_time: dict[tuple[str, str], _Rank] = {}
    at_any_time: dict[str, _Rank] = {}
    for result in exact:
        rank, key = _rank(result), (result.unit, result.taken.time)
        at_a_time[key] = max(rank, at_a_time.get(key, rank))
        at_any_time[result.unit] = max(rank, at_any_time.get(result.unit, rank))

    def is_superseded(result: LabResult) -> bool:
        rank, unit, time = _rank(result), result.unit, result.taken.time
        if not time:
            return at_any_time[unit] > rank
        return last > time or max(at_a_time[unit, time], at_a_time.get((unit, ""), rank)) > rank

    return [result for result in results if not result.taken.is_exact or not is_superseded(result)]


def _rank(result: LabResult) -> _Rank:
    return result.is_corrected, issued_order(result)


def issued_order(result: LabResult) -> tuple[date, date, str]:
    return result.issued.order if result.issued is not None else (date.min, date.min, "")


def follows(later: ClinicalDate, day: ClinicalDate) -> bool:
    """Whether one date is surely not before another, and comes after it in order."""
    return later.earliest >= day.latest and later.order > day.order


def last_day(days: Sequence[ClinicalDate]) -> ClinicalDate:
    """The one of these dates that follows each date that any of them follows."""
    return max(days, key=lambda day: (day.earliest, day.order))


def within_months(taken: ClinicalDate, months: int, today: date) -> bool:
    """Whether a sample is certainly less than so many calendar months old (exactly so many is not)."""
    return taken.earliest > add_months(today, -months)


def most_days_apart(one: ClinicalDate, other: ClinicalDate) -> int:
    """The most days that can lie between two dates."""
    return max(abs((one.latest - other.earliest).days), abs((other.latest - one.earliest).days))


def least_days_apart(one: ClinicalDate, other: ClinicalDate) -> int:
    """The fewest days that can lie between two dates; 0 where they may be one day."""
    return max((one.earliest - other.latest).days, (other.earliest - one.latest).days, 0)
