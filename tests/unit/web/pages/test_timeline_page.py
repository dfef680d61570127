"""The timeline's page: posted as a form, without JavaScript, and never a blank one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service.config import Settings
from cds_service.knowledge.model import Knowledge
from cds_service.playground import StoryEhr
from cds_service.service import CdsService
from cds_service.storage.store import Store
from cds_service.web import create_app

ADDRESS = "/playground/timeline"
STORY = Path(__file__).resolve().parents[4] / "fixtures" / "functional-deficiency" / "bundle.json"
MULTIPART = "multipart/form-data"


@pytest.fixture
def page(offered: Sequence[CdsService], knowledge: Knowledge, tmp_path: Path) -> Iterator[FlaskClient]:
    store = Store(f"sqlite:///{tmp_path}/b12.sqlite3")
    settings = Settings(today=date(2025, 10, 1))
    yield create_app(settings, offered, knowledge, store, playground=StoryEhr(offered)).test_client()
    store.close()


def a_bundle(*resources: Any) -> str:
    return json.dumps({"resourceType": "Bundle", "entry": [{"resource": resource} for resource in resources]})


def test_the_form_is_there_before_anything_is_drawn(page: FlaskClient) -> None:
    answer = page.get(ADDRESS)
    assert answer.status_code == 200
    assert b'enctype="multipart/form-data"' in answer.data
    assert b"<svg" not in answer.data
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "form-action 'self'" in policy


@pytest.mark.parametrize(
    "form",
    [
        {"story": "functional-deficiency"},
        {"bundle": STORY.read_text(encoding="utf-8")},
        {"story": "severe-deficiency", "bundle": "", "file": (BytesIO(STORY.read_bytes()), "b.json")},
    ],
)
def test_a_story_a_pasted_bundle_and_a_file_are_drawn(page: FlaskClient, form: dict[str, Any]) -> None:
    answer = page.post(ADDRESS, data=form, content_type=MULTIPART)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "Vitamin B12 status: functional" in text
    assert text.count("<svg") == 2
    assert "Patient/functional-deficiency" in text
    assert answer.headers["Cache-Control"] == "no-store"


def test_every_mark_leads_to_a_line_of_the_table(page: FlaskClient) -> None:
    text = page.post(ADDRESS, data={"story": "functional-deficiency"}).get_data(as_text=True)
    led_to = set(re.findall(r'href="#(row-\d+)"', text))
    assert led_to
    assert led_to <= set(re.findall(r'<tr id="(row-\d+)"', text))


def test_no_identity_of_a_patient_is_in_an_address(page: FlaskClient) -> None:
    text = page.post(ADDRESS, data={"story": "functional-deficiency"}).get_data(as_text=True)
    addresses = re.findall(r'(?:href|src|action)="([^"]*)"', text)
    assert [address for address in addresses if "functional-deficiency" in address] == []


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"bundle": "{"}, "not JSON"),
        ({"bundle": "[]"}, "A FHIR Bundle is needed"),
        ({"bundle": '{"resourceType": "Patient"}'}, "A FHIR Bundle is needed"),
        ({"bundle": a_bundle()}, "no Patient"),
        ({"bundle": a_bundle({"resourceType": "Patient", "id": "p 1"})}, "patientId"),
        ({"story": "none-of-ours"}, "no patient to show"),
    ],
)
def test_what_cannot_be_drawn_is_told_on_the_page(page: FlaskClient, form: dict[str, str], told: str) -> None:
    answer = page.post(ADDRESS, data=form)
    assert answer.status_code == 400
    alert = re.search(r'role="alert">(.*?)</p>', answer.get_data(as_text=True), re.DOTALL)
    assert alert is not None
    assert told in alert[1]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (f"{MULTIPART}; boundary=x", b"not a part"),
        (MULTIPART, b""),
        (
            f"{MULTIPART}; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n\xff\r\n--x--',
        ),
    ],
)
def test_a_form_that_cannot_be_read_is_told_on_the_page(page: FlaskClient, content_type: str, body: bytes) -> None:
    answer = page.post(ADDRESS, data=body, content_type=content_type)
    assert answer.status_code == 400
    assert b'role="alert"' in answer.data


def test_a_record_that_is_too_large_is_told_on_the_page(
    offered: Sequence[CdsService], knowledge: Knowledge, tmp_path: Path
) -> None:
    store = Store(f"sqlite:///{tmp_path}/b12.sqlite3")
    settings = Settings(today=date(2025, 10, 1), max_body_bytes=1000)
    client = create_app(settings, offered, knowledge, store, playground=StoryEhr(offered)).test_client()
    answer = client.post(ADDRESS, data={"bundle": "x" * 1001})
    assert answer.status_code == 413
    assert "too large to be drawn" in answer.get_data(as_text=True)
    assert (
        client.post("/playground/chart", json={"bundle": "x" * 1001}).get_json()["resourceType"] == "OperationOutcome"
    )
    store.close()


def test_other_addresses_still_take_nothing_but_json(page: FlaskClient) -> None:
    for address in ("/playground/chart", "/cds-services/b12-patient-view"):
        assert page.post(address, data={"story": "x"}).status_code == 415
    assert page.post(ADDRESS, data="{}", content_type="text/plain").status_code == 415


def test_where_the_playground_is_off_there_is_no_timeline(client: FlaskClient) -> None:
    assert client.get(ADDRESS).status_code == 404
    assert client.post(ADDRESS, data={"story": "x"}).status_code in (404, 415)


def test_a_hostile_record_is_text(page: FlaskClient) -> None:
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>\u202e\u0000' + "W" * 5000
    patient = {"resourceType": "Patient", "id": "p1", "name": [{"text": evil}], "gender": evil, "birthDate": evil}
    coded = {"coding": [{"system": "http://loinc.org", "code": "2132-9"}], "text": evil}
    lab = {
        "resourceType": "Observation",
        "status": evil,
        "code": coded,
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": evil,
        "valueQuantity": {"value": 150, "unit": evil, "code": evil},
        "referenceRange": [{"text": evil}],
    }
    short = {
        **lab,
        "status": "final",
        "valueQuantity": {"value": 150, "unit": "pg/mL"},
        "code": coded | {"text": "B12"},
    }
    ranged = {**short, "referenceRange": [{"text": evil[:60]}]}
    days = (date(2025, 9, 30) - timedelta(days=number) for number in range(3000))
    labs = [lab, *({**ranged, "id": f"r{day}", "effectiveDateTime": str(day)} for day in days)]
    medicine = {
        "resourceType": "MedicationStatement",
        "id": "m1",
        "status": "active",
        "subject": {"reference": "Patient/p1"},
        "medicationCodeableConcept": {"text": f"metformin {evil}"},
    }
    answer = page.post(ADDRESS, data={"bundle": a_bundle(patient, medicine, *labs)})
    text = answer.get_data(as_text=True)
    assert answer.status_code == 200
    assert "<img" not in text
    assert text.count("<script") == 1  # our own
    assert "are left out here" in text
    assert len(answer.data) < 1_000_000
