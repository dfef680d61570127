"""Completing a record from the FHIR server gives what a prefetch would have given, and never hangs or guesses."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from cds_service.facts.patient import Availability, DataKey
from cds_service.fhir.bundles import MOST_ENTRIES, Reading
from cds_service.fhir.prefetch import decode_hook_body
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.retrieve import FhirAccess, Retriever
from cds_service.outbound.addresses import AddressRules
from cds_service.outbound.session import GuardedSession

TEMPLATES = {
    DataKey.PATIENT: "Patient/{{context.patientId}}",
    DataKey.LABS: "Observation?patient={{context.patientId}}&code=http://loinc.org|2132-9&_count=200",
    DataKey.MEDICATION_REQUESTS: "MedicationRequest?patient={{context.patientId}}",
}
PATIENT = {"resourceType": "Patient", "id": "p1"}


def observation(id_: str) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": id_, "status": "final", "subject": {"reference": "Patient/p1"}}


def bundle(*resources: Any, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in resources], **more}


@pytest.fixture(scope="module")
def threaded_server() -> Iterator[HTTPServer]:
    with HTTPServer(host="127.0.0.1", threaded=True) as server:
        yield server


@pytest.fixture
def httpserver(threaded_server: HTTPServer) -> Iterator[HTTPServer]:
    """A FHIR server that answers several calls at once, and knows nothing of the test before."""
    threaded_server.clear()
    yield threaded_server
    threaded_server.clear()


@pytest.fixture
def retriever(httpserver: HTTPServer) -> Iterator[Retriever]:
    origins = [httpserver.url_for("").rstrip("/")]
    session = GuardedSession(AddressRules.of(origins, allow_http_localhost=True, private_networks=()))
    made = Retriever(session, deadline_seconds=1.5)
    yield made
    made.close()


@pytest.fixture
def access(httpserver: HTTPServer) -> FhirAccess:
    return FhirAccess(httpserver.url_for("/fhir"), "secret")


def given(**prefetch: Any) -> tuple[PatientRecord, dict[DataKey, Reading]]:
    body = decode_hook_body(json.dumps({"prefetch": prefetch}).encode())
    sections = {key: reading.section for key, reading in body.readings.items()}
    issues = tuple(issue for reading in body.readings.values() for issue in reading.issues)
    return PatientRecord("p1", sections, issues=issues), dict(body.readings)


def answers(httpserver: HTTPServer, **by_type: Any) -> None:
    for name, value in {"Patient/p1": PATIENT, "MedicationRequest": bundle(), **by_type}.items():
        httpserver.expect_request(f"/fhir/{name}").respond_with_json(value, content_type="application/fhir+json")


def ids(record: PatientRecord, key: DataKey = DataKey.LABS) -> list[str | None]:
    return [entry.resource.id for entry in record.section(key).entries if entry.resource is not None]


def availability(record: PatientRecord, key: DataKey = DataKey.LABS) -> Availability:
    return record.section(key).availability


def test_what_is_fetched_equals_what_a_prefetch_would_have_given(
    retriever: Retriever, access: FhirAccess, httpserver: HTTPServer
) -> None:
    labs, orders = bundle(observation("a"), observation("b")), bundle({"resourceType": "MedicationRequest", "id": "m"})
    answers(httpserver, Observation=labs, MedicationRequest=orders)
    prefetched, _ = given(patient=PATIENT, labs=labs, medicationRequests=orders)

    assert retriever.complete(*_asked(given()), access) == prefetched


def _asked(record: tuple[PatientRecord, dict[DataKey, Reading]]) -> tuple[Any, Any, Any]:
    return record[0], TEMPLATES, record[1]


def test_each_call_carries_the_token_and_the_filled_in_template(
    retriever: Retriever, access: FhirAccess, httpserver: HTTPServer
) -> None:
    answers(httpserver, Observation=bundle())

    retriever.complete(*_asked(given(patient=PATIENT, medicationRequests=None)), access)

    (request, _), *others = httpserver.log
    assert others == []
    assert request.headers["Authorization"] == "Bearer secret"
    assert request.args["patient"] == "p1"
    assert request.args["code"] == "http://loinc.org|2132-9"


def test_nothing_is_asked_when_nothing_is_missing(
    retriever: Retriever, access: FhirAccess, httpserver: HTTPServer
) -> None:
    record, readings = given(patient=PATIENT, labs=None, medicationRequests=bundle())

    assert retriever.complete(record, TEMPLATES, readings, access) is record
    assert httpserver.log == []


def test_nothing_is_asked_without_a_server(retriever: Retriever) -> None:
    record, readings = given()

    assert retriever.complete(record, TEMPLATES, readings, None) is record


def test_a_server_that_is_not_on_the_list_is_not_called_and_the_reason_is_told(
    retriever: Retriever, httpserver: HTTPServer
) -> None:
    record, readings = given(patient=PATIENT)
    completed = retriever.complete(record, TEMPLATES, readings, FhirAccess("https://169.254.169.254/fhir", "secret"))

    assert availability(completed) is Availability.NOT_GIVEN
    assert "B12_FHIR_ORIGINS" in completed.section(DataKey.LABS).note
    assert httpserver.log == []


def test_a_failed_prefetch_is_tried_again(retriever: Retriever, access: FhirAccess, httpserver: HTTPServer) -> None:
    answers(httpserver, Observation=bundle(observation("a")))
    record = given(patient=PATIENT, labs={"resourceType": "OperationOutcome"}, medicationRequests=None)

    completed = retriever.complete(*_asked(record), access)

    assert ids(completed) == ["a"]
    assert availability(completed) is Availability.COMPLETE


def test_an_error_beside_results_is_tried_again_and_the_results_are_kept_if_that_fails(
    retriever: Retriever, access: FhirAccess, httpserver: HTTPServer
) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error"}]}
    record = given(patient=PATIENT, labs=bundle(observation("a"), outcome), medicationRequests=None)
    httpserver.expect_ordered_request("/fhir/Observation").respond_with_data("", 500)
    httpserver.expect_ordered_request("/fhir/Observation").respond_with_json(bundle(observation("a"), observation("b")))

    failed = retriever.complete(*_asked(record), access)
    assert (ids(failed), availability(failed)) == (["a"], Availability.INCOMPLETE)

    completed = retriever.complete(*_asked(record), access)
    assert (ids(completed), availability(completed)) == (["a", "b"], Availability.COMPLETE)


def test_further_pages_of_a_prefetch_are_followed(
    retriever: Retriever, access: FhirAccess, httpserver: HTTPServer
) -> None:
    second = [{"relation": "next", "url": f"{access.server}?page=2"}]
    third = [{"relation": "next", "url": "fhir?page=3"}]
    httpserver.expect_request("/fhir", query_string="page=2").respond_with_json(
        bundle(observation("b"), link=third, total=3)
    )
    httpserver.expect_request("/fhir", query_string="page=3").respond_with_json(bundle(observation("c"), total=3))
    record = given(patient=PATIENT, labs=bundle(observation("a"), link=second, total=3), medicationRequests=None)

    completed = retriever.complete(*_asked(record), access)

    assert ids(completed) == ["a", "b", "c"]
    assert availability(completed) is Availability.COMPLETE


def test_a_page_that_fails_leaves_what_came_before_as_incomplete(
    retriever: Retriever, access: FhirAccess, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/fhir/2").respond_with_data("", 404)
    link = [{"relation": "next", "url": f"{access.server}/2"}]
    record = given(patient=PATIENT, labs=bundle(observation("a"), link=link), medicationRequests=None)

    completed = retriever.complete(*_asked(record), access)

    assert (ids(completed), availability(completed)) == (["a"], Availability.INCOMPLETE)
    assert "status 404" in completed.section(DataKey.LABS).note


def test_pages_that_never_end_are_left_at_a_bound(
    retriever: Retriever, access: FhirAccess, httpserver: HTTPServer
) -> None:
    def page(request: Request) -> Response:
        number = int(request.args.get("page", "0"))
        link = [{"relation": "next", "url": f"{access.server}/Observation?page={number + 1}"}]
        return Response(json.dumps(bundle(observation(f"o{number}"), link=link)), content_type="application/json")

    httpserver.expect_request("/fhir/Observation").respond_with_handler(page)

    completed = retriever.complete(*_asked(given(patient=PATIENT, medicationRequests=None)), access)

    assert availability(completed) is Availability.INCOMPLETE
    assert len(httpserver.log) == 20


def test_pages_are_not_followed_beyond_what_is_read(
    retriever: Retriever, access: FhirAccess, httpserver: HTTPServer
) -> None:
    def page(request: Request) -> Response:
        number = int(request.args.get("page", "0"))
        link = [{"relation": "next", "url": f"{access.server}/Observation?page={number + 1}"}]
        found = [observation(f"o{number}-{index}") for index in range(MOST_ENTRIES // 2)]
        return Response(json.dumps(bundle(*found, link=link)), content_type="application/json")

    httpserver.expect_request("/fhir/Observation").respond_with_handler(page)

    completed = retriever.complete(*_asked(given(patient=PATIENT, medicationRequests=None)), access)

    assert availability(completed) is Availability.INCOMPLETE
    assert (len(ids(completed)), len(httpserver.log)) == (MOST_ENTRIES, 2)


def test_a_page_that_links_to_itself_is_read_once(
    retriever: Retriever, access: FhirAccess, httpserver: HTTPServer
) -> None:
    link = [{"relation": "next", "url": f"{access.server}/2"}]
    httpserver.expect_request("/fhir/2").respond_with_json(bundle(observation("b"), link=link))
    record = given(patient=PATIENT, labs=bundle(observation("a"), link=link), medicationRequests=None)

    completed = retriever.complete(*_asked(record), access)

    assert (ids(completed), availability(completed)) == (["a", "b"], Availability.INCOMPLETE)


@pytest.mark.parametrize("elsewhere", ["https://evil.example/2", "http://169.254.169.254/", "//evil.example/2"])
def test_a_next_link_leads_the_token_to_no_other_server(
    elsewhere: str, retriever: Retriever, access: FhirAccess, httpserver: HTTPServer
) -> None:
    link = [{"relation": "next", "url": elsewhere}]
    record = given(patient=PATIENT, labs=bundle(observation("a"), link=link), medicationRequests=None)

    completed = retriever.complete(*_asked(record), access)

    assert (ids(completed), availability(completed)) == (["a"], Availability.INCOMPLETE)
    assert httpserver.log == []


def test_another_listed_server_does_not_get_the_token_of_the_first(httpserver: HTTPServer) -> None:
    origins = ["https://fhir.example.org", httpserver.url_for("").rstrip("/")]
    session = GuardedSession(AddressRules.of(origins, allow_http_localhost=True, private_networks=()))
    retriever = Retriever(session, deadline_seconds=1)
    link = [{"relation": "next", "url": httpserver.url_for("/fhir/2")}]
    record = given(patient=PATIENT, labs=bundle(observation("a"), link=link), medicationRequests=None)

    completed = retriever.complete(*_asked(record), FhirAccess("https://fhir.example.org/fhir", "secret"))
    retriever.close()

    assert availability(completed) is Availability.INCOMPLETE
    assert httpserver.log == []


@pytest.mark.parametrize("body", ["", "<html>", "[]", "{}", '{"resourceType": "OperationOutcome"}', '{"a": "\\ud800"}'])
def test_an_answer_that_is_no_bundle_is_a_failure(
    body: str, retriever: Retriever, access: FhirAccess, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/fhir/Observation").respond_with_data(body, content_type="application/json")

    completed = retriever.complete(*_asked(given(patient=PATIENT, medicationRequests=None)), access)

    assert availability(completed) is Availability.FAILED


def test_an_odd_resource_in_an_answer_becomes_an_issue(
    retriever: Retriever, access: FhirAccess, httpserver: HTTPServer
) -> None:
    answers(httpserver, Observation=bundle(observation("a"), {**observation("b"), "status": 5}))

    completed = retriever.complete(*_asked(given(patient=PATIENT, medicationRequests=None)), access)

    assert ids(completed) == ["a"]
    [unread] = completed.section(DataKey.LABS).unread
    assert [issue.resource for issue in unread.issues] == ["Observation/b"]


def test_a_patient_of_another_id_is_not_the_patient(
    retriever: Retriever, access: FhirAccess, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/fhir/Patient/p1").respond_with_json({"resourceType": "Patient", "id": "p2"})

    completed = retriever.complete(*_asked(given(labs=None, medicationRequests=None)), access)

    assert availability(completed, DataKey.PATIENT) is Availability.FAILED


@pytest.mark.parametrize("status", [404, 410])
def test_that_nothing_is_found_for_a_patient_who_is_not_there_is_not_taken_for_an_empty_record(
    status: int, retriever: Retriever, access: FhirAccess, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/fhir/Patient/p1").respond_with_data("", status=status)
    answers(httpserver, Observation=bundle(observation("a")), MedicationRequest=bundle(total=0))

    completed = retriever.complete(*_asked(given()), access)

    assert availability(completed, DataKey.MEDICATION_REQUESTS) is Availability.FAILED
    assert "has no Patient with this id" in completed.section(DataKey.MEDICATION_REQUESTS).note
    assert ids(completed) == ["a"]


def test_that_nothing_is_found_is_believed_where_the_patient_may_just_not_be_read(
    retriever: Retriever, access: FhirAccess, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/fhir/Patient/p1").respond_with_data("", status=403)
    answers(httpserver, Observation=bundle(total=0))

    completed = retriever.complete(*_asked(given()), access)

    assert availability(completed) is Availability.COMPLETE


def test_a_silent_server_costs_no_more_than_the_deadline_and_loses_no_other_key(
    retriever: Retriever, access: FhirAccess, httpserver: HTTPServer
) -> None:
    release = threading.Event()

    def silent(_: Request) -> Response:
        release.wait(5)
        return Response("{}")

    answers(httpserver)
    httpserver.expect_request("/fhir/Observation").respond_with_handler(silent)
    began = time.monotonic()

    completed = retriever.complete(*_asked(given()), access)
    took = time.monotonic() - began
    release.set()

    assert took < 2.2
    assert availability(completed) is Availability.FAILED
    assert (
        "in time" in completed.section(DataKey.LABS).note
        or "within 1.5 seconds" in completed.section(DataKey.LABS).note
    )
    assert availability(completed, DataKey.PATIENT) is Availability.COMPLETE
    assert availability(completed, DataKey.MEDICATION_REQUESTS) is Availability.COMPLETE


def test_missing_keys_are_asked_for_at_once(retriever: Retriever, access: FhirAccess, httpserver: HTTPServer) -> None:
    together = threading.Barrier(3, timeout=1)

    def meet(_: Request) -> Response:
        together.wait()
        return Response("{}", content_type="application/json")

    for path in ("Patient/p1", "Observation", "MedicationRequest"):
        httpserver.expect_request(f"/fhir/{path}").respond_with_handler(meet)

    retriever.complete(*_asked(given()), access)

    assert not together.broken


def order(reference: str) -> dict[str, Any]:
    return {"resourceType": "MedicationRequest", "id": "m", "medicationReference": {"reference": reference}}


@pytest.mark.parametrize("form", ["Medication/x", "{base}/Medication/x", "Medication/x/_history/2"])
def test_a_medication_that_is_only_referred_to_is_read(
    form: str, retriever: Retriever, access: FhirAccess, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/fhir/Medication/x").respond_with_json({"resourceType": "Medication", "id": "x"})
    orders = bundle(order(form.format(base=access.server)))
    record = given(patient=PATIENT, labs=None, medicationRequests=orders)

    completed = retriever.complete(*_asked(record), access)

    assert ids(completed, DataKey.MEDICATION_REQUESTS) == ["m", "x"]
    added = completed.section(DataKey.MEDICATION_REQUESTS).entries[1]
    assert added.full_url == f"{access.server}/Medication/x"
    assert added.search is not None
    assert added.search.mode == "include"


@pytest.mark.parametrize(
    "reference", ["#contained", "urn:uuid:1", "Medication/../admin", "https://evil.example/Medication/x", "Patient/p1"]
)
def test_other_references_are_not_followed(
    reference: str, retriever: Retriever, access: FhirAccess, httpserver: HTTPServer
) -> None:
    record = given(patient=PATIENT, labs=None, medicationRequests=bundle(order(reference)))

    completed = retriever.complete(*_asked(record), access)

    assert ids(completed, DataKey.MEDICATION_REQUESTS) == ["m"]
    assert httpserver.log == []


def test_a_medication_that_cannot_be_read_leaves_the_order_as_it_is(
    retriever: Retriever, access: FhirAccess, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/fhir/Medication/x").respond_with_json({"resourceType": "Patient", "id": "x"})
    record = given(patient=PATIENT, labs=None, medicationRequests=bundle(order("Medication/x")))

    assert retriever.complete(*_asked(record), access) == record[0]


def test_references_are_read_up_to_a_bound(retriever: Retriever, access: FhirAccess, httpserver: HTTPServer) -> None:
    httpserver.expect_request("").respond_with_data("", 404)
    record = given(
        patient=PATIENT, labs=None, medicationRequests=bundle(*(order(f"Medication/x{n}") for n in range(60)))
    )

    retriever.complete(*_asked(record), access)

    assert 0 < len(httpserver.log) <= 25


def test_the_token_is_not_in_what_is_printed(access: FhirAccess) -> None:
    assert "secret" not in repr(access)
