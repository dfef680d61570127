"""Requests and how they are answered: whole ones, incomplete ones, and faulty ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cds_service.conformance.check import NotApplicable, check
from cds_service.conformance.client import Answer
from cds_service.conformance.shapes import empties, extensions, short
from cds_service.conformance.synthetic import hook_request, search_keys
from cds_service.conformance.visit import Call, Visit

_SOON_SECONDS = 0.5
_REVERSED_DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9_-]+)+")
_OUTCOME = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "timeout", "details": {"text": "The query failed."}}],
}
_BARE_DRAFT = {"resourceType": "MedicationRequest", "id": "draft-1", "status": "draft"}


@check("Each service answers a whole request with 200 and a list of cards", "24", "61", "62")
def whole_requests_are_answered(visit: Visit) -> Iterator[str]:
    for call in _calls(visit):
        yield from _no_cards(call.name, call.answer)
        if len(call.cards) != len(_listed(call.answer)):
            yield f"{call.name}: a card is no object"


@check("Answers are JSON in UTF-8, and say so", "1", "5")
def answers_are_strict_json(visit: Visit) -> Iterator[str]:
    for call in _calls(visit):
        if call.answer.json is None:
            yield f"{call.name}: the body is not JSON in UTF-8"
        if not call.answer.headers.get("content-type", "").startswith("application/json"):
            yield f"{call.name}: Content-Type is {short(call.answer.headers.get('content-type'))}"


@check("Nothing in an answer is null or empty", "3", "4")
def answers_hold_nothing_empty(visit: Visit) -> Iterator[str]:
    for call in _calls(visit):
        yield from (f"{call.name}: {path} is empty" for path in empties(call.answer.json))


@check("Answers come within half a second", "34")
def answers_come_soon(visit: Visit) -> Iterator[str]:
    for call in _calls(visit):
        if call.answer.seconds > _SOON_SECONDS:
            # The first answer of a service may be its slowest.
            again = min(visit.call(call.service, call.request).seconds for _ in range(3))
            if again > _SOON_SECONDS:
                yield f"{call.name}: {again:.1f} s"


@check("Members and extensions that the service does not know change nothing", "32", "149")
def unknown_members_are_ignored(visit: Visit) -> Iterator[str]:
    for call in _calls(visit):
        request = hook_request(call.service, unheardOf=5, extension={"org.example.unheard-of": {"x": 1}})
        request["context"]["unheardOf"] = {"x": 1}
        yield from _no_cards(call.name, visit.call(call.service, request))


@check("An extension is an object, under keys of a reversed domain", "126")
def extensions_are_objects(visit: Visit) -> Iterator[str]:
    seen = [("discovery", visit.discovery.json), *((call.name, call.answer.json) for call in visit.calls)]
    for name, body in seen:
        for path, value in extensions(body):
            if not isinstance(value, dict):
                yield f"{name}: {path} is no object"
            else:
                yield from (f"{name}: {path}.{key}" for key in value if not _REVERSED_DOMAIN.fullmatch(key))


@check("null and an empty Bundle are data, and no reason to refuse", "48")
def empty_prefetch_is_answered(visit: Visit) -> Iterator[str]:
    nothing = {"resourceType": "Bundle", "type": "searchset", "total": 0}
    for call in _with_searches(visit):
        for empty in (None, nothing):
            yield from _no_cards(call.name, visit.call(call.service, _with_prefetch(call, empty)))


@check("An OperationOutcome in the prefetch is answered with 200 or 412", "49")
def failed_prefetch_is_heeded(visit: Visit) -> Iterator[str]:
    entry = {"resource": _OUTCOME, "search": {"mode": "outcome"}}
    found = {"resourceType": "Bundle", "type": "searchset", "total": 0, "entry": [entry]}
    for call in _with_searches(visit):
        for failed in (_OUTCOME, found):
            yield from _neither_200_nor_412(call.name, visit.call(call.service, _with_prefetch(call, failed)))


@check("Without data and without a FHIR server, the answer is 412, or 200 where the data are not required", "54")
def missing_data_are_412(visit: Visit) -> Iterator[str]:
    for call in _with_searches(visit):
        request = hook_request(call.service, prefetch=None)
        yield from _neither_200_nor_412(call.name, visit.call(call.service, request))


@check("An order that is not complete yet is no error", "143", "148")
def incomplete_orders_are_answered(visit: Visit) -> Iterator[str]:
    selecting = [call for call in visit.calls if call.service.get("hook") == "order-select"]
    if not selecting:
        raise NotApplicable("no service answers order-select")
    for call in selecting:
        request = hook_request(call.service)
        request["context"]["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": _BARE_DRAFT}]}
        request["context"]["selections"] = ["MedicationRequest/draft-1"]
        yield from _no_cards(call.name, visit.call(call.service, request))


@check("What cannot be a request is refused with 4xx, and never answered with cards", "24", "63")
def faults_are_refused(visit: Visit) -> Iterator[str]:
    for fault, answer in _refusals(visit):
        if not 400 <= answer.status < 500:
            yield f"{fault}: {answer.status}"


@check("Each error carries an OperationOutcome", "64")
def errors_are_operation_outcomes(visit: Visit) -> Iterator[str]:
    for fault, answer in _refusals(visit):
        found = answer.json
        if answer.status not in (200, 401) and not (
            isinstance(found, dict) and found.get("resourceType") == "OperationOutcome" and found.get("issue")
        ):
            yield f"{fault}: {answer.status} without one"


def _refusals(visit: Visit) -> Iterator[tuple[str, Answer]]:
    call = _calls(visit)[0]
    request = hook_request(call.service)
    yield "an unknown service", visit.call({"id": "no-such-service"}, request)
    yield "GET instead of POST", visit.call(call.service, None, "GET")
    yield "a body that is no JSON", visit.call(call.service, b"{")
    yield "a body that is a list", visit.call(call.service, [])
    yield "no context", visit.call(call.service, hook_request(call.service, context=None))
    yield "no hook", visit.call(call.service, {name: value for name, value in request.items() if name != "hook"})
    yield "the hook of another service", visit.call(call.service, {**request, "hook": "org.example.another-hook"})


def _no_cards(name: str, answer: Answer) -> Iterator[str]:
    if answer.status != 200:
        yield f"{name}: the status is {answer.status}"
    elif not isinstance(answer.json, dict) or not isinstance(answer.json.get("cards"), list):
        yield f"{name}: there is no list named cards"


def _neither_200_nor_412(name: str, answer: Answer) -> Iterator[str]:
    if answer.status == 412:
        return
    if answer.status != 200:
        yield f"{name}: the status is {answer.status}"
    yield from _no_cards(name, answer) if answer.status == 200 else ()


def _listed(answer: Answer) -> list[Any]:
    found = answer.json.get("cards") if isinstance(answer.json, dict) else None
    return found if isinstance(found, list) else []


def _with_prefetch(call: Call, value: Any) -> dict[str, Any]:
    request = hook_request(call.service)
    request["prefetch"] |= dict.fromkeys(search_keys(call.service), value)
    return request


def _calls(visit: Visit) -> tuple[Call, ...]:
    if not visit.calls:
        raise NotApplicable("no service answers patient-view, order-select or order-sign")
    return visit.calls


def _with_searches(visit: Visit) -> list[Call]:
    found = [call for call in _calls(visit) if search_keys(call.service)]
    if not found:
        raise NotApplicable("no service asks for a search")
    return found
