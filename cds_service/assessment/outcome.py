"""What a rule answers, and what an assessment is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from cds_service.facts.patient import DataIssue
from cds_service.knowledge.model import Recommendation


class Status(StrEnum):
    """The patient's vitamin B12 status."""

    DEFICIENT = "deficient"
    FUNCTIONAL = "functional"
    INDETERMINATE = "indeterminate"
    UNLIKELY = "unlikely"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not-applicable"


class Outcome(StrEnum):
    """What a rule answers."""

    FIRES = "fires"
    DOES_NOT_FIRE = "does-not-fire"
    CANNOT_TELL = "cannot-tell"


FIRES = Outcome.FIRES
"""For who asks it of every answer: Python 3.11 is slow to find the member of an enumeration."""


@dataclass(frozen=True, slots=True)
class FactUsed:
    """A fact that a finding rests on, as a row of the card's table. `when` and `reference` may be empty.

    `short` is what a summary calls it; the label where it is empty.
    """

    label: str
    value: str
    when: str = ""
    reference: str = ""
    source: str = ""
    short: str = ""

    @property
    def words(self) -> str:
        """What a sentence calls it: in lower case, unless it is an abbreviation or a name."""
        text = self.short or self.label
        return text if text[1:2].isupper() or text[1:2].isdigit() or "'" in text else text[:1].lower() + text[1:]


@dataclass(frozen=True, slots=True)
class Answer:
    """A rule's answer. `variant` picks the words in the rule's file; `values` fill its {braces}.

    `recommends` is in order of usefulness. `missing` says what a rule that cannot tell would need, in words, and
    `missing_keys` which prefetch keys would hold it. `regimens` are regimen ids, `target` the draft a card is about.
    """

    outcome: Outcome
    facts: tuple[FactUsed, ...] = ()
    variant: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    recommends: tuple[Recommendation, ...] = ()
    regimens: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    missing_keys: tuple[str, ...] = ()
    target: str = ""


@dataclass(frozen=True, slots=True)
class FindingOf:
    """A rule's answer under the rule's id."""

    rule: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class Assessment:
    """All that was found: `findings` in the order of RULES."""

    status: Status
    as_of: date
    knowledge_version: str
    findings: tuple[FindingOf, ...]
    issues: tuple[DataIssue, ...]

    @property
    def fired(self) -> tuple[FindingOf, ...]:
        """The findings that fired."""
        return tuple([f for f in self.findings if f.answer.outcome is FIRES])


def fires(
    *,
    variant: str,
    facts: tuple[FactUsed, ...] = (),
    values: Mapping[str, str] | None = None,
    recommends: tuple[Recommendation, ...] = (),
    regimens: tuple[str, ...] = (),
    missing_keys: tuple[str, ...] = (),
    target: str = "",
) -> Answer:
    """The rule speaks."""
    return Answer(
        Outcome.FIRES, facts, variant, values or {}, recommends, regimens, missing_keys=missing_keys, target=target
    )


def does_not_fire(*facts: FactUsed) -> Answer:
    """The rule was asked and has nothing to say; `facts` are why, where there are any."""
    return Answer(Outcome.DOES_NOT_FIRE, facts) if facts else _SILENT


def cannot_tell(*missing: str, keys: tuple[str, ...] = (), facts: tuple[FactUsed, ...] = ()) -> Answer:
    """The rule cannot answer: `missing` says what it would need, `keys` which prefetch keys would hold it."""
    return Answer(Outcome.CANNOT_TELL, facts, missing=missing, missing_keys=keys)


_SILENT = Answer(Outcome.DOES_NOT_FIRE)  # most rules' answer to most patients
