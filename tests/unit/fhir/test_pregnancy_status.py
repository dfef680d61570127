"""Pregnancy told by an answer in the social history."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cds_service.facts.patient import Availability, DataKey
from cds_service.facts.problems import ProblemKind
from cds_service.fhir.conditions import read_problems
from cds_service.fhir.read_facts import read_facts
from cds_service.fhir.resources import Resource
from cds_service.knowledge.loader import load
from cds_service.knowledge.systems import LOINC, SNOMED
from tests.builders import ICD_10_CM, TODAY, concept, condition, record, resource

KNOWLEDGE = load()
YES, NO = concept((SNOMED, "77386006")), concept((SNOMED, "60001007"))


def days_ago(days: int) -> str:
    return (TODAY - timedelta(days=days)).isoformat()


def asked(value: Any, days: int = 30, **fields: Any) -> Resource:
    told = {"id": f"a{days}", "status": "final", "code": concept((LOINC, "82810-3")), "valueCodeableConcept": value}
    return resource("Observation", **(told | {"effectiveDateTime": days_ago(days)} | fields))


def is_pregnant(*answers: Resource) -> bool:
    problems, _ = read_problems(record(socialHistory=list(answers)), KNOWLEDGE, TODAY)
    return [p.kind for p in problems] == [ProblemKind.PREGNANCY] * len(problems) and bool(problems)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([asked(YES)], True),
        ([asked(concept((LOINC, "LA15173-0")))], True),
        ([asked(NO)], False),
        ([asked(concept((LOINC, "LA26683-5")))], False),
        ([asked(concept((LOINC, "LA4489-6")))], False),
        ([asked(concept((SNOMED, "261665006"), text="Unknown"))], False),
        ([asked(None)], False),
        ([asked(YES, 42 * 7)], True),
        ([asked(YES, 42 * 7 + 1)], False),
        ([asked(YES, 30), asked(NO, 10)], False),
        ([asked(NO, 30), asked(YES, 10)], True),
        ([asked(YES, 30), asked(NO, 30, id="b")], False),
        ([asked(YES, status="entered-in-error")], False),
        ([asked(YES, 30), asked(NO, 10, status="entered-in-error")], True),
        ([asked(YES, code=concept((LOINC, "11449-6")))], False),
    ],
)
def test_a_pregnancy_is_told_by_the_last_answer_and_for_as_long_as_one_lasts(
    answers: list[Resource], expected: bool
) -> None:
    assert is_pregnant(*answers) is expected


@pytest.mark.parametrize(
    "fields",
    [
        {"effectiveDateTime": None},
        {"effectiveDateTime": days_ago(-1)},
        {"status": "preliminary"},
        {"subject": {"reference": "Patient/other"}},
    ],
)
def test_an_answer_that_cannot_be_used_is_said(fields: dict[str, Any]) -> None:
    problems, issues = read_problems(record(socialHistory=[asked(YES, **fields)]), KNOWLEDGE, TODAY)
    assert problems == []
    assert [issue.matters_to for issue in issues] == ["pregnancy"]


def due(days: int, said: int = 30, **fields: Any) -> Resource:
    told = {"id": f"due{days}", "code": concept((LOINC, "11778-8")), "valueDateTime": days_ago(-days)}
    return asked(None, said, **(told | fields))


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([due(100)], True),
        ([due(-14)], True),
        ([due(-15)], False),
        ([due(100), asked(NO, 10)], False),
        ([due(100, said=10), asked(NO, 30)], True),
        ([due(100, code=concept((LOINC, "11779-6")))], True),
        ([due(100, code=concept((LOINC, "11636-8")))], False),
        ([due(100, status="entered-in-error")], False),
        ([due(100, valueDateTime=None)], False),
        ([due(100, valueDateTime="2026")], True),
    ],
)
def test_a_date_of_delivery_tells_of_a_pregnancy_until_it_would_be_overdue(
    answers: list[Resource], expected: bool
) -> None:
    assert is_pregnant(*answers) is expected


@pytest.mark.parametrize("value", ["soon", days_ago(-42 * 7 - 1)])
def test_a_date_of_delivery_that_cannot_be_is_said(value: str) -> None:
    problems, issues = read_problems(record(socialHistory=[due(0, valueDateTime=value)]), KNOWLEDGE, TODAY)
    assert problems == []
    assert [(issue.field, issue.matters_to) for issue in issues] == [("valueDateTime", "pregnancy")]


@pytest.mark.parametrize("answer", [asked(YES), due(100)])
def test_an_answer_that_is_filed_with_the_results_is_read(answer: Resource) -> None:
    problems, issues = read_problems(record(labs=[answer]), KNOWLEDGE, TODAY)
    assert ([problem.kind for problem in problems], issues) == ([ProblemKind.PREGNANCY], [])


def recorded(days: int | None) -> Resource:
    dated = {"recordedDate": days_ago(days)} if days is not None else {}
    return condition(ICD_10_CM, "Z33.1", **dated)


@pytest.mark.parametrize(
    ("given", "answers", "expected"),
    [
        (recorded(60), [asked(NO, 10)], False),
        (recorded(10), [asked(NO, 10)], True),
        (recorded(5), [asked(NO, 10)], True),
        (recorded(None), [asked(NO, 10)], True),
        (recorded(60), [asked(NO, 10, status="entered-in-error")], True),
        (recorded(60), [asked(NO, 10, effectiveDateTime=None)], True),
        (recorded(60), [asked(NO, 10, subject={"reference": "Patient/other"})], True),
        (recorded(60), [asked(NO, 30), asked(YES, 10)], True),
        (recorded(20), [asked(NO, 10, effectiveDateTime=days_ago(10)[:7])], True),
    ],
)
def test_a_later_not_pregnant_takes_a_recorded_pregnancy_back(
    given: Resource, answers: list[Resource], expected: bool
) -> None:
    problems, _ = read_problems(record(conditions=[given], socialHistory=answers), KNOWLEDGE, TODAY)
    assert bool(problems) is expected


def test_a_pregnancy_that_is_taken_back_is_said_and_concerns_no_card() -> None:
    given = record(conditions=[recorded(60)], socialHistory=[asked(NO, 10)])
    _, [issue] = read_problems(given, KNOWLEDGE, TODAY)
    assert issue.resource.startswith("Condition/")
    assert (issue.matters_to, days_ago(10) in issue.issue) == ("", True)


@pytest.mark.parametrize(
    ("gender", "expected"), [("male", False), ("female", True), ("other", True), ("unknown", True), (None, True)]
)
def test_a_pregnancy_of_a_man_is_not_used_and_said(gender: str | None, expected: bool) -> None:
    patient = resource("Patient", id="p1", gender=gender, birthDate="1990-01-01")
    given = record(patient=[patient], conditions=[recorded(60), recorded(None)])
    facts = read_facts(given, KNOWLEDGE, TODAY)
    assert any(p.kind is ProblemKind.PREGNANCY for p in facts.problems) is expected
    said = [issue for issue in facts.issues if "recorded as male" in issue.issue]
    assert bool(said) is not expected
    assert dict(facts.availability)[DataKey.CONDITIONS] is Availability.COMPLETE
