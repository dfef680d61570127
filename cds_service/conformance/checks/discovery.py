"""Discovery (CDS Hooks 2.0.1, "Discovery")."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from cds_service.conformance.check import NotApplicable, check
from cds_service.conformance.shapes import empties, short, text
from cds_service.conformance.visit import Visit, path_of

_PATH_SEGMENT = re.compile(r"[A-Za-z0-9._~-]+")
_VERSION = re.compile(r"STU\d+|\d+(\.\d+){0,2}(-[A-Za-z0-9.-]+)?")
_REVERSED_DOMAIN = re.compile(r"[a-z0-9-]+(\.[A-Za-z0-9_-]+){2,}")
_KNOWN_HOOKS = (
    "allergyintolerance-create",
    "appointment-book",
    "encounter-discharge",
    "encounter-start",
    "medication-prescribe",
    "medication-refill",
    "order-dispatch",
    "order-review",
    "order-select",
    "order-sign",
    "patient-view",
    "problem-list-item-create",
)


@check("Discovery answers 200 with a list of services", "8", "9")
def answers_with_services(visit: Visit) -> Iterator[str]:
    if visit.discovery.status != 200:
        yield f"the status is {visit.discovery.status}"
    found = visit.discovery.json
    listed = found.get("services") if isinstance(found, dict) else None
    if not isinstance(listed, list):
        yield "there is no object with a list named services"
    elif len(visit.services) != len(listed):
        yield "an entry of services is no object"


@check("Discovery is JSON in UTF-8, and says so", "1", "5")
def is_strict_json(visit: Visit) -> Iterator[str]:
    if visit.discovery.json is None:
        yield "the body is not JSON in UTF-8"
    if not visit.discovery.headers.get("content-type", "").startswith("application/json"):
        yield f"Content-Type is {short(visit.discovery.headers.get('content-type'))}"


@check("Nothing in discovery is null or empty", "3", "4")
def holds_nothing_empty(visit: Visit) -> Iterator[str]:
    yield from (f"{path} is empty" for path in empties(visit.discovery.json))


@check("Each entry has a hook, a description and an id that fits into an address", "11", "13", "14")
def entries_are_whole(visit: Visit) -> Iterator[str]:
    for place, service in enumerate(_services(visit)):
        for member in ("hook", "description", "id"):
            if not text(service.get(member)):
                yield f"services[{place}].{member} is {short(service.get(member))}"
        name = text(service.get("id"))
        if name and not _PATH_SEGMENT.fullmatch(name):
            yield f"services[{place}].id {short(name)} is not safe in an address"


@check("Each entry has a title", "12")
def entries_have_titles(visit: Visit) -> Iterator[str]:
    yield from (f"{path_of(service)} has none" for service in _services(visit) if not text(service.get("title")))


@check("Optional members of an entry have their types", "13", "15", "16", "17", "18")
def optional_members_have_their_types(visit: Visit) -> Iterator[str]:
    for service in _services(visit):
        for member in ("title", "usageRequirements"):
            if member in service and not text(service[member]):
                yield f"{path_of(service)}: {member} is {short(service[member])}"
        for member in ("version", "hookVersion"):
            if member in service and not _VERSION.fullmatch(text(service[member])):
                yield f"{path_of(service)}: {member} is {short(service[member])}"
        templates = service.get("prefetch", {})
        if not isinstance(templates, dict) or not all(text(template) for template in templates.values()):
            yield f"{path_of(service)}: prefetch does not map keys to templates"


@check("No two entries share an id", "19")
def ids_are_unique(visit: Visit) -> Iterator[str]:
    counts = Counter(text(service.get("id")) for service in _services(visit))
    yield from (f"{name} stands {count} times" for name, count in counts.items() if count > 1)


@check("A hook is one of the library, or has a name of a reversed domain", "128")
def hooks_have_names(visit: Visit) -> Iterator[str]:
    for service in _services(visit):
        hook = text(service.get("hook"))
        if hook and hook not in _KNOWN_HOOKS and not _REVERSED_DOMAIN.fullmatch(hook):
            yield f"{path_of(service)}: hook is {short(hook)}"


def _services(visit: Visit) -> list[dict[str, object]]:
    if not visit.services:
        raise NotApplicable("discovery lists no service")
    return visit.services
