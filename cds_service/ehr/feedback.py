"""What an EHR reports about a card (CDS Hooks 2.0.1, "Feedback")."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cds_service.ehr.patient_bundle import Json, UnusableFile


def feedback_item(
    card: Mapping[str, Any], accepted: Mapping[str, Any] | None, at: datetime, *, reason: str = "", comment: str = ""
) -> Json:
    """One item: the suggestion that was accepted or, without one, that the card was overridden, and why.

    Raises:
        UnusableFile: the card cannot be reported on, or does not offer this reason.
    """
    if not isinstance(card.get("uuid"), str):
        raise UnusableFile("This card has no uuid, so no feedback on it is possible.")
    item: Json = {"card": card["uuid"], "outcomeTimestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}"}
    if accepted is not None:
        if not isinstance(accepted.get("uuid"), str):
            raise UnusableFile("This card has no suggestion with a uuid that could have been accepted.")
        return item | {"outcome": "accepted", "acceptedSuggestions": [{"id": accepted["uuid"]}]}
    why: Json = {}
    if reason:
        why["reason"] = _offered(card, reason)
    if comment:
        why["userComment"] = comment
    return item | {"outcome": "overridden"} | ({"overrideReason": why} if why else {})


def _offered(card: Mapping[str, Any], code: str) -> Json:
    offered = [one for one in card.get("overrideReasons") or () if isinstance(one, dict)]
    for one in offered:
        if one.get("code") == code:
            return {name: one[name] for name in ("code", "system", "display") if name in one}
    codes = ", ".join(str(one.get("code")) for one in offered) or "none"
    raise UnusableFile(f"{code[:40]!r} is no override reason of this card; those are: {codes}.")
