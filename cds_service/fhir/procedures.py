"""Procedures that bear on vitamin B12: operations on stomach and small bowel, dialysis, nitrous oxide."""

from __future__ import annotations

from datetime import date

from cds_service.facts.dates import ClinicalDate, add_months
from cds_service.facts.patient import DataIssue, DataKey
from cds_service.facts.problems import Problem, ProblemKind
from cds_service.fhir.problem_codes import match_problems
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.resources import Resource, resource_name
from cds_service.fhir.statuses import status_of
from cds_service.fhir.subject import subject_problem
from cds_service.fhir.unusable import Unusable, quoted
from cds_service.knowledge.model import Knowledge

_NOT_DONE = (
    "preparation",
    "in-progress",
    "not-done",
    "on-hold",
    "stopped",
    "entered-in-error",
    "aborted",
    "suspended",
)
# What the name of a procedure can establish. An injection "for pernicious anaemia" is no diagnosis.
_BY_NAME = frozenset(
    {
        ProblemKind.GASTRIC_OR_SMALL_BOWEL_SURGERY,
        ProblemKind.SHORT_BOWEL,
        ProblemKind.DIALYSIS,
        ProblemKind.NITROUS_OXIDE,
    }
)


def read_procedures(
    record: PatientRecord, references: frozenset[str], knowledge: Knowledge, today: date
) -> tuple[list[Problem], list[DataIssue]]:
    """The completed procedures that concern us, and those that could not be used."""
    problems: list[Problem] = []
    issues: list[DataIssue] = []
    for resource in record.section(DataKey.PROCEDURES).resources("Procedure"):
        matched = match_problems(resource.code, knowledge)
        matches = [match for match in matched.matches if match.is_coded or match.kind in _BY_NAME]
        status = status_of(resource)
        if not matches or status in _NOT_DONE:
            continue
        try:
            since = _performed(resource, status, references, today)
        except Unusable as unusable:
            issues += [
                DataIssue(
                    resource_name(resource),
                    unusable.field,
                    f"This procedure was not used: {unusable.why}.",
                    match.kind.value,
                )
                for match in matches
            ]
            continue
        problems += [
            Problem(m.kind, m.name, resource_name(resource), since, m.is_coded)
            for m in matches
            if m.kind is not ProblemKind.NITROUS_OXIDE or not _is_long_over(since, knowledge, today)
        ]
    return problems, issues


def _is_long_over(performed: ClinicalDate | None, knowledge: Knowledge, today: date) -> bool:
    """Whether gas that was given once was given too long ago to matter still."""
    months = knowledge.parameters.nitrous_oxide_months
    return performed is not None and add_months(performed.latest, months) < today


def _performed(resource: Resource, status: str, references: frozenset[str], today: date) -> ClinicalDate | None:
    """When it was done; None where that is not told, for what was cut out stays out.

    Raises:
        Unusable: it is not known to be done, is another patient's, or its date cannot be.
    """
    if status != "completed":
        raise Unusable("status", f"its status is {quoted(status)}" if status else "it has no status")
    whose = subject_problem(resource, references)
    if whose:
        raise Unusable("subject", f"it {whose.partition(';')[0]}")
    period = resource.performed_period
    text = resource.performed_date_time or ((period.end or period.start) if period is not None else None)
    if not text:
        return None
    try:
        performed = ClinicalDate.parse(text)
    except ValueError:
        raise Unusable("performedDateTime", f"{quoted(text)} is not a date") from None
    if performed.earliest > today:
        raise Unusable("performedDateTime", f"its date {performed} is in the future")
    return performed
