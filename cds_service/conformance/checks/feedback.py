"""Feedback (CDS Hooks 2.0.1, "Feedback"). A service need not take any; then there is nothing to judge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cds_service.conformance.check import NotApplicable, check
from cds_service.conformance.client import Answer
from cds_service.conformance.shapes import objects, text
from cds_service.conformance.visit import Visit

_WHEN = "2025-10-01T09:30:00.000Z"
_NONE_TAKEN = (404, 405, 501)
_REASON = {"reason": {"code": "org-example", "system": "https://example.org/reasons"}, "userComment": "Next visit"}


@check("Feedback on a card is taken, accepted or overridden", "94", "95", "96", "97", "98", "99", "100")
def is_taken(visit: Visit) -> Iterator[str]:
    service, card, suggestion = _answered(visit)
    for item in (_accepted(card, suggestion), _overridden(card)):
        answer = _sent(visit, service, item)
        if not 200 <= answer.status < 300:
            yield f"{item['outcome']}: the status is {answer.status}"


@check("Feedback may come again, in batches", "101")
def may_come_again(visit: Visit) -> Iterator[str]:
    service, card, suggestion = _answered(visit)
    items = (_accepted(card, suggestion), _overridden(card), _overridden(card))
    answer = _sent(visit, service, *items)
    if not 200 <= answer.status < 300:
        yield f"the status is {answer.status}"


@check("Feedback without a known outcome is refused", "97")
def without_outcome_is_refused(visit: Visit) -> Iterator[str]:
    service, card, _ = _answered(visit)
    answer = _sent(visit, service, {"card": card, "outcome": "ignored", "outcomeTimestamp": _WHEN})
    if not 400 <= answer.status < 500:
        yield f"the status is {answer.status}"


def _answered(visit: Visit) -> tuple[dict[str, Any], str, str]:
    """A service, and the ids of a card of it and of a suggestion on that card."""
    for call in visit.calls:
        for card in call.cards:
            for suggestion in objects(card, "suggestions"):
                if text(card.get("uuid")) and text(suggestion.get("uuid")):
                    return dict(call.service), card["uuid"], suggestion["uuid"]
    raise NotApplicable("no card and suggestion have ids, so that no feedback can be sent")


def _sent(visit: Visit, service: dict[str, Any], *items: dict[str, Any]) -> Answer:
    answer = visit.feedback(service, *items)
    if answer.status in _NONE_TAKEN:
        raise NotApplicable("the service takes no feedback")
    return answer


def _accepted(card: str, suggestion: str) -> dict[str, Any]:
    return {
        "card": card,
        "outcome": "accepted",
        "acceptedSuggestions": [{"id": suggestion}],
        "outcomeTimestamp": _WHEN,
    }


def _overridden(card: str) -> dict[str, Any]:
    return {"card": card, "outcome": "overridden", "overrideReason": _REASON, "outcomeTimestamp": _WHEN}
