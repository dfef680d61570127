"""What the guidelines ask of all answers together, tried on every example of every rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from cds_service.assessment.assess import assess
from cds_service.assessment.outcome import Assessment
from cds_service.assessment.picture import MALABSORPTIVE, Picture
from cds_service.cards.card import Card
from cds_service.cards.compose import compose
from cds_service.facts.orders import Test
from cds_service.facts.problems import ProblemKind
from cds_service.fhir.hook_call import HookCall
from cds_service.fhir.record import PatientRecord
from cds_service.knowledge.loader import load
from cds_service.knowledge.model import Indicator, Recommendation
from tests.spec.example_facts import TODAY, example_facts

KNOWLEDGE = load()
EXAMPLES = [
    pytest.param(rule.shown_on[0], example.given, id=f"{rule.id}: {example.name}")
    for rule in KNOWLEDGE.rules.values()
    for example in rule.examples
]
ON_ITS_WAY = [str(test) for test in Test]
# What a pending test may take off a card: the order of that test, and the check of what it will tell.
OF_TESTS = {r for r in Recommendation if r.startswith("order-")} | {
    Recommendation.CHECK_B12_BEFORE_FOLIC_ACID,
    Recommendation.FOLLOW_UP_3_MONTHS,
    Recommendation.VERIFY_DATA,
}


def _assessed(hook: str, given: Mapping[str, Any]) -> Assessment:
    return assess(example_facts(given), KNOWLEDGE, hook)


def _cards(hook: str, given: Mapping[str, Any]) -> tuple[Card, ...]:
    facts = example_facts(given)
    call = HookCall(hook=hook, user_id="", record=PatientRecord("example"), today=TODAY)
    return compose(assess(facts, KNOWLEDGE, hook), facts, KNOWLEDGE, call)


@pytest.mark.parametrize(("hook", "given"), EXAMPLES)
def test_tests_on_their_way_take_away_tests_alone_and_never_a_treatment_or_a_warning(
    hook: str, given: Mapping[str, Any]
) -> None:
    before, after = (_assessed(hook, {**given, "pending": tests}) for tests in ([], ON_ITS_WAY))
    assert after.status == before.status
    still = {finding.rule: finding.answer for finding in after.fired}
    for finding in before.fired:
        lasting = set(finding.answer.recommends) - OF_TESTS
        concern = KNOWLEDGE.rules[finding.rule].concern
        if concern == "deficiency" or finding.answer.regimens or lasting - {Recommendation.REFER}:
            assert finding.rule in still
            assert lasting <= set(still[finding.rule].recommends)
            assert still[finding.rule].regimens == finding.answer.regimens
    for answer in still.values():
        ordered = {r for r in answer.recommends if r.startswith("order-")}
        assert not ordered, "a test that is on its way is ordered again"


@pytest.mark.parametrize("kind", MALABSORPTIVE)
@pytest.mark.parametrize("level", ["150 ng/L", "60 ng/L"])
def test_where_the_gut_does_not_absorb_injection_comes_first_and_tablets_are_always_second(
    kind: ProblemKind, level: str
) -> None:
    [card] = [c for c in _cards("patient-view", {"total_b12": level, "problems": [str(kind)]}) if c.suggestions]
    treatments = [s for s in card.suggestions if s.actions[0].resource["resourceType"] == "MedicationRequest"]  # type: ignore[index]
    assert [("inject" in s.label, s.is_recommended) for s in treatments] == [(True, True), (False, False)]


@pytest.mark.parametrize(
    "risk", [{"taking": {"anticoagulant": "1 years"}}, {"problems": ["thrombocytopenia"]}, {"platelets": "40 10*9/L"}]
)
def test_where_an_injection_may_bleed_tablets_come_first_and_the_card_says_why(risk: Mapping[str, Any]) -> None:
    [card] = _cards("patient-view", {"total_b12": "150 ng/L", **risk})
    assert [("oral" in s.label, s.is_recommended) for s in card.suggestions] == [(True, True), (False, False)]
    assert "an injection into muscle may bleed (anticoagulant or few platelets)" in card.detail


def test_only_disease_of_the_spinal_cord_is_critical() -> None:
    critical = {
        rule.id
        for rule in KNOWLEDGE.rules.values()
        if any(c.indicator is Indicator.CRITICAL for c in rule.cards.values())
    }
    # Folic acid alone in cord disease hides what goes on, and its cards are the only ones when it is ordered.
    assert critical == {"B12-RX-03", "B12-SAFE-01", "B12-SAFE-02", "B12-SAFE-03", "B12-SCOPE-01"}


@pytest.mark.parametrize(("hook", "given"), EXAMPLES)
def test_critical_is_said_of_a_recorded_cord_disease_and_of_nothing_else(hook: str, given: Mapping[str, Any]) -> None:
    facts = example_facts(given)
    if any(card.indicator is Indicator.CRITICAL for card in _cards(hook, given)):
        assert Picture(facts, KNOWLEDGE).has(ProblemKind.MYELOPATHY)


@pytest.mark.parametrize(("hook", "given"), EXAMPLES)
def test_each_card_with_suggestions_recommends_the_first(hook: str, given: Mapping[str, Any]) -> None:
    cards = _cards(hook, given)
    if hook == "patient-view":
        assert len(cards) <= 3
    for card in cards:
        marks = [s.is_recommended for s in card.suggestions]
        assert marks == sorted(marks, reverse=True)
        assert not marks or marks[0]
        assert sum(marks) <= 1 or card.selection_behavior == "any"


@pytest.mark.parametrize(
    "risk",
    [
        {"taking": {"metformin": "5 years"}},
        {"taking": {"ppi": "5 years"}},
        {"taking": {"h2-blocker": "5 years"}},
        {"problems": ["vegan-diet"]},
        {"problems": ["coeliac"]},
        {"problems": ["gastric-or-small-bowel-surgery"]},
        {"problems": ["nitrous-oxide"]},
        {"age": 80},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("sign", "indicator"),
    [
        ({}, Indicator.INFO),
        ({"problem": "peripheral-neuropathy"}, Indicator.WARNING),
        ({"mcv": "110 fL"}, Indicator.WARNING),
        ({"haemoglobin": "10 g/dL"}, Indicator.WARNING),
    ],
    ids=str,
)
def test_exposure_alone_informs_and_with_a_sign_it_warns(
    risk: Mapping[str, Any], sign: dict[str, str], indicator: Indicator
) -> None:
    results = {name: value for name, value in sign.items() if name != "problem"}
    problems = [*risk.get("problems", ()), *(value for name, value in sign.items() if name == "problem")]
    cards = _cards("patient-view", {**risk, **results, "problems": problems})
    assert [card.indicator for card in cards] == [indicator]


def test_potassium_is_watched_in_megaloblastic_anaemia_whichever_way_b12_is_given() -> None:
    anaemia = {"total_b12": "150 ng/L", "haemoglobin": "7 g/dL", "mcv": "118 fL"}
    for problems in ([], ["coeliac"], ["myelopathy"]):
        [card] = [c for c in _cards("patient-view", {**anaemia, "problems": problems}) if c.suggestions]
        assert "| Watch potassium for 48 hours if the anaemia is severe | 7 g/dL |" in card.detail
    [without] = _cards("patient-view", {**anaemia, "mcv": "90 fL"})
    assert "Watch potassium" not in without.detail
