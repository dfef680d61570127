"""Answers hold what CDS Hooks asks for and nothing empty."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

from cds_service.assessment.outcome import Assessment, FactUsed, FindingOf, Status, cannot_tell, does_not_fire, fires
from cds_service.cards.card import Action, Link, Suggestion
from cds_service.facts.patient import DataIssue
from cds_service.knowledge.model import Code, Recommendation
from cds_service.service import HookAnswer
from cds_service.web.answer import answer_json, assessment_json, card_json, encoded
from tests.unit.web.conftest import CARD_ID, card

ASSESSMENT = Assessment(
    status=Status.DEFICIENT,
    as_of=date(2025, 10, 1),
    knowledge_version="v1",
    findings=(
        FindingOf(
            "B12-DX-01",
            fires(
                variant="x",
                facts=(
                    FactUsed("Total B12", "150 pg/mL", "2025-09-20", "180", "Observation/b12"),
                    FactUsed("Age", "65 years"),
                ),
                recommends=(Recommendation.ORDER_MMA, Recommendation.START_ORAL_B12),
            ),
        ),
        FindingOf("B12-DX-02", does_not_fire()),
        FindingOf("B12-DX-03", cannot_tell("serum MMA")),
    ),
    issues=(DataIssue("Observation/x", "", "has no date"), DataIssue("labs", "entry[0]", "is odd")),
)


def suggestion(**more: Any) -> Suggestion:
    action = Action("create", "Order it", {"resourceType": "ServiceRequest", "status": "draft"})
    return Suggestion(**{"uuid": "s-1", "label": "Order", "actions": (action,), **more})


def test_a_card_with_nothing_optional_has_no_optional_member() -> None:
    assert card_json(card(detail="")) == {
        "uuid": CARD_ID,
        "summary": "A summary",
        "indicator": "warning",
        "source": {
            "label": "A guideline",
            "url": "https://example.org/guideline",
            "topic": {"code": "b12", "system": "urn:topics", "display": "B12"},
        },
        "extension": {"org.b12-cds.trace": {"rules": ["B12-DX-01"], "knowledgeVersion": "v1"}},
    }


def test_the_selection_behaviour_is_there_exactly_when_there_are_suggestions() -> None:
    assert "selectionBehavior" not in card_json(card())
    assert card_json(card(suggestions=(suggestion(),)))["selectionBehavior"] == "at-most-one"


def test_suggestions_say_what_they_do() -> None:
    told = card_json(card(suggestions=(suggestion(), suggestion(uuid="s-2", is_recommended=True))))["suggestions"]

    assert told[0] == {
        "uuid": "s-1",
        "label": "Order",
        "actions": [
            {
                "type": "create",
                "description": "Order it",
                "resource": {"resourceType": "ServiceRequest", "status": "draft"},
            }
        ],
    }
    assert told[1]["isRecommended"] is True


def test_a_delete_names_the_resource_and_carries_none() -> None:
    action = Action("delete", "Remove it", resource_id="MedicationRequest/d")
    told = card_json(card(suggestions=(suggestion(actions=(action,)),)))["suggestions"][0]["actions"]

    assert told == [{"type": "delete", "description": "Remove it", "resourceId": "MedicationRequest/d"}]


def test_override_reasons_and_links_are_complete() -> None:
    told = card_json(
        card(
            override_reasons=(Code("urn:reasons", "later", "Will be done later"),),
            links=(Link("Read more", "https://example.org"),),
            source=card().source,
        )
    )

    assert told["overrideReasons"] == [{"code": "later", "system": "urn:reasons", "display": "Will be done later"}]
    assert told["links"] == [{"label": "Read more", "url": "https://example.org", "type": "absolute"}]


def test_proposed_resources_keep_exact_decimals_as_numbers() -> None:
    resource = {"resourceType": "MedicationRequest", "dose": {"value": Decimal("0.50")}}
    told = card_json(card(suggestions=(suggestion(actions=(Action("create", "x", resource),)),)))
    body = encoded({"resource": told["suggestions"][0]["actions"][0]["resource"]})

    assert body == b'{"resource":{"resourceType":"MedicationRequest","dose":{"value":0.50}}}'


def test_no_cards_are_an_empty_list() -> None:
    assert answer_json(HookAnswer(()), with_assessment=False) == {"cards": []}


def test_the_assessment_is_there_only_where_it_was_asked_for_and_made() -> None:
    assert "extension" not in answer_json(HookAnswer((), ASSESSMENT), with_assessment=False)
    assert "extension" not in answer_json(HookAnswer(()), with_assessment=True)
    assert "extension" in answer_json(HookAnswer((), ASSESSMENT), with_assessment=True)


def test_the_assessment_tells_every_rules_answer_with_its_facts() -> None:
    told = assessment_json(ASSESSMENT)

    assert told == {
        "status": "deficient",
        "asOf": "2025-10-01",
        "knowledgeVersion": "v1",
        "findings": [
            {
                "rule": "B12-DX-01",
                "outcome": "fires",
                "facts": ["Total B12: 150 pg/mL (2025-09-20) [Observation/b12]", "Age: 65 years"],
                "missing": [],
                "recommends": ["order-mma", "start-oral-b12"],
            },
            {"rule": "B12-DX-02", "outcome": "does-not-fire", "facts": [], "missing": [], "recommends": []},
            {"rule": "B12-DX-03", "outcome": "cannot-tell", "facts": [], "missing": ["serum MMA"], "recommends": []},
        ],
        "recommendations": ["order-mma", "start-oral-b12"],
        "dataIssues": [
            {"resource": "Observation/x", "issue": "has no date"},
            {"resource": "labs", "field": "entry[0]", "issue": "is odd"},
        ],
    }
    assert json.loads(encoded(told)) == told
