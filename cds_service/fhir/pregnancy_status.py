"""Pregnancy told by an answer that is no Condition: US Core and IPS "Pregnancy Status", and an estimated date of
delivery. They belong to the social history, and some systems file them with the laboratory results."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from cds_service.facts.dates import ClinicalDate
from cds_service.facts.patient import DataIssue, DataKey
from cds_service.facts.problems import Problem, ProblemKind
from cds_service.fhir.codings import keys
from cds_service.fhir.problem_codes import ProblemMatch
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.resources import CodeableConcept, Resource, resource_name
from cds_service.fhir.social_history import answer_issue, answered_on, why_unused
from cds_service.fhir.statuses import WITHDRAWN_OR_PLANNED, status_of
from cds_service.fhir.unusable import quoted
from cds_service.knowledge.model import Knowledge
from cds_service.knowledge.systems import LOINC, SNOMED

# US Core and IPS Pregnancy Status; the answers of the one are in SNOMED CT, those of the other in LOINC.
_ASKS = (LOINC, "82810-3")
_PREGNANT = frozenset({(SNOMED, "77386006"), (LOINC, "LA15173-0")})
_NOT_PREGNANT = frozenset({(SNOMED, "60001007"), (LOINC, "LA26683-5")})
# IPS value set "Pregnancy Expected Delivery Date Method", http://hl7.org/fhir/uv/ips/ValueSet/edd-method-uv-ips
_DUE = frozenset({(LOINC, "11778-8"), (LOINC, "11779-6"), (LOINC, "11780-4")})
_WEEKS_TO_DUE: Final = 40
_MATCH = ProblemMatch(ProblemKind.PREGNANCY, "Pregnant", is_coded=True)
_KEYS = (DataKey.SOCIAL_HISTORY, DataKey.LABS)


@dataclass(frozen=True, slots=True)
class PregnancyAnswers:
    """What the answers tell: the pregnancy of the last one, and what could not be used. `denied` is the last day on
    which it was certainly answered that the patient is not pregnant (date.min: never)."""

    problems: tuple[Problem, ...]
    issues: tuple[DataIssue, ...]
    denied: date

    def takes_back(self, problem: Problem) -> bool:
        """Whether a pregnancy from another record was written, and began, before the last "not pregnant". One without a
        date may be newer, and stays."""
        told = [day.latest for day in (problem.since, problem.recorded) if day is not None]
        return problem.kind is ProblemKind.PREGNANCY and bool(told) and max(told) < self.denied

    def without_those_taken_back(self, problems: list[Problem]) -> tuple[list[Problem], list[DataIssue]]:
        """The problems that still hold, and that others do not."""
        over = {problem.source for problem in problems if self.takes_back(problem)}
        sentence = f"The answer of {self.denied} that the patient is not pregnant is later; this record was not used."
        left = [problem for problem in problems if not self.takes_back(problem)]
        return left, [DataIssue(source, "", sentence) for source in sorted(over)]


def asks_about_pregnancy(concept: CodeableConcept | None) -> bool:
    """Whether the code of an Observation is one of those that are read here."""
    return any(key == _ASKS or key in _DUE for key, _ in keys(concept))


def read_pregnancy_answers(
    record: PatientRecord, references: frozenset[str], knowledge: Knowledge, today: date
) -> PregnancyAnswers:
    """The pregnancy that the last answer tells of, and answers that could not be used.

    An answer holds as long as a pregnancy may last, an estimated date of delivery until the pregnancy would be
    overdue; "not pregnant" takes back what was answered on the same day or before, and one that is not known nothing.
    """
    told: list[tuple[ClinicalDate, bool, Resource]] = []
    issues: list[DataIssue] = []
    longest = timedelta(weeks=knowledge.parameters.pregnancy_weeks)
    for resource in _asked(record):
        status = status_of(resource)
        if status in WITHDRAWN_OR_PLANNED:
            continue
        codes, unused = _codes(resource.code), None
        answer = _answer(resource.value_codeable_concept) if _ASKS in codes else None
        if answer is None and not codes.isdisjoint(_DUE):
            answer, unused = _is_due(resource, longest, today)
        if answer is None and unused is None:
            continue
        when = answered_on(resource)
        unused = unused or why_unused(resource, status, references)
        if unused is None and when is None:
            unused = "effectiveDateTime", "has no date; it was not used"
        elif unused is None and when is not None and when.earliest > today:
            unused = "effectiveDateTime", "has a date in the future; it was not used"
        if unused is not None:
            issues += [] if answer is False else [answer_issue(resource, unused[0], _MATCH, unused[1])]
        elif when is not None and answer is not None:
            told.append((when, answer, resource))
    denials = [when for when, is_pregnant, _ in told if not is_pregnant]
    denied = max((when.latest for when in denials), default=date.min)
    affirmed = [
        (when, resource)
        for when, is_pregnant, resource in told
        if is_pregnant and when.latest >= today - longest and when.latest > denied
    ]
    problems = [
        Problem(ProblemKind.PREGNANCY, _MATCH.name, resource_name(resource), when, since_is_onset=False)
        for when, resource in sorted(affirmed, key=lambda one: (one[0].order, resource_name(one[1])))[-1:]
    ]
    surely = max((when.earliest for when in denials), default=date.min)
    return PregnancyAnswers(tuple(problems), tuple(issues), surely)


def _asked(record: PatientRecord) -> Iterator[Resource]:
    for key in _KEYS:
        for resource in record.section(key).resources("Observation"):
            if asks_about_pregnancy(resource.code):
                yield resource


def _codes(concept: CodeableConcept | None) -> frozenset[tuple[str, str]]:
    return frozenset(key for key, _ in keys(concept))


def _answer(value: CodeableConcept | None) -> bool | None:
    """Whether it says pregnant; None where it says neither, or both."""
    codes = _codes(value)
    is_pregnant, is_not = bool(codes & _PREGNANT), bool(codes & _NOT_PREGNANT)
    return is_pregnant if is_pregnant != is_not else None


def _is_due(resource: Resource, longest: timedelta, today: date) -> tuple[bool | None, tuple[str, str] | None]:
    """True until the pregnancy would be overdue, and None from then on; and what is wrong with the date, if it is."""
    text = resource.value_date_time
    if not text:
        return None, None
    try:
        due = ClinicalDate.parse(text)
    except ValueError:
        return None, ("valueDateTime", f"has a date that is none ({quoted(text)}); it was not used")
    if due.earliest > today + longest:
        return None, ("valueDateTime", f"has a date of delivery too far ahead ({due}); it was not used")
    return (True if due.latest >= today - longest + timedelta(weeks=_WEEKS_TO_DUE) else None), None
