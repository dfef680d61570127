"""Pregnancy told by an answer in the social history."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cds_service.facts.problems import ProblemKind
from cds_service.fhir.conditions import read_problems
from cds_service.fhir.resources import Resource
from cds_service.knowledge.loader import load
from cds_service.knowledge.systems import LOINC, SNOMED
from tests.builders import TODAY, concept, record, resource

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
