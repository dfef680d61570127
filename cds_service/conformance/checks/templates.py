"""Prefetch templates (CDS Hooks 2.0.1, "Prefetch Template" and its restrictions)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from cds_service.conformance.check import NotApplicable, check
from cds_service.conformance.shapes import short, text
from cds_service.conformance.visit import Visit, path_of

_TOKEN = re.compile(r"\{\{(.*?)\}\}")
_ALLOWED = re.compile(
    r"context\.[A-Za-z][A-Za-z0-9_]*|userPractitionerId|userPractitionerRoleId|userPatientId|userRelatedPersonId"
)
_ORDERS = re.compile(r"\s*context\.(draftOrders|selections)\b")
_PATH = re.compile(r"[A-Z][A-Za-z]*(/[A-Za-z0-9.{}_-]+)?")
_CONTROLS = ("_count", "_sort", "_maxresults", "_id", "_lastUpdated")
_OUTSIDE = re.compile(r"_include|_revinclude|_has|_elements|_summary|.*[.:](?!in\Z)")
_PREFIX = re.compile(r"(ap|sa|eb|ne)\d")


@check("Each template is a read or a search relative to the FHIR server", "35")
def are_relative(visit: Visit) -> Iterator[str]:
    for name, template in _templates(visit):
        path = template.partition("?")[0]
        if not _PATH.fullmatch(_TOKEN.sub("x", path)):
            yield f"{name}: {short(template)}"


@check("Tokens are simple fields of the context, or the user's ids", "36", "37", "38")
def use_known_tokens(visit: Visit) -> Iterator[str]:
    for name, template in _templates(visit):
        yield from (
            f"{name}: {short(token)}" for token in _TOKEN.findall(template) if not _ALLOWED.fullmatch(token.strip())
        )
        if "{{" in _TOKEN.sub("", template) or "}}" in _TOKEN.sub("", template):
            yield f"{name}: a token does not end"


@check("No template asks for draft orders or selections", "39")
def use_no_orders(visit: Visit) -> Iterator[str]:
    for name, template in _templates(visit):
        yield from (f"{name}: {short(token)}" for token in _TOKEN.findall(template) if _ORDERS.match(token))


@check("Searches stay inside the recommended subset of FHIR", "40", "41")
def stay_in_the_subset(visit: Visit) -> Iterator[str]:
    for name, template in _templates(visit):
        for parameter, value in _parameters(template):
            if parameter.partition(":")[0] == "sort":
                yield f"{name}: {short(parameter)} is no FHIR; write _sort"
            elif _OUTSIDE.fullmatch(parameter) or (parameter.startswith("_") and parameter not in _CONTROLS):
                yield f"{name}: {short(parameter)} is outside of it"
            elif "date" in parameter and _PREFIX.match(value):
                yield f"{name}: the prefix of {short(value)} is outside of it"


@check("No parameter of a search stands twice", "45")
def repeat_no_parameter(visit: Visit) -> Iterator[str]:
    for name, template in _templates(visit):
        counts = Counter(parameter for parameter, _ in _parameters(template))
        yield from (f"{name}: {parameter} stands {count} times" for parameter, count in counts.items() if count > 1)


def _parameters(template: str) -> list[tuple[str, str]]:
    query = template.partition("?")[2]
    pairs = (part.partition("=") for part in query.split("&")) if query else ()
    return [(parameter, value) for parameter, _, value in pairs]


def _templates(visit: Visit) -> list[tuple[str, str]]:
    found = [
        (f"{path_of(service)} {key}", text(template))
        for service in visit.services
        if isinstance(service.get("prefetch"), dict)
        for key, template in service["prefetch"].items()
        if text(template)
    ]
    if not found:
        raise NotApplicable("no service has prefetch templates")
    return found
