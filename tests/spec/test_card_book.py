"""Every example in the rule files gets the answer that docs/cards.md has of it, to the word."""

from __future__ import annotations

import pytest

from cds_service.knowledge.loader import load
from cds_service.knowledge.model import RuleKnowledge
from tests.spec import card_book

KNOWLEDGE = load()
WRITTEN = card_book.PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("rule", KNOWLEDGE.rules.values(), ids=lambda rule: rule.id)
def test_the_examples_of_a_rule_get_what_the_page_says(rule: RuleKnowledge) -> None:
    for example in rule.examples:
        assert WRITTEN.count(f"\n{card_book.section(rule, example, KNOWLEDGE)}Status ") == 1, example.name


def test_the_page_is_as_the_examples_say() -> None:
    assert card_book.page(KNOWLEDGE) == WRITTEN, "run: make rule-book"
