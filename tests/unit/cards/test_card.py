"""What can be no card, action or suggestion is refused when it is made, and says why."""

from __future__ import annotations

import re
from typing import Any

import pytest

from cds_service.cards.card import Action, Card, CardSource, Suggestion, Trace
from cds_service.errors import InvalidCard
from cds_service.knowledge.model import Code, Indicator

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


def test_a_removal_is_never_recommended() -> None:
    removal = Action("delete", "Remove it", resource_id="MedicationRequest/1")
    assert not Suggestion("1", "Remove it", (removal,)).is_recommended
    for actions in ((removal,), (Action("create", "Order it", RESOURCE), removal)):
        with pytest.raises(InvalidCard, match=r"^a removal is never recommended$"):
            Suggestion("1", "Remove it", actions, is_recommended=True)


def card(summary: str = "B12", recommended: int = 0, **more: Any) -> Card:
    action = Action("create", "Order it", RESOURCE)
    suggestions = tuple(Suggestion(str(n), "Order it", (action,), is_recommended=n < recommended) for n in range(3))
    source, trace = CardSource("us", "", Code("", "", "")), Trace((), (), "")
    return Card("1", summary, "", Indicator.INFO, source, trace, suggestions, **more)


@pytest.mark.parametrize("length", [1, 139])
def test_a_summary_of_1_to_139_characters_is_a_cards(length: int) -> None:
    assert card("x" * length).summary == "x" * length


@pytest.mark.parametrize("length", [0, 140])
def test_any_other_summary_is_refused(length: int) -> None:
    with pytest.raises(InvalidCard, match=f"the summary has {length} characters, allowed are 1 to 139"):
        card("x" * length)


def test_one_suggestion_at_most_is_recommended_where_one_at_most_may_be_applied() -> None:
    card(recommended=1)
    card(recommended=2, selection_behavior="any")
    with pytest.raises(InvalidCard, match=r"^at-most-one allows one recommended suggestion$"):
        card(recommended=2)
