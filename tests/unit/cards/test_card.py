"""What can be no card, action or suggestion is refused when it is made, and says why."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cds_service.cards.card import Action, Suggestion
from cds_service.errors import InvalidCard

RESOURCE = {"resourceType": "ServiceRequest"}
A_TYPE = "needs a known type and a description"
A_RESOURCE = "create and update carry a resource, delete a resource id"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"type": "read", "description": "Read it", "resource": RESOURCE}, f"action 'read' {A_TYPE}"),
        ({"type": "create", "description": "", "resource": RESOURCE}, f"action 'create' {A_TYPE}"),
        ({"type": "create", "description": "Order it"}, f"action 'create': {A_RESOURCE}"),
        ({"type": "update", "description": "Change it"}, f"action 'update': {A_RESOURCE}"),
        ({"type": "create", "description": "Order it", "resource": RESOURCE, "resource_id": "A/1"}, A_RESOURCE),
        ({"type": "delete", "description": "Remove it", "resource": RESOURCE, "resource_id": "A/1"}, A_RESOURCE),
        ({"type": "delete", "description": "Remove it"}, f"action 'delete': {A_RESOURCE}"),
    ],
    ids=str,
)
def test_an_action_that_cannot_be_applied_is_refused(given: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidCard, match=re.escape(why)):
        Action(**given)


def test_a_suggestion_has_a_label_and_something_to_do() -> None:
    action = Action("create", "Order it", RESOURCE)
    for label, actions in (("", (action,)), ("Order it", ())):
        with pytest.raises(InvalidCard, match=r"^a suggestion needs a label and at least one action$"):
            Suggestion("1", label, actions)
