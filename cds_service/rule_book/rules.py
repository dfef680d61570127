"""Each rule: what it says, why, from which source, in which words, and the examples that hold it in place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from cds_service.cards.compose import review_words
from cds_service.knowledge.model import Example, Knowledge, RuleKnowledge
from cds_service.rule_book.markdown import link, page, table
from cds_service.rule_book.numbers import cited


def rule_table(knowledge: Knowledge) -> str:
    """All rules at a glance, each linked to its section."""
    rows = (
        (link(one.id, f"#{one.id.lower()}"), one.title, ", ".join(one.shown_on), str(one.review.status))
        for one in knowledge.rules.values()
    )
    return table(("rule", "title", "shown on", "review"), rows)


def rule(rule: RuleKnowledge, knowledge: Knowledge, folder: Path) -> str:
    """One rule in full."""
    review = rule.review
    return page(
        [
            f"### {rule.id}",
            f"**{rule.title}.** {rule.statement}",
            f"*Why:* {rule.rationale}",
            f"{_file(rule, folder)}, function `{rule.function}`, concern `{rule.concern}`; shown on "
            f"{', '.join(rule.shown_on)}; {review_words(review, knowledge.wording)}; "
            f"to be reviewed by {review.next_review}.",
            f"Sources: {cited(rule.sources, knowledge)}.",
            table(("card", "indicator", "summary", "detail", "for the patient"), _words(rule)),
            table(("example", "given", "then", "at the edge of"), (example_row(example) for example in rule.examples)),
            f"May be set aside as: {_overrides(rule, knowledge)}.",
        ]
    )


def _file(rule: RuleKnowledge, folder: Path) -> str:
    names = sorted(path.name for path in folder.glob(f"rules/{rule.id}-*.yaml"))
    return link(names[0], f"rules/{names[0]}") if names else rule.id


def _words(rule: RuleKnowledge) -> Iterator[tuple[str, ...]]:
    for variant, card in rule.cards.items():
        yield variant, card.indicator, card.summary, card.detail, card.patient


def _overrides(rule: RuleKnowledge, knowledge: Knowledge) -> str:
    return "; ".join(knowledge.override_reasons[name].code.display for name in rule.overrides) or "nothing"


def example_row(example: Example) -> tuple[str, ...]:
    """One example: its name, what is given, what the rule then does, and the numbers beside which it stands."""
    then = example.then.replace("_", " ")
    if example.missing:
        then += f": {', '.join(example.missing)}"
    then += f" ({example.variant})" if example.variant else ""
    return example.name, _told(example.given) or "nothing", then, ", ".join(example.edge)


def _told(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_inner(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(_inner(item) for item in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _inner(value: object) -> str:
    told = _told(value)
    return f"({told})" if isinstance(value, Mapping | list) and "," in told else told
