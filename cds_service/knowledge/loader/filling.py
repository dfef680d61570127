"""What a site's own words are filled with: a blank that no rule fills, or a summary that overflows once it is filled,
would fail in front of a patient, and is refused at the start instead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from string import Formatter

from cds_service.knowledge.model import CardText, RuleKnowledge
from cds_service.knowledge.schemas.rules import SUMMARY_AT_MOST

_USUAL_LENGTH = 10  # a day, a dose
_LENGTHS: Mapping[str, int] = {
    "add": 20,
    "b12": 13,
    "cord": 28,
    "evidence": 36,
    "because": 36,
    "cause": 24,
    "confounder": 42,
    "feature": 24,
    "grey_zone": 15,
    "markers": 16,
    "medicines": 27,
    "months": 2,
    "age": 8,
    "duration": 9,
    "open": 16,
    "other": 24,
    "result": 35,
    "when": 17,
    "later_when": 17,
    "reason": 42,
    "risk": 24,
    "span": 29,
    "treated": 19,
    "treatment": 43,
    "why": 24,
}
"""How long the longest ordinary values are."""


def filling_problems(rules: Mapping[str, RuleKnowledge], ours: Mapping[str, RuleKnowledge]) -> Iterator[str]:
    """What is wrong with the cards of `rules`, held against `ours`, which the code fills."""
    for rule in rules.values():
        shipped = ours.get(rule.id)
        if shipped is None or shipped.cards == rule.cards:
            continue
        where = f"rules/{rule.id}-….yaml: cards"
        yield from (
            f"{where}.{variant}: is missing, and the rule may answer with it; add it"
            for variant in shipped.cards
            if variant not in rule.cards
        )
        for variant, card in rule.cards.items():
            if variant in shipped.cards:
                yield from _of_card(f"{where}.{variant}", card, shipped.cards[variant])


def _of_card(where: str, card: CardText, ours: CardText) -> Iterator[str]:
    known = _blanks(ours.summary) | _blanks(ours.detail)
    for name in ("summary", "detail", "patient"):
        for blank in sorted(_blanks(getattr(card, name)) - known):
            may = f"write one of {', '.join(f'{{{one}}}' for one in sorted(known))}" if known else "it has none to fill"
            yield f"{where}.{name}: {{{blank}}} is not filled in here; {may}"
    length = _filled_length(card.summary)
    if card.summary != ours.summary and length > SUMMARY_AT_MOST:
        yield (
            f"{where}.summary: has about {length} characters once it is filled in, and a summary may have "
            f"{SUMMARY_AT_MOST}; shorten it by {length - SUMMARY_AT_MOST}"
        )


def _blanks(text: str) -> set[str]:
    return {blank for _, blank, _, _ in Formatter().parse(text) if blank is not None}


def _filled_length(summary: str) -> int:
    return sum(
        len(text) + (_LENGTHS.get(blank, _USUAL_LENGTH) if blank is not None else 0)
        for text, blank, _, _ in Formatter().parse(summary)
    )
