"""Orders that are being written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cds_service.ehr.fhir_server import FhirServer
from cds_service.ehr.orders import drafts_on, orders_of
from cds_service.ehr.patient_bundle import UnusableFile
from tests.fhir_server import FhirStub

ORDER = {"resourceType": "ServiceRequest", "id": "s", "status": "active", "code": {"text": "B12"}}


def test_words_become_a_medicine_and_directions_without_any_code() -> None:
    assert orders_of(["folic acid 5 mg, 1 tablet daily, after food"], "p1") == [
        {
            "id": "new-order-1",
            "resourceType": "MedicationRequest",
            "intent": "order",
            "status": "draft",
            "medicationCodeableConcept": {"text": "folic acid 5 mg"},
            "dosageInstruction": [{"text": "1 tablet daily, after food"}],
            "subject": {"reference": "Patient/p1"},
        }
    ]


@pytest.mark.parametrize("content", [ORDER, {"resourceType": "Bundle", "entry": [7, {"resource": ORDER}]}])
def test_a_file_holds_an_order_or_a_bundle_and_becomes_this_patients_draft(content: Any, tmp_path: Path) -> None:
    (tmp_path / "o.json").write_text(json.dumps(content))
    made = orders_of([str(tmp_path / "o.json"), "metformin"], "p1")
    assert [(one["id"], one["status"], one["subject"]["reference"]) for one in made] == [
        ("s", "draft", "Patient/p1"),
        ("new-order-2", "draft", "Patient/p1"),
    ]


@pytest.mark.parametrize("text", [", daily", " "])
def test_an_order_of_nothing_is_refused(text: str) -> None:
    with pytest.raises(UnusableFile, match="no medicine"):
        orders_of([text], "p1")


def test_a_file_without_an_order_is_refused(tmp_path: Path) -> None:
    (tmp_path / "o.json").write_text('{"resourceType": "Patient"}')
    with pytest.raises(UnusableFile, match="holds no order"):
        orders_of([str(tmp_path / "o.json")], "p1")


def test_a_server_keeps_drafts(server: FhirServer, stub: FhirStub) -> None:
    for number, status in enumerate(("draft", "active")):
        stub.add(**ORDER | {"id": f"o{number}", "status": status, "subject": {"reference": "Patient/p1"}})
    assert [one["id"] for one in drafts_on(server, "p1")] == ["o0"]
