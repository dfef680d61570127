"""Every example in the rule files gets the answer that docs/cards.md has of it, to the word."""

from __future__ import annotations

import pytest

from cds_service.knowledge.loader import load
from cds_service.knowledge.model import Example, RuleKnowledge
from tests.spec import card_book

KNOWLEDGE = load()
WRITTEN = card_book.PAGE.read_text(encoding="utf-8")
EXAMPLES = [
    pytest.param(rule, example, id=f"{rule.id}: {example.name}")
    for rule in KNOWLEDGE.rules.values()
    for example in rule.examples
]


@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_an_example_gets_what_the_page_says(rule: RuleKnowledge, example: Example) -> None:
    heading = f"\n### {rule.id}: {example.name}\n"
    assert WRITTEN.count(heading) == 1
    written = WRITTEN.partition(heading)[2].partition("\n\n##")[0]
    assert (heading + written).strip() == card_book.section(rule, example, KNOWLEDGE).strip(), "run: make rule-book"


def test_the_page_holds_nothing_else() -> None:
    assert card_book.page(KNOWLEDGE) == WRITTEN
