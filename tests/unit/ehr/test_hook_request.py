"""Building the request that an EHR sends."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.ehr.hook_request import hook_request, stable_instance
from cds_service.ehr.patient_bundle import PatientBundle, UnusableFile

INSTANCE = "0f8fad5b-d9cb-469f-a165-70867728950e"


def draft(name: str) -> dict[str, Any]:
    return {"resourceType": "MedicationRequest", "id": name, "status": "draft"}


def test_patient_view_carries_user_patient_and_prefetch() -> None:
    record = PatientBundle("p1", ({"resourceType": "Patient", "id": "p1"},))
    request = hook_request("patient-view", record, {"patient": "Patient/{{context.patientId}}"}, instance=INSTANCE)
    assert request == {
        "hook": "patient-view",
        "hookInstance": INSTANCE,
        "context": {"userId": "Practitioner/example", "patientId": "p1"},
        "prefetch": {"patient": {"resourceType": "Patient", "id": "p1"}},
    }


def test_order_select_carries_all_drafts_and_what_was_selected() -> None:
    record = PatientBundle("p1", (draft("a"), draft("b")))
    context = hook_request("order-select", record, {}, instance=INSTANCE, selected=["MedicationRequest/b"])["context"]
    assert context["selections"] == ["MedicationRequest/b"]
    assert [entry["resource"]["id"] for entry in context["draftOrders"]["entry"]] == ["a", "b"]


def test_order_sign_has_no_selections() -> None:
    context = hook_request("order-sign", PatientBundle("p1", (draft("a"),)), {}, instance=INSTANCE)["context"]
    assert "selections" not in context


def test_an_order_hook_without_an_order_is_refused() -> None:
    with pytest.raises(UnusableFile, match="needs an order"):
        hook_request("order-sign", PatientBundle("p1", ()), {}, instance=INSTANCE)


def test_a_selection_that_is_no_draft_is_refused_with_those_that_are() -> None:
    with pytest.raises(UnusableFile, match="MedicationRequest/a"):
        hook_request("order-select", PatientBundle("p1", (draft("a"),)), {}, instance=INSTANCE, selected=["x"])


def test_a_kept_request_has_the_same_instance_every_time() -> None:
    assert stable_instance("story") == stable_instance("story") != stable_instance("another")
