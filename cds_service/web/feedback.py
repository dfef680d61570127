"""Feedback on cards (CDS Hooks 2.0.1, "Feedback"): each item validated and stored on its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any

from marshmallow import ValidationError

from cds_service.errors import InvalidHookRequest
from cds_service.fhir.prefetch import decode_json
from cds_service.storage.store import Feedback
from cds_service.web.edge import Edge
from cds_service.web.schemas import FeedbackItemSchema, problems_of

_ITEM = FeedbackItemSchema()
_MOST_ITEMS = 1000  # each is a transaction of its own, and others wait for it


def record_feedback(edge: Edge, service_id: str, body: bytes) -> int:
    """Store the items and tell how many they are. Those that are valid are stored even where others are not.

    Raises:
        InvalidHookRequest: the body, or an item of it, cannot be used.
        TemporarilyUnavailable: not all valid items could be stored; sending all again counts none twice.
    """
    items, problems = _items(service_id, body)
    if items:
        edge.store.record_feedback(items, edge.now())
    if problems and items:
        problems.append(
            ("feedback", f"holds {len(items)} usable items too: those are stored and need not be sent again")
        )
    if problems:
        raise InvalidHookRequest(problems)
    return len(items)


def _items(service_id: str, body: bytes) -> tuple[list[Feedback], list[tuple[str, str]]]:
    sent = decode_json(body)
    listed = sent.get("feedback") if isinstance(sent, dict) else None
    if not isinstance(listed, list) or not listed:
        raise InvalidHookRequest([("feedback", "is required: a list with at least one item")])
    if len(listed) > _MOST_ITEMS:
        problem = f"holds more than {_MOST_ITEMS} items, and none of them was stored; send them in several requests"
        raise InvalidHookRequest([("feedback", problem)])
    items: list[Feedback] = []
    problems: list[tuple[str, str]] = []
    for index, item in enumerate(listed):
        try:
            items.append(_feedback(service_id, _ITEM.load(item)))
        except ValidationError as error:
            problems.extend(problems_of(error, f"feedback[{index}]"))
    return items, problems


def _feedback(service_id: str, item: Mapping[str, Any]) -> Feedback:
    given = item["overrideReason"] or item["overrideReasons"] or {}
    reason = given.get("reason") or {}
    return Feedback(
        service=service_id,
        card=_storable(item["card"]),
        outcome=item["outcome"],
        # In UTC, so that the same moment written with another zone is no other item.
        outcome_timestamp=item["outcomeTimestamp"].astimezone(UTC),
        accepted_suggestions=tuple(_storable(suggestion["id"]) for suggestion in item["acceptedSuggestions"] or ()),
        reason_system=_storable(reason.get("system")),
        reason_code=_storable(reason.get("code")),
        comment=_storable(given.get("userComment")),
    )


def _storable(text: str | None) -> str:
    """PostgreSQL keeps no null character; an item that holds one would be refused for ever."""
    return (text or "").replace("\0", "\N{REPLACEMENT CHARACTER}")
