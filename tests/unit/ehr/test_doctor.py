"""The doctor tells what of a record can be used, and never who the patient is."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.console import Console
from werkzeug import Response

from cds_service.ehr.doctor.examine import as_json, examine, report
from cds_service.ehr.doctor.gather import gathered
from cds_service.ehr.doctor.tally import Effect, Tally
from cds_service.ehr.doctor.validity import judge
from cds_service.ehr.fhir_server import FhirServer
from cds_service.ehr.patient_bundle import PatientBundle
from cds_service.knowledge.model import Knowledge
from tests.builders import LOINC, TODAY
from tests.fhir_server import FhirStub

SUBJECT = {"reference": "Patient/p1"}
PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "birthDate": "1960-03-14",
    "name": [{"family": "Quillfeather", "given": ["Ottoline", "Al"], "use": "official"}],
    "identifier": [{"system": "http://hospital.example.org/mrn", "value": "MRN-4711"}],
    "telecom": [{"system": "phone", "value": "555-0199"}],
}


def lab(name: str = "o1", code: Any = None, unit: str = "pg/mL", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "subject": SUBJECT,
        "code": code or {"coding": [{"system": LOINC, "code": "2132-9"}]},
        "effectiveDateTime": "2025-09-20",
        "valueQuantity": {"value": 165, "unit": unit, "code": unit, "system": "http://unitsofmeasure.org"},
    } | more


def examined(knowledge: Knowledge, *resources: dict[str, Any]) -> Tally:
    tally = Tally([PATIENT])
    examine(PatientBundle("p1", (PATIENT, *resources)), knowledge, TODAY, tally)
    return tally


def told(tally: Tally, *effects: Effect) -> list[tuple[str, str, str, int]]:
    return [(r.topic, r.resource_type, r.what, r.count) for r in tally.rows() if r.effect in (effects or tuple(Effect))]


def test_a_good_record_needs_nothing(knowledge: Knowledge) -> None:
    tally = examined(knowledge, lab())
    assert tally.is_healthy
    assert tally.advice() == []
    assert ("Used", "", "laboratory results", 1) in told(tally, Effect.FINE)
    assert ("Units of our results", "Observation", "vitamin B12 in pg/mL", 1) in told(tally, Effect.FINE)


def test_like_things_are_one_row_with_their_number_and_an_example(knowledge: Knowledge) -> None:
    tally = examined(knowledge, *(lab(f"o{n}", unit=f"odd{n}") for n in range(3)))
    rows = [row for row in tally.rows("What our reader says") if row.effect is Effect.NOT_USED]
    assert [(row.count, row.example) for row in rows] == [(3, "Observation/o0")]
    assert {row.what for row in tally.rows("Units of our results")} == {f"vitamin B12 in odd{n}" for n in range(3)}
    assert any("UCUM" in line for line in tally.advice())
    assert not tally.is_healthy


def test_a_result_under_a_local_code_is_one_that_our_query_never_finds(knowledge: Knowledge) -> None:
    local = {"coding": [{"system": "urn:lab", "code": "B12S"}], "text": "Vitamin B12"}
    tally = examined(knowledge, lab(code=local))
    row = next(row for row in tally.rows("Known by name only"))
    assert row.what.startswith("urn:lab|B12S Vitamin B12: our query")
    assert row.effect is Effect.NOT_USED
    assert any("LOINC" in line for line in tally.advice())


def test_a_standard_code_that_our_files_lack_is_a_matter_for_us(knowledge: Knowledge) -> None:
    rxnorm = {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "99999999", "display": "Metformin 1 G"}
    order = {"resourceType": "MedicationRequest", "id": "m", "status": "active", "intent": "order"}
    tally = examined(knowledge, order | {"subject": SUBJECT, "medicationCodeableConcept": {"coding": [rxnorm]}})
    assert tally.rows("Known by name only")[0].effect is Effect.WITH_CARE
    assert any("our knowledge files" in line for line in tally.advice())


def test_codes_that_are_none_of_ours_are_counted_and_hurt_nobody(knowledge: Knowledge) -> None:
    hba1c = {"coding": [{"system": LOINC, "code": "4548-4", "display": "Hemoglobin A1c"}]}
    tally = examined(knowledge, lab(), *(lab(f"h{n}", hba1c, "%") for n in range(2)), lab("t", {"text": "Mood"}))
    assert told(tally, Effect.CHECK) == [
        ("Codes not known to us", "Observation", f"{LOINC}|4548-4 Hemoglobin A1c", 2),
        ("Codes not known to us", "Observation", "text only: Mood", 1),
    ]
    assert tally.is_healthy


@pytest.mark.parametrize(
    ("more", "topic", "what"),
    [
        ({"effectiveDateTime": None}, "Dates", "no date"),
        ({"effectiveDateTime": "2031-01-01"}, "Dates", "effectiveDateTime is in the future"),
        ({"effectiveDateTime": "yesterday"}, "Dates", "effectiveDateTime is no date"),
        ({"effectiveDateTime": "2025-09"}, "Dates", "effectiveDateTime, a month"),
        ({"effectiveDateTime": "2024"}, "Dates", "effectiveDateTime, a year"),
        ({"status": None}, "Statuses", "none"),
        ({"status": "preliminary"}, "Statuses", "preliminary"),
        ({"valueQuantity": None, "valueString": "low"}, "Shapes", "valueString"),
        ({"valueQuantity": None}, "Shapes", "no value of its own"),
        ({"contained": [{"resourceType": "Specimen"}]}, "Shapes", "contained resources"),
        ({"status": 7}, "Validity", "status: has the wrong shape (string_type)"),
        ({"foo": "x"}, "Validity", "foo: is no field of R4 here"),
        ({"code": {"coding": [{"system": 7}]}}, "Validity", "code.coding[].system: has the wrong shape"),
    ],
)
def test_habits_of_the_sender_are_told(more: dict[str, Any], topic: str, what: str, knowledge: Knowledge) -> None:
    resource = {name: value for name, value in lab(**more).items() if value is not None}
    tally = examined(knowledge, resource)
    assert any(row.what.startswith(what) for row in tally.rows(topic)), told(tally)


def test_medicines_are_told_by_how_they_are_named_and_dosed(knowledge: Knowledge) -> None:
    order = {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": SUBJECT}
    tally = examined(
        knowledge,
        order
        | {"id": "a", "medicationReference": {"reference": "Medication/x"}, "dosageInstruction": [{"text": "1 od"}]},
        order | {"id": "b", "medicationCodeableConcept": {"text": "x"}, "dosageInstruction": [{"doseAndRate": [{}]}]},
        {"resourceType": "Condition", "id": "c", "subject": SUBJECT},
    )
    shapes = {what for topic, _, what, _ in told(tally) if topic == "Shapes"}
    assert shapes == {
        "medicationReference",
        "medicationCodeableConcept",
        "dosage in words only",
        "dosage with an amount",
    }
    assert ("Statuses", "Condition", "none / none", 1) in told(tally)


def test_no_part_of_a_patient_is_in_the_report(knowledge: Knowledge) -> None:
    coded = {"system": "urn:lab", "code": "1", "display": "QUILLFEATHER ottoline B12 555-0199"}
    tally = examined(
        knowledge,
        lab("o1", {"coding": [coded], "text": "Ms Quillfeather's vitamin B12, MRN-4711"}),
        lab("o2", {"text": "Mood of Ottoline"}),
        lab("o3", status="Quillfeather"),
        lab("o4", effectiveDateTime="Ottoline"),
        lab("o5", unit="Quillfeather"),
        lab("o6") | {"Ottoline": "Quillfeather"},
    )
    console = Console(width=200, record=True, file=StringIO())
    console.print(report(tally, 99))
    text = f"{console.export_text()} {as_json(tally)}".lower()
    for name in ("quillfeather", "ottoline", "4711", "0199"):
        assert name not in text
    assert "mood of …" in text


def test_the_judges_words_hold_no_value() -> None:
    tally = Tally()
    judge({"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "issued": "SECRET"}, tally)
    judge({"resourceType": "SECRET"}, tally)
    assert all("SECRET" not in row.what for row in tally.rows())
    assert [row.effect for row in tally.rows()] == [Effect.INVALID, Effect.INVALID]


def test_a_server_is_asked_for_more_than_our_templates_and_told_what_it_does_not_let_us_see(
    server: FhirServer, stub: FhirStub
) -> None:
    stub.add(**PATIENT)
    local = {"coding": [{"system": "urn:lab", "code": "B12S"}], "text": "Vitamin B12"}
    stub.add(**lab("o1", local))
    stub.add(resourceType="Medication", id="m", code={"text": "Metformin"})
    stub.add(
        resourceType="MedicationRequest", id="r", status="active", intent="order", subject=SUBJECT,
        medicationReference={"reference": "Medication/m"},
    )  # fmt: skip
    tally = Tally([PATIENT])
    record = gathered(server, PATIENT, tally)
    assert {one["resourceType"] for one in record.resources} == {
        "Patient", "Observation", "Medication", "MedicationRequest"
    }  # fmt: skip

    stub.faults = [Response("", status=403)]
    gathered(server, PATIENT, tally)
    assert [row.resource_type for row in tally.rows("Access")] == ["Observation"]
    assert not tally.is_healthy


def test_a_record_that_has_nothing_for_us_says_so(knowledge: Knowledge) -> None:
    tally = examined(knowledge)
    assert ("Used", "", "nothing", 1) in told(tally, Effect.CHECK)
    assert "Try a patient" in tally.advice()[0]
