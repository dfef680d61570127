"""Feedback on cards (CDS Hooks 2.0.1, "Feedback"): each item validated and stored on its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import structlog
from marshmallow import ValidationError

from cds_service.errors import InvalidHookRequest
from cds_service.fhir.prefetch import decode_json
from cds_service.storage.store import Feedback
from cds_service.web.edge import Edge
from cds_service.web.schemas import FeedbackItemSchema, problems_of

_ITEM = FeedbackItemSchema()
_MOST_ITEMS = 1000  # each is a transaction of its own, and others wait for it
_MOST_ACCEPTED = 50  # of one card, which offers a handful; each is checked on its own
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Kept:
    """How many items are stored, and how many accepted suggestions of theirs were too many to be kept."""

    items: int
    suggestions_left_out: int


def record_feedback(edge: Edge, service_id: str, body: bytes) -> Kept:
    """Store the items and tell how many they are. Those that are valid are stored even where others are not.

    Of an item with more accepted suggestions than any card offers, the first are kept, and the item with them.

    Raises:
        InvalidHookRequest: the body, or an item of it, cannot be used.
        TemporarilyUnavailable: not all valid items could be stored; sending all again counts none twice.
    """
    items, problems, left_out = _items(service_id, body)
    if items:
        edge.store.record_feedback(items, edge.now())
    if left_out:
        _log.warning("accepted suggestions left out", service=service_id, count=left_out, kept_of_one=_MOST_ACCEPTED)
    if problems and items:
        problems.append(
            ("feedback", f"holds {len(items)} usable items too: those are stored and need not be sent again")
        )
    if problems:
        raise InvalidHookRequest(problems)
    return Kept(len(items), left_out)


def _items(service_id: str, body: bytes) -> tuple[list[Feedback], list[tuple[str, str]], int]:
    """The usable items, the problems of the others, and how many accepted suggestions were left out of the former."""
    sent = decode_json(body)
    listed = sent.get("feedback") if isinstance(sent, dict) else None
    if not isinstance(listed, list) or not listed:
        raise InvalidHookRequest([("feedback", "is required: a list with at least one item")])
    if len(listed) > _MOST_ITEMS:
        problem = f"holds more than {_MOST_ITEMS} items, and none of them was stored; send them in several requests"
        raise InvalidHookRequest([("feedback", problem)])
    items: list[Feedback] = []
    problems: list[tuple[str, str]] = []
    left_out = 0
    for index, item in enumerate(listed):
        short, more = _shortened(item)
        try:
            items.append(_feedback(service_id, _ITEM.load(short)))
            left_out += more
        except ValidationError as error:
            problems.extend(problems_of(error, f"feedback[{index}]"))
    return items, problems, left_out


def _shortened(item: Any) -> tuple[Any, int]:
    """The item with as many accepted suggestions as are kept, and how many there are more."""
    accepted = item.get("acceptedSuggestions") if isinstance(item, dict) else None
    if not isinstance(accepted, list) or len(accepted) <= _MOST_ACCEPTED:
        return item, 0
    return item | {"acceptedSuggestions": accepted[:_MOST_ACCEPTED]}, len(accepted) - _MOST_ACCEPTED


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
