"""What a good answer to a vignette says and does not say, and how an answer falls short of it.

Keys of `expect`: status (one, or those that are acceptable); highest (the highest card's indicator or `none`; two are
the lowest and the highest that are acceptable); recommends (all of them), recommends_any (at least one of them),
recommends_none; says and never_says (regular expressions, any case, each met by the summary and detail of some card or
of none); data_issues (at least so many); one_card_with (a recommendation that may stand on one card only).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from cds_service.assessment.outcome import Status
from cds_service.knowledge.model import Recommendation
from tests.spec.vignettes.resources import WORDS

LEVELS = ("none", "info", "warning", "critical")


@dataclass(frozen=True, slots=True)
class Expectation:
    """The `expect` of a vignette."""

    status: tuple[Status, ...]
    lowest: int
    highest: int
    recommends: frozenset[Recommendation]
    recommends_any: frozenset[Recommendation]
    recommends_none: frozenset[Recommendation]
    one_card_with: frozenset[Recommendation]
    says: tuple[str, ...]
    never_says: tuple[str, ...]
    data_issues: int

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Expectation:
        """Read `expect`.

        Raises:
            ValueError: a word that is no key, status, indicator or recommendation: it would be a weaker expectation.
        """
        if unknown := set(told) - _KEYS:
            raise ValueError(f"an expectation has no {sorted(unknown)}")
        levels = [LEVELS.index(level) for level in _several(told["highest"])]
        return cls(
            status=tuple(Status(one) for one in _several(told.get("status"))),
            lowest=levels[0],
            highest=levels[-1],
            recommends=_kinds(told.get("recommends")),
            recommends_any=_kinds(told.get("recommends_any")),
            recommends_none=_kinds(told.get("recommends_none")),
            one_card_with=_kinds(told.get("one_card_with")),
            says=_several(told.get("says")),
            never_says=_several(told.get("never_says")),
            data_issues=told.get("data_issues", 0),
        )

    def shortfalls(self, answer: Mapping[str, Any]) -> Iterator[str]:
        """Each way in which an answer is not what is expected."""
        assessment, cards = answer["extension"]["org.b12-cds.assessment"], answer["cards"]
        if self.status and assessment["status"] not in self.status:
            yield f"status is {assessment['status']}"
        level = max((LEVELS.index(card["indicator"]) for card in cards), default=0)
        if not self.lowest <= level <= self.highest:
            yield f"the highest card is {LEVELS[level]}: {[card['summary'] for card in cards]}"
        if (found := len(assessment.get("dataIssues", []))) < self.data_issues:
            yield f"{found} data issues"
        yield from self._wrong_recommendations([card["extension"]["org.b12-cds.trace"] for card in cards])
        yield from self._wrong_words([f"{card['summary']}\n{card.get('detail', '')}" for card in cards])

    def _wrong_recommendations(self, traces: list[dict[str, Any]]) -> Iterator[str]:
        given = [kind for trace in traces for kind in trace.get("recommendations", [])]
        if missing := self.recommends.difference(given):
            yield f"does not recommend {_listed(missing)}"
        if self.recommends_any and self.recommends_any.isdisjoint(given):
            yield f"recommends none of {_listed(self.recommends_any)}"
        if wrong := self.recommends_none.intersection(given):
            yield f"recommends {_listed(wrong)}"
        if twice := [kind for kind in self.one_card_with if given.count(kind) > 1]:
            yield f"recommends on two cards {_listed(twice)}"

    def _wrong_words(self, texts: list[str]) -> Iterator[str]:
        for pattern in self.says:
            if not any(re.search(pattern, text, re.IGNORECASE) for text in texts):
                yield f"no card says {pattern!r}"
        for pattern in self.never_says:
            if any(re.search(pattern, text, re.IGNORECASE) for text in texts):
                yield f"a card says {pattern!r}"


_KEYS = set(Expectation.__annotations__) - {"lowest"}


def _listed(kinds: Iterable[Recommendation]) -> str:
    return ", ".join(sorted(kinds))


def _several(told: Any) -> tuple[Any, ...]:
    if told is None:
        return ()
    return tuple(told) if isinstance(told, list) else (told,)


def _kinds(told: Any) -> frozenset[Recommendation]:
    names = [name for told_name in _several(told) for name in WORDS["kinds"].get(told_name, [told_name])]
    return frozenset(Recommendation(name) for name in names)
