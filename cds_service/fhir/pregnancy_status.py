"""Pregnancy told by an answer in the social history: US Core and IPS "Pregnancy Status", which is no Condition."""

from __future__ import annotations

from datetime import date, timedelta

from cds_service.facts.dates import ClinicalDate
from cds_service.facts.patient import DataIssue, DataKey
from cds_service.facts.problems import Problem, ProblemKind
from cds_service.fhir.codings import keys
from cds_service.fhir.problem_codes import ProblemMatch
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.resources import CodeableConcept, Resource, resource_name
from cds_service.fhir.social_history import answer_issue, answered_on, why_unused
from cds_service.fhir.statuses import WITHDRAWN_OR_PLANNED, status_of
from cds_service.knowledge.model import Knowledge
from cds_service.knowledge.systems import LOINC, SNOMED

# US Core and IPS Pregnancy Status; the answers of the one are in SNOMED CT, those of the other in LOINC.
_ASKS = (LOINC, "82810-3")
_PREGNANT = frozenset({(SNOMED, "77386006"), (LOINC, "LA15173-0")})
_NOT_PREGNANT = frozenset({(SNOMED, "60001007"), (LOINC, "LA26683-5")})
_MATCH = ProblemMatch(ProblemKind.PREGNANCY, "Pregnant", is_coded=True)


def read_pregnancy_status(
    record: PatientRecord, references: frozenset[str], knowledge: Knowledge, today: date
) -> tuple[list[Problem], list[DataIssue]]:
    """The pregnancy that the last answer tells of, and answers that could not be used.

    An answer holds as long as a pregnancy may last; "not pregnant" takes back what was answered on the same day or
    before, and one that is not known nothing.
    """
    told: list[tuple[ClinicalDate, bool, Resource]] = []
    issues: list[DataIssue] = []
    for resource in record.section(DataKey.SOCIAL_HISTORY).resources("Observation"):
        answer = _answer(resource.value_codeable_concept) if _ASKS in _codes(resource.code) else None
        status = status_of(resource)
        if answer is None or status in WITHDRAWN_OR_PLANNED:
            continue
        when = answered_on(resource)
        unused = why_unused(resource, status, references)
        if unused is None and when is None:
            unused = "effectiveDateTime", "has no date; it was not used"
        elif unused is None and when is not None and when.earliest > today:
            unused = "effectiveDateTime", "has a date in the future; it was not used"
        if unused is not None:
            issues += [answer_issue(resource, unused[0], _MATCH, unused[1])] if answer else []
        elif when is not None:
            told.append((when, answer, resource))
    first_day = today - timedelta(weeks=knowledge.parameters.pregnancy_weeks)
    denied = max((when.latest for when, is_pregnant, _ in told if not is_pregnant), default=date.min)
    affirmed = [
        (when, resource)
        for when, is_pregnant, resource in told
        if is_pregnant and when.latest >= first_day and when.latest > denied
    ]
    problems = [
        Problem(ProblemKind.PREGNANCY, _MATCH.name, resource_name(resource), when, since_is_onset=False)
        for when, resource in sorted(affirmed, key=lambda one: (one[0].order, resource_name(one[1])))[-1:]
    ]
    return problems, issues


def _codes(concept: CodeableConcept | None) -> frozenset[tuple[str, str]]:
    return frozenset(key for key, _ in keys(concept))


def _answer(value: CodeableConcept | None) -> bool | None:
    """Whether it says pregnant; None where it says neither, or both."""
    codes = _codes(value)
    is_pregnant, is_not = bool(codes & _PREGNANT), bool(codes & _NOT_PREGNANT)
    return is_pregnant if is_pregnant != is_not else None
