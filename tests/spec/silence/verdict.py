"""What a clinician is told when a piece of the input is spoiled, held against what they are told when it is not.

Only what stands on the cards counts: a data issue that no card shows is told to nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

_TRACE, _ASSESSMENT = "org.b12-cds.trace", "org.b12-cds.assessment"
_SEVERITY = {"info": 1, "warning": 2, "critical": 3}
# The rules whose cards say that something could not be told.
_CANNOT_TELL = frozenset({"B12-DATA-01", "B12-TEST-10", "B12-TEST-11", "B12-SAFE-05", "B12-SAFE-09", "B12-SAFE-10"})
# In a card's detail: what was not checked, what was not used, and rows of its table that say what is not known.
_DOUBTS = re.compile(
    r"(?m)^\*\*Not checked\*\*.*$|^- .*$|^\|.*(?:\(possible\)|\b(?:not known|not recorded|by its name only|not used"
    r"|only when needed|recognised by name only|no dosage|cannot be|could not|does not)).*$"
)


class Verdict(StrEnum):
    """What became of the cards."""

    SAME = "the same cards"
    LOUDER = "louder"
    CANNOT_TELL = "says what it cannot tell"
    SAME_CONCERN = "the same concern, as loud, in other words"
    ERROR = "an error"
    QUIETER = "quieter"
    SILENT = "silent"
    REASSURED = "reassured"
    CRASHED = "crashed"

    @property
    def is_safe(self) -> bool:
        """Whether nobody is falsely reassured."""
        return self not in (Verdict.QUIETER, Verdict.SILENT, Verdict.REASSURED, Verdict.CRASHED)


@dataclass(frozen=True, slots=True)
class Concern:
    """What the card of one concern tells."""

    severity: int
    rules: frozenset[str]
    recommends: frozenset[str]


@dataclass(frozen=True, slots=True)
class Told:
    """What the cards of an answer tell, by concern; `doubts` are all that they say could not be told."""

    status: str
    concerns: Mapping[str, Concern]
    doubts: frozenset[str]
    treatments: frozenset[str]

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Told:
        """Read an answer that came with its assessment."""
        concerns: dict[str, Concern] = {}
        doubts: set[str] = set()
        for card in answer["cards"]:
            trace = card["extension"][_TRACE]
            rules = frozenset(trace["rules"])
            told = Concern(_SEVERITY[card["indicator"]], rules, frozenset(trace.get("recommendations", ())))
            concerns[card["source"]["topic"]["code"]] = told
            doubts.update(_DOUBTS.findall(card.get("detail", "")), _CANNOT_TELL & rules)
        status = answer.get("extension", {}).get(_ASSESSMENT, {}).get("status", "")
        return cls(status, concerns, frozenset(doubts), frozenset(_treatments(answer)))

    @property
    def rules(self) -> Mapping[str, int]:
        """The rules that speak, each with the severity of its card."""
        return {rule: concern.severity for concern in self.concerns.values() for rule in concern.rules}

    @property
    def loudest(self) -> int:
        """The severity of the most severe card; 0 without a card."""
        return max((concern.severity for concern in self.concerns.values()), default=0)


def _treatments(answer: Mapping[str, Any]) -> Iterator[str]:
    """The medicines that are offered."""
    for card in answer["cards"]:
        for suggestion in card.get("suggestions", ()):
            for action in suggestion.get("actions", ()):
                if action.get("resource", {}).get("resourceType") == "MedicationRequest":
                    yield suggestion["label"]


def judge(before: Told, after: Told) -> Verdict:
    """What became of what was told."""
    if after.status == "unlikely" != before.status and not after.doubts - before.doubts:
        return Verdict.REASSURED
    was, now = before.rules, after.rules
    lost = {rule for rule, severity in was.items() if now.get(rule, 0) < severity}
    doubts = after.doubts - before.doubts
    if doubts:
        return Verdict.CANNOT_TELL
    if not lost:
        return Verdict.SAME if now == was else Verdict.LOUDER
    if after.loudest > before.loudest:
        return Verdict.LOUDER
    if all(_still_speaks(concern, after.concerns.get(topic)) for topic, concern in before.concerns.items()):
        return Verdict.SAME_CONCERN
    return Verdict.QUIETER if now else Verdict.SILENT


def _still_speaks(before: Concern, after: Concern | None) -> bool:
    """Whether a card of the same concern is as loud and recommends no less."""
    return after is not None and after.severity >= before.severity and after.recommends >= before.recommends
