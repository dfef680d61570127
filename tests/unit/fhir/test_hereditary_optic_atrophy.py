"""ICD-10-CM has one code for Leber's and every other hereditary optic atrophy; optic atrophy is mostly neither."""

from __future__ import annotations

import pytest

from cds_service.facts.problems import ProblemKind
from cds_service.fhir.conditions import read_problems
from cds_service.fhir.resources import Resource
from cds_service.knowledge.loader import load
from cds_service.knowledge.systems import ICD_10
from tests.builders import ICD_10_CM, SNOMED, TODAY, concept, condition, record

KNOWLEDGE = load()


def kinds(resource: Resource) -> list[ProblemKind]:
    problems, issues = read_problems(record(conditions=[resource]), KNOWLEDGE, TODAY)
    assert issues == []
    return [problem.kind for problem in problems]


@pytest.mark.parametrize(
    ("coding", "text", "expected"),
    [
        ((ICD_10_CM, "H47.22"), "", [ProblemKind.HEREDITARY_OPTIC_ATROPHY]),
        ((ICD_10_CM, "H4722"), "", [ProblemKind.HEREDITARY_OPTIC_ATROPHY]),
        (
            (ICD_10_CM, "H47.22"),
            "Leber's optic atrophy",
            [ProblemKind.HEREDITARY_OPTIC_ATROPHY, ProblemKind.LEBER_OPTIC_NEUROPATHY],
        ),
        ((ICD_10_CM, "H47.20"), "", []),
        ((ICD_10_CM, "H47.20"), "Hereditary optic atrophy", [ProblemKind.HEREDITARY_OPTIC_ATROPHY]),
        ((ICD_10_CM, "H47.2"), "", []),
        ((ICD_10, "H47.2"), "", []),
        ((ICD_10, "H47.2"), "Optic atrophy", []),
        ((SNOMED, "76976005"), "Optic atrophy", []),
        ((SNOMED, "76976005"), "Hereditary optic atrophy", [ProblemKind.HEREDITARY_OPTIC_ATROPHY]),
        ((SNOMED, "58610003"), "", [ProblemKind.LEBER_OPTIC_NEUROPATHY]),
    ],
)
def test_hereditary_optic_atrophy_may_be_lebers_and_optic_atrophy_is_neither(
    coding: tuple[str, str], text: str, expected: list[ProblemKind]
) -> None:
    assert kinds(condition(*coding, code=concept(coding, text=text))) == expected


@pytest.mark.parametrize("verification", ["refuted", "entered-in-error"])
def test_hereditary_optic_atrophy_that_is_not_so_counts_for_nothing(verification: str) -> None:
    status = {"coding": [{"code": verification}]}

    assert kinds(condition(ICD_10_CM, "H47.22", verificationStatus=status)) == []


def test_a_closed_entry_does_not_lift_what_runs_in_the_family() -> None:
    closed = condition(ICD_10_CM, "H47.22", clinicalStatus={"coding": [{"code": "resolved"}]})

    assert kinds(closed) == [ProblemKind.HEREDITARY_OPTIC_ATROPHY]
