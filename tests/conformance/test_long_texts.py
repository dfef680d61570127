"""Bodies made of words, which are dear to read: answered within their time, and what was not read is told."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.conformance.conftest import CLOCK, FOLIC_ACID, OPTIONAL, Service, bundle, call, hook_request

Services = dict[str, dict[str, Any]]
HOOK = "order-sign"
SECONDS = 5  # twice what the worst of them takes, and a tenth of what it took before there was a bound
SUBJECT = {"reference": "Patient/p1"}
MANY, SHORT, LONG = 9_000, 300, 480
B12 = {"text": "cyanocobalamin 1 mg tablet"}


def text(number: int, repeated: str) -> str:
    """Nine in ten are the longest; the rest are as many as are read."""
    length = LONG if number % 25 else SHORT
    return (f"{number} " + repeated * length)[:length]


def order(number: int, words: str) -> dict[str, Any]:
    given = {"resourceType": "MedicationRequest", "id": f"m{number}", "status": "active", "intent": "order"}
    return given | {"subject": SUBJECT, "medicationCodeableConcept": B12, "dosageInstruction": [{"text": words}]}


def timed(number: int, words: str) -> dict[str, Any]:
    """Of a medicine that is no treatment, so that there is something to warn of."""
    lines = [{"text": "1 tablet", "timing": {"code": {"text": words}}}]
    given = {"medicationCodeableConcept": {"text": "metformin 500 mg tablet"}, "dosageInstruction": lines}
    return order(number, "") | given


def problem(number: int, words: str) -> dict[str, Any]:
    return {"resourceType": "Condition", "id": f"c{number}", "subject": SUBJECT, "code": {"text": words}}


def request(key: str, make: Callable[[int, str], dict[str, Any]], repeated: str) -> dict[str, Any]:
    """folic acid is being ordered although B12 is low; one section is nothing but words."""
    asked = hook_request(HOOK, extension={"org.b12-cds.explain": True})
    asked["prefetch"][key] = bundle(*(make(number, text(number, repeated)) for number in range(MANY)))
    return asked


HOSTILE = {
    "directions of numbers": request("medicationRequests", order, "1 "),
    "directions that nearly fit": request("medicationRequests", order, "take 1 tablet daily; "),
    "codes of timing": request("medicationRequests", timed, "every 1 d "),
    "names of problems": request("conditions", problem, "vitamin b12 deficiency "),
    "nonsense": request("conditions", problem, "a "),
}


def without_ids(answer: Any) -> str:
    return str([(card["summary"], card.get("detail"), card["indicator"]) for card in answer.json["cards"]])


@pytest.mark.parametrize("asked", HOSTILE.values(), ids=HOSTILE)
def test_much_text_costs_little_and_hides_no_warning(
    asked: dict[str, Any], service: Service, services: Services
) -> None:
    plain = without_ids(call(service, services, hook_request(HOOK), HOOK))
    began = CLOCK()
    answer = call(service, services, asked, HOOK)
    took = CLOCK() - began

    assert (answer.status, took < SECONDS) == (200, True)
    assert [card["indicator"] for card in answer.json["cards"]][:1] == ["warning"]
    assert "olic acid" in answer.json["cards"][0]["summary"]
    issues = answer.json["extension"]["org.b12-cds.assessment"]["dataIssues"]
    assert any("holds more than is read at once" in issue["issue"] for issue in issues)
    again = call(service, services, asked, HOOK)
    assert without_ids(again) == without_ids(answer)
    assert without_ids(call(service, services, hook_request(HOOK), HOOK)) == plain


def test_what_one_request_uses_up_is_there_for_the_others(service: Service, services: Services) -> None:
    plain = hook_request(HOOK)
    expected = without_ids(call(service, services, plain, HOOK))
    with ThreadPoolExecutor(4) as threads:
        asked = [HOSTILE["directions of numbers"], plain] * 4
        answers = list(threads.map(lambda one: without_ids(call(service, services, one, HOOK)), asked))

    assert set(answers[1::2]) == {expected}
    assert len(set(answers[::2])) == 1


def test_the_worst_drafts_are_read_in_part_and_folic_acid_is_seen_among_them(
    service: Service, services: Services
) -> None:
    asked = hook_request(HOOK)
    drafts = [order(number, text(number, "1 x ")) | {"status": "draft"} for number in range(900)]
    asked["context"]["draftOrders"] = bundle(*drafts, FOLIC_ACID)
    began = CLOCK()
    answer = call(service, services, asked, HOOK)
    took = CLOCK() - began

    assert (answer.status, took < SECONDS) == (200, True)
    assert any("olic acid" in card["summary"] for card in answer.json["cards"])


@pytest.mark.parametrize("key", [key for key in OPTIONAL if key != "serviceRequests"])
def test_a_section_that_was_not_read_in_full_is_told(key: str, service: Service, services: Services) -> None:
    kinds = {"medicationStatements": "MedicationStatement", "conditions": "Condition", "procedures": "Procedure"}
    asked = hook_request(extension={"org.b12-cds.explain": True})
    asked["prefetch"][key] = bundle(
        *(problem(n, text(n, "x ")) | {"resourceType": kinds.get(key, "Observation")} for n in range(1_000))
    )
    answer = call(service, services, asked).json["extension"]["org.b12-cds.assessment"]

    assert [issue["resource"] for issue in answer["dataIssues"] if "holds more than is read" in issue["issue"]] == [key]
