"""All Observations of the shared example data, read by us and by fhir.resources (R4B), the oracle."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fhir.resources.R4B.observation import Observation
from pydantic import ValidationError

from cds_service.facts.dates import ClinicalDate
from cds_service.facts.labs import LabResult
from cds_service.facts.patient import Availability, DataKey
from cds_service.fhir import reading_limit
from cds_service.fhir.observations import read_labs
from cds_service.fhir.record import PatientRecord, Section
from cds_service.fhir.resources import Entry, Resource
from tests.unit.fhir.lab_knowledge import lab_knowledge

SHARED = os.environ.get("B12_SHARED_DIR", "")
pytestmark = pytest.mark.skipif(not SHARED, reason="B12_SHARED_DIR is not set: the example data are not at hand")
KNOWLEDGE = lab_knowledge()
ALL_DATES_ARE_PAST = date(2300, 1, 1)  # the data's dates are shifted, some to the 22nd century


def _within(value: Any, kinds: tuple[str, ...] = ("Observation",)) -> Iterator[dict[str, Any]]:
    """Every resource of these types anywhere within a JSON value."""
    if isinstance(value, dict):
        if value.get("resourceType") in kinds:
            yield value
        else:
            for part in value.values():
                yield from _within(part, kinds)
    elif isinstance(value, list):
        for part in value:
            yield from _within(part, kinds)


@pytest.fixture(scope="module")
def sent() -> list[dict[str, Any]]:
    files = sorted(Path(SHARED, "data").rglob("*.json"))
    return [one for file in files for one in _within(json.loads(file.read_text("utf-8"), parse_float=Decimal))]


def _read(raw: dict[str, Any]) -> list[LabResult]:
    resource = msgspec.convert(raw, Resource)
    reference = resource.subject.reference if resource.subject is not None else None
    section = Section(Availability.COMPLETE, (Entry(resource=resource),))
    record = PatientRecord((reference or "").removeprefix("Patient/"), {DataKey.LABS: section})
    return read_labs(record, KNOWLEDGE, ALL_DATES_ARE_PAST)[0]


def _oracle(raw: dict[str, Any]) -> Observation | None:
    try:
        return Observation.model_validate_json(json.dumps(raw, default=float))
    except ValidationError:
        return None


def test_value_unit_code_and_date_agree_with_the_oracle(sent: list[dict[str, Any]]) -> None:
    compared = 0
    for raw in sent:
        oracle = _oracle(raw)
        for result in _read(raw) if oracle is not None else []:
            compared += 1
            [quantity] = [part.valueQuantity for part in (oracle, *(oracle.component or ())) if _is(part, result)]
            scale = next(one for one in KNOWLEDGE.analytes[result.analyte].scales if one.unit == result.unit)
            factor = scale.units[(quantity.code or quantity.unit).lower()]
            assert result.value == Decimal(str(quantity.value)) * factor
            number, unit = result.printed.split(" ")
            assert (unit, str(quantity.value)[: len(number)]) == (quantity.unit, number)
            assert result.taken == ClinicalDate.parse(raw["effectiveDateTime"])
            assert oracle.effectiveDateTime.isoformat().startswith(str(result.taken))
            assert result.source == f"Observation/{oracle.id}"
    assert compared > 1000


def _is(part: Any, result: LabResult) -> bool:
    codings = part.code.coding or []
    listed = {KNOWLEDGE.analytes_by_code.get((coding.system, coding.code), ("",))[0] for coding in codings}
    return result.analyte in listed or not result.is_coded


def test_no_observation_of_the_example_data_is_refused_by_the_decoder(sent: list[dict[str, Any]]) -> None:
    assert len([msgspec.convert(raw, Resource) for raw in sent]) > 5000


_WITH_WORDS = {
    DataKey.LABS: ("Observation",),
    DataKey.CONDITIONS: ("Condition",),
    DataKey.PROCEDURES: ("Procedure",),
    DataKey.ALLERGIES: ("AllergyIntolerance",),
    DataKey.MEDICATION_REQUESTS: ("MedicationRequest", "Medication"),
    DataKey.MEDICATION_STATEMENTS: ("MedicationStatement",),
    DataKey.MEDICATION_DISPENSES: ("MedicationDispense",),
    DataKey.MEDICATION_ADMINISTRATIONS: ("MedicationAdministration",),
    DataKey.SERVICE_REQUESTS: ("ServiceRequest",),
}


def _resources(value: Any, kinds: tuple[str, ...]) -> Iterator[Resource]:
    for raw in _within(value, kinds):
        try:
            yield msgspec.convert(raw, Resource)
        except msgspec.ValidationError:
            continue


def test_no_record_holds_a_third_of_the_text_that_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading_limit, "MOST_TEXT", reading_limit.MOST_TEXT // 3)
    compared = 0
    for file in sorted(Path(SHARED, "data").rglob("*.json")):
        sent = json.loads(file.read_text("utf-8"), parse_float=Decimal)
        sections = {
            key: Section(Availability.COMPLETE, tuple(Entry(resource=one) for one in _resources(sent, kinds)))
            for key, kinds in _WITH_WORDS.items()
        }
        record = PatientRecord("p1", sections)
        assert reading_limit.within_limit(record) is record, file.name
        compared += any(section.entries for section in sections.values())

    assert compared > 50
