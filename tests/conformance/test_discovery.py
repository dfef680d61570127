"""Discovery (CDS Hooks 2.0.1, "Discovery"), and templates inside the recommended query subset."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.conformance.conftest import Service, hook_request
from tests.conformance.empties import empties

SUBSET = {
    "Observation": {"patient", "code", "category", "_sort", "_count"},
    "MedicationStatement": {"patient", "_count"},
    "MedicationRequest": {"patient", "_count"},
    "MedicationDispense": {"patient", "_count"},
    "MedicationAdministration": {"patient", "_count"},
    "Condition": {"patient", "_count"},
    "Procedure": {"patient", "_count"},
    "AllergyIntolerance": {"patient", "_count"},
    "ServiceRequest": {"patient", "_sort", "_count"},
}


@pytest.mark.verifies("CDSH-8")
@pytest.mark.verifies("CDSH-9")
def test_discovery_answers_with_a_list_of_services(service: Service) -> None:
    answer = service.send("GET", "/cds-services")

    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    assert isinstance(answer.json["services"], list)
    assert list(empties(answer.json)) == []


@pytest.mark.verifies("CDSH-11")
@pytest.mark.verifies("CDSH-13")
@pytest.mark.verifies("CDSH-14")
@pytest.mark.parametrize("hook", ["patient-view", "order-select", "order-sign"])
def test_each_hook_has_a_service_of_its_own_id(hook: str, services: dict[str, dict[str, Any]]) -> None:
    entry = services[hook]

    assert re.fullmatch(r"[A-Za-z0-9-]+", entry["id"])
    assert entry["title"]
    assert entry["description"]
    assert len({other["id"] for other in services.values()}) == len(services)


def templates(services: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
    return [(key, text) for entry in services.values() for key, text in entry["prefetch"].items()]


@pytest.mark.verifies("CDSH-35")
@pytest.mark.verifies("CDSH-40")
@pytest.mark.verifies("CDSH-45")
def test_each_template_is_a_relative_read_or_a_search_inside_the_subset(services: dict[str, dict[str, Any]]) -> None:
    for _, text in templates(services):
        path, _, query = text.partition("?")
        assert "//" not in path
        if not query:
            assert path == "Patient/{{context.patientId}}"
            continue
        names = [part.partition("=")[0] for part in query.split("&")]
        assert set(names) <= SUBSET[path]
        assert len(names) == len(set(names))
        assert "patient={{context.patientId}}" in query


@pytest.mark.verifies("CDSH-36")
@pytest.mark.verifies("CDSH-37")
@pytest.mark.verifies("CDSH-38")
@pytest.mark.verifies("CDSH-39")
def test_templates_use_no_token_but_the_patient_id(services: dict[str, dict[str, Any]]) -> None:
    tokens = {token for _, text in templates(services) for token in re.findall(r"\{\{(.*?)\}\}", text)}

    assert tokens == {"context.patientId"}


@pytest.mark.verifies("CDSH-41")
def test_templates_sort_as_fhir_does(services: dict[str, dict[str, Any]]) -> None:
    sorts = {sort for _, text in templates(services) for sort in re.findall(r"[?&](_?sort[^&]*)", text)}

    assert sorts
    assert all(re.fullmatch(r"_sort=-?[a-z]+", sort) for sort in sorts)


def test_the_keys_of_the_templates_are_those_that_are_read(services: dict[str, dict[str, Any]]) -> None:
    assert set(services["patient-view"]["prefetch"]) == set(hook_request()["prefetch"])


@pytest.mark.verifies("CDSH-24")
def test_every_listed_service_can_be_called(service: Service, services: dict[str, dict[str, Any]]) -> None:
    for entry in services.values():
        assert service.send("POST", f"/cds-services/{entry['id']}", b"{}").status == 415
