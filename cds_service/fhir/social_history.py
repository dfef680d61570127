"""Strict diets and nitrous oxide use told in the social history (clinical-guidelines 7.15).

The question may be coded and the answer "Vegan", or the finding is the question itself and the answer yes or no.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from cds_service.facts.dates import ClinicalDate
from cds_service.facts.patient import DataIssue, DataKey
from cds_service.facts.problems import Problem, ProblemKind
from cds_service.fhir.codings import is_word, keys, texts
from cds_service.fhir.names import name_affirmed, name_matches
from cds_service.fhir.problem_codes import ProblemMatch, match_problems
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.resources import CodeableConcept, Component, Resource, resource_name
from cds_service.fhir.statuses import WITHDRAWN_OR_PLANNED, status_of
from cds_service.fhir.subject import subject_problem
from cds_service.fhir.unusable import quoted
from cds_service.knowledge.model import Knowledge

_TOLD = frozenset({ProblemKind.VEGAN_DIET, ProblemKind.STRICT_VEGETARIAN_DIET, ProblemKind.NITROUS_OXIDE})
_COUNTED = ("final", "amended", "corrected")
_ASKS_FOR_DIET = (r"\bdiet\b", r"\bdietary (?:pattern|habit|preference|regime)", r"\bvegan|\bvegetarian")
_YES = ("yes", "y", "true", "present", "positive", "current", "373066001", "la33-6")
_NO = ("no", "n", "false", "never", "none", "absent", "negative", "denies", "not", "373067005", "la32-8")
_HOW_MUCH = (
    r"\b(?:daily|weekly|monthly|regular(?:ly)?|frequent(?:ly)?|often|occasional(?:ly)?|sometimes|heavy|heavily)\b",
    r"\b(?:balloons?|bulbs?|canisters?|cartridges?|cylinders?|chargers?|whipp[ei]ts?|nangs?)\b",
    r"\b(?:every|each|a|per) ?(?:day|week|weekend|month)\b|/ ?(?:day|week|month|d|wk)\b",
    r"\b(?:current|active) use",
)
_NOT_NOW = (
    r"\b(?:0|zero|no|not|non|never|none|denies|denied|without|nil|unknown|unclear|declin|refus|asked)",
    r"\b(?:former|formerly|ex|past|previous|previously|history|quit|ceased|stopped|abstinent|abstains|last|used|until)\b",
)
_OTHER_DIET = (r"\bomnivor", r"\bnon[- ]?veg", r"\b(?:mixed|regular|normal|ordinary|unrestricted) diet", r"\beats meat")


@dataclass(frozen=True, slots=True)
class _Answer:
    """One answer in the social history: what it affirms, and what it denies."""

    resource: Resource
    question: object
    affirms: tuple[ProblemMatch, ...]
    denies: frozenset[ProblemKind]
    when: ClinicalDate | None


def read_diets(
    record: PatientRecord, references: frozenset[str], knowledge: Knowledge, today: date
) -> tuple[list[Problem], list[DataIssue]]:
    """What the social history tells of strict diets and nitrous oxide, and what of it could not be used.

    An earlier answer counts until a later one to the same question takes it back.
    """
    answers: list[_Answer] = []
    issues: list[DataIssue] = []
    for resource in record.section(DataKey.SOCIAL_HISTORY).resources("Observation"):
        status = status_of(resource)
        if status in WITHDRAWN_OR_PLANNED:
            continue
        told = [
            answer for part in (resource, *(resource.component or ())) if (answer := _answer(resource, part, knowledge))
        ]
        unused = why_unused(resource, status, references) if told else None
        if unused is not None:
            issues += [
                answer_issue(resource, unused[0], match, unused[1]) for answer in told for match in answer.affirms
            ]
            continue
        if not told and _is_unanswered(resource):
            what = "asks for the diet, and has no answer that can be read"
            about_diet = ProblemMatch(ProblemKind.VEGAN_DIET, "", is_coded=False)
            issues.append(answer_issue(resource, "value", about_diet, what))
        for answer in told:
            if answer.when is not None and answer.when.earliest > today:
                issues += [
                    answer_issue(resource, "effectiveDateTime", match, "has a date in the future; it was not used")
                    for match in answer.affirms
                ]
            else:
                answers.append(answer)
    denied = _last_denied(answers)
    problems = [
        Problem(match.kind, match.name, resource_name(answer.resource), answer.when, match.is_coded)
        for answer in answers
        for match in answer.affirms
        if not _is_taken_back(answer, denied.get((answer.question, match.kind)))
    ]
    return problems, issues


def why_unused(resource: Resource, status: str, references: frozenset[str]) -> tuple[str, str] | None:
    """The field that keeps an answer from counting, and why; None where nothing does."""
    if status not in _COUNTED:
        what = f"has the status {quoted(status)}" if status else "has no status"
        return "status", f"{what}; it was not used"
    whose = subject_problem(resource, references)
    return ("subject", whose) if whose else None


def _is_unanswered(resource: Resource) -> bool:
    """Whether a question for the diet came without an answer, which may be one that could not be read."""
    told, words = resource.value_codeable_concept, resource.value_string
    is_told = is_word(words) or (told is not None and (bool(texts(told)) or any(keys(told))))
    others = (resource.value_boolean, resource.value_quantity, resource.data_absent_reason)
    if is_told or resource.component or any(other is not None for other in others):
        return False
    return any(name_matches(name, _ASKS_FOR_DIET) for name in texts(resource.code))


def _answer(resource: Resource, part: Resource | Component, knowledge: Knowledge) -> _Answer | None:
    asked = match_problems(part.code, knowledge)
    value = part.value_codeable_concept
    if value is None and part.value_string:
        value = CodeableConcept(text=part.value_string)
    says = _yes_or_no(part, value)
    about = tuple(match for match in asked.matches if match.kind in _TOLD and not asked.is_of_a_relative)
    told = match_problems(value, knowledge)
    affirms = tuple(match for match in told.matches if match.kind in _TOLD and not told.is_of_a_relative)
    denies = {kind for kind in _TOLD if kind in told.excluded or _is_denied(value, kind, knowledge)}
    if says is None and _says_how_much(value) and any(match.kind is ProblemKind.NITROUS_OXIDE for match in about):
        says, about = True, tuple(match for match in about if match.kind is ProblemKind.NITROUS_OXIDE)
    if about and says is not None:
        affirms, denies = (about, denies) if says else (affirms, {match.kind for match in about})
    if not affirms and not denies:
        return None
    question = next((key for key, _ in keys(part.code)), tuple(text.lower() for text in texts(part.code)))
    return _Answer(resource, question, affirms, frozenset(denies), answered_on(resource))


def _yes_or_no(part: Resource | Component, value: CodeableConcept | None) -> bool | None:
    """What is answered when the finding is the question; a finding without any answer is stated."""
    if isinstance(part, Resource) and part.value_boolean is not None:
        return part.value_boolean
    if part.data_absent_reason is not None:
        return None
    if value is None:
        return part.value_quantity is None
    words = {text.strip().lower() for text in texts(value)} | {code.lower() for (_, code), _ in keys(value)}
    if words & set(_NO):
        return False
    return True if words & set(_YES) else None


def _says_how_much(value: CodeableConcept | None) -> bool:
    """Whether an answer tells how much or how often, and so that it is taken, as "daily balloons" does."""
    words = texts(value)
    return any(name_matches(text, _HOW_MUCH) for text in words) and not any(name_matches(t, _NOT_NOW) for t in words)


def _is_denied(value: CodeableConcept | None, kind: ProblemKind, knowledge: Knowledge) -> bool:
    condition = knowledge.conditions.get(kind)
    if condition is None:
        return False
    names = texts(value)
    if kind is not ProblemKind.NITROUS_OXIDE and any(name_matches(name, _OTHER_DIET) for name in names):
        return True
    if any(name_matches(name, condition.not_names) for name in names):
        return True
    return any(name_matches(name, condition.names) and not name_affirmed(name, condition.names) for name in names)


def answered_on(resource: Resource) -> ClinicalDate | None:
    """The day of an answer; None where it has none, or one that is none."""
    period = resource.effective_period
    text = resource.effective_date_time or resource.effective_instant
    if text is None and period is not None:
        text = period.end or period.start
    try:
        return ClinicalDate.parse(text or resource.issued or "")
    except ValueError:
        return None  # a diet without a date still counts, until an answer that is dated takes it back


def _last_denied(answers: Iterable[_Answer]) -> dict[tuple[object, ProblemKind], date]:
    """When each question was last answered with a no, by question and what is denied."""
    last: dict[tuple[object, ProblemKind], date] = {}
    for answer in answers:
        if answer.when is None:
            continue
        day = answer.when.earliest
        for kind in answer.denies:
            last[answer.question, kind] = max(day, last.get((answer.question, kind), day))
    return last


def _is_taken_back(answer: _Answer, denied: date | None) -> bool:
    return denied is not None and (answer.when is None or denied > answer.when.latest)


def answer_issue(resource: Resource, field: str, match: ProblemMatch, what: str) -> DataIssue:
    """That an answer was not used, as an issue of what it tells of."""
    sentence = f"This record of {match.kind.value.replace('-', ' ')} {what}."
    return DataIssue(resource_name(resource), field, sentence, match.kind.value)
