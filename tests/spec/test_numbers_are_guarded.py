"""Each number of the knowledge is held in place: moved by one in its last printed digit, an example fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from cds_service.assessment.assess import RULES
from cds_service.assessment.picture import Picture
from cds_service.assessment.rules.scope import data_incomplete
from cds_service.knowledge.loader import load
from cds_service.knowledge.model import Example, Knowledge, RuleKnowledge
from cds_service.rule_book.numbers import LIMITS
from tests.spec.example_facts import example_facts

KNOWLEDGE = load()
FUNCTIONS = dict(RULES)
NOT_A_RULES_NUMBER = {
    "cards-at-most": "counts cards, and an example is of one rule",
    "pregnancy-weeks": "is used where FHIR is read, and an example begins after that",
}
PARAMETERS = [name for name in KNOWLEDGE.parameter_files if name not in NOT_A_RULES_NUMBER]
ANALYTE_LIMITS = [
    pytest.param(analyte.id, place, limit, id=f"{analyte.id} {scale.unit} {limit}")
    for analyte in KNOWLEDGE.analytes.values()
    for place, scale in enumerate(analyte.scales)
    for limit in LIMITS
    if getattr(scale, limit) is not None
]


def one_more(number: Decimal) -> Decimal:
    """The number, moved by one in its last printed digit."""
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return number + Decimal(1).scaleb(exponent)


def outcome(rule: RuleKnowledge, example: Example, knowledge: Knowledge) -> tuple[str, str]:
    picture = Picture(example_facts(example.given), knowledge)
    if rule.id in FUNCTIONS:
        answer = FUNCTIONS[rule.id](picture)
    else:
        answer = data_incomplete(picture, [function(picture) for function in FUNCTIONS.values()])
    return answer.outcome, answer.variant


EXAMPLES = [(rule, example) for rule in KNOWLEDGE.rules.values() for example in rule.examples]
AS_SHIPPED = [outcome(rule, example, KNOWLEDGE) for rule, example in EXAMPLES]


def changed(moved: Knowledge) -> Iterator[str]:
    """The examples whose outcome is another with this knowledge."""
    for (rule, example), shipped in zip(EXAMPLES, AS_SHIPPED, strict=True):
        if outcome(rule, example, moved) != shipped:
            yield f"{rule.id}: {example.name}"


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_that_is_moved_by_one_breaks_an_example(name: str) -> None:
    field = name.replace("-", "_")
    shipped = getattr(KNOWLEDGE.parameters, field)
    value = type(shipped)(one_more(KNOWLEDGE.parameter_files[name].value))
    moved = replace(KNOWLEDGE, parameters=replace(KNOWLEDGE.parameters, **{field: value}))

    broken = list(changed(moved))

    assert broken, f"no example guards {name}: add one on each side of {shipped}"
    assert len(broken) <= 6, f"more than the edge moved: {broken}"


@pytest.mark.parametrize(("name", "place", "limit"), ANALYTE_LIMITS)
def test_a_limit_that_is_moved_by_one_breaks_an_example(name: str, place: int, limit: str) -> None:
    analyte = KNOWLEDGE.analytes[name]
    scales = list(analyte.scales)
    shipped = getattr(scales[place], limit)
    scales[place] = replace(scales[place], **{limit: one_more(shipped)})
    moved = replace(KNOWLEDGE, analytes={**KNOWLEDGE.analytes, name: replace(analyte, scales=tuple(scales))})

    broken = list(changed(moved))

    assert broken, f"no example guards {name} {limit}: add one on each side of {shipped}"
    assert len(broken) <= 6, f"more than the edge moved: {broken}"


def test_what_no_example_can_guard_is_still_a_parameter() -> None:
    assert KNOWLEDGE.parameter_files.keys() >= NOT_A_RULES_NUMBER.keys()
