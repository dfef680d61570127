"""Prefetch as an EHR makes it: a service's templates, filled and put to a FHIR server."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from cds_service.ehr.fhir_server import FhirServer
from cds_service.ehr.patient_bundle import Json, UnusableFile
from cds_service.errors import AccessRefused, FhirRefused

_TOKEN = re.compile(r"\{\{([^{}]*)\}\}")
_USERS = {
    "userPractitionerId": "Practitioner",
    "userPractitionerRoleId": "PractitionerRole",
    "userPatientId": "Patient",
    "userRelatedPersonId": "RelatedPerson",
}  # CDS Hooks 2.0.1, "Prefetch tokens"


def chosen_keys(choice: str, templates: Mapping[str, str]) -> tuple[str, ...]:
    """The keys to send: all, none, half (every other one), or those that are named with commas.

    Raises:
        UnusableFile: a key is named that the service does not ask for.
    """
    keys = tuple(templates)
    if choice in ("all", "none", "half"):
        return {"all": keys, "none": (), "half": keys[::2]}[choice]
    named = tuple(part.strip() for part in choice.split(",") if part.strip())
    unknown = sorted(set(named) - set(keys))
    if unknown:
        raise UnusableFile(f"{unknown[0][:40]!r} is no prefetch key of this service; those are {', '.join(keys)}.")
    return named


def prefetched(
    server: FhirServer, templates: Mapping[str, str], keys: Sequence[str], context: Mapping[str, object]
) -> tuple[Json, dict[str, str]]:
    """The prefetch of these keys, and for each one that could not be had, why: it is left out, as an EHR would.

    The answers are sent as the server gave them: only the first page of a search, with the link to the next.
    """
    found: Json = {}
    problems: dict[str, str] = {}
    for key in keys:
        query = filled(str(templates[key]), context)
        if query is None:
            problems[key] = "its template asks for something that this context does not have"
            continue
        try:
            found[key] = server.get(query)
        except (FhirRefused, AccessRefused) as refused:
            problems[key] = str(refused)
    return found, problems


def filled(template: str, context: Mapping[str, object]) -> str | None:
    """The template with its tokens replaced; None where it holds one that cannot be."""
    missing = False

    def value(token: re.Match[str]) -> str:
        nonlocal missing
        given = _value(token[1].strip(), context)
        missing = missing or given is None
        return quote(given or "", safe="")

    text = _TOKEN.sub(value, template)
    return None if missing else text


def _value(name: str, context: Mapping[str, object]) -> str | None:
    if name.startswith("context."):
        given = context.get(name.removeprefix("context."))
        return given if isinstance(given, str) else None
    kind, _, user_id = str(context.get("userId", "")).partition("/")
    return user_id if _USERS.get(name) == kind and user_id else None
