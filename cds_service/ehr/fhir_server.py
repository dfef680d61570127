"""A FHIR R4 server, as the commands that play the EHR use it: checked first, then read, searched and written to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from cds_service.ehr.patient_bundle import Json
from cds_service.errors import AccessRefused, FhirRefused, NotFhir, OtherFhirVersion
from cds_service.outbound.typed_address import Answer, TypedAddress, shown

_PAGES = 500
_FRESH = {"Cache-Control": "no-cache"}  # HAPI keeps a search's answer for a minute, and we read what we just wrote
_NAMES = {"1": "DSTU2", "3": "STU3", "5": "R5", "6": "R6"}
_GONE = (404, 410)


class FhirServer:
    """Reads, searches and transactions on a server that has said it speaks FHIR R4."""

    def __init__(self, address: TypedAddress) -> None:
        """Raises:
        NotFhir, OtherFhirVersion, AccessRefused: it is not such a server, or does not say so to us.
        """
        self._address = address
        statement = _capability_statement(address)
        self.version = str(statement["fhirVersion"])
        self.types = tuple(_types(statement))

    @property
    def base(self) -> str:
        """The base address."""
        return self._address.base

    def read(self, resource_type: str, resource_id: str) -> Json | None:
        """A resource; None where there is none, or none any more."""
        return self.get(f"{resource_type}/{quote(resource_id, safe='')}")

    def get(self, query: str) -> Json | None:
        """The answer to a read or a search as it comes (of a search: its first page); None where there is none.

        Raises:
            AccessRefused, FhirRefused: the server answers with an error. NotFhir: with something that is no resource.
        """
        answer = self._address.send("GET", query, headers=_FRESH, repeatable=True)
        if answer.status in _GONE:
            return None
        return _resource(answer, f"GET {query.partition('?')[0]}")

    def search(self, query: str) -> Iterator[Json]:
        """All that a search finds, page by page: each link is followed as it is, for only the server knows its own.

        Raises:
            As `get`; and FhirRefused where pages never end.
        """
        url = query
        for _ in range(_PAGES):
            page = self.get(url) or {}
            yield from _resources(page)
            url = _next(page)
            if not url:
                return
        raise FhirRefused(f"the search {query.partition('?')[0]} has more than {_PAGES} pages; it was given up")

    def transaction(self, entries: Sequence[Json], *, repeatable: bool) -> list[Json]:
        """Post a transaction Bundle: all of it, or nothing. Returns the `response` of each entry, in order.

        Raises:
            AccessRefused, FhirRefused: nothing was written; the server's own words say why.
        """
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}
        answer = self._address.send("POST", "", bundle, repeatable=repeatable)
        content = _resource(answer, "the transaction")
        given = content.get("entry")
        responses = [entry.get("response") if isinstance(entry, dict) else None for entry in given or ()]
        if content.get("resourceType") != "Bundle" or len(responses) != len(entries):
            raise NotFhir("the transaction was answered with something else than a Bundle of as many entries")
        return [response if isinstance(response, dict) else {} for response in responses]

    def close(self) -> None:
        """Close all connections."""
        self._address.close()


def told(content: Any) -> str:
    """What an OperationOutcome says, as one line; "" where it is none."""
    issues = content.get("issue") if isinstance(content, dict) else None
    lines = []
    for issue in issues if isinstance(issues, list) else ():
        if isinstance(issue, dict):
            details = issue.get("details")
            text = details.get("text") if isinstance(details, dict) else None
            lines.append(shown(str(issue.get("diagnostics") or text or issue.get("code") or "")))
    return "; ".join(dict.fromkeys(filter(None, lines)))


def _capability_statement(address: TypedAddress) -> Mapping[str, Any]:
    answer = address.send("GET", "metadata", headers=_FRESH, repeatable=True)
    _check_access(answer)
    found = answer.content
    kind = found.get("resourceType") if isinstance(found, dict) else None
    if kind == "Conformance":  # what a CapabilityStatement was called in DSTU2
        raise OtherFhirVersion(f"{address.base} is a FHIR server of DSTU2; R4 is needed. {_OTHER_BASE}")
    if answer.status != 200 or kind != "CapabilityStatement" or not isinstance(found.get("fhirVersion"), str):
        raise NotFhir(
            f"{address.base} is no FHIR server: {address.base}/metadata answers {answer.status} without a "
            "CapabilityStatement. The base address is wanted, such as https://hapi.fhir.org/baseR4"
        )
    version = found["fhirVersion"]
    if not version.startswith(("4.0", "4.3")):
        name = _NAMES.get(version[:1], "another version")
        raise OtherFhirVersion(
            f"{address.base} is a FHIR server of {name} ({shown(version)}); R4 is needed. {_OTHER_BASE}"
        )
    return dict(found)


_OTHER_BASE = "Many servers have another base address for R4: ask whoever runs it"


def _types(statement: Mapping[str, Any]) -> Iterator[str]:
    for rest in statement.get("rest") or ():
        for resource in rest.get("resource") or ():
            if isinstance(resource.get("type"), str):
                yield resource["type"]


def _check_access(answer: Answer) -> None:
    if answer.status in (401, 403):
        said = told(answer.content)
        raise AccessRefused(
            f"the FHIR server answers {answer.status}{f' ({said})' if said else ''}: it wants a token, or another one. "
            "Give it with --token-file or B12_FHIR_TOKEN, with the scopes for what you do"
        )


def _resource(answer: Answer, what: str) -> Json:
    _check_access(answer)
    content = answer.content
    if not 200 <= answer.status < 300:
        said = told(content)
        raise FhirRefused(f"the FHIR server answers {what} with {answer.status}{f': {said}' if said else ''}")
    if not isinstance(content, dict) or not isinstance(content.get("resourceType"), str):
        raise NotFhir(f"{what} is answered {answer.status} with something that is no FHIR resource")
    return content


def _resources(page: Mapping[str, Any]) -> Iterable[Json]:
    entries = page.get("entry")
    for entry in entries if isinstance(entries, list) else ():
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(resource, dict) and resource.get("resourceType") not in (None, "OperationOutcome"):
            yield resource


def _next(page: Mapping[str, Any]) -> str:
    links = page.get("link")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("relation") == "next" and isinstance(link.get("url"), str):
            return str(link["url"])
    return ""
