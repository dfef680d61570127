"""Collecting what could not be used in one medication record, so that the rest of it and all others still are."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from cds_service.facts.dates import ClinicalDate
from cds_service.facts.patient import DataIssue


@dataclass(slots=True)
class IssueLog:
    """The data issues of one resource; each is kept once. `matters_to` is the medicine it is about.

    `dates_count`: without a date that cannot be read, what the record tells is not used in full.
    """

    resource: str
    matters_to: str = ""
    dates_count: bool = True
    issues: list[DataIssue] = field(default_factory=list)

    def add(self, path: str, issue: str, *, left_out: bool = False) -> None:
        """Note that the field at `path` could not be used, and why; `left_out` where the record may hide something
        that is then not seen: it was not used, or no longer tells when or how long."""
        found = DataIssue(self.resource, path, issue, self.matters_to, used_with_care=not left_out)
        if found not in self.issues:
            self.issues.append(found)

    def read_date(self, text: str | None, path: str) -> ClinicalDate | None:
        """A FHIR date; None, and an issue, for one that cannot be read."""
        if not text:
            return None
        try:
            return ClinicalDate.parse(text)
        except ValueError:
            self.add(path, f"{text[:20]!r} is no date, so it was not used", left_out=self.dates_count)
            return None

    def past(self, text: str | None, path: str, today: date) -> ClinicalDate | None:
        """A date on which something was done; one in the future is an issue, and does not count."""
        found = self.read_date(text, path)
        if found is not None and found.earliest > today:
            self.add(path, f"{found} lies in the future, so it was not used", left_out=self.dates_count)
            return None
        return found

    def in_order(self, start: ClinicalDate | None, end: ClinicalDate | None, path: str) -> bool:
        """Whether the end is not before the start; an issue where it is."""
        if start is None or end is None or end.latest >= start.earliest:
            return True
        contradicts = f"it ends ({end}) before it begins ({start}), so its dates were not used"
        self.add(path, contradicts, left_out=self.dates_count)
        return False
