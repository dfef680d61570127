"""Proposed resources: made and validated before the first request, and filled for one patient at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from cds_service.fhir.draft_resources import (
    draft_medication_request,
    draft_service_request,
    problems_of,
    templates,
    without_empties,
)
from cds_service.knowledge.loader import load
from cds_service.knowledge.model import Knowledge

TODAY = date(2025, 10, 1)


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return load()


def test_all_that_can_be_proposed_is_valid(knowledge: Knowledge) -> None:
    assert problems_of(templates(knowledge)) == []


def test_nothing_that_is_proposed_is_empty(knowledge: Knowledge) -> None:
    made = [draft_service_request(test, "1", TODAY) for test in knowledge.tests.values()]
    made += [draft_medication_request(regimen, "1", TODAY) for regimen in knowledge.regimens.values()]

    assert made == [without_empties(resource) for resource in made]


def test_a_regimen_that_makes_no_valid_resource_stops_the_start(knowledge: Knowledge) -> None:
    regimen = next(iter(knowledge.regimens.values()))
    wrong = replace(regimen, steps=(replace(regimen.steps[0], frequency=-1, dose=Decimal("0.5")),))
    (problem,) = problems_of(templates(replace(knowledge, regimens={regimen.id: wrong})))

    assert problem.startswith(f"regimens/{regimen.id}.yaml: its MedicationRequest is not valid FHIR: ")
    assert "frequency" in problem


def test_nothing_of_one_patient_is_left_for_the_next(knowledge: Knowledge) -> None:
    regimen, test = next(iter(knowledge.regimens.values())), next(iter(knowledge.tests.values()))
    for draft in (
        lambda patient, *told: draft_medication_request(regimen, patient, TODAY, *told),
        lambda patient, *told: draft_service_request(test, patient, TODAY, *told),
    ):
        draft("first", "Practitioner/a", "e1", ["Observation/o1"])
        resource = draft("next")
        assert resource["subject"] == {"reference": "Patient/next"}
        assert not {"requester", "encounter", "reasonReference"} & resource.keys()
