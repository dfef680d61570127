"""How much work a request is, counted in calls and not in time, so that it cannot double unseen.

A new rule or reader may well need more. Then see where the calls go (cProfile over `answered`), take out what is done
for each resource and need not be, and only then raise the number here.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from bench.payloads import TODAY, requests_of
from cds_service.composition import services
from cds_service.fhir.draft_resources import templates
from cds_service.fhir.hook_call import HookCall
from cds_service.fhir.sieve import Sieve
from cds_service.knowledge.loader import load
from cds_service.service import CdsService
from cds_service.web.answer import answer_json, encoded
from cds_service.web.hook_request import read_hook_request
from tests import calls as counted

HOOK = "patient-view"
CALLS_OF_200_RESOURCES = 8_400
TOLERANCE = 1.3
CALLS_OF_AN_UNRELATED_RESULT = 5


KNOWLEDGE = load()
SIEVE = Sieve(KNOWLEDGE)


@pytest.fixture(scope="module")
def service() -> CdsService:
    templates(KNOWLEDGE)
    return next(service for service in services(KNOWLEDGE) if service.hook == HOOK)


def answered(service: CdsService, body: bytes) -> bytes:
    """From the bytes of a request to the bytes of its answer, without Flask and without storing."""
    request = read_hook_request(body, HOOK, SIEVE)
    answer = service.respond(HookCall(HOOK, request.user_id, request.record, TODAY))
    return encoded(answer_json(answer, with_assessment=False))


def calls_of(service: CdsService, body: bytes, after: bytes) -> int:
    """How many functions one request calls after another one has filled what is kept."""
    answered(service, after)
    return counted.calls_of(lambda: answered(service, body))


def with_unrelated_results(body: bytes, how_many: int) -> bytes:
    request = json.loads(body)
    entries: list[Any] = request["prefetch"]["labs"]["entry"]
    glucose = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "2345-7", "display": "Glucose"}], "text": "Glucose"},
        "subject": {"reference": f"Patient/{request['context']['patientId']}"},
        "effectiveDateTime": "2025-09-30",
        "valueQuantity": {"value": 99, "unit": "mg/dL", "system": "http://unitsofmeasure.org", "code": "mg/dL"},
    }
    entries += [{"resource": glucose | {"id": f"glucose-{number}"}} for number in range(how_many)]
    request["prefetch"]["labs"]["total"] = len(entries)
    return json.dumps(request).encode()


def test_a_request_of_200_resources_is_no_more_work_than_it_was(service: CdsService) -> None:
    *first, last = requests_of(200, 40)
    for body in first[:-10]:  # a service that has been running knows the usual levels
        answered(service, body)
    calls = sum(calls_of(service, body, after=last) for body in first[-10:]) // 10
    assert calls < CALLS_OF_200_RESOURCES * TOLERANCE, f"{calls} calls"
    assert calls > CALLS_OF_200_RESOURCES / TOLERANCE, f"{calls} calls: well done, now set the number to it"


def test_ten_times_the_resources_are_ten_times_the_work_at_most(service: CdsService) -> None:
    few, many = (
        calls_of(service, second, after=first) for first, second in (requests_of(200, 2), requests_of(2000, 2))
    )
    assert many < 10 * few, f"{many} calls for ten times the resources of {few}"


def test_a_result_that_is_none_of_ours_costs_next_to_nothing(service: CdsService) -> None:
    first, second = requests_of(20, 2)
    answered(service, second)  # so that its own results are known both times
    with_few, with_many = (
        calls_of(service, with_unrelated_results(second, how_many), after=with_unrelated_results(first, 1))
        for how_many in (1, 101)
    )
    assert with_many - with_few < 100 * CALLS_OF_AN_UNRELATED_RESULT, f"{(with_many - with_few) / 100} calls each"
