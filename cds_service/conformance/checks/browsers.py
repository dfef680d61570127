"""Clients in browsers (CDS Hooks 2.0.1, "Cross-Origin Resource Sharing")."""

from __future__ import annotations

from collections.abc import Iterator

from cds_service.conformance.check import NotApplicable, check
from cds_service.conformance.client import Answer
from cds_service.conformance.shapes import short
from cds_service.conformance.visit import Visit, path_of


@check("A preflight is answered for discovery, services and feedback", "121")
def preflights_are_answered(visit: Visit) -> Iterator[str]:
    for path in _paths(visit):
        method = "GET" if path == "/cds-services" else "POST"
        asked = {
            "Origin": visit.origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization,content-type",
        }
        answer = visit.client.send("OPTIONS", path, headers=asked)
        if answer.status not in (200, 204):
            yield f"{path}: the status is {answer.status}"
        yield from _not_allowed(path, answer, visit.origin)


@check("Answers and errors can be read by a client in a browser", "121")
def errors_can_be_read(visit: Visit) -> Iterator[str]:
    origin = {"Origin": visit.origin}
    for path in _paths(visit):
        if path == "/cds-services":
            answer = visit.client.send("GET", path, headers=origin)
        else:
            answer = visit.client.send("POST", path, b"{", origin)
        yield from _not_allowed(path, answer, visit.origin)


def _not_allowed(path: str, answer: Answer, origin: str) -> Iterator[str]:
    allowed = answer.headers.get("access-control-allow-origin")
    if allowed not in (origin, "*"):
        yield f"{path}: Access-Control-Allow-Origin is {short(allowed)}"


def _paths(visit: Visit) -> list[str]:
    if not visit.calls:
        raise NotApplicable("no service answers patient-view, order-select or order-sign")
    path = path_of(visit.calls[0].service)
    return ["/cds-services", path, f"{path}/feedback"]
