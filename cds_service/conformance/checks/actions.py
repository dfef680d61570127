"""Suggestions and actions (CDS Hooks 2.0.1, "Suggestion", "Action" and "System Action")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cds_service.conformance.check import NotApplicable, check
from cds_service.conformance.shapes import objects, short, text
from cds_service.conformance.visit import Call, Visit
from cds_service.fhir.r4b import model_of

_BEHAVIOURS = ("at-most-one", "any")
_TYPES = ("create", "update", "delete")
_REFERENCE = re.compile(r"[A-Z][A-Za-z]{1,63}/[A-Za-z0-9.-]{1,64}")


@check("selectionBehavior is given with suggestions, and is at-most-one or any", "75", "76")
def behaviour_goes_with_suggestions(visit: Visit) -> Iterator[str]:
    for name, card in _cards_with_suggestions(visit):
        if not isinstance(card["suggestions"], list):
            yield f"{name}: suggestions is no list"
        if card.get("selectionBehavior") not in _BEHAVIOURS:
            yield f"{name}: selectionBehavior is {short(card.get('selectionBehavior'))}"


@check("Each suggestion has a label", "79")
def suggestions_are_whole(visit: Visit) -> Iterator[str]:
    for name, suggestion in _suggestions(visit):
        if not text(suggestion.get("label")):
            yield f"{name}: the label is {short(suggestion.get('label'))}"


@check("Recommendations are boolean, and one at most where one may be chosen", "76", "81")
def recommendations_fit_the_behaviour(visit: Visit) -> Iterator[str]:
    for name, card in _cards_with_suggestions(visit):
        given = [each["isRecommended"] for each in objects(card, "suggestions") if "isRecommended" in each]
        if not all(isinstance(value, bool) for value in given):
            yield f"{name}: isRecommended is no boolean"
        elif card.get("selectionBehavior") == "at-most-one" and sum(given) > 1:
            yield f"{name}: {sum(given)} are recommended"


@check("Actions belong together, without actionSelectionBehavior", "83")
def all_actions_belong_together(visit: Visit) -> Iterator[str]:
    for name, suggestion in _suggestions(visit):
        if "actionSelectionBehavior" in suggestion:
            yield f"{name}: {short(suggestion['actionSelectionBehavior'])}"


@check("Each action has a type and a description", "82", "84", "85")
def actions_are_whole(visit: Visit) -> Iterator[str]:
    for name, suggestion in _suggestions(visit):
        if "actions" in suggestion and not isinstance(suggestion["actions"], list):
            yield f"{name}: actions is no list"
    for name, action in _actions(visit):
        if action.get("type") not in _TYPES:
            yield f"{name}: the type is {short(action.get('type'))}"
        if not text(action.get("description")):
            yield f"{name}: there is no description"


@check("create and update carry a whole resource that is valid FHIR R4", "6", "86", "87")
def resources_are_fhir(visit: Visit) -> Iterator[str]:
    for name, action in _actions(visit):
        if action.get("type") in ("create", "update"):
            yield from (f"{name}: {problem}" for problem in _faults(action.get("resource")))
            if action["type"] == "update" and not text(_member(action.get("resource"), "id")):
                yield f"{name}: the resource to update has no id"


@check("delete names what to delete with resourceId, and carries no resource", "88")
def deletions_name_a_resource(visit: Visit) -> Iterator[str]:
    deletions = [(name, action) for name, action in _actions(visit) if action.get("type") == "delete"]
    if not deletions:
        raise NotApplicable("no action deletes")
    for name, action in deletions:
        if not _REFERENCE.fullmatch(text(action.get("resourceId"))) or "resource" in action:
            yield f"{name}: resourceId is {short(action.get('resourceId'))}"


@check("Only draft orders of the request are changed or deleted", "89")
def changes_concern_drafts(visit: Visit) -> Iterator[str]:
    changes = [
        (call, action)
        for call in visit.calls
        for card in call.cards
        for suggestion in objects(card, "suggestions")
        for action in objects(suggestion, "actions")
        if action.get("type") in ("update", "delete")
    ]
    if not changes:
        raise NotApplicable("no action changes or deletes")
    for call, action in changes:
        target = _target(action)
        if target not in _draft_ids(call):
            yield f"{call.name}: {short(target)} is no draft order of the request"


@check("There are no systemActions that were not agreed upon", "93")
def system_actions_are_agreed_upon(visit: Visit) -> Iterator[str]:
    for call in visit.calls:
        if isinstance(call.answer.json, dict) and "systemActions" in call.answer.json:
            yield f"{call.name}: systemActions are given"


def _faults(resource: Any) -> Iterator[str]:
    kind = text(_member(resource, "resourceType"))
    if not kind:
        yield "there is no resource with a resourceType"
        return
    try:
        model_of(kind).model_validate(resource)
    except (ValueError, RecursionError) as error:
        yield f"the {short(kind)} is not valid: {_first_line(error)}"


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return short(" ".join(lines[1:3]) or str(error))


def _target(action: dict[str, Any]) -> str:
    resource = action.get("resource")
    if action.get("type") == "delete":
        return text(action.get("resourceId")) or text(resource)
    return f"{_member(resource, 'resourceType')}/{_member(resource, 'id')}"


def _draft_ids(call: Call) -> set[str]:
    found = (entry["resource"] for entry in objects(call.request["context"].get("draftOrders"), "entry"))
    return {f"{resource['resourceType']}/{resource['id']}" for resource in found}


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _cards_with_suggestions(visit: Visit) -> list[tuple[str, dict[str, Any]]]:
    found = [(name, card) for name, card in visit.cards() if "suggestions" in card]
    if not found:
        raise NotApplicable("no card has suggestions")
    return found


def _suggestions(visit: Visit) -> list[tuple[str, dict[str, Any]]]:
    found = list(visit.suggestions())
    if not found:
        raise NotApplicable("no card has suggestions")
    return found


def _actions(visit: Visit) -> list[tuple[str, dict[str, Any]]]:
    found = list(visit.actions())
    if not found:
        raise NotApplicable("no suggestion has actions")
    return found
