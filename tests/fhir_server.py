"""A FHIR server in memory, strict where HAPI is: ids of its own, references that lead somewhere, all or nothing.

It knows what the commands that play an EHR need: reads, searches with pages, and transactions with conditional
creates and updates. What it does not know it refuses.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

Json = dict[str, Any]
_PAGE = 20
TYPES = (
    "AllergyIntolerance",
    "Condition",
    "Medication",
    "MedicationAdministration",
    "MedicationDispense",
    "MedicationRequest",
    "MedicationStatement",
    "Observation",
    "Organization",
    "Patient",
    "Practitioner",
    "Procedure",
    "Provenance",
    "ServiceRequest",
)


class Refused(Exception):
    """An answer with an OperationOutcome."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class FhirStub:
    """The server; `held` is what it holds, by `Type/id`. Its faults are set from outside, for the next answers."""

    def __init__(self, server: HTTPServer, version: str = "4.0.1") -> None:
        self.base = server.url_for("/fhir")
        self.version = version
        self.token = ""
        self.held: dict[str, Json] = {}
        self.log: list[tuple[str, str]] = []
        self.transactions: list[Json] = []
        self.faults: list[Response] = []
        self._next_id = 100
        self._pages: dict[str, list[Json]] = {}
        server.expect_request(re.compile("/fhir(/.*)?")).respond_with_handler(self._answer)

    def of_type(self, kind: str) -> list[Json]:
        """The resources of one type."""
        return [resource for resource in self.held.values() if resource["resourceType"] == kind]

    def add(self, **resource: Any) -> str:
        """Hold one more resource, as if somebody else had put it there; returns its `Type/id`."""
        name = f"{resource['resourceType']}/{resource['id']}"
        self.held[name] = resource
        return name

    def _answer(self, request: Request) -> Response:
        path = request.path.removeprefix("/fhir").strip("/")
        self.log.append((request.method, path))
        if self.faults:
            return self.faults.pop(0)
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return _json(_outcome("no access"), 401)
        before, pages = copy.deepcopy(self.held), self._next_id
        try:
            return _json(*self._result(request, path))
        except Refused as refused:
            self.held, self._next_id = before, pages
            return _json(_outcome(str(refused)), refused.status)

    def _result(self, request: Request, path: str) -> tuple[Json, int]:
        query = request.query_string.decode()
        match request.method, path:
            case "GET", "metadata":
                rest = [{"mode": "server", "resource": [{"type": kind} for kind in TYPES]}]
                return {"resourceType": "CapabilityStatement", "fhirVersion": self.version, "rest": rest}, 200
            case "GET", "":
                return self._page(dict(parse_qsl(query))["_getpages"]), 200
            case "POST", "":
                return self._transaction(json.loads(request.data)), 200
            case "GET", _ if "/" in path:
                if path not in self.held:
                    raise Refused(404, f"{path} is not known")
                return self.held[path], 200
            case "GET", _:
                return self._searched(path, query), 200
        raise Refused(405, f"{request.method} {path} is not supported")

    def _searched(self, kind: str, query: str) -> Json:
        found = list(self._search(kind, query))
        count = int(dict(parse_qsl(query)).get("_count", _PAGE))
        name = f"page-{len(self._pages)}"
        self._pages[name] = found[count:]
        return self._bundle(found[:count], name if found[count:] else "")

    def _page(self, name: str) -> Json:
        rest = self._pages[name]
        self._pages[f"{name}-more"] = rest[_PAGE:]
        return self._bundle(rest[:_PAGE], f"{name}-more" if rest[_PAGE:] else "")

    def _bundle(self, resources: list[Json], next_page: str) -> Json:
        link = [{"relation": "next", "url": f"{self.base}?_getpages={next_page}"}] if next_page else []
        entry = [{"fullUrl": f"{self.base}/{_name(one)}", "resource": one} for one in resources]
        return {"resourceType": "Bundle", "type": "searchset", "link": link, "entry": entry}

    def _search(self, kind: str, query: str) -> Iterator[Json]:
        tests = [_test(name, value.split(",")) for name, value in parse_qsl(query) if name not in ("_count", "_sort")]
        return (one for one in self.of_type(kind) if all(test(one) for test in tests))

    def _transaction(self, bundle: Json) -> Json:
        if bundle.get("type") != "transaction":
            raise Refused(400, "not a transaction")
        self.transactions.append(bundle)
        names: dict[str, str] = {}
        plans = [self._plan(entry, names) for entry in bundle["entry"]]
        responses = [plan() for plan in plans]
        for name, resource in self.held.items():
            for reference in _references(resource):
                if "://" not in reference and reference not in self.held:
                    raise Refused(409 if name in names.values() else 400, f"{name} refers to {reference}")
        return {"resourceType": "Bundle", "type": "transaction-response", "entry": [{"response": r} for r in responses]}

    def _plan(self, entry: Json, names: dict[str, str]) -> Callable[[], Json]:
        """What to do for an entry; the names of all are known before anything is done."""
        request, resource = entry["request"], entry.get("resource") or {}
        kind, _, query = request["url"].partition("?")
        if request["method"] == "DELETE":
            return lambda: self._delete(request["url"])
        condition = query or request.get("ifNoneExist", "")
        found = list(self._search(kind, condition)) if condition else []
        if len(found) > 1:
            raise Refused(412, f"{condition} finds {len(found)} resources")
        if resource.get("resourceType") != kind.partition("/")[0]:
            raise Refused(400, "the URL is of another type than the resource")
        if resource.get("status") == "bad":
            raise Refused(422, f"{kind}: 'bad' is no status")
        name = _name(found[0]) if found else kind if "/" in kind else f"{kind}/{self._new_id()}"
        if entry.get("fullUrl"):
            names[entry["fullUrl"]] = name
        keeps = bool(found) and request["method"] == "POST"
        status = "200 OK" if found or name in self.held else "201 Created"
        return lambda: self._write(name, None if keeps else resource, status, names)

    def _write(self, name: str, resource: Json | None, status: str, names: dict[str, str]) -> Json:
        if resource is not None:
            self.held[name] = _with_names(resource, names) | {"id": name.partition("/")[2]}
        return {"status": status, "location": f"{name}/_history/1"}

    def _delete(self, name: str) -> Json:
        if self.held.pop(name, None) is None:
            return {"status": "204 No Content"}
        return {"status": "200 OK"}

    def _new_id(self) -> str:
        self._next_id += 1
        return str(self._next_id)


def _test(name: str, values: list[str]) -> Callable[[Json], bool]:
    match name:
        case "_tag":
            return lambda one: not _tokens(one.get("meta", {}).get("tag", [])).isdisjoint(values)
        case "identifier":
            return lambda one: not _tokens(one.get("identifier", []), "value").isdisjoint(values)
        case "name":
            return lambda one: any(value in json.dumps(one.get("name", [])) for value in values)
        case "patient":
            return lambda one: (
                (one.get("subject") or one.get("patient") or {}).get("reference", "")
                in {v if "/" in v else f"Patient/{v}" for v in values}
            )
        case "code" | "category":
            return lambda one: not _tokens(_codings(one.get(name))).isdisjoint(values)
        case "status":
            return lambda one: one.get("status") in values
    raise Refused(400, f"searching by {name} is not known")


def _codings(concepts: Any) -> list[Json]:
    listed = concepts if isinstance(concepts, list) else [concepts or {}]
    return [coding for concept in listed for coding in concept.get("coding", [])]


def _tokens(parts: Any, of: str = "code") -> set[str]:
    listed = parts if isinstance(parts, list) else [parts]
    pairs = [(part.get("system", ""), str(part.get(of))) for part in listed]
    return {value for _, value in pairs} | {f"{system}|{value}" for system, value in pairs}


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("reference"), str) and not node["reference"].startswith("#"):
            yield node["reference"]
        for part in node.values():
            yield from _references(part)
    elif isinstance(node, list):
        for part in node:
            yield from _references(part)


def _with_names(node: Any, names: dict[str, str]) -> Any:
    if isinstance(node, list):
        return [_with_names(part, names) for part in node]
    if isinstance(node, dict):
        return {key: _with_names(part, names) for key, part in node.items()}
    return names.get(node, node) if isinstance(node, str) else node


def _name(resource: Json) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _outcome(why: str) -> Json:
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "processing", "diagnostics": why}],
    }


def _json(content: Json, status: int = 200) -> Response:
    return Response(json.dumps(content), status=status, content_type="application/fhir+json")
