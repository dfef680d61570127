"""Answering a hook: what is required is there or the answer is 412; what is unforeseen is 500 and never no cards."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import time_machine
from flask.testing import FlaskClient
from pytest_httpserver import HTTPServer

from cds_service.errors import InvalidSettings
from cds_service.facts.patient import Availability, DataKey
from cds_service.service import HookAnswer, HookCall
from cds_service.storage.store import Store
from tests.unit.web.conftest import CARD_ID, PATIENT, Edge, context, hook_request, issues, paths

URL = "/cds-services/b12-patient-view"


def test_a_hook_is_answered_with_its_cards(edge: Edge, client: FlaskClient) -> None:
    response = client.post(URL, json=hook_request())

    assert response.status_code == 200
    assert response.content_type == "application/json"
    assert [card["uuid"] for card in response.get_json()["cards"]] == [CARD_ID]
    assert [call.hook for call in edge.calls] == ["patient-view"]


def test_the_call_knows_who_asks_for_whom_and_when(edge: Edge) -> None:
    client = edge.client(today=date(2025, 10, 1), one_action=True)
    client.post(URL, json=hook_request(context=context(encounterId="e1"), extension={"org.b12-cds.explain": True}))

    (call,) = edge.calls
    assert call.record.patient_id == "p1"
    assert (call.user_id, call.encounter_id) == ("Practitioner/u1", "e1")
    assert (call.today, call.one_action, call.wants_assessment) == (date(2025, 10, 1), True, True)


def test_without_a_fixed_day_the_clock_is_asked(edge: Edge, client: FlaskClient) -> None:
    with time_machine.travel("2026-02-03T12:00:00Z", tick=False):
        client.post(URL, json=hook_request())

    assert edge.calls[0].today == date(2026, 2, 3)


def test_a_required_key_that_is_not_there_is_412_and_named(edge: Edge, client: FlaskClient) -> None:
    response = client.post(URL, json=hook_request(prefetch=None))

    assert response.status_code == 412
    assert paths(response) == ["prefetch.patient"]
    assert "was not in the request" in issues(response)[0][1]
    assert edge.calls == []


def test_a_required_key_that_failed_is_412(client: FlaskClient) -> None:
    response = client.post(URL, json=hook_request(prefetch={"patient": {"resourceType": "OperationOutcome"}}))

    assert response.status_code == 412


def test_a_required_key_that_is_known_to_be_empty_is_no_obstacle(edge: Edge, client: FlaskClient) -> None:
    assert client.post(URL, json=hook_request(prefetch={"patient": None})).status_code == 200
    assert edge.calls[0].record.section(DataKey.PATIENT).availability is Availability.COMPLETE


def test_an_optional_key_that_is_not_there_is_no_obstacle(edge: Edge, client: FlaskClient) -> None:
    assert client.post(URL, json=hook_request()).status_code == 200
    assert edge.calls[0].record.section(DataKey.LABS).availability is Availability.NOT_GIVEN


def test_a_key_that_the_site_never_sends_is_no_gap(edge: Edge) -> None:
    edge.client(never_sent=("procedures",)).post(URL, json=hook_request())

    (call,) = edge.calls
    assert call.record.section(DataKey.PROCEDURES).availability is Availability.NEVER_SENT
    assert call.record.section(DataKey.LABS).availability is Availability.NOT_GIVEN


def test_a_key_that_the_site_sends_after_all_counts(edge: Edge) -> None:
    prefetch = {"patient": PATIENT, "procedures": None}
    edge.client(never_sent=("procedures",)).post(URL, json=hook_request(prefetch=prefetch))

    assert edge.calls[0].record.section(DataKey.PROCEDURES).availability is Availability.COMPLETE


@pytest.mark.parametrize(("key", "problem"), [("patient", "cannot do without"), ("allergy", "is no prefetch key")])
def test_a_site_cannot_declare_what_would_blind_the_service(key: str, problem: str, edge: Edge) -> None:
    with pytest.raises(InvalidSettings, match=f"B12_NEVER_SENT: .*{problem}"):
        edge.app(never_sent=(key,))


def test_an_unforeseen_fault_is_500_without_patient_data_and_never_an_empty_list(edge: Edge) -> None:
    def fail(call: HookCall) -> HookAnswer:
        raise RuntimeError(f"about {call.record.patient_id} and Mrs Smith")

    edge.answer = fail
    response = edge.client().post(URL, json=hook_request())

    assert response.status_code == 500
    assert "cards" not in response.get_json()
    assert "Smith" not in response.get_data(as_text=True)
    assert issues(response)[0][0] == "exception"


def test_the_cards_shown_are_noted(edge: Edge, client: FlaskClient) -> None:
    client.post(URL, json=hook_request())

    assert edge.store.count_cards() == 1


def test_cards_are_shown_although_they_cannot_be_noted(edge: Edge, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    edge.store = Store(f"sqlite:///{tmp_path}/file/b12.sqlite3")

    response = edge.client().post(URL, json=hook_request())

    assert response.status_code == 200
    assert len(response.get_json()["cards"]) == 1


# Calls that do not concern us, and the FHIR server


@pytest.fixture
def with_server(edge: Edge, httpserver: HTTPServer) -> FlaskClient:
    origin = httpserver.url_for("").rstrip("/")
    return edge.client(fhir_origins=(origin,), fhir_allow_http_localhost=True, deadline_seconds=1.0)


def order_request(httpserver: HTTPServer, **more: object) -> dict[str, object]:
    return hook_request(
        "order-select",
        context=context(draftOrders={"resourceType": "Bundle"}),
        prefetch=None,
        fhirServer=httpserver.url_for("/fhir"),
        **more,
    )


def test_an_order_that_does_not_concern_us_is_answered_without_asking_the_server(
    edge: Edge, with_server: FlaskClient, httpserver: HTTPServer
) -> None:
    edge.concerns_us = False
    response = with_server.post("/cds-services/b12-order-select", json=order_request(httpserver))

    assert (response.status_code, response.get_data()) == (200, b'{"cards":[]}')
    assert (edge.calls, httpserver.log) == ([], [])


def test_whoever_asks_for_the_assessment_gets_it_in_any_case(
    edge: Edge, with_server: FlaskClient, httpserver: HTTPServer
) -> None:
    edge.concerns_us = False
    httpserver.expect_request("/fhir/Patient/p1").respond_with_json(PATIENT)
    request = order_request(httpserver, extension={"org.b12-cds.explain": True})

    assert with_server.post("/cds-services/b12-order-select", json=request).status_code == 200
    assert len(edge.calls) == 1


def test_a_required_key_is_read_from_the_server(edge: Edge, with_server: FlaskClient, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/fhir/Patient/p1").respond_with_json(PATIENT)
    httpserver.expect_request("").respond_with_data("", 404)
    request = hook_request(prefetch=None, fhirServer=httpserver.url_for("/fhir"))

    assert with_server.post(URL, json=request).status_code == 200
    (call,) = edge.calls
    assert call.record.section(DataKey.PATIENT).availability is Availability.COMPLETE
    assert call.record.section(DataKey.LABS).availability is Availability.FAILED


def test_a_server_in_vain_is_412_with_the_reason(with_server: FlaskClient, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/fhir/Patient/p1").respond_with_data("Mrs Smith", 403)
    request = hook_request(
        prefetch={"labs": None, "procedures": None},
        fhirServer=httpserver.url_for("/fhir"),
        fhirAuthorization={"access_token": "topsecret"},
    )
    response = with_server.post(URL, json=request)

    assert response.status_code == 412
    assert "status 403" in issues(response)[0][1]
    assert "Smith" not in response.get_data(as_text=True)
    assert "topsecret" not in response.get_data(as_text=True)
