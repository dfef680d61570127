"""docs/cards.md: what every example in the rule files gets, in full.

Made, never edited: `python -m tests.spec.card_book` writes it and `--check` holds it current. Whoever changes a rule, a
number or a sentence sees in its diff what that does to every card, and whoever reads cards need not read rules.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cds_service.assessment.assess import RULES, assess
from cds_service.assessment.outcome import Answer, FactUsed, Outcome
from cds_service.assessment.picture import Picture
from cds_service.assessment.rules.scope import data_incomplete
from cds_service.cards.words import filled_detail, filled_summary
from cds_service.knowledge.loader import load
from cds_service.knowledge.model import Example, Knowledge, RuleKnowledge
from tests.spec.example_facts import example_facts

PAGE = Path(__file__).parents[2] / "docs" / "cards.md"
FUNCTIONS = dict(RULES)
_HEAD = """\
# What every example gets

Made from the examples in `cds_service/knowledge/rules` by `make rule-book`; never edited. Under each rule stand its
examples: what is given, what the rule answers, the card where it speaks, the facts and words that it hands to the card,
and which other rules speak of the same patient. Every example is assessed on 2025-10-01.
"""


def page(knowledge: Knowledge) -> str:
    """The whole page."""
    parts = [_HEAD]
    for rule in knowledge.rules.values():
        parts.append(f"## {rule.id}: {rule.title}\n\n{rule.statement}\n")
        parts += [
            f"{section(rule, example, knowledge)}{_whole(rule, example, knowledge)}\n" for example in rule.examples
        ]
    return "\n".join(parts)


def section(rule: RuleKnowledge, example: Example, knowledge: Knowledge) -> str:
    """What the rule itself answers to one example, as the page has it; the next line begins with "Status"."""
    answer = answer_to(rule.id, example.given, knowledge)
    lines = [f"### {rule.id}: {example.name}", "", f"Given: {_given(example.given)}", "", *_told(rule, answer)]
    return "\n".join([*lines, *_listed(answer), "", ""])


def answer_to(rule_id: str, given: Mapping[str, Any], knowledge: Knowledge) -> Answer:
    """What a rule answers to the facts of an example."""
    picture = Picture(example_facts(given), knowledge)
    if rule_id in FUNCTIONS:
        return FUNCTIONS[rule_id](picture)
    return data_incomplete(picture, [function(picture) for function in FUNCTIONS.values()])


def _given(told: Any) -> str:
    if isinstance(told, Mapping):
        return ", ".join(f"{key} ({_given(held)})" for key, held in told.items()) or "nothing"
    return " and ".join(map(_given, told)) if isinstance(told, list | tuple) else str(told)


def _told(rule: RuleKnowledge, answer: Answer) -> Iterator[str]:
    if answer.outcome is not Outcome.FIRES:
        yield str(answer.outcome).replace("-", " ").capitalize() + "."
        return
    text = rule.cards[answer.variant]
    yield f"Fires ({answer.variant}, {text.indicator}): **{filled_summary(text.summary, answer.values)}**"
    yield ""
    yield filled_detail(text.detail, answer.values)


def _listed(answer: Answer) -> Iterator[str]:
    rows: tuple[tuple[str, Iterable[str]], ...] = (
        ("facts", map(_fact, answer.facts)),
        ("words", (f"{name} “{value}”" for name, value in sorted(answer.values.items()))),
        ("recommends", map(str, answer.recommends)),
        ("regimens", answer.regimens),
        ("missing", answer.missing),
        ("not checked", map(str, answer.missing_keys)),
        ("about", [answer.target] if answer.target else ()),
    )
    held = [(name, list(things)) for name, things in rows]
    if any(things for _, things in held):
        yield ""
    for name, things in held:
        if things:
            yield f"- {name}: {'; '.join(things)}"


def _fact(fact: FactUsed) -> str:
    more = ", ".join(part for part in (fact.when, fact.reference, fact.source, fact.short) if part)
    return f"{fact.label} “{fact.value}”" + (f" ({more})" if more else "")


def _whole(rule: RuleKnowledge, example: Example, knowledge: Knowledge) -> str:
    """The status and the other rules that speak, so that the diff of this page shows what reaches further."""
    assessment = assess(example_facts(example.given), knowledge, rule.shown_on[0])
    others = [f"{found.rule} ({found.answer.variant})" for found in assessment.fired if found.rule != rule.id]
    return f"Status {assessment.status}" + (f"; also {', '.join(others)}." if others else ".")


def main() -> None:
    """Write the page, or with --check fail where it is stale."""
    made = page(load())
    if sys.argv[1:] != ["--check"]:
        PAGE.write_text(made, encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != made:
        sys.exit("docs/cards.md: is not as the examples say; run `make rule-book` and commit it")


if __name__ == "__main__":
    main()
