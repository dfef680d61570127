"""Which suggestions several answers on one card make together."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from cds_service.assessment.outcome import Answer, FactUsed, fires
from cds_service.cards.card import Suggestion
from cds_service.cards.suggest import suggestions_for
from cds_service.fhir.hook_call import HookCall
from cds_service.fhir.record import PatientRecord
from cds_service.knowledge.loader import load
from cds_service.knowledge.model import Recommendation
from tests.spec.example_facts import TODAY

KNOWLEDGE = load()
TARGET = "MedicationRequest/draft-1"
DRAFT = {"resourceType": "MedicationRequest", "id": "draft-1", "subject": {"reference": "Patient/example"}}
DUPLICATE = fires(variant="duplicate", target=TARGET)
HYDROXOCOBALAMIN = fires(
    variant="drafted",
    recommends=(Recommendation.USE_HYDROXOCOBALAMIN,),
    regimens=("im-replacement-hydroxocobalamin",),
    target=TARGET,
)
TABLETS = fires(variant="first-line", regimens=("oral-replacement",))


def suggestions(*answers: Answer, drafts: bool = True, draft: dict[str, Any] | None = None) -> tuple[Suggestion, ...]:
    draft_json = {TARGET: json.dumps(draft or DRAFT).encode()} if drafts else None
    call: dict[str, Any] = {"hook": "order-sign", "user_id": "", "record": PatientRecord("example"), "today": TODAY}
    return suggestions_for(answers, KNOWLEDGE, HookCall(**call, draft_json=draft_json))


def kinds(*answers: Answer, drafts: bool = True) -> list[str]:
    return [action.type for one in suggestions(*answers, drafts=drafts) for action in one.actions]


def labels(*answers: Answer) -> list[str]:
    return [one.label for one in suggestions(*answers)]


def test_the_removal_of_a_draft_comes_last_and_is_never_recommended() -> None:
    assert [(one.label, one.is_recommended) for one in suggestions(DUPLICATE)] == [
        ("Remove the duplicate vitamin B12 order", False)
    ]
    for made in (suggestions(TABLETS, DUPLICATE), suggestions(DUPLICATE, TABLETS)):
        assert [(one.actions[0].type, one.is_recommended) for one in made] == [("create", True), ("delete", False)]
    assert kinds(HYDROXOCOBALAMIN, DUPLICATE) == ["update", "delete"]
    assert kinds(DUPLICATE, drafts=False) == []
    assert kinds(fires(variant="perhaps-duplicate", target=TARGET)) == []


def test_a_draft_that_is_changed_is_not_ordered_a_second_time_and_hides_no_other_treatment() -> None:
    assert kinds(HYDROXOCOBALAMIN, TABLETS) == ["update", "create"]
    assert kinds(HYDROXOCOBALAMIN, drafts=False) == ["create"]


def test_a_test_beside_a_treatment_comes_second_unless_the_answer_puts_it_first() -> None:
    start, mma = Recommendation.START_IM_B12, Recommendation.ORDER_MMA
    first = fires(variant="x", recommends=(mma, start), regimens=("im-replacement",))
    second = fires(variant="x", recommends=(start, mma), regimens=("im-replacement",))
    without = fires(variant="x", recommends=(mma, start))  # no product may be offered
    assert [(one.label[:9], one.is_recommended) for one in suggestions(first)] == [
        ("Order Met", True),
        ("Start vit", True),
    ]
    assert [(one.label[:9], one.is_recommended) for one in suggestions(second)] == [
        ("Start vit", True),
        ("Order Met", False),
    ]
    assert [(one.label[:9], one.is_recommended) for one in suggestions(without)] == [("Order Met", True)]


def test_a_changed_draft_says_what_it_becomes() -> None:
    [label] = labels(HYDROXOCOBALAMIN)
    assert label.startswith("Change the order: Start hydroxocobalamin injections: 1000 mcg daily")


def test_the_first_alone_is_recommended() -> None:
    tests = fires(variant="x", recommends=(Recommendation.ORDER_MMA, Recommendation.ORDER_CBC))
    assert [one.is_recommended for one in suggestions(TABLETS, tests)] == [True, False, False]


def test_folic_acid_asks_for_its_tests_beside_the_others_and_not_while_they_are_on_their_way() -> None:
    wanted = (Recommendation.ORDER_CBC, Recommendation.CHECK_B12_BEFORE_FOLIC_ACID)
    assert len(labels(fires(variant="unknown", recommends=wanted))) == 3
    assert len(labels(fires(variant="pending", recommends=wanted))) == 1


def test_an_order_of_a_test_says_why() -> None:
    fact = FactUsed("B12", "150 ng/L", source="Observation/b12")
    answer = fires(variant="x", facts=(fact,), recommends=(Recommendation.ORDER_MMA,))
    [one] = suggestions(answer)
    assert one.actions[0].resource is not None
    assert one.actions[0].resource["reasonReference"] == [{"reference": "Observation/b12"}]


def test_every_suggestion_has_an_id_of_its_own() -> None:
    tests = fires(variant="x", recommends=(Recommendation.ORDER_MMA, Recommendation.ORDER_CBC))
    made = [one for answers in ((HYDROXOCOBALAMIN, tests), (DUPLICATE, TABLETS)) for one in suggestions(*answers)]
    assert len({UUID(one.uuid) for one in made}) == len(made) == 5


def test_a_draft_that_names_nobody_gets_the_patient_and_one_that_does_keeps_whom_it_names() -> None:
    for subject, kept in (
        (None, {"reference": "Patient/example"}),
        ({}, {"reference": "Patient/example"}),
        ({"identifier": {"value": "1"}}, {"identifier": {"value": "1"}}),
    ):
        draft = {"resourceType": "MedicationRequest", "id": "draft-1", "subject": subject}
        [one] = suggestions(HYDROXOCOBALAMIN, draft=draft)
        assert one.actions[0].resource is not None
        assert one.actions[0].resource["subject"] == kept


def test_a_changed_draft_keeps_what_was_sent_but_for_empty_members_and_keeps_the_places_of_lists() -> None:
    sent = {"note": [], "text": None, "extension": {"empty": {}}, "status": "draft", "_x": [None, {"id": "a"}]}
    [one] = suggestions(HYDROXOCOBALAMIN, draft=DRAFT | sent)
    resource = one.actions[0].resource

    assert resource is not None
    assert {name: resource.get(name) for name in sent} == dict.fromkeys(sent) | {"status": "draft", "_x": sent["_x"]}


def test_an_order_and_each_of_its_tests_is_called_by_its_name() -> None:
    [one] = suggestions(fires(variant="x", recommends=(Recommendation.FOLLOW_UP_3_MONTHS,)))
    titles = [KNOWLEDGE.tests[test].title for test in ("b12", "mma", "homocysteine")]
    assert [action.description for action in one.actions] == [f"Order {title}" for title in titles]
    assert one.label == f"Order {titles[0]}, {titles[1]} and {titles[2]}"
