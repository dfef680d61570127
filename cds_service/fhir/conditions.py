"""Problems from the problem list, procedures, allergies and the social history (clinical-guidelines 7.5, 7.13-7.15)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from cds_service.facts.dates import ClinicalDate
from cds_service.facts.patient import ANYTHING, DataIssue, DataKey
from cds_service.facts.problems import Problem, ProblemKind
from cds_service.fhir.allergies import read_allergies
from cds_service.fhir.ordering import in_order
from cds_service.fhir.pregnancy_status import read_pregnancy_answers
from cds_service.fhir.problem_codes import ProblemMatch, ProblemMatches, match_problems
from cds_service.fhir.procedures import read_procedures
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.resources import Resource, resource_name
from cds_service.fhir.smallest_first import largest_read
from cds_service.fhir.social_history import read_diets
from cds_service.fhir.statuses import status_code
from cds_service.fhir.subject import patient_references, subject_problem
from cds_service.fhir.unusable import quoted
from cds_service.knowledge.model import Knowledge

_NOT_SO = ("refuted", "entered-in-error")
_NOT_YET_SURE = ("unconfirmed", "provisional", "differential")
_OVER = ("resolved", "inactive", "remission")
MOST_MATCHES: Final = 20_000
"""Problems that all conditions stand for; where there are more, the entries that stand for the fewest are read."""
_TOO_MANY = "The record's conditions stand for more problems than are read at once; this one was not used."
_UNDATED = "has no date; it was taken as present"


def read_problems(record: PatientRecord, knowledge: Knowledge, today: date) -> tuple[list[Problem], list[DataIssue]]:
    """The problems that the patient has, or has had where they last, and what could not be used."""
    references = patient_references(record)
    problems: list[Problem] = []
    issues: list[DataIssue] = []
    entries = [
        (r, match_problems(r.code, knowledge)) for r in record.section(DataKey.CONDITIONS).resources("Condition")
    ]
    most = largest_read([len(matched.matches) for _, matched in entries], MOST_MATCHES)
    for resource, matched in entries:
        if most is not None and len(matched.matches) > most:
            issues.append(DataIssue(resource_name(resource), "code", _TOO_MANY, ANYTHING))
            continue
        found, odd = _read(resource, matched, references, knowledge, today)
        problems += found
        issues += odd
    for read in (read_procedures, read_allergies, read_diets):
        found, odd = read(record, references, knowledge, today)
        problems += found
        issues += odd
    answers = read_pregnancy_answers(record, references, knowledge, today)
    problems, over = answers.without_those_taken_back(problems)
    problems += answers.problems
    issues += (*answers.issues, *over)
    by_kind = in_order(problems, lambda problem: (problem.kind, problem.source, problem.name))
    return by_kind, sorted(set(issues), key=lambda issue: (issue.resource, issue.field, issue.issue))


def _read(
    resource: Resource, matched: ProblemMatches, references: frozenset[str], knowledge: Knowledge, today: date
) -> tuple[list[Problem], list[DataIssue]]:
    if not matched.matches:
        return [], []
    verification = status_code(resource.verification_status)
    if verification in _NOT_SO:
        return [], []
    if matched.is_of_a_relative:
        return [], [_issue(resource, "code", match, "is of a relative; it was not used") for match in matched.matches]
    whose = subject_problem(resource, references)
    if whose:
        return [], [_issue(resource, "subject", match, whose) for match in matched.matches]
    problems: list[Problem] = []
    issues: list[DataIssue] = []
    for match in matched.matches:
        if _is_over(resource, today) and knowledge.conditions[match.kind].is_reversible is not False:
            continue  # a lasting cause, such as a resected stomach, stays one when its entry is closed
        since, odd = _since(resource, match, today)
        if match.kind is ProblemKind.PREGNANCY and since is not None and _is_too_long_ago(since, knowledge, today):
            continue
        if match.kind is ProblemKind.PREGNANCY and since is None:
            odd.append(_issue(resource, "onsetDateTime", match, _UNDATED, used_with_care=True))
        is_suspected = verification in _NOT_YET_SURE
        is_coded = match.is_coded and not is_suspected
        recorded = _recorded(resource, today)
        is_onset = bool(_onset(resource))
        name = resource_name(resource)
        problems.append(Problem(match.kind, match.name, name, since, is_coded, recorded, is_onset, is_suspected))
        issues += odd
    return problems, issues


def _is_over(resource: Resource, today: date) -> bool:
    """Whether a condition is resolved, inactive, in remission or certainly abated."""
    if status_code(resource.clinical_status) in _OVER:
        return True
    if resource.abatement_boolean or resource.abatement_string:
        return True
    period = resource.abatement_period
    abated = resource.abatement_date_time or ((period.end or period.start) if period is not None else None)
    try:
        return abated is not None and ClinicalDate.parse(abated).latest <= today
    except ValueError:
        return False  # an end that cannot be read is no end: the problem stays in view


def _onset(resource: Resource) -> str | None:
    return resource.onset_date_time or (resource.onset_period.start if resource.onset_period is not None else None)


def _since(resource: Resource, match: ProblemMatch, today: date) -> tuple[ClinicalDate | None, list[DataIssue]]:
    """Since when, from the onset or else from when it was recorded; a date that cannot be is left out and said."""
    onset = _onset(resource)
    field, text = ("onsetDateTime", onset) if onset else ("recordedDate", resource.recorded_date)
    if not text:
        return None, []
    try:
        since = ClinicalDate.parse(text)
    except ValueError:
        return None, [
            _issue(
                resource,
                field,
                match,
                f"has a date that is none ({quoted(text)}); the date was left out",
                used_with_care=True,
            )
        ]
    if since.earliest > today:
        return None, [
            _issue(
                resource,
                field,
                match,
                f"has a date in the future ({since}); the date was left out",
                used_with_care=True,
            )
        ]
    return since, []


def _recorded(resource: Resource, today: date) -> ClinicalDate | None:
    """When the entry was written; None where that is not told, or cannot be. What `_since` uses of it, it reports."""
    try:
        recorded = ClinicalDate.parse(resource.recorded_date) if resource.recorded_date else None
    except ValueError:
        return None
    return recorded if recorded is not None and recorded.earliest <= today else None


def _is_too_long_ago(since: ClinicalDate, knowledge: Knowledge, today: date) -> bool:
    return since.latest < today - timedelta(weeks=knowledge.parameters.pregnancy_weeks)


def _issue(resource: Resource, field: str, match: ProblemMatch, what: str, used_with_care: bool = False) -> DataIssue:
    sentence = f"This record of {match.kind.value.replace('-', ' ')} {what}."
    return DataIssue(resource_name(resource), field, sentence, match.kind.value, used_with_care)
