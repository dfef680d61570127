"""Answers: cards as CDS Hooks asks for them, CORS, and feedback."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.conformance.conftest import JSON, SANDBOX, Service, call, explained, hook_request
from tests.conformance.empties import empties

Services = dict[str, dict[str, Any]]
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HOOKS = ["patient-view", "order-select", "order-sign"]


@pytest.mark.verifies("CDSH-3")
@pytest.mark.verifies("CDSH-4")
@pytest.mark.verifies("CDSH-61")
@pytest.mark.parametrize("hook", HOOKS)
def test_an_answer_has_cards_and_nothing_empty(hook: str, service: Service, services: Services) -> None:
    answer = call(service, services, hook_request(hook), hook)

    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    assert isinstance(answer.json["cards"], list)
    assert answer.json["cards"]
    assert list(empties(answer.json)) == []
    assert "systemActions" not in answer.json


@pytest.mark.verifies("CDSH-65")
@pytest.mark.verifies("CDSH-66")
@pytest.mark.verifies("CDSH-69")
@pytest.mark.verifies("CDSH-71")
@pytest.mark.verifies("CDSH-72")
@pytest.mark.verifies("CDSH-74")
@pytest.mark.verifies("CDSH-76")
@pytest.mark.verifies("CDSH-77")
@pytest.mark.parametrize("hook", HOOKS)
def test_each_card_is_whole(hook: str, service: Service, services: Services) -> None:
    cards = call(service, services, hook_request(hook), hook).json["cards"]

    for card in cards:
        assert UUID.fullmatch(card["uuid"])
        assert 0 < len(card["summary"]) < 140
        assert card["indicator"] in ("info", "warning", "critical")
        assert card["source"]["label"]
        assert card["source"]["url"].startswith("https://")
        assert re.fullmatch(r"[A-Za-z0-9-]{1,100}", card["source"]["topic"]["code"])
        assert ("selectionBehavior" in card) == bool(card.get("suggestions"))
        assert all(reason["display"] and reason["code"] for reason in card.get("overrideReasons", []))
        assert card["extension"]["org.b12-cds.trace"]["rules"]
    assert len({card["uuid"] for card in cards}) == len(cards)


@pytest.mark.verifies("CDSH-79")
@pytest.mark.verifies("CDSH-80")
@pytest.mark.verifies("CDSH-83")
@pytest.mark.verifies("CDSH-84")
@pytest.mark.verifies("CDSH-85")
@pytest.mark.verifies("CDSH-86")
def test_each_suggestion_can_be_applied(service: Service, services: Services) -> None:
    cards = call(service, services, hook_request()).json["cards"]
    suggestions = [suggestion for card in cards for suggestion in card.get("suggestions", [])]

    assert suggestions
    for suggestion in suggestions:
        assert suggestion["label"]
        assert UUID.fullmatch(suggestion["uuid"])
        assert "actionSelectionBehavior" not in suggestion
        for action in suggestion["actions"]:
            assert action["type"] in ("create", "update", "delete")
            assert action["description"]
            if action["type"] == "create":
                assert action["resource"]["subject"]["reference"] == "Patient/p1"


def test_the_assessment_is_given_on_request_only(service: Service, services: Services) -> None:
    assert "extension" not in call(service, services, hook_request()).json
    assert "org.b12-cds.assessment" in call(service, services, explained()).json["extension"]


def test_each_call_gets_card_ids_of_its_own(service: Service, services: Services) -> None:
    ids = [card["uuid"] for _ in range(2) for card in call(service, services, hook_request()).json["cards"]]

    assert len(ids) == len(set(ids))


# CORS


@pytest.mark.verifies("CDSH-121")
@pytest.mark.parametrize("path", ["", "/{id}", "/{id}/feedback"])
def test_a_preflight_is_answered(path: str, service: Service, services: Services) -> None:
    method = "POST" if path else "GET"
    answer = service.send(
        "OPTIONS",
        "/cds-services" + path.format(id=services["patient-view"]["id"]),
        headers={
            "Origin": SANDBOX,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization,content-type",
        },
    )

    assert answer.status in (200, 204)
    assert answer.headers["Access-Control-Allow-Origin"] == SANDBOX
    assert method in answer.headers["Access-Control-Allow-Methods"]
    assert "authorization" in answer.headers["Access-Control-Allow-Headers"].lower()


@pytest.mark.verifies("CDSH-121")
@pytest.mark.parametrize(
    ("path", "body"),
    [("/{id}", b"{"), ("/nothing", b"{}"), ("/{id}/feedback", b"{}"), ("/{id}", b'{"hook": "order-sign"}')],
)
def test_errors_can_be_read_from_the_sandbox(path: str, body: bytes, service: Service, services: Services) -> None:
    url = "/cds-services" + path.format(id=services["patient-view"]["id"])
    answer = service.send("POST", url, body, {**JSON, "Origin": SANDBOX})

    assert answer.status >= 400
    assert answer.headers["Access-Control-Allow-Origin"] == SANDBOX


def test_another_origin_is_not_allowed(service: Service) -> None:
    answer = service.send("GET", "/cds-services", headers={"Origin": "https://evil.example"})

    assert answer.headers.get("Access-Control-Allow-Origin") in (None, SANDBOX)


# Feedback


def feedback(service: Service, services: Services, *items: Any) -> Any:
    path = f"/cds-services/{services['patient-view']['id']}/feedback"
    return service.send("POST", path, json.dumps({"feedback": list(items)}).encode(), JSON)


@pytest.mark.verifies("CDSH-94")
@pytest.mark.verifies("CDSH-95")
@pytest.mark.verifies("CDSH-98")
def test_feedback_on_a_card_that_was_shown_is_accepted(service: Service, services: Services) -> None:
    cards = call(service, services, hook_request()).json["cards"]
    card = next(card for card in cards if card.get("suggestions"))
    accepted = {
        "card": card["uuid"],
        "outcome": "accepted",
        "acceptedSuggestions": [{"id": card["suggestions"][0]["uuid"]}],
        "outcomeTimestamp": "2025-10-01T09:30:00Z",
    }

    assert feedback(service, services, accepted).status == 200


@pytest.mark.verifies("CDSH-96")
@pytest.mark.verifies("CDSH-99")
@pytest.mark.parametrize("name", ["overrideReason", "overrideReasons"])
def test_feedback_on_an_unknown_card_is_accepted(name: str, service: Service, services: Services) -> None:
    overridden = {
        "card": "a-card-of-yesterday",
        "outcome": "overridden",
        name: {"reason": {"code": "later", "system": "urn:x"}, "userComment": "next visit"},
        "outcomeTimestamp": "2025-10-01T09:30:00.000Z",
    }

    assert feedback(service, services, overridden).status == 200


@pytest.mark.verifies("CDSH-97")
@pytest.mark.verifies("CDSH-100")
@pytest.mark.parametrize(
    ("item", "fields"),
    [
        ({}, ["feedback[0].card", "feedback[0].outcome", "feedback[0].outcomeTimestamp"]),
        (
            {"card": "c", "outcome": "ignored", "outcomeTimestamp": "2025-10-01T09:30:00Z"},
            ["feedback[0].outcome"],
        ),
        (
            {"card": "c", "outcome": "accepted", "outcomeTimestamp": "2025-10-01T09:30:00Z"},
            ["feedback[0].acceptedSuggestions"],
        ),
        ({"card": "c", "outcome": "overridden", "outcomeTimestamp": "today"}, ["feedback[0].outcomeTimestamp"]),
    ],
)
def test_feedback_with_a_fault_is_400_with_its_path(
    item: dict[str, Any], fields: list[str], service: Service, services: Services
) -> None:
    answer = feedback(service, services, item)

    assert answer.status == 400
    assert answer.expressions == fields


def test_feedback_to_an_unknown_service_is_404(service: Service) -> None:
    assert service.send("POST", "/cds-services/nothing/feedback", b'{"feedback": []}', JSON).status == 404
