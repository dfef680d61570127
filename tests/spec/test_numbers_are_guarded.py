"""Each number of the knowledge is held in place from both sides: moved by one in its last printed digit, exactly the
examples that name it as their edge fail, some when it goes up and some when it goes down."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from cds_service.assessment.assess import RULES, assess
from cds_service.assessment.picture import Picture
from cds_service.assessment.rules.scope import data_incomplete
from cds_service.cards.compose import compose
from cds_service.fhir.conditions import read_problems
from cds_service.fhir.hook_call import HookCall
from cds_service.fhir.record import PatientRecord
from cds_service.knowledge.loader import load
from cds_service.knowledge.model import Example, Knowledge, RuleKnowledge, limits_of
from tests.builders import SNOMED, condition, record
from tests.spec.example_facts import TODAY, example_facts

KNOWLEDGE = load()
FUNCTIONS = dict(RULES)
OUT_OF_AN_EXAMPLES_REACH = {
    "cards-at-most": "counts cards, and an example is of one rule; held below",
    "pregnancy-weeks": "is used where FHIR is read, and an example begins after that; held below",
}
FOUR_CONCERNS = {
    "total_b12": "200 ng/L",
    "active_b12": "80 pmol/L",
    "if_antibody": "positive",
    "unread": ["labs"],
}
PARAMETERS = [name for name in KNOWLEDGE.parameter_files if name not in OUT_OF_AN_EXAMPLES_REACH]
LIMITS = [
    pytest.param(analyte.id, place, limit, id=f"{analyte.id}.{limit} {scale.unit}")
    for analyte in KNOWLEDGE.analytes.values()
    for place, scale in enumerate(analyte.scales)
    for limit in limits_of(scale)
]


def one_unit(number: Decimal) -> Decimal:
    """One in the last printed digit of a number."""
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return Decimal(1).scaleb(exponent)


def with_parameter(name: str, moved: Decimal) -> Knowledge:
    field = name.replace("-", "_")
    value = type(getattr(KNOWLEDGE.parameters, field))(KNOWLEDGE.parameter_files[name].value + moved)
    return replace(KNOWLEDGE, parameters=replace(KNOWLEDGE.parameters, **{field: value}))


def with_limit(name: str, place: int, limit: str, moved: Decimal) -> Knowledge:
    analyte = KNOWLEDGE.analytes[name]
    scales = list(analyte.scales)
    scales[place] = replace(scales[place], **{limit: getattr(scales[place], limit) + moved})
    return replace(KNOWLEDGE, analytes={**KNOWLEDGE.analytes, name: replace(analyte, scales=tuple(scales))})


def outcome(rule: RuleKnowledge, example: Example, knowledge: Knowledge) -> tuple[str, str]:
    picture = Picture(example_facts(example.given), knowledge)
    if rule.id in FUNCTIONS:
        answer = FUNCTIONS[rule.id](picture)
    else:
        answer = data_incomplete(picture, [function(picture) for function in FUNCTIONS.values()])
    return answer.outcome, answer.variant


EXAMPLES = [(rule, example) for rule in KNOWLEDGE.rules.values() for example in rule.examples]
AS_SHIPPED = [outcome(rule, example, KNOWLEDGE) for rule, example in EXAMPLES]


def named(rule: RuleKnowledge, example: Example) -> str:
    return f"{rule.id}: {example.name}"


def failing(moved: Knowledge) -> set[str]:
    """The examples whose outcome is another with this knowledge."""
    return {
        named(rule, example)
        for (rule, example), shipped in zip(EXAMPLES, AS_SHIPPED, strict=True)
        if outcome(rule, example, moved) != shipped
    }


def at_the_edge_of(number: str) -> set[str]:
    """The examples that say that they stand beside this number."""
    return {named(rule, example) for rule, example in EXAMPLES if number in example.edge}


def held_from_both_sides(number: str, up: Knowledge, down: Knowledge) -> None:
    above, below = failing(up), failing(down)

    assert above, f"nothing fails when {number} goes up: add the example at the edge that holds it"
    assert below, f"nothing fails when {number} goes down: add the example at the edge that holds it"
    assert above | below == at_the_edge_of(number)


@pytest.mark.parametrize("name", PARAMETERS)
def test_exactly_the_examples_at_its_edge_fail_when_a_parameter_is_moved_by_one(name: str) -> None:
    unit = one_unit(KNOWLEDGE.parameter_files[name].value)

    held_from_both_sides(name, with_parameter(name, unit), with_parameter(name, -unit))


@pytest.mark.parametrize(("name", "place", "limit"), LIMITS)
def test_exactly_the_examples_at_its_edge_fail_when_a_limit_is_moved_by_one(name: str, place: int, limit: str) -> None:
    scale = KNOWLEDGE.analytes[name].scales[place]
    unit = one_unit(limits_of(scale)[limit])

    held_from_both_sides(
        f"{name}.{limit} {scale.unit}", with_limit(name, place, limit, unit), with_limit(name, place, limit, -unit)
    )


def test_what_no_example_can_reach_is_still_a_parameter() -> None:
    assert KNOWLEDGE.parameter_files.keys() >= OUT_OF_AN_EXAMPLES_REACH.keys()


@pytest.mark.parametrize("moved", [0, 1, -1])
def test_as_many_cards_are_shown_as_the_number_says(moved: int) -> None:
    knowledge = with_parameter("cards-at-most", Decimal(moved))
    facts = example_facts(FOUR_CONCERNS)
    call = HookCall("patient-view", "Practitioner/p1", PatientRecord("example"), TODAY)

    cards = compose(assess(facts, knowledge), facts, knowledge, call)

    assert len({knowledge.rules[f.rule].concern for f in assess(facts, knowledge).fired}) == 4
    assert len(cards) == knowledge.parameters.cards_at_most == 3 + moved


@pytest.mark.parametrize(
    ("moved", "longest_in_days"), [(0, 42 * 7), (1, 43 * 7), (-1, 41 * 7)], ids=["as shipped", "one more", "one less"]
)
def test_a_pregnancy_counts_for_as_many_weeks_as_the_number_says(moved: int, longest_in_days: int) -> None:
    knowledge = with_parameter("pregnancy-weeks", Decimal(moved))

    def counts(days: int) -> bool:
        begun = (TODAY - timedelta(days=days)).isoformat()
        pregnant = condition(SNOMED, "77386006", onsetDateTime=begun)
        return bool(read_problems(record(conditions=[pregnant]), knowledge, TODAY)[0])

    assert counts(longest_in_days)
    assert not counts(longest_in_days + 1)
