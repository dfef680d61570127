"""Requests: what is accepted, and the exact answer to what is not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conformance.conftest import (
    FOLIC_ACID,
    JSON,
    LOW_B12,
    PATIENT,
    Service,
    bundle,
    call,
    explained,
    hook_request,
    with_labs,
)
from tests.conformance.empties import ASSESSMENT, empties

Services = dict[str, dict[str, Any]]
STRUCTURE = "structure"


def assessment(answer: Any) -> Any:
    assert answer.status == 200, answer.body
    assert list(empties(answer.json)) == []
    return answer.json["extension"][ASSESSMENT]


# Bodies and envelopes


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"hook=patient-view",
        b"[]",
        b'"patient-view"',
        b'{"hook": "patient-view",}',
        b'{"hook": "\xff"}',
        b'{"skipped": "\xff"}',
        b'{"skipped": ' + b"[" * 10_000_000,
    ],
    ids=["empty", "cut off", "form", "array", "text", "trailing comma", "latin-1", "latin-1 in skipped", "10 MB of ["],
)
def test_a_body_that_is_no_json_object_is_400(body: bytes, service: Service, services: Services) -> None:
    answer = call(service, services, body)

    assert answer.status == 400
    assert [issue["code"] for issue in answer.json["issue"]] == [STRUCTURE]
    assert answer.expressions == []


@pytest.mark.verifies("CDSH-25")
@pytest.mark.verifies("CDSH-26")
@pytest.mark.verifies("CDSH-27")
@pytest.mark.verifies("CDSH-29")
@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"hook": None}, ["hook"]),
        ({"hook": 5}, ["hook"]),
        ({"hook": "order-sign"}, ["hook"]),
        ({"hookInstance": None}, ["hookInstance"]),
        ({"hookInstance": "1"}, ["hookInstance"]),
        ({"context": None}, ["context"]),
        ({"context": []}, ["context"]),
        ({"context": {}}, ["context.userId", "context.patientId"]),
        ({"context": {"userId": "u1", "patientId": "Patient/p1"}}, ["context.userId", "context.patientId"]),
        ({"context": {"userId": 5, "patientId": 5}}, ["context.userId", "context.patientId"]),
        ({"fhirAuthorization": {"access_token": "x"}}, ["fhirServer"]),
        ({"fhirServer": 5}, ["fhirServer"]),
        ({"prefetch": []}, ["prefetch"]),
        ({"prefetch": "none"}, ["prefetch"]),
    ],
)
def test_a_field_that_is_missing_or_mistyped_is_400_with_its_path(
    change: dict[str, Any], fields: list[str], service: Service, services: Services
) -> None:
    answer = call(service, services, {**hook_request(), **change})

    assert answer.status == 400
    assert answer.expressions == fields
    assert all(issue["details"]["text"].startswith(issue["expression"][0]) for issue in answer.json["issue"])


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_an_order_hook_without_drafts_is_400(hook: str, service: Service, services: Services) -> None:
    request = hook_request(hook)
    del request["context"]["draftOrders"]

    assert call(service, services, request, hook).expressions == ["context.draftOrders"]


@pytest.mark.verifies("CDSH-32")
@pytest.mark.verifies("CDSH-31")
def test_unknown_fields_and_extensions_change_nothing(service: Service, services: Services) -> None:
    request = hook_request(unknown=[None], extension={"com.vendor.x": {"y": [1]}})
    request["context"]["unknown"] = {"a": None}
    request["prefetch"]["unknown"] = 5
    plain, more = (call(service, services, one) for one in (hook_request(), request))

    assert plain.status == more.status == 200
    assert [card["summary"] for card in plain.json["cards"]] == [card["summary"] for card in more.json["cards"]]


def test_the_bodies_members_may_come_in_any_order(service: Service, services: Services) -> None:
    request = hook_request()
    turned = dict(reversed(request.items()))

    assert call(service, services, turned).status == 200


# Statuses


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_is_405(method: str, service: Service, services: Services) -> None:
    answer = service.send(method, f"/cds-services/{services['patient-view']['id']}", b"{}", JSON)

    assert answer.status == 405
    assert answer.json["issue"][0]["code"] == "not-supported"
    assert "POST" in answer.headers["Allow"]


def test_an_unknown_service_is_404(service: Service) -> None:
    answer = service.send("POST", "/cds-services/nothing", json.dumps(hook_request()).encode(), JSON)

    assert answer.status == 404
    assert answer.json["issue"][0]["code"] == "not-found"


def test_a_body_of_another_type_is_415(service: Service, services: Services) -> None:
    path = f"/cds-services/{services['patient-view']['id']}"
    answer = service.send("POST", path, json.dumps(hook_request()).encode(), {"Content-Type": "text/plain"})

    assert answer.status == 415


def test_a_body_beyond_the_limit_is_413(service: Service, services: Services) -> None:
    answer = call(service, services, b'{"x": "' + b"x" * 11 * 1024 * 1024 + b'"}')

    assert answer.status == 413
    assert answer.json["issue"][0]["code"] == "too-long"


@pytest.mark.verifies("CDSH-54")
@pytest.mark.parametrize("missing", [["patient"], ["labs"], ["patient", "labs"]])
def test_required_data_that_are_nowhere_are_412_and_named(
    missing: list[str], service: Service, services: Services
) -> None:
    request = hook_request()
    for key in missing:
        del request["prefetch"][key]
    answer = call(service, services, request)

    assert answer.status == 412
    assert answer.expressions == [f"prefetch.{key}" for key in missing]


def test_a_request_without_prefetch_is_412(service: Service, services: Services) -> None:
    request = hook_request()
    del request["prefetch"]

    assert call(service, services, request).status == 412


@pytest.mark.verifies("CDSH-54")
def test_optional_data_may_be_missing(service: Service, services: Services) -> None:
    request = hook_request()
    request["prefetch"] = {key: request["prefetch"][key] for key in ("patient", "labs")}

    assert call(service, services, request).status == 200


@pytest.mark.verifies("CDSH-60")
@pytest.mark.parametrize("server", ["http://169.254.169.254/latest", "http://127.0.0.1:1/fhir", "https://[::1]/fhir"])
def test_a_server_that_nobody_allowed_is_not_called(server: str, service: Service, services: Services) -> None:
    request = hook_request(fhirServer=server, fhirAuthorization={"access_token": "topsecret", "token_type": "Bearer"})
    del request["prefetch"]["labs"]
    answer = call(service, services, request)

    assert answer.status == 412
    assert b"topsecret" not in answer.body


# Prefetch states and odd data


def test_the_low_result_is_found(service: Service, services: Services) -> None:
    answer = call(service, services, explained())

    assert assessment(answer)["status"] == "deficient"
    assert answer.json["cards"]


@pytest.mark.verifies("CDSH-48")
@pytest.mark.parametrize("empty", [None, {"resourceType": "Bundle", "type": "searchset", "total": 0}, bundle()])
def test_null_and_empty_are_known_to_be_empty(empty: Any, service: Service, services: Services) -> None:
    assert assessment(call(service, services, with_labs(empty)))["status"] == "unknown"


@pytest.mark.verifies("CDSH-49")
def test_a_failed_query_is_no_empty_one(service: Service, services: Services) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}

    assert call(service, services, with_labs(outcome)).status == 412
    partly = call(service, services, with_labs(bundle(outcome)))
    assert assessment(partly)["status"] == "unknown"
    assert partly.json["cards"], "that results may be missing must be said"


@pytest.mark.verifies("CDSH-49")
def test_a_warning_beside_an_empty_search_is_no_failure(service: Service, services: Services) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "informational"}]}
    entry = {"resource": outcome, "search": {"mode": "outcome"}}
    sent = {"resourceType": "Bundle", "type": "searchset", "total": 0, "entry": [entry]}
    empty = call(service, services, with_labs(bundle()))
    warned = call(service, services, with_labs(sent))

    assert [card["summary"] for card in warned.json["cards"]] == [card["summary"] for card in empty.json["cards"]]
    assert assessment(warned)["dataIssues"] == assessment(empty)["dataIssues"]


def test_a_bundle_without_a_type_is_a_bundle(service: Service, services: Services) -> None:
    sent = bundle(LOW_B12)
    del sent["type"]
    told = assessment(call(service, services, with_labs(sent)))

    assert (told["status"], told["dataIssues"]) == ("deficient", [])


@pytest.mark.parametrize(
    "odd",
    [
        None,
        5,
        {},
        {"fullUrl": "urn:uuid:1"},
        {"resource": None},
        {"resource": "text"},
        {"resource": {"id": "no-type"}},
        {"resource": {**LOW_B12, "id": "odd", "status": 5}},
        {"resource": {**LOW_B12, "id": "odd", "code": ["B12"]}},
        {"resource": {**LOW_B12, "id": "odd", "subject": "Patient/p1"}},
        {"resource": {"resourceType": "Bundle", "entry": []}},
    ],
)
@pytest.mark.parametrize("is_first", [True, False])
def test_an_entry_that_is_no_resource_is_reported_and_hides_nothing(
    odd: Any, is_first: bool, service: Service, services: Services
) -> None:
    sent = bundle(LOW_B12)
    sent["entry"].insert(0 if is_first else 1, odd)
    told = assessment(call(service, services, with_labs(sent)))

    assert told["status"] == "deficient"
    assert [issue for issue in told["dataIssues"] if issue["issue"].endswith("not used.")]


def test_another_patients_result_is_not_used_and_said(service: Service, services: Services) -> None:
    other = {**LOW_B12, "id": "other", "subject": {"reference": "Patient/p2"}}
    told = assessment(call(service, services, with_labs(bundle(other))))

    assert told["status"] == "unknown"
    assert [issue["resource"] for issue in told["dataIssues"]] == ["Observation/other"]


def test_another_patient_is_not_the_patient(service: Service, services: Services) -> None:
    request = hook_request()
    request["prefetch"]["patient"] = {**PATIENT, "id": "p2", "name": [{"family": "Smith"}]}
    answer = call(service, services, request)

    assert (answer.status, answer.expressions) == (412, ["prefetch.patient"])
    assert b"Smith" not in answer.body


@pytest.mark.verifies("CDSH-33")
def test_stu3_shapes_break_nothing(service: Service, services: Services) -> None:
    request = explained()
    request["prefetch"]["conditions"] = bundle(
        {
            "resourceType": "Condition",
            "id": "stu3",
            "clinicalStatus": "active",
            "verificationStatus": "confirmed",
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "G62.9"}]},
            "subject": {"reference": "Patient/p1"},
            "assertedDate": "2024-01-01",
            "context": {"reference": "Encounter/1"},
        }
    )
    request["prefetch"]["medicationStatements"] = bundle(
        {
            "resourceType": "MedicationStatement",
            "id": "stu3",
            "status": "active",
            "taken": "y",
            "medicationCodeableConcept": {"text": "Metformin"},
            "subject": {"reference": "Patient/p1"},
            "dosage": [{"doseQuantity": {"value": 500, "unit": "mg"}}],
        }
    )

    assert assessment(call(service, services, request))["status"] == "deficient"


@pytest.mark.verifies("CDSH-67")
@pytest.mark.parametrize(
    "markup", ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))"]
)
def test_markup_in_a_name_does_not_reach_a_card_as_markup(markup: str, service: Service, services: Services) -> None:
    request = hook_request()
    request["prefetch"]["conditions"] = bundle(
        {
            "resourceType": "Condition",
            "id": "c",
            "clinicalStatus": {"coding": [{"code": "active"}]},
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "G62.9"}], "text": markup},
            "subject": {"reference": "Patient/p1"},
        }
    )
    sent = bundle(
        {**LOW_B12, "code": {"coding": [{**LOW_B12["code"]["coding"][0], "display": markup}], "text": markup}}
    )
    request["prefetch"]["labs"] = sent
    answer = call(service, services, request)

    assert answer.status == 200
    assert answer.json["cards"]
    for card in answer.json["cards"]:
        assert markup not in card["summary"] + card.get("detail", "")
        assert "<script" not in card.get("detail", "")


@pytest.mark.parametrize(
    "value", ["1e300", "-1", "1e-300", "0", "9" * 400, '"NaN"', '"Infinity"', '"-Infinity"', '"sNaN"']
)
def test_no_number_breaks_the_service_or_is_believed(value: str, service: Service, services: Services) -> None:
    body = json.dumps(with_labs(bundle(LOW_B12))).replace("150", value)
    told = assessment(call(service, services, body.encode()))

    assert told["status"] == "unknown"
    assert told["dataIssues"]


def test_a_null_byte_or_a_novel_in_a_text_breaks_nothing(service: Service, services: Services) -> None:
    request = with_labs(bundle(LOW_B12))
    request["prefetch"]["labs"]["entry"][0]["resource"]["code"]["text"] = "\u0000" + "novel " * 20_000

    assert assessment(call(service, services, request))["status"] == "deficient"


def test_the_sandboxs_first_draft_is_answered(service: Service, services: Services) -> None:
    """It fires order-select before a drug is chosen: no intent, no medication, an object for category, no type."""
    request = hook_request("order-select")
    draft = {"resourceType": "MedicationRequest", "id": "request-123", "status": "draft", "category": {}}
    request["context"]["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": draft}]}
    request["context"]["selections"] = ["MedicationRequest/request-123"]
    answer = call(service, services, request, "order-select")

    assert (answer.status, answer.json) == (200, {"cards": []})


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_one_odd_draft_does_not_hide_the_others(hook: str, service: Service, services: Services) -> None:
    request = hook_request(hook)
    odd = {"resourceType": "MedicationRequest", "id": "odd", "doNotPerform": "perhaps"}
    request["context"]["draftOrders"] = bundle(odd, FOLIC_ACID)
    answer = call(service, services, request, hook)

    assert answer.status == 200
    assert answer.json["cards"]
