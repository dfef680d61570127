"""The checks that `b12-cds conformance` puts to any service, put to ours: on its own patient, and on every story."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cds_service.conformance.check import Outcome, results
from cds_service.conformance.checks import CHECKS
from cds_service.conformance.client import Client
from cds_service.conformance.report import examine
from cds_service.conformance.requirements import read_requirements
from cds_service.conformance.visit import Call, Visit, visit
from tests.conformance.conftest import FOLIC_ACID, bundle, hook_request
from tests.conformance.server import ROOT

B12 = {
    **FOLIC_ACID,
    "medicationCodeableConcept": {
        "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "211965"}],
        "text": "Vitamin B 12 1 MG Oral Tablet",
    },
    "dosageInstruction": [
        {
            "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
            "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}],
        }
    ],
}


def stories() -> list[dict[str, Any]]:
    found = [json.loads(path.read_text()) for path in sorted((ROOT / "fixtures").glob("*/*.request.json"))]
    twice = hook_request("order-sign")
    twice["context"]["draftOrders"] = bundle({**B12, "id": "new"})
    taken = {**B12, "id": "old", "status": "active", "authoredOn": "2025-09-01"}
    twice["prefetch"]["medicationRequests"] = bundle(taken)
    return [*found, twice]


@pytest.fixture(scope="module")
def all_stories(base_url: str) -> Visit:
    """A visit that fires every story, and an order of what is taken already."""
    client = Client(base_url)
    seen = visit(client)
    services = {service["hook"]: service for service in seen.services}
    calls = tuple(
        Call(services[request["hook"]], request, seen.call(services[request["hook"]], request)) for request in stories()
    )
    return Visit(client, seen.discovery, calls)


@pytest.mark.verifies("CDSH-1", "CDSH-5", "CDSH-12", "CDSH-15", "CDSH-16", "CDSH-17", "CDSH-18", "CDSH-19")
@pytest.mark.verifies("CDSH-62", "CDSH-64", "CDSH-126", "CDSH-128")
def test_our_service_passes_every_check(base_url: str) -> None:
    failed = {result.title: result.problems for result in examine(base_url) if result.outcome is Outcome.FAILED}

    assert failed == {}


@pytest.mark.verifies("CDSH-6", "CDSH-68", "CDSH-70", "CDSH-75", "CDSH-78", "CDSH-81", "CDSH-82", "CDSH-87", "CDSH-88")
@pytest.mark.verifies("CDSH-89", "CDSH-90", "CDSH-91", "CDSH-93", "CDSH-126", "CDSH-127")
def test_the_answers_to_every_story_pass_every_check(all_stories: Visit) -> None:
    found = results(all_stories, CHECKS, read_requirements())

    assert {result.title: result.problems for result in found if result.outcome is not Outcome.PASSED} == {}


def test_the_stories_show_each_kind_of_action(all_stories: Visit) -> None:
    assert {action["type"] for _, action in all_stories.actions()} == {"create", "update", "delete"}
