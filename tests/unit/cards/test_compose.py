"""Cards from an assessment: one a concern, explained, and with suggestions that an EHR can apply."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from string import Formatter
from typing import Any
from uuid import UUID

import pytest
from fhir.resources.R4B.medicationrequest import MedicationRequest
from fhir.resources.R4B.servicerequest import ServiceRequest

from cds_service.assessment.assess import assess
from cds_service.assessment.outcome import Assessment, FactUsed, FindingOf, Status, fires
from cds_service.cards.card import Card
from cds_service.cards.compose import compose, review_words
from cds_service.cards.words import escaped, filled_detail
from cds_service.facts.patient import DataIssue
from cds_service.fhir.hook_call import HookCall
from cds_service.fhir.record import PatientRecord
from cds_service.knowledge.loader import load
from cds_service.knowledge.model import Indicator, Recommendation, Review, ReviewStatus
from tests.spec.example_facts import TODAY, example_facts

KNOWLEDGE = load()
DAY, DUE = date(2026, 1, 1), date(2027, 1, 1)
MODELS = {"MedicationRequest": MedicationRequest, "ServiceRequest": ServiceRequest}
DRAFT = {
    "resourceType": "MedicationRequest",
    "id": "draft-1",
    "status": "draft",
    "intent": "order",
    "medicationReference": {"reference": "Medication/1"},
    "subject": {"reference": "Patient/example"},
    "note": [{"text": "kept as it was sent"}],
}
SCENES = [
    pytest.param(rule.shown_on[0], example.given, id=f"{rule.id}: {example.name}")
    for rule in KNOWLEDGE.rules.values()
    for example in rule.examples
    if example.then == "fires"
]


def _cards(given: dict[str, Any], hook: str = "patient-view", **more: Any) -> tuple[Card, ...]:
    facts = example_facts(given)
    call = HookCall(
        hook=hook,
        user_id="Practitioner/p1",
        record=PatientRecord("example"),
        today=TODAY,
        draft_json={"MedicationRequest/draft-1": json.dumps(DRAFT).encode()},
        encounter_id="enc-1",
        **more,
    )
    return compose(assess(facts, KNOWLEDGE, hook), facts, KNOWLEDGE, call)


@pytest.mark.parametrize(("hook", "given"), SCENES)
def test_every_card_of_every_example_is_whole(hook: str, given: dict[str, Any]) -> None:
    cards = _cards(given, hook)
    assert cards
    assert len({card.source.topic.code for card in cards}) == len(cards)
    severities = [card.indicator.severity for card in cards]
    assert severities == sorted(severities, reverse=True)
    for card in cards:
        assert not [s.label for s in card.suggestions if s.is_recommended and s.is_removal]
        assert not card.summary.endswith("…"), card.summary
        assert f"Knowledge {KNOWLEDGE.version}" in card.detail
        assert all(rule in card.detail for rule in card.trace.rules)
        for suggestion in card.suggestions:
            for action in suggestion.actions:
                if action.type == "create":
                    assert action.resource is not None
                    MODELS[action.resource["resourceType"]].model_validate(action.resource)


@pytest.mark.parametrize(("hook", "given"), SCENES)
def test_no_test_and_no_treatment_is_offered_by_two_cards(hook: str, given: dict[str, Any]) -> None:
    offered = [s.label for card in _cards(given, hook) for s in card.suggestions]
    assert len(offered) == len(set(offered))


@pytest.mark.parametrize(("hook", "given"), SCENES)
def test_nothing_is_ever_said_against_folic_acid_metformin_or_a_ppi(hook: str, given: dict[str, Any]) -> None:
    for card in _cards(given, hook):
        words = f"{card.summary} {card.detail}".lower()
        assert "stop " not in words
        assert "discontinue" not in words


def test_patient_view_shows_three_cards_at_most_and_the_most_severe() -> None:
    cards = _cards(
        {
            "total_b12": "150 ng/L",
            "active_b12": "90 pmol/L",
            "if_antibody": "positive",
            "unread": ["medicationRequests"],
            "problems": ["myelopathy", "pernicious-anaemia"],
        }
    )
    assert len(cards) <= KNOWLEDGE.parameters.cards_at_most
    assert cards[0].indicator is Indicator.CRITICAL


def test_a_deficiency_is_one_card_with_the_treatment_on_it() -> None:
    cards = _cards({"total_b12": "150 ng/L", "problems": ["peripheral-neuropathy"]})
    assert len(cards) == 1
    card = cards[0]
    assert card.trace.rules == ("B12-DX-01", "B12-RX-01")
    assert card.summary.startswith("Vitamin B12 150 ng/L on 2025-09-21 is deficient (below 180 ng/L)")
    assert [s.is_recommended for s in card.suggestions] == [True, False]
    assert card.selection_behavior == "at-most-one"
    assert "| 150 ng/L | 2025-09-21 |" in card.detail


def test_tests_may_be_applied_together_and_treatments_not() -> None:
    tests = _cards({"total_b12": "210 ng/L", "problems": ["peripheral-neuropathy"]})[0]
    assert tests.selection_behavior == "any"
    assert len(tests.suggestions) > 1


def test_in_cord_disease_blood_is_drawn_first_and_the_injection_does_not_wait_for_it() -> None:
    card = next(card for card in _cards({"problems": ["myelopathy"]}) if "B12-RX-03" in card.trace.rules)
    assert [s.label.partition(":")[0] for s in card.suggestions] == [
        "Order Total vitamin B12",
        "Order Methylmalonic acid",
        "Start vitamin B12 injections",
    ]
    assert [s.is_recommended for s in card.suggestions] == [True, True, True]
    assert card.selection_behavior == "any"  # so that all three can be applied


def test_no_other_card_says_to_consider_a_test_in_cord_disease() -> None:
    cards = _cards({"problems": ["myelopathy"]})
    assert not [card.summary for card in cards if "consider" in card.summary]


def test_the_injection_course_is_one_order_with_its_steps_in_sequence() -> None:
    card = _cards({"total_b12": "90 ng/L"})[0]
    action = card.suggestions[0].actions[0]
    assert len(card.suggestions[0].actions) == 1
    assert action.resource is not None
    steps = action.resource["dosageInstruction"]
    assert [step["sequence"] for step in steps] == [1, 2, 3]
    assert [step["timing"]["repeat"]["periodUnit"] for step in steps] == ["d", "wk", "mo"]


def test_an_order_says_for_whom_by_whom_when_and_why() -> None:
    action = _cards({"total_b12": "150 ng/L"})[0].suggestions[0].actions[0]
    assert action.resource is not None
    assert action.resource["subject"] == {"reference": "Patient/example"}
    assert action.resource["requester"] == {"reference": "Practitioner/p1"}
    assert action.resource["encounter"] == {"reference": "Encounter/enc-1"}
    assert action.resource["authoredOn"] == "2025-10-01"
    assert action.resource["reasonReference"] == [{"reference": "Observation/total-b12"}]


def test_a_client_that_takes_one_action_gets_each_test_alone() -> None:
    given = {"total_b12": {"result": "150 ng/L", "days_ago": 90}, "b12_therapy": {"since": "80 days"}}
    assert [len(s.actions) for s in _cards(given)[0].suggestions] == [3]
    assert [len(s.actions) for s in _cards(given, one_action=True)[0].suggestions] == [1, 1, 1]


def test_the_draft_itself_is_changed_to_hydroxocobalamin_and_else_kept() -> None:
    given = {"problems": ["leber-optic-neuropathy"], "drafting": {"b12": 1}, "form": "cyanocobalamin"}
    assert _cards(given, "order-sign")[0].suggestions == ()  # no course without a deficiency
    suggestions = _cards(given | {"total_b12": "150 ng/L"}, "order-sign")[0].suggestions
    assert [[a.type for a in s.actions] for s in suggestions] == [["update"]]
    changed = suggestions[0].actions[0].resource
    assert changed is not None
    assert changed["id"] == "draft-1"
    assert changed["note"] == DRAFT["note"]
    assert "medicationReference" not in changed
    assert "Hydroxocobalamin" in changed["medicationCodeableConcept"]["text"]


def test_a_duplicate_can_be_removed_and_folic_acid_never() -> None:
    duplicate = _cards({"b12_therapy": {"since": "30 days"}, "drafting": {"b12": 2}}, "order-sign")[0]
    assert [(a.type, a.resource_id) for s in duplicate.suggestions for a in s.actions] == [
        ("delete", "MedicationRequest/draft-1")
    ]
    assert [s.is_recommended for s in duplicate.suggestions] == [False]
    folic = _cards({"total_b12": "165 ng/L", "drafting": {"folic-acid": 5}}, "order-sign")[0]
    assert {a.type for s in folic.suggestions for a in s.actions} == {"create"}


def test_what_was_not_received_stands_on_the_card() -> None:
    card = _cards({"total_b12": "150 ng/L", "unread": ["allergies", "medicationRequests"]})[0]
    assert "**Not checked**" in card.detail
    assert "allergies (allergies)" in card.detail
    assert "prescriptions (medicationRequests)" in card.detail


def test_what_could_not_be_used_stands_on_the_card() -> None:
    card = _cards({"unusable": "total-b12", "problems": ["peripheral-neuropathy"]})[0]
    in_the_table = "Observation/unusable: This total b12 result was not used: it has no unit, and none is guessed."
    assert card.detail.count(in_the_table) == 1


@pytest.mark.parametrize(
    ("review", "words"),
    [
        (Review("us", DUE, ReviewStatus.DRAFT), "draft, not yet reviewed by a clinician"),
        (Review("us", DUE, ReviewStatus.IN_REVIEW), "in review, not yet reviewed by a clinician"),
        (Review("us", DUE, ReviewStatus.DRAFT, DAY, "Dr A"), "draft, looked at on 2026-01-01 by Dr A, not approved"),
        (Review("us", DUE, ReviewStatus.APPROVED, DAY, "Dr A"), "last reviewed 2026-01-01 by Dr A"),
    ],
)
def test_a_card_never_speaks_of_a_review_that_was_not(review: Review, words: str) -> None:
    assert review_words(review, KNOWLEDGE.wording) == words


def test_a_card_says_whose_judgement_it_supports() -> None:
    [card] = _cards({"total_b12": "210 ng/L"})

    assert "(draft, not yet reviewed by a clinician)" in card.source.label
    assert card.detail.endswith("supports clinical judgement and does not replace it.")


_FILLED = {"name": "vitamin B12", "b12": "150 ng/L", "when": "on 2025-09-20", "low": "180 ng/L", "treatment": ""}


def _of_facts(count: int) -> Card:
    """The card of one rule that rests on so many facts."""
    facts = tuple(FactUsed(f"Fact {number}", "1 mg", "2025-09-20", "0 to 2 mg") for number in range(count))
    finding = FindingOf("B12-DX-01", fires(variant="untreated", facts=facts, values=_FILLED))
    assessment = Assessment(Status.DEFICIENT, TODAY, KNOWLEDGE.version, (finding,), ())
    call = HookCall(hook="patient-view", user_id="", record=PatientRecord("example"), today=TODAY)
    [card] = compose(assessment, example_facts({}), KNOWLEDGE, call)
    return card


def test_the_facts_are_a_table_of_ten_rows_at_most_that_says_how_many_more_there_are() -> None:
    head = "\n\n| Fact | Value | Date | Reference range |\n|---|---|---|---|\n"
    rows = "\n".join(f"| Fact {number} | 1 mg | 2025-09-20 | 0 to 2 mg |" for number in range(10))
    assert f"{head}{rows}\n\n**Why:**" in _of_facts(10).detail
    assert f"{head}{rows}\n\n…and 1 more.\n\n**Why:**" in _of_facts(11).detail
    assert "| Fact |" not in _of_facts(0).detail


@pytest.mark.parametrize(
    ("label", "value", "row"),
    [
        ("vitamin B12", "150 ng/L", "| Vitamin B12 | 150 ng/L |"),
        ("eGFR", "40", "| eGFR | 40 |"),
        ("Vegan diet", "vegan diet", "| Vegan diet | recorded |"),
    ],
)
def test_a_fact_begins_with_a_capital_and_is_not_told_twice(label: str, value: str, row: str) -> None:
    finding = FindingOf("B12-DX-01", fires(variant="untreated", facts=(FactUsed(label, value),), values=_FILLED))
    assert row in _of([finding])[0].detail


def test_a_card_is_as_the_specification_has_it_to_the_word() -> None:
    rule = KNOWLEDGE.rules["B12-DX-03"]
    card = _cards({"total_b12": "210 ng/L", "unread": ["allergies"]})[0]
    sources = [KNOWLEDGE.sources[citation.source] for citation in rule.sources]

    assert UUID(card.uuid)
    assert card.trace.knowledge_version == KNOWLEDGE.version
    assert card.source.label.startswith("B12 CDS B12-DX-03 (")
    assert card.source.url == next(source.url for source in sources if source.url)
    assert [(link.label, link.url) for link in card.links] == [(s.title, s.url) for s in sources if s.url]
    assert card.override_reasons == tuple(KNOWLEDGE.override_reasons[reason].code for reason in rule.overrides)
    topic = card.source.topic
    assert (topic.system, topic.code) == ("https://b12-cds.org/topics", rule.concern)
    assert topic.display == rule.concern.replace("-", " ").capitalize()
    paragraph, table, why = card.detail.split("\n\n")
    values = {"full_zone": "180 to 350 ng/L", "low": "180 ng/L", "b12": "210 ng/L", "name": "vitamin B12"}
    assert paragraph == filled_detail(rule.cards["indeterminate-alone"].detail, values)
    assert table.endswith("| Vitamin B12 | 210 ng/L | 2025-09-21 | – |")
    assert why.startswith("**Why:** B12-DX-03. ")


def test_what_was_not_received_is_listed_in_a_sentence() -> None:
    card = _cards({"total_b12": "150 ng/L", "unread": ["allergies", "conditions"]})[0]
    assert (
        "\n\n**Not checked**, because it was not received or not complete: "
        "allergies (allergies), problem list (conditions).\n\n"
    ) in card.detail


def _of(findings: list[FindingOf], *issues: DataIssue, hook: str = "patient-view") -> tuple[Card, ...]:
    assessment = Assessment(Status.UNKNOWN, TODAY, KNOWLEDGE.version, tuple(findings), issues)
    call = HookCall(hook=hook, user_id="", record=PatientRecord("example"), today=TODAY)
    return compose(assessment, replace(example_facts({}), issues=issues), KNOWLEDGE, call)


def _finding(rule_id: str) -> FindingOf:
    """A finding of the first card of a rule, with a word for everything that it is filled with."""
    variant, text = next(iter(KNOWLEDGE.rules[rule_id].cards.items()))
    named = {name for part in (text.summary, text.detail) for _, name, _, _ in Formatter().parse(part) if name}
    return FindingOf(rule_id, fires(variant=variant, values=dict.fromkeys(named, "x")))


def test_what_could_not_be_checked_is_never_among_the_cards_that_are_left_away() -> None:
    of_each = {rule.concern: rule.id for rule in KNOWLEDGE.rules.values() if rule.id != "B12-DATA-01"}
    findings = [*map(_finding, of_each.values()), _finding("B12-DATA-01")]
    most = KNOWLEDGE.parameters.cards_at_most
    whole = [card.trace.rules for card in _of(findings[:-1])]

    assert len(findings) > most + 1
    assert [card.trace.rules for card in _of(findings)] == [*whole[: most - 1], ("B12-DATA-01",)]
    assert len(whole) == most


@pytest.mark.parametrize(("count", "rest"), [(3, ""), (4, "\n- …and 1 more"), (5, "\n- …and 2 more")])
def test_three_issues_are_listed_and_how_many_more_there_are(count: int, rest: str) -> None:
    issues = [DataIssue(f"Observation/{number}", "value", "it has no unit", "total-b12") for number in range(count)]
    [card] = _of([_finding("B12-TEST-05")], *issues)
    listed = "\n".join(f"- Observation/{number}: it has no unit" for number in range(3))
    assert f"\n\n**Not used, or used with care:**\n\n{listed}{rest}\n\n**Why:**" in card.detail


def test_why_names_every_rule_and_each_source_once_with_all_its_places() -> None:
    rules = [rule for rule in KNOWLEDGE.rules.values() if rule.concern == "deficiency"][:2]
    [card] = _of([_finding(rule.id) for rule in rules])
    places: dict[str, list[str]] = {}
    for citation in (citation for rule in rules for citation in rule.sources):
        ours = places.setdefault(citation.source, [])
        ours += [citation.at] if citation.at not in ours else []
    told = []
    for source_id, ours in places.items():
        source = KNOWLEDGE.sources[source_id]
        title = f"[{escaped(source.title)}]({source.url})" if source.url else escaped(source.title)
        told.append(f"{title}, {', '.join(map(escaped, ours))}")
    why = f"**Why:** {', '.join(rule.id for rule in rules)}. {'; '.join(told)}. Knowledge {KNOWLEDGE.version}. "
    assert why in card.detail


def test_a_topic_is_named_in_words() -> None:
    [card] = _of([_finding("B12-SAFE-01")])
    assert (card.source.topic.code, card.source.topic.display) == ("folic-acid", "Folic acid")


def _offers(rule_id: str, *recommends: Recommendation) -> FindingOf:
    found = _finding(rule_id)
    return FindingOf(rule_id, replace(found.answer, recommends=recommends))


def test_a_test_that_an_earlier_card_offers_is_offered_by_no_later_one() -> None:
    b12, mma, count = Recommendation.ORDER_B12, Recommendation.ORDER_MMA, Recommendation.ORDER_CBC
    concerns = {rule.concern: rule.id for rule in KNOWLEDGE.rules.values()}
    ids = [concerns[concern] for concern in ("testing", "cause", "disagreement")]
    first, second, third = (card.trace.rules[0] for card in _of([_offers(rule_id) for rule_id in ids]))
    cards = _of([_offers(first, b12), _offers(second, b12, mma, count), _offers(third, b12)])
    title = {test: f"Order {KNOWLEDGE.tests[test].title}" for test in ("b12", "mma", "cbc")}
    offered = [[(s.label, s.is_recommended) for s in card.suggestions] for card in cards]
    assert offered == [[(title["b12"], True)], [(title["mma"], True), (title["cbc"], False)], []]
    [alone] = _of([_offers(first, b12, mma, count)])
    assert [s.is_recommended for s in alone.suggestions] == [True, False, False]


def test_every_card_is_shown_where_an_order_is_signed() -> None:
    of_each = {rule.concern: rule.id for rule in KNOWLEDGE.rules.values()}
    findings = [_finding(rule_id) for rule_id in of_each.values()]
    assert len(_of(findings, hook="order-sign")) == len(of_each) > KNOWLEDGE.parameters.cards_at_most


def test_a_card_without_facts_or_issues_has_no_empty_part() -> None:
    issue = DataIssue("Observation/1", "value", "it has no unit", "total-b12")
    product = next(rule.id for rule in KNOWLEDGE.rules.values() if rule.concern == "product")
    for card in (_of_facts(0), *_of([_finding(product)], issue)):
        assert len(card.detail.split("\n\n")) == 2, card.detail


def test_a_card_whose_sources_have_no_address_names_none() -> None:
    unlinked = [r for r in KNOWLEDGE.rules.values() if not any(KNOWLEDGE.sources[c.source].url for c in r.sources)]
    assert unlinked
    for rule in unlinked:
        [card] = _of([_finding(rule.id)])
        assert (card.source.url, card.links) == ("", ())
