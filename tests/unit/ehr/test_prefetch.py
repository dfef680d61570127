"""Answering a service's prefetch templates from a Bundle in memory."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.ehr.patient_bundle import UnusableFile
from cds_service.ehr.prefetch import UnsupportedTemplate, prefetch_from_bundle

B12 = {"system": "http://loinc.org", "code": "2132-9"}
HBA1C = {"system": "http://loinc.org", "code": "4548-4"}
PATIENT = {"resourceType": "Patient", "id": "p1"}


def bundle(*resources: dict[str, Any], kind: str = "collection") -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": [{"resource": resource} for resource in resources]}


def lab(name: str, coding: dict[str, str] = B12, subject: str = "Patient/p1", **more: Any) -> dict[str, Any]:
    code = {"coding": [coding]}
    return {"resourceType": "Observation", "id": name, "code": code, "subject": {"reference": subject}, **more}


def ids(answer: dict[str, Any]) -> list[str]:
    return [entry["resource"]["id"] for entry in answer.get("entry", [])]


def search(query: str, *resources: dict[str, Any]) -> dict[str, Any]:
    found = prefetch_from_bundle(bundle(PATIENT, *resources), {"key": query}, "p1")["key"]
    assert isinstance(found, dict)
    return found


ALL_LABS = "Observation?patient={{context.patientId}}"


def test_a_read_template_gives_the_resource_itself() -> None:
    assert prefetch_from_bundle(bundle(PATIENT), {"patient": "Patient/{{context.patientId}}"}) == {"patient": PATIENT}


def test_a_read_that_finds_nothing_is_null_as_cds_hooks_has_it() -> None:
    assert prefetch_from_bundle(bundle(PATIENT), {"patient": "Patient/other"}) == {"patient": None}


def test_a_search_without_a_hit_is_an_empty_searchset() -> None:
    assert search(ALL_LABS) == {"resourceType": "Bundle", "type": "searchset", "total": 0}


def test_a_search_finds_only_the_resources_of_the_patient() -> None:
    found = search(ALL_LABS, lab("mine"), lab("other", subject="Patient/p11"), lab("nobody", subject="Group/p1"))
    assert ids(found) == ["mine"]


def test_an_absolute_reference_to_the_patient_counts() -> None:
    assert ids(search(ALL_LABS, lab("mine", subject="https://ehr.example.org/fhir/Patient/p1"))) == ["mine"]


@pytest.mark.parametrize("codes", ["http://loinc.org|2132-9", "2132-9", "http://loinc.org|1-1,http://loinc.org|2132-9"])
def test_a_code_list_selects_by_coding(codes: str) -> None:
    assert ids(search(f"{ALL_LABS}&code={codes}", lab("b12"), lab("hba1c", HBA1C))) == ["b12"]


def test_a_code_of_another_system_is_another_code() -> None:
    assert ids(search(f"{ALL_LABS}&code=http://snomed.info/sct|2132-9", lab("b12"))) == []


def test_a_category_selects_by_coding() -> None:
    category = [{"coding": [{"system": "x", "code": "social-history"}]}]
    assert ids(search(f"{ALL_LABS}&category=social-history", lab("diet", category=category), lab("b12"))) == ["diet"]


def test_the_newest_come_first_and_those_beyond_the_count_are_said_to_follow() -> None:
    dated = [lab(f"d{day}", effectiveDateTime=f"2025-09-0{day}") for day in (2, 3, 1)]
    found = search(f"{ALL_LABS}&_sort=-date&_count=2", *dated)
    assert ids(found) == ["d3", "d2"]
    assert found["total"] == 3
    assert found["link"][0]["relation"] == "next"


def test_a_draft_order_is_found_by_no_search() -> None:
    draft = {"resourceType": "MedicationRequest", "id": "d", "status": "draft", "subject": {"reference": "Patient/p1"}}
    assert search("MedicationRequest?patient={{context.patientId}}", draft)["total"] == 0


def test_the_medication_that_a_match_points_to_comes_with_it() -> None:
    medication = {"resourceType": "Medication", "id": "m"}
    request = {"resourceType": "MedicationRequest", "id": "r", "status": "active"} | {
        "subject": {"reference": "Patient/p1"},
        "medicationReference": {"reference": "Medication/m"},
    }
    found = search("MedicationRequest?patient={{context.patientId}}", request, medication)
    assert [(entry["resource"]["id"], entry["search"]["mode"]) for entry in found["entry"]] == [
        ("r", "match"),
        ("m", "include"),
    ]
    assert found["total"] == 1


def test_references_by_full_url_and_by_identifier_are_followed() -> None:
    named = PATIENT | {"identifier": [{"system": "mrn", "value": "7"}]}
    entries = [
        {"fullUrl": "urn:uuid:aa", "resource": {k: v for k, v in named.items() if k != "id"}},
        {"fullUrl": "urn:uuid:bb", "resource": lab("one", subject="urn:uuid:aa")},
        {"fullUrl": "urn:uuid:cc", "resource": lab("two", subject="Patient?identifier=mrn|7")},
    ]
    transaction = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    found = prefetch_from_bundle(transaction, {"key": ALL_LABS})["key"]
    assert ids(found) == ["one", "two"]


@pytest.mark.parametrize(
    "template",
    ["Observation?patient={{context.encounterId}}", f"{ALL_LABS}&_has=x", f"{ALL_LABS}&_sort=code"],
)
def test_a_template_that_cannot_be_answered_is_said_and_not_guessed(template: str) -> None:
    with pytest.raises(UnsupportedTemplate, match="Observation"):
        search(template, lab("b12"))


def test_which_of_two_patients_is_meant_is_never_guessed() -> None:
    two = bundle(PATIENT, PATIENT | {"id": "p2"})
    with pytest.raises(UnusableFile, match="p1, p2"):
        prefetch_from_bundle(two, {})


@pytest.mark.parametrize("content", [{}, {"resourceType": "Patient"}, {"resourceType": "Bundle", "entry": {}}])
def test_what_is_no_bundle_of_a_patient_is_refused(content: dict[str, Any]) -> None:
    with pytest.raises(UnusableFile):
        prefetch_from_bundle(content, {})


@pytest.mark.parametrize("odd", [None, 7, {}, {"resource": None}, {"resource": {"id": "x"}}])
def test_an_entry_that_is_no_resource_hides_no_other(odd: Any) -> None:
    content = bundle(PATIENT, lab("b12"))
    content["entry"].insert(0, odd)
    assert ids(prefetch_from_bundle(content, {"key": ALL_LABS})["key"]) == ["b12"]
