"""What the assessment rests on, so that a picture can point it out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from cds_service.assessment.outcome import Assessment
from cds_service.assessment.picture import Picture
from cds_service.facts.labs import LabResult


@dataclass(frozen=True, slots=True)
class Reliance:
    """The facts of the rules that fired, by `Type/id`, and the results that the status was read from."""

    by_source: Mapping[str, tuple[tuple[str, str], ...]]
    status_results: frozenset[LabResult]

    def rules(self, source: str, printed: str = "") -> tuple[str, ...]:
        """The rules that rest on a resource; with `printed`, on that value of it, as one resource may hold many."""
        found = self.by_source.get(source, ())
        return tuple(dict.fromkeys(rule for rule, value in found if not printed or value.startswith(printed)))


def reliance(assessment: Assessment, picture: Picture) -> Reliance:
    """Of an assessment, and of the picture that its rules were asked about."""
    by_source: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for finding in assessment.fired:
        for fact in finding.answer.facts:
            for source in filter(None, fact.source.split(", ")):  # a therapy names several records
                by_source[source].append((finding.rule, fact.value))
    reading = picture.reading
    read = [reading.deciding, *(marker.result for marker in reading.markers)] if picture.in_scope else []
    return Reliance(
        {source: tuple(found) for source, found in by_source.items()},
        frozenset(result for result in read if result is not None),
    )
