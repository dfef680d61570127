"""CDS Hooks 2.0.1 cards as values; the specification's limits are checked when a card is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cds_service.errors import InvalidCard
from cds_service.knowledge.model import Code, Indicator

SUMMARY_LIMIT = 140  # CDS Hooks 2.0.1, card.summary: fewer than 140 characters


@dataclass(frozen=True, slots=True)
class Action:
    """`type` is create, update or delete. `resource` for create and update, `resource_id` (Type/id) for delete."""

    type: str
    description: str
    resource: Mapping[str, Any] | None = None
    resource_id: str = ""

    def __post_init__(self) -> None:
        if self.type not in ("create", "update", "delete") or not self.description:
            raise InvalidCard(f"action {self.type!r} needs a known type and a description")
        if (self.type == "delete") == (self.resource is not None) or (self.type == "delete") != bool(self.resource_id):
            raise InvalidCard(f"action {self.type!r}: create and update carry a resource, delete a resource id")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Something the EHR can apply: all of `actions` together.

    Raises:
        InvalidCard: it has no label or no action, or a removal is recommended, which an EHR would preselect.
    """

    uuid: str
    label: str
    actions: tuple[Action, ...]
    is_recommended: bool = False

    def __post_init__(self) -> None:
        if not self.label or not self.actions:
            raise InvalidCard("a suggestion needs a label and at least one action")
        if self.is_recommended and self.is_removal:
            raise InvalidCard("a removal is never recommended")

    @property
    def is_removal(self) -> bool:
        """Whether it removes an order."""
        return any(action.type == "delete" for action in self.actions)


@dataclass(frozen=True, slots=True)
class Link:
    """An absolute link."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class CardSource:
    """Where the guidance comes from. `topic` is static: EHRs key override memory on it."""

    label: str
    url: str
    topic: Code


@dataclass(frozen=True, slots=True)
class Trace:
    """Which rules speak through a card, what they recommend, and from which knowledge."""

    rules: tuple[str, ...]
    recommendations: tuple[str, ...]
    knowledge_version: str


@dataclass(frozen=True, slots=True)
class Card:
    """One card.

    Raises:
        InvalidCard: the summary is empty or not under 140 characters, or more than one suggestion is recommended.
    """

    uuid: str
    summary: str
    detail: str
    indicator: Indicator
    source: CardSource
    trace: Trace
    suggestions: tuple[Suggestion, ...] = ()
    override_reasons: tuple[Code, ...] = ()
    links: tuple[Link, ...] = ()
    selection_behavior: str = "at-most-one"

    def __post_init__(self) -> None:
        if not 0 < len(self.summary) < SUMMARY_LIMIT:
            raise InvalidCard(f"the summary has {len(self.summary)} characters, allowed are 1 to {SUMMARY_LIMIT - 1}")
        if self.selection_behavior == "at-most-one" and sum(s.is_recommended for s in self.suggestions) > 1:
            raise InvalidCard("at-most-one allows one recommended suggestion")
