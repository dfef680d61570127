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
    later_first = results[::-1]  # they come oldest first, and mostly the newest is the one that takes another's place
    return [r for r in results if not any(_supersedes(other, r) for other in later_first)]


def _supersedes(later: LabResult, earlier: LabResult) -> bool:
    if later.taken.earliest > earlier.taken.latest:
        return True
    if not (later.taken.is_exact and earlier.taken.is_exact and later.taken.earliest == earlier.taken.earliest):
        return False
    if later.taken.time and earlier.taken.time and later.taken.time != earlier.taken.time:
        return later.taken.time > earlier.taken.time
    if later.unit != earlier.unit:
        return False
    return (later.is_corrected, issued_order(later)) > (earlier.is_corrected, issued_order(earlier))


def issued_order(result: LabResult) -> tuple[date, date, str]:
    return result.issued.order if result.issued is not None else (date.min, date.min, "")


def within_months(taken: ClinicalDate, months: int, today: date) -> bool:
    """Whether a sample is certainly less than so many calendar months old (exactly so many is not)."""
    return taken.earliest > add_months(today, -months)


def most_days_apart(one: ClinicalDate, other: ClinicalDate) -> int:
    """The most days that can lie between two dates."""
    return max(abs((one.latest - other.earliest).days), abs((other.latest - one.earliest).days))


def least_days_apart(one: ClinicalDate, other: ClinicalDate) -> int:
    """The fewest days that can lie between two dates; 0 where they may be one day."""
    return max((one.earliest - other.latest).days, (other.earliest - one.latest).days, 0)
