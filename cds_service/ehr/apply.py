"""Doing what a suggestion proposes, as an EHR would when its user clicks on it: all its actions, or none of them.

The service's answer is somebody else's: what it wants to write or delete must be of the patient that the hook was
fired for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cds_service.ehr.fhir_server import FhirServer
from cds_service.ehr.marks import identifier_value, marked, tag_of
from cds_service.ehr.patient_bundle import Json, UnusableFile

MADE_UP_USER = "Practitioner/b12-cds-test"
"""The user in whose name a hook is fired when none is named; no server knows it."""

_PLACE = re.compile(r"([1-9][0-9]{0,2})(?:\.([1-9][0-9]{0,2}))?")
_NAME = re.compile(r"[A-Z][A-Za-z]{1,63}/[A-Za-z0-9\-.]{1,64}")
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")


@dataclass(frozen=True, slots=True)
class Done:
    """One action: what was done, and where the server says the result is ("" where there was nothing to do)."""

    action: str
    what: str
    answered: str


def chosen(answer: Mapping[str, Any], place: str) -> tuple[Json, Json]:
    """The card and the suggestion that `2.1` means: the first suggestion of the second card; `2` means the same.

    Raises:
        UnusableFile: there is none at this place.
    """
    found = _PLACE.fullmatch(place)
    if found is None:
        raise UnusableFile(f"{place[:20]!r} is no place: write 2.1 for the first suggestion of the second card.")
    card = _nth(answer.get("cards"), int(found[1]), "card")
    suggestions = card.get("suggestions")
    if found[2] is None and not suggestions:
        return card, {}
    return card, _nth(suggestions, int(found[2] or 1), f"suggestion of card {found[1]}")


class Applier:
    """Applies suggestions for one patient, who must be on the server."""

    def __init__(self, server: FhirServer, patient: Json, *, sign: bool) -> None:
        """`sign`: orders are made active at once, as when the clinician signs them right after."""
        self._server = server
        self._subject = f"Patient/{patient['id']}"
        self._tag = tag_of(patient)
        self._sign = sign

    def apply(self, suggestion: Mapping[str, Any]) -> list[Done]:
        """Do all of its actions in one transaction, and tell what the server answered to each.

        Raises:
            UnusableFile: an action is none, or is not about this patient. Nothing was written.
            FhirRefused, AccessRefused: the server did not take it. Nothing was written.
        """
        actions = suggestion.get("actions")
        if not isinstance(actions, list) or not actions:
            raise UnusableFile("There is no action in this suggestion that could be applied.")
        planned = [self._entry(action, suggestion, number) for number, action in enumerate(actions, 1)]
        entries = [entry for _, _, entry in planned if entry is not None]
        responses = iter(self._server.transaction(entries, repeatable=False) if entries else ())
        return [
            Done(kind, what, _answered(next(responses)) if entry is not None else "not on the server: nothing to do")
            for kind, what, entry in planned
        ]

    def _entry(self, action: Any, suggestion: Mapping[str, Any], number: int) -> tuple[str, str, Json | None]:
        kind = action.get("type") if isinstance(action, dict) else None
        if kind == "delete":
            name = self._checked_name(action.get("resourceId"))
            return kind, name, {"request": {"method": "DELETE", "url": name}} if self._held(name) else None
        resource = action.get("resource") if kind in ("create", "update") else None
        if not isinstance(resource, dict) or not _TYPE.fullmatch(str(resource.get("resourceType"))):
            raise UnusableFile(f"Action {number} of the suggestion is no create, update or delete of a resource.")
        self._check_subject(resource, f"Action {number} of the suggestion")
        outgoing = self._outgoing(resource)
        name = f"{resource['resourceType']}/{resource.get('id', '')}"
        if kind == "update" and _NAME.fullmatch(name) and self._held(name):
            return kind, name, {"resource": outgoing, "request": {"method": "PUT", "url": name}}
        # A draft that is only on the screen is not on the server yet: with the change, it is created there.
        outgoing.pop("id", None)
        if self._tag:
            value = identifier_value(self._tag, f"applied/{suggestion.get('uuid', '')}/{number}")
            outgoing = marked(outgoing, self._tag, value)
        return str(kind), outgoing["resourceType"], {
            "resource": outgoing,
            "request": {"method": "POST", "url": outgoing["resourceType"]},
        }  # fmt: skip

    def _outgoing(self, resource: Json) -> Json:
        outgoing = dict(resource)
        if self._sign and outgoing.get("status") == "draft":
            outgoing["status"] = "active"
        requester = outgoing.get("requester")
        if isinstance(requester, dict) and requester.get("reference") == MADE_UP_USER:
            del outgoing["requester"]
        return outgoing

    def _held(self, name: str) -> bool:
        held = self._server.get(name)
        if held is not None:
            self._check_subject(held, name)
        return held is not None

    def _checked_name(self, given: Any) -> str:
        name = given[0] if isinstance(given, list) and len(given) == 1 else given
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise UnusableFile("The suggestion wants to delete something without saying, as Type/id, what.")
        return name

    def _check_subject(self, resource: Json, what: str) -> None:
        subject = resource.get("subject") or resource.get("patient")
        reference = subject.get("reference") if isinstance(subject, dict) else None
        if reference not in (self._subject, f"{self._server.base}/{self._subject}"):
            raise UnusableFile(f"{what} is not about {self._subject}; nothing was written.")


def _answered(response: Mapping[str, Any]) -> str:
    return " ".join(str(response[part]) for part in ("status", "location") if response.get(part))


def _nth(found: Any, number: int, what: str) -> Json:
    listed: Sequence[Any] = found if isinstance(found, list) else ()
    if not 1 <= number <= len(listed) or not isinstance(listed[number - 1], dict):
        raise UnusableFile(f"There is no {what} with the number {number}; there are {len(listed)}.")
    one: Json = listed[number - 1]
    return one
