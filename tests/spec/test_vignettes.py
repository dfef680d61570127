"""Each vignette, a patient in a few lines, gets an answer that says what it must and nothing that it must not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from fhir.resources.R4B.medicationrequest import MedicationRequest
from fhir.resources.R4B.servicerequest import ServiceRequest

from cds_service.knowledge.model import Knowledge
from cds_service.offline import answered
from cds_service.service import CdsService
from tests.spec.vignettes.build import hook_request
from tests.spec.vignettes.expectation import Expectation
from tests.spec.vignettes.resources import TODAY

FOLDER = Path(__file__).parent / "vignettes"
TOPICS = sorted(path for path in FOLDER.glob("*.yaml") if path.name != "words.yaml")
STORIES = [story for path in TOPICS for story in yaml.safe_load(path.read_text(encoding="utf-8"))]
MODELS: dict[str, type[MedicationRequest] | type[ServiceRequest]] = {
    "MedicationRequest": MedicationRequest,
    "ServiceRequest": ServiceRequest,
}
EXTENSION = "org.b12-cds.assessment"


def named(story: Mapping[str, Any]) -> str:
    return f"{story['id']}: {story['title']}"


def test_no_two_vignettes_have_the_same_id_or_title() -> None:
    for name in ("id", "title"):
        names = [story[name] for story in STORIES]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize("story", STORIES, ids=named)
def test_a_vignette_gets_the_answer_that_is_expected(
    story: Mapping[str, Any], offered: tuple[CdsService, ...], knowledge: Knowledge
) -> None:
    request = hook_request(story)
    answer = answered(request, offered, knowledge, TODAY)
    assert list(Expectation.read(story["expect"]).shortfalls(answer)) == []
    assert list(faults(answer, request["context"]["patientId"])) == []


def faults(answer: Mapping[str, Any], patient_id: str) -> Iterator[str]:
    """What no answer may have, whatever the story."""
    cards = answer["cards"]
    yield from empty_values(cards)
    if answer["extension"][EXTENSION]["asOf"] != TODAY.isoformat():
        yield "assessed for another day"
    suggestions = [suggestion for card in cards for suggestion in card.get("suggestions", [])]
    for what, names in (
        ("card", [card["uuid"] for card in cards]),
        ("offer", [suggestion["label"] for suggestion in suggestions]),
    ):
        if len(set(names)) != len(names):
            yield f"the same {what} twice: {names}"
    for card in cards:
        if not 1 <= len(card["summary"]) <= 139:
            yield f"a summary of {len(card['summary'])} characters"
        if bool(card.get("suggestions")) != ("selectionBehavior" in card):
            yield "selectionBehavior goes with suggestions"
        trace = card["extension"]["org.b12-cds.trace"]
        if not (trace.get("rules") and trace.get("knowledgeVersion")):
            yield "a card that does not name its rules and the version of the knowledge"
    for suggestion in suggestions:
        for action in suggestion.get("actions", []):
            yield from wrong_action(action, patient_id)


def empty_values(node: Any, path: str = "") -> Iterator[str]:
    if node is None or node == "" or (node in ([], {}) and path):
        yield f"{path} is {node!r}"
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, child in children:
        yield from empty_values(child, f"{path}/{name}")


def wrong_action(action: Mapping[str, Any], patient_id: str) -> Iterator[str]:
    """What is proposed is valid R4B (or its model raises), a draft, and this patient's; what is removed is a draft."""
    if action["type"] == "delete":
        if "/draft-" not in action["resourceId"]:
            yield f"removes {action['resourceId']}"
        return
    resource = action["resource"]
    MODELS[resource["resourceType"]].model_validate(resource)
    if resource["subject"]["reference"] != f"Patient/{patient_id}":
        yield f"proposed for {resource['subject']['reference']}"
    if resource["status"] != "draft":
        yield f"proposed as {resource['status']}"
    if resource["intent"] not in ("proposal", "plan", "order"):
        yield f"proposed with the intent {resource['intent']}"


WRONG_ANSWER: dict[str, Any] = {
    "extension": {EXTENSION: {"status": "unlikely", "asOf": "2025-10-01", "dataIssues": []}},
    "cards": [
        {
            "summary": "B12 is normal",
            "indicator": "info",
            "extension": {"org.b12-cds.trace": {"rules": ["R"], "recommendations": ["order-b12", "order-mma"]}},
        },
        {"summary": "", "indicator": "info", "extension": {"org.b12-cds.trace": {"recommendations": ["order-mma"]}}},
    ],
}


@pytest.mark.parametrize(
    ("expected", "shortfall"),
    [
        ({"status": ["deficient", "unknown"]}, "status is unlikely"),
        ({"highest": "none"}, "the highest card is info: ['B12 is normal', '']"),
        ({"highest": ["warning", "critical"]}, "the highest card is info: ['B12 is normal', '']"),
        ({"data_issues": 1}, "0 data issues"),
        ({"recommends": ["order-b12", "refer"]}, "does not recommend refer"),
        ({"recommends_any": ["any-start"]}, "recommends none of start-im-b12, start-oral-b12"),
        ({"recommends_none": ["order-b12"]}, "recommends order-b12"),
        ({"one_card_with": "order-mma"}, "recommends on two cards order-mma"),
        ({"says": "deficien"}, "no card says 'deficien'"),
        ({"never_says": "NORMAL"}, "a card says 'NORMAL'"),
    ],
)
def test_an_answer_that_falls_short_is_told_how(expected: dict[str, Any], shortfall: str) -> None:
    assert list(Expectation.read({"highest": "info", **expected}).shortfalls(WRONG_ANSWER)) == [shortfall]


@pytest.mark.parametrize(
    "expected",
    [{"recommend": "refer"}, {"recommends": "order-b13"}, {"status": "low"}, {"highest": "danger"}],
    ids=str,
)
def test_a_misspelt_expectation_is_refused(expected: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"has no|not a valid|not in tuple"):
        Expectation.read({"highest": "info", **expected})


@pytest.mark.parametrize(
    "told",
    [
        {"lab": []},
        {"labs": [{"b13": "150 pg/mL"}]},
        {"labs": [{"b12": "150 pg/mL", "days": "2025"}]},
        {"medicines": [{"takes": "b12-2000", "dose": "much"}]},
        {"prefetch": {"lab": "missing"}},
        {"prefetch": {"labs": "gone"}},
    ],
    ids=str,
)
def test_a_misspelt_story_is_refused(told: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError)):
        hook_request({"id": "V-X-01", **told})


def test_what_no_answer_may_have_is_found() -> None:
    doubled = {**WRONG_ANSWER["cards"][0], "uuid": "1"} | {"suggestions": [_offer("patient-2", "active")] * 2}
    found = list(faults({**WRONG_ANSWER, "cards": [doubled, {**WRONG_ANSWER["cards"][1], "uuid": "1"}]}, "patient-1"))
    for fault in (
        "/1/summary is ''",
        "a summary of 0 characters",
        "the same card twice: ['1', '1']",
        "the same offer twice: ['Order it', 'Order it']",
        "selectionBehavior goes with suggestions",
        "a card that does not name its rules and the version of the knowledge",
        "proposed for Patient/patient-2",
        "proposed as active",
    ):
        assert fault in found


def _offer(patient_id: str, status: str) -> dict[str, Any]:
    order = {
        "resourceType": "ServiceRequest",
        "status": status,
        "intent": "order",
        "subject": {"reference": f"Patient/{patient_id}"},
    }
    return {"label": "Order it", "actions": [{"type": "create", "description": "Order", "resource": order}]}
