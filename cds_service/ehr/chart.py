"""The chart that an EHR has open when it fires a hook: a Bundle in a file, or a patient on a FHIR server."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol
from urllib.parse import urlencode

from cds_service.ehr.fhir_server import FhirServer
from cds_service.ehr.hook_request import ORDER_HOOKS, hook_request
from cds_service.ehr.live_prefetch import chosen_keys, prefetched
from cds_service.ehr.marks import LOADED, check_tag, identifier_value
from cds_service.ehr.orders import drafts_on, orders_of
from cds_service.ehr.patient_bundle import Json, PatientBundle, UnusableFile

_TOKEN_LIVES_SECONDS = 300


class Chart(Protocol):
    """What a hook can be fired from."""

    def request(
        self, hook: str, templates: Mapping[str, str], *, instance: str, selected: Collection[str] | None
    ) -> tuple[Json, list[str]]:
        """The hook request, and what a person should know of how it was made."""


class BundleChart:
    """A record in a file; orders typed beside it join its drafts."""

    def __init__(self, record: PatientBundle, user_id: str, orders: Sequence[str] = ()) -> None:
        more = orders_of(orders, record.patient_id)
        self._record = dataclasses.replace(record, resources=(*record.resources, *more))
        self._user_id = user_id

    def request(
        self, hook: str, templates: Mapping[str, str], *, instance: str, selected: Collection[str] | None
    ) -> tuple[Json, list[str]]:
        """As an EHR that holds just this Bundle would send it."""
        made = hook_request(hook, self._record, templates, instance=instance, user_id=self._user_id, selected=selected)
        return made, []


class ServerChart:
    """A patient of a FHIR server, of which the service is told too."""

    def __init__(
        self,
        server: FhirServer,
        patient: str,
        tag: str,
        user_id: str,
        orders: Sequence[str],
        prefetch: str,
        token: str,
        scope: str,
    ) -> None:
        """`patient` is an id, or the name under which it was loaded with `tag`.

        Raises:
            UnusableFile: there is no such patient.
        """
        self.server = server
        self.patient = patient_on(server, patient, tag)
        self._user_id = user_id
        self._orders = orders
        self._prefetch = prefetch
        self._token = token
        self._scope = scope

    def request(
        self, hook: str, templates: Mapping[str, str], *, instance: str, selected: Collection[str] | None
    ) -> tuple[Json, list[str]]:
        """As an EHR with this FHIR server would send it."""
        patient_id = str(self.patient["id"])
        keys = chosen_keys(self._prefetch, templates)
        record = PatientBundle(patient_id, tuple(self._drafts(hook, patient_id)))
        request = hook_request(hook, record, {}, instance=instance, user_id=self._user_id, selected=selected)
        found, problems = prefetched(self.server, templates, keys, request["context"])
        request |= {"prefetch": found, "fhirServer": self.server.base}
        if self._token:
            request["fhirAuthorization"] = {
                "access_token": self._token,
                "token_type": "Bearer",
                "expires_in": _TOKEN_LIVES_SECONDS,
                "scope": self._scope,
                "subject": "b12-cds",
                "patient": patient_id,
            }
        return request, _notes(patient_id, templates, found, problems)

    def _drafts(self, hook: str, patient_id: str) -> list[Json]:
        if hook not in ORDER_HOOKS:
            return []
        return orders_of(self._orders, patient_id) if self._orders else drafts_on(self.server, patient_id)


def patient_on(server: FhirServer, name: str, tag: str) -> Json:
    """The patient of this id, or of this name under which `load` put it there.

    Raises:
        UnusableFile: there is none.
    """
    name = name.removeprefix("Patient/")
    found = server.read("Patient", name) or next(iter(server.search(f"Patient?{_loaded_as(name, tag)}")), None)
    if found is None or found.get("resourceType") != "Patient":
        raise UnusableFile(
            f"{server.base} has no Patient {name[:64]!r}, and nothing was loaded there under that name and the tag "
            f"{tag!r}. `b12-cds load {server.base}` lists names and ids."
        )
    return found


def _loaded_as(name: str, tag: str) -> str:
    """The search for a patient by what `load` calls it: a story, or a file and an id."""
    space, _, own = name.rpartition("/")
    keys = (f"{name}/Patient/{own}", f"{space}/Patient/{own}")
    return urlencode({"identifier": ",".join(f"{LOADED}|{identifier_value(check_tag(tag), key)}" for key in keys)})


def _notes(
    patient_id: str, templates: Mapping[str, str], found: Mapping[str, Json | None], problems: Mapping[str, str]
) -> list[str]:
    sent = ", ".join(f"{key} ({_held(value)})" for key, value in found.items()) or "nothing"
    left = [key for key in templates if key not in found and key not in problems]
    notes = [f"Patient/{patient_id}. Prefetch: {sent}"]
    if left:
        notes.append(f"Left to the service to read: {', '.join(left)}")
    return notes + [f"No prefetch for {key}: {why}" for key, why in problems.items()]


def _held(value: Json | None) -> str:
    if value is None:
        return "not there"
    if value.get("resourceType") != "Bundle":
        return "1"
    more = any(isinstance(link, dict) and link.get("relation") == "next" for link in value.get("link") or ())
    return f"{len(value.get('entry') or ())}{', and more pages' if more else ''}"
