"""The pages' addresses: what is served where the playground is on, and where it is off."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from pytest_httpserver import HTTPServer

from cds_service.config import Settings
from cds_service.errors import InvalidSettings
from cds_service.knowledge.model import Knowledge
from cds_service.playground import FhirServers, StoryEhr
from cds_service.service import CdsService
from cds_service.storage.store import Store
from cds_service.web import create_app
from cds_service.web.pages.chart import chart_facts
from cds_service.web.pages.markdown import markdown_tree
from cds_service.web.pages.order_form import order_form
from tests.fhir_server import FhirStub

PATIENT = {"resourceType": "Patient", "id": "p1"}


def bundle(*resources: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "entry": [{"resource": resource} for resource in resources]}


@pytest.fixture
def playground(offered: Sequence[CdsService], knowledge: Knowledge, tmp_path: Path) -> Iterator[FlaskClient]:
    """The service with the playground on, on a day a year after that of the stories."""
    store = Store(f"sqlite:///{tmp_path}/b12.sqlite3")
    settings = Settings(today=date(2026, 10, 1))
    yield create_app(settings, offered, knowledge, store, playground=StoryEhr(offered)).test_client()
    store.close()


def test_the_page_has_a_strict_policy(playground: FlaskClient) -> None:
    answer = playground.get("/")
    assert b"Playground EHR" in answer.data
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_where_the_playground_is_off_the_page_says_what_this_is(client: FlaskClient) -> None:
    assert b"switched off" in client.get("/").data
    assert client.get("/playground/setup").status_code == 404
    assert client.post("/playground/chart", json={"bundle": bundle(PATIENT)}).status_code == 404


def test_every_drug_has_a_code_of_the_knowledge(knowledge: Knowledge) -> None:
    named = [drug["concept"]["text"] for drug in order_form(knowledge)["drugs"]]
    assert len(named) == 12
    assert "Lisinopril 10 mg tablet" in named


def test_a_story_is_moved_to_today(playground: FlaskClient) -> None:
    story = playground.get("/playground/stories/folic-acid-masking").get_json()
    result = next(e["resource"] for e in story["entry"] if e["resource"]["resourceType"] == "Observation")
    assert result["effectiveDateTime"].startswith("2026-09-20")


def test_a_story_that_is_none_is_not_found(playground: FlaskClient) -> None:
    assert playground.get("/playground/stories/..").status_code == 404


def test_a_chart_has_the_prefetch_of_every_service(playground: FlaskClient) -> None:
    opened = playground.post("/playground/chart", json={"bundle": bundle(PATIENT)}).get_json()
    assert set(opened["prefetch"]) == {"b12-patient-view", "b12-order-select", "b12-order-sign"}
    assert opened["prefetch"]["b12-patient-view"]["patient"]["id"] == "p1"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "FHIR Bundle is needed"),
        ({"bundle": bundle()}, "no Patient"),
        ({"bundle": bundle(PATIENT, {**PATIENT, "id": "p2"})}, "2 Patients"),
        ({"bundle": bundle(PATIENT), "patientId": "p9"}, "no Patient with the id"),
    ],
)
def test_which_patient_is_meant_is_never_guessed(playground: FlaskClient, body: dict[str, Any], told: str) -> None:
    answer = playground.post("/playground/chart", json=body)
    assert answer.status_code == 400
    assert told in answer.get_json()["issue"][0]["details"]["text"]


def test_of_several_patients_one_is_opened_by_its_id(playground: FlaskClient) -> None:
    both = bundle(PATIENT, {**PATIENT, "id": "p2"})
    opened = playground.post("/playground/chart", json={"bundle": both, "patientId": "p2"}).get_json()
    assert opened["patientId"] == "p2"


def test_a_bundle_that_is_nested_too_deeply_is_refused(playground: FlaskClient) -> None:
    deep = json.dumps({"bundle": bundle(PATIENT)}).replace('"p1"', '"p1", "x": ' + "[" * 900 + "]" * 900)
    answer = playground.post("/playground/chart", data=deep, content_type="application/json")
    assert answer.status_code == 400


@pytest.mark.parametrize("odd", [None, 7, True, [], {}, [None], {"coding": [None]}, "x" * 5000])
def test_an_odd_value_does_not_hide_the_chart(odd: Any) -> None:
    fields = ("name", "code", "valueQuantity", "clinicalStatus", "effectiveDateTime", "dosageInstruction", "given")
    kinds = ("Patient", "Condition", "Observation", "MedicationRequest", "AllergyIntolerance")
    odd_ones = [{"resourceType": kind, "id": "p1", **dict.fromkeys(fields, odd)} for kind in kinds]
    sections = chart_facts(odd_ones, "p1")["sections"]
    assert [len(section["rows"]) for section in sections] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("address", "body", "told"),
    [
        ("patients", {"server": "http://localhost:1/fhir"}, "B12_FHIR_ORIGINS"),
        ("chart", {"server": "http://localhost:1/fhir", "patientId": "p1"}, "B12_FHIR_ORIGINS"),
        ("patients", {"server": 7}, "server must be a text"),
        ("chart", {"server": "", "patientId": "x" * 501}, "patientId must be a text of at most 500"),
        ("patients", [], "must be a JSON object"),
    ],
)
def test_what_cannot_be_asked_of_a_fhir_server_is_told(
    playground: FlaskClient, address: str, body: Any, told: str
) -> None:
    answer = playground.post(f"/playground/fhir/{address}", json=body)
    assert answer.status_code == 400
    assert told in answer.get_json()["issue"][0]["details"]["text"]


def test_a_chart_of_a_server_is_passed_on_with_what_is_missing(
    offered: Sequence[CdsService], knowledge: Knowledge, tmp_path: Path, httpserver: HTTPServer
) -> None:
    stub = FhirStub(httpserver)
    stub.add(**PATIENT, name=[{"text": "Anna"}], gender="female")
    settings = Settings(fhir_origins=(httpserver.url_for("").rstrip("/"),), fhir_allow_http_localhost=True)
    store = Store(f"sqlite:///{tmp_path}/b12.sqlite3")
    ehr = StoryEhr(offered, FhirServers(settings, offered))
    client = create_app(settings, offered, knowledge, store, playground=ehr).test_client()
    found = client.post("/playground/fhir/patients", json={"server": stub.base, "search": "p1"}).get_json()
    assert found == {"patients": [{"id": "p1", "name": "Anna", "gender": "Female", "birthDate": "unknown"}]}

    assert client.get("/playground/setup").get_json()["servers"] == list(settings.fhir_origins)
    fetched = client.post("/playground/fhir/chart", json={"server": stub.base, "patientId": "p1"}).get_json()
    assert fetched["missing"] == {}
    httpserver.clear()
    httpserver.expect_request("/fhir/Patient").respond_with_data(status=500)
    failed = client.post("/playground/fhir/patients", json={"server": stub.base})
    assert failed.status_code == 502
    assert failed.get_json()["issue"][0]["code"] == "transient"
    store.close()


def test_what_a_server_did_not_give_is_no_none_on_paper(playground: FlaskClient, knowledge: Knowledge) -> None:
    """A form may say which prefetch keys are not known: those are then not sent as empty."""
    form = {"bundle": json.dumps(bundle({**PATIENT, "gender": "female", "birthDate": "1950-01-01"}))}
    known = playground.post("/playground/patient", data=form).get_data(as_text=True)
    unknown = playground.post("/playground/patient", data={**form, "missing": "labs conditions"}).get_data(as_text=True)
    told = knowledge.patient_page["not_checked"].partition(".")[0]
    assert told not in known
    assert told in unknown


def test_markdown_is_drawn_without_html_foreign_schemes_or_images() -> None:
    drawn = json.dumps(
        markdown_tree("**a** <b>x</b> [l](javascript:alert(1)) ![i](https://e.org/i.png)\n\n- [k](https://e.org)")
    )
    assert '["strong", "", ["a"]]' in drawn
    assert '["a", "https://e.org", ["k"]]' in drawn
    assert "<b>x</b>" in drawn
    assert '"img"' not in drawn
    assert '["a", "javascript' not in drawn


@pytest.mark.parametrize(
    ("env", "is_on"),
    [
        ({}, True),
        ({"B12_PLAYGROUND": "false"}, False),
        ({"HOST": "0.0.0.0", "B12_TRUST": "open-insecure"}, False),
        ({"HOST": "0.0.0.0", "B12_TRUST": "open-insecure", "B12_PLAYGROUND": "true"}, True),
        ({"B12_TRUST": "demo-sandbox"}, False),
    ],
)
def test_the_playground_is_on_where_only_this_machine_can_call(env: dict[str, str], is_on: bool) -> None:
    assert Settings.from_environment(env).playground is is_on


def test_where_callers_must_sign_the_playground_cannot_be_asked_for() -> None:
    with pytest.raises(InvalidSettings, match="B12_PLAYGROUND"):
        Settings.from_environment({"B12_TRUST": "demo-sandbox", "B12_PLAYGROUND": "true"})
