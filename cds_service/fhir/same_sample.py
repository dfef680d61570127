"""Several reports of one sample: which of them stands (clinical-guidelines 7.7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from cds_service.facts.labs import Analyte, LabResult
from cds_service.facts.patient import DataIssue
from cds_service.fhir.ordering import in_order
from cds_service.knowledge.model import Knowledge

_Sample = tuple[Analyte, tuple[date, date, str], str, bool]


def settle(results: Sequence[LabResult], knowledge: Knowledge) -> tuple[list[LabResult], list[DataIssue]]:
    """The results that stand, oldest first, and an issue for each sample whose reports cannot be put in order.

    Reports are of one sample when analyte, date and time, and canonical unit are the same. A corrected report takes
    the place of a final one, that of a preliminary one, then the later issued that of the earlier. Otherwise all are
    kept. One sample reported in two units is two results here; the assessment counts it once. A date without a day
    names no one sample, so its results all stand.
    """
    samples: dict[_Sample, list[LabResult]] = {}
    for result in results:
        sample = (result.analyte, result.taken.order, result.unit, result.finding is None)
        samples.setdefault(sample, []).append(result)
    kept: list[LabResult] = []
    issues: list[DataIssue] = []
    for sent in samples.values():
        if len(sent) == 1:
            kept += sent
            continue
        reports = sorted(set(sent), key=_sort_key)
        standing = _standing(reports) if reports[0].taken.is_exact else reports
        kept += standing
        if len(standing) > 1 and reports[0].taken.is_exact:
            issues.append(_unsettled(standing, knowledge))
    return in_order(kept, _place, _sort_key), issues


def _standing(reports: list[LabResult]) -> list[LabResult]:
    """What is left of the reports of one sample: those that no other supersedes, and each value once."""
    coded = _Newest.of([report for report in reports if report.is_coded])
    newest = _Newest.of(reports)
    # One known by its name alone never displaces one that is coded.
    left = [report for report in reports if not (coded if report.is_coded else newest).supersedes(report)]
    by_value: dict[tuple[object, ...], LabResult] = {}
    for report in sorted(left, key=lambda report: (not report.is_coded, report.flag is None, _sort_key(report))):
        by_value.setdefault((report.value, report.comparator, report.finding), report)
    return list(by_value.values())


@dataclass(frozen=True, slots=True)
class _Newest:
    """The highest rank among reports, and the latest time of issue among those that have it."""

    rank: int
    issued: tuple[date, date, str] | None

    @classmethod
    def of(cls, reports: Sequence[LabResult]) -> _Newest:
        rank = max(map(_rank, reports), default=0)
        issued = (report.issued.order for report in reports if report.issued is not None and _rank(report) == rank)
        return cls(rank, max(issued, default=None))

    def supersedes(self, report: LabResult) -> bool:
        """Whether one of these reports certainly takes the place of this one."""
        if self.rank != _rank(report):
            return self.rank > _rank(report)
        return self.issued is not None and report.issued is not None and self.issued > report.issued.order


def _rank(report: LabResult) -> int:
    if report.is_preliminary:
        return 0
    return 2 if report.is_corrected else 1


def _unsettled(reports: list[LabResult], knowledge: Knowledge) -> DataIssue:
    values = " and ".join(report.printed for report in reports)
    others = ", ".join(sorted({report.source for report in reports})[1:]) or "the same id"
    return DataIssue(
        resource=min(report.source for report in reports),
        field="value",
        issue=f"One {knowledge.analytes[reports[0].analyte].short} sample of {reports[0].taken} was reported as "
        f"{values} (see also {others}), and it is not known which report stands; all were kept.",
        matters_to=reports[0].analyte.value,
        used_with_care=True,
    )


def _place(result: LabResult) -> tuple[date, date, str, str, str]:
    return *result.taken.order, result.source, result.analyte


def _sort_key(result: LabResult) -> tuple[object, ...]:
    """Oldest first, then by source; the rest only so that the order of entries can never show."""
    issued = result.issued.order if result.issued is not None else ()
    told = (
        result.printed,
        result.unit,
        result.finding or "",
        result.flag or "",
        result.value or 0,
        result.printed_range,
        issued,
    )
    return (
        result.taken.order,
        result.source,
        result.analyte,
        *told,
        result.is_coded,
        result.is_corrected,
        result.is_preliminary,
    )
