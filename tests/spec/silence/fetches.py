"""The same scenes where nothing was prefetched: a FHIR server in memory that holds each key's data, and its faults."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cds_service.errors import FhirServerFailed, NotOnFhirServer, OutboundRefused
from cds_service.outbound.deadline import Deadline
from tests.spec.silence.corruptions import ERROR, Corruption, Json

BASE = "https://ehr.example.org/fhir"
_RAISED = {
    "refused": OutboundRefused("the address may not be called"),
    "a broken connection": FhirServerFailed("a broken connection, also when asked again"),
    "status 500": FhirServerFailed("the FHIR server answered with status 500"),
    "no answer in time": FhirServerFailed("the FHIR server did not answer in time"),
    "not found": NotOnFhirServer("the FHIR server answered with status 404"),
}
_NEXT = {
    "the next page fails": f"{BASE}/next-page",
    "the next page is another server's": "https://elsewhere.example.org/fhir/next-page",
}
_EMPTY: Json = {"resourceType": "Bundle", "type": "searchset", "total": 0}
_SENT_INSTEAD = {
    "an empty body": b"",
    "an error outcome": json.dumps(ERROR).encode(),
    "a page in place of JSON": b"<html>Sign in</html>",
}


@dataclass(slots=True)
class FhirServer:
    """Stands where the guarded session stands. `held` is the answer to each URL; `fault` befalls the call `at`."""

    held: Mapping[str, Any] = field(default_factory=dict)
    at: str = ""
    fault: str = ""

    def check(self, url: str) -> None:
        """Every address may be called."""

    def get(self, url: str, *, token: str, deadline: Deadline) -> bytes:
        """The answer, or the fault. Those of the network are as the guarded session tells of them.

        Raises:
            FhirServerFailed, OutboundRefused: as the guarded session.
        """
        del token
        deadline.check()
        fault = self.fault if url == self.at else ""
        if url not in self.held:
            raise _RAISED["status 500"]
        if fault in _RAISED:
            raise _RAISED[fault]
        if fault in _SENT_INSTEAD:
            return _SENT_INSTEAD[fault]
        body = json.dumps(_a_page(self.held[url], _NEXT[fault]) if fault in _NEXT else self.held[url]).encode()
        return body[: len(body) // 2] if fault == "truncated" else body

    def close(self) -> None:
        """There is nothing to close."""


def _a_page(answer: Json, next_page: str) -> Json:
    """The answer without its last entry, which is on a page that cannot be had."""
    return {**answer, "link": [{"relation": "next", "url": next_page}], "entry": answer["entry"][:-1]}


def without_prefetch(request: Mapping[str, Any]) -> Json:
    """The request of a client that sends no data, and says where they are."""
    bare = {name: value for name, value in request.items() if name != "prefetch"}
    grant = {"access_token": "t", "token_type": "Bearer", "expires_in": 300, "scope": "patient/*.read", "subject": "c"}
    return {**bare, "fhirServer": BASE, "fhirAuthorization": grant}


def holding(request: Mapping[str, Any], queries: Mapping[str, str]) -> dict[str, Any]:
    """What the server holds: the answer to the query of each key that this request would have prefetched."""
    sent = request["prefetch"]
    return {url: sent[key] or _EMPTY for key, url in _urls(request, queries) if key in sent}


def faults(
    request: Mapping[str, Any], held: Mapping[str, Any], queries: Mapping[str, str]
) -> Iterator[tuple[Corruption, FhirServer]]:
    """Each fault of each call, as a corruption whose path is `fetch.<key>`."""
    for key, url in _urls(request, queries):
        if url in held:
            pages = _NEXT if held[url].get("entry") else ()
            for fault in (*_RAISED, *_SENT_INSTEAD, "truncated", *pages):
                yield Corruption(fault, ("fetch", key), None), FhirServer(held, url, fault)


def _urls(request: Mapping[str, Any], queries: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    patient = request["context"]["patientId"]
    for key, query in queries.items():
        yield str(key), f"{BASE}/{query.replace('{{context.patientId}}', patient)}"
