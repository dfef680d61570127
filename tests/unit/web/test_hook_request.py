"""A hook request is validated as a whole, and each problem told with the path of its field."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cds_service.errors import InvalidHookRequest
from cds_service.facts.patient import Availability, DataKey
from cds_service.fhir.retrieve import FhirAccess
from cds_service.web.hook_request import HookRequest, read_hook_request
from tests.unit.web.conftest import PATIENT, context, hook_request

DRAFTS = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "MedicationRequest", "id": "d"}}]}
TOKEN = {"access_token": "abc", "token_type": "Bearer", "expires_in": 300, "scope": "x", "subject": "y"}


def read(hook: str = "patient-view", **more: Any) -> HookRequest:
    return read_hook_request(json.dumps(hook_request(hook, **more)).encode(), hook)


def problems(hook: str = "patient-view", **more: Any) -> dict[str, str]:
    with pytest.raises(InvalidHookRequest) as error:
        read(hook, **more)
    return dict(error.value.problems)


def test_a_request_becomes_a_record_of_the_context_patient() -> None:
    request = read(prefetch={"patient": PATIENT, "labs": None})

    assert request.record.patient_id == "p1"
    assert request.user_id == "Practitioner/u1"
    assert request.record.section(DataKey.LABS).availability is Availability.COMPLETE
    assert request.record.section(DataKey.CONDITIONS).availability is Availability.NOT_GIVEN
    assert request.access is None
    assert request.wants_assessment is False


@pytest.mark.parametrize(
    "instance",
    [
        "D1577C69-DFBE-44AD-BA6D-3E05E953B2EA",
        "00000000-0000-1000-8000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
    ],
)
def test_a_hook_instance_is_a_uuid_of_any_version_in_any_case(instance: str) -> None:
    assert read(hookInstance=instance).hook_instance == instance


@pytest.mark.parametrize(
    "instance",
    [
        5,
        "",
        "1",
        "urn:uuid:d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "d1577c69dfbe44adba6d3e05e953b2ea",  # pragma: allowlist secret - an id without its hyphens
        "x" * 36,
        "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea\n",
    ],
)
def test_a_hook_instance_that_is_no_uuid_is_refused(instance: Any) -> None:
    assert problems(hookInstance=instance).keys() == {"hookInstance"}


def test_the_hook_must_be_that_of_the_service() -> None:
    with pytest.raises(InvalidHookRequest) as error:
        read_hook_request(json.dumps(hook_request("order-sign")).encode(), "patient-view")

    assert error.value.problems == (
        ("hook", "must be patient-view, the hook of this service; discovery lists the service of each hook"),
    )


def test_every_problem_is_told_at_once() -> None:
    body = json.dumps({"hook": 5, "context": {"patientId": "Patient/1"}, "fhirServer": "ftp://x", "prefetch": []})

    with pytest.raises(InvalidHookRequest) as error:
        read_hook_request(body.encode(), "order-sign")

    assert [path for path, _ in error.value.problems] == [
        "prefetch",
        "hook",
        "hookInstance",
        "fhirServer",
        "context.userId",
        "context.patientId",
        "context.draftOrders",
    ]


@pytest.mark.parametrize("wrong", [None, 5, [], "x"])
def test_a_context_that_is_no_object_is_refused(wrong: Any) -> None:
    body = json.dumps({**hook_request(), "context": wrong}).encode()

    with pytest.raises(InvalidHookRequest) as error:
        read_hook_request(body, "patient-view")

    assert error.value.problems == (("context", "must be an object"),)


@pytest.mark.parametrize(
    "wrong", [None, 5, "", "Patient/p1", "https://ehr/Patient/p1", "p 1", "p1/../p2", ".", "..", "p1\n", "р1", "x" * 65]
)
def test_the_patient_id_is_a_bare_id_and_never_guessed(wrong: Any) -> None:
    told = problems(context={"userId": "Practitioner/u1", "patientId": wrong})

    assert told.keys() == {"context.patientId"}


def test_a_patient_reference_is_answered_with_how_to_mend_it() -> None:
    assert "not Patient/123" in problems(context=context(patientId="Patient/p1"))["context.patientId"]


@pytest.mark.parametrize("wrong", [None, 5, "", "u1", "practitioner/u1", "Practitioner/", "Practitioner/u1/x", "P/.."])
def test_the_user_is_a_reference(wrong: Any) -> None:
    assert problems(context=context(userId=wrong)).keys() == {"context.userId"}


@pytest.mark.parametrize("user", ["Practitioner/u1", "PractitionerRole/u.1-2", "Patient/p1", "RelatedPerson/r_1"])
def test_every_kind_of_user_is_accepted(user: str) -> None:
    assert read(context=context(userId=user)).user_id == user


def test_optional_members_may_be_null_or_unknown() -> None:
    body = {**hook_request(), "fhirServer": None, "fhirAuthorization": None, "extension": None, "unknown": [None]}
    body["context"] = context(encounterId=None, selections=None, unknown={})

    request = read_hook_request(json.dumps(body).encode(), "patient-view")

    assert request.encounter_id == ""
    assert request.record.selections is None


@pytest.mark.parametrize("wrong", [5, "", "Encounter/e1", ".."])
def test_an_encounter_id_that_is_none_is_refused(wrong: Any) -> None:
    assert problems(context=context(encounterId=wrong)).keys() == {"context.encounterId"}


def test_a_token_comes_with_its_server() -> None:
    request = read(fhirServer="https://ehr.example.org/fhir", fhirAuthorization=TOKEN)

    assert request.access == FhirAccess("https://ehr.example.org/fhir", "abc")


def test_a_server_without_a_token_is_an_open_one() -> None:
    assert read(fhirServer="https://ehr.example.org/fhir").access == FhirAccess("https://ehr.example.org/fhir", "")


@pytest.mark.parametrize(
    ("server", "authorization", "path"),
    [
        (None, TOKEN, "fhirServer"),
        ("https://ehr", {}, "fhirAuthorization.access_token"),
        ("https://ehr", {"access_token": ""}, "fhirAuthorization.access_token"),
        ("https://ehr", {"access_token": "a\r\nX: y"}, "fhirAuthorization.access_token"),
        ("https://ehr", {"access_token": 5}, "fhirAuthorization.access_token"),
        ("https://ehr", {"access_token": "a", "token_type": "MAC"}, "fhirAuthorization.token_type"),
        ("https://ehr", "abc", "fhirAuthorization"),
        ("ehr.example.org", None, "fhirServer"),
        ("file:///etc/passwd", None, "fhirServer"),
        (5, None, "fhirServer"),
    ],
)
def test_an_access_that_cannot_be_used_is_refused(server: Any, authorization: Any, path: str) -> None:
    assert problems(fhirServer=server, fhirAuthorization=authorization).keys() == {path}


def test_a_token_is_never_part_of_a_problem() -> None:
    told = problems(fhirServer="https://ehr", fhirAuthorization={"access_token": "top secret"})

    assert "secret" not in str(told)


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_order_hooks_need_their_drafts(hook: str) -> None:
    assert problems(hook).keys() == {"context.draftOrders"}
    assert problems(hook, context=context(draftOrders=None)).keys() == {"context.draftOrders"}
    assert problems(hook, context=context(draftOrders=[])).keys() == {"context.draftOrders"}


def test_drafts_and_selections_reach_the_record() -> None:
    request = read("order-select", context=context(draftOrders=DRAFTS, selections=["MedicationRequest/d"]))

    assert request.record.selections == ("MedicationRequest/d",)
    assert [entry.resource.id for entry in request.record.drafts if entry.resource] == ["d"]
    assert request.draft_json is not None
    assert request.draft_json.keys() == {"MedicationRequest/d"}


def test_an_empty_basket_and_no_selections_are_fine() -> None:
    request = read("order-select", context=context(draftOrders={}))

    assert request.record.drafts == ()
    assert request.record.selections is None


def test_an_empty_list_of_selections_says_no_more_than_none_at_all() -> None:
    request = read("order-select", context=context(draftOrders=DRAFTS, selections=[]))

    assert request.record.selections is None


@pytest.mark.parametrize("wrong", ["MedicationRequest/d", 5, [5]])
def test_selections_that_are_no_list_of_references_are_refused(wrong: Any) -> None:
    told = problems("order-select", context=context(draftOrders=DRAFTS, selections=wrong))

    assert all(path.startswith("context.selections") for path in told)


@pytest.mark.parametrize(
    ("extension", "wanted"),
    [
        ({"org.b12-cds.explain": True}, True),
        ({"org.b12-cds.explain": "true"}, False),
        ({"com.vendor": {"x": 1}}, False),
        ([], False),
        ("text", False),
    ],
)
def test_the_assessment_is_given_to_those_who_ask_for_it(extension: Any, wanted: bool) -> None:
    assert read(extension=extension).wants_assessment is wanted


def test_another_patient_under_the_patient_key_does_not_become_the_patient() -> None:
    request = read(prefetch={"patient": {"resourceType": "Patient", "id": "p2"}})

    assert request.record.section(DataKey.PATIENT).availability is Availability.FAILED
    assert request.record.section(DataKey.PATIENT).entries == ()
