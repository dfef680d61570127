"""An entry that does not say what it is, or that was left out, keeps its key from counting as complete."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cds_service.facts.patient import ANYTHING, Availability, DataKey, PatientFacts
from cds_service.fhir.medication_reader import MedicationReader
from cds_service.fhir.prefetch import decode_hook_body
from cds_service.fhir.read_facts import read_facts
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.resources import Resource
from cds_service.knowledge.loader import load
from tests.builders import (
    ICD_10_CM,
    LOINC,
    PATIENT_ID,
    SNOMED,
    TODAY,
    concept,
    condition,
    observation,
    record,
    resource,
)

KNOWLEDGE = load()
LOCAL = "http://hospital.example/codes"
NO_NAMES: list[Any] = [
    None,
    {},
    {"text": "  "},
    {"text": "\u00bf?"},
    {"coding": []},
    {"coding": [{"system": LOINC}]},
    {"coding": [{"code": "2132-9"}]},
    concept((LOINC, "2132-8")),
    concept((SNOMED, "190634005")),
    concept((LOCAL, "\u00bf?")),
]


BLOOD = concept(text="Blood results")
B12_OF_NO_STATUS = resource(
    "MedicationStatement",
    status="act\u00e5ive",
    medicationCodeableConcept={"text": "Cyanocobalamin 1 mg tablet"},
    effectivePeriod={"start": "2025-01-01"},
)

B12_OF_THE_FAR_FUTURE = resource(
    "MedicationStatement",
    status="active",
    medicationCodeableConcept={"text": "Cyanocobalamin 1 mg tablet"},
    effectivePeriod={"start": "2099-01-01"},
    dosage=[{"text": "one tablet daily"}],
)


def facts(**sections: list[Resource]) -> PatientFacts:
    return read_facts(record(**sections), KNOWLEDGE, TODAY)


@pytest.mark.parametrize("code", NO_NAMES, ids=str)
@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("labs", "Observation"),
        ("conditions", "Condition"),
        ("procedures", "Procedure"),
        ("allergies", "AllergyIntolerance"),
        ("socialHistory", "Observation"),
    ],
)
def test_an_entry_that_does_not_say_what_it_is_leaves_its_key_incomplete(key: str, kind: str, code: Any) -> None:
    found = facts(**{key: [resource(kind, code=code)]})
    assert found.available(DataKey(key)) is Availability.INCOMPLETE
    assert [(i.resource, i.matters_to, i.used_with_care) for i in found.issues] == [(f"{kind}/r1", ANYTHING, False)]


@pytest.mark.parametrize(
    "named",
    [
        resource("Observation", code=concept((LOCAL, "K"))),
        resource("Observation", code=concept(text="Potassium")),
        resource("Observation", code={"coding": [{"display": "Potassium"}]}),
        resource("Observation", code=concept((LOINC, "2345-7"))),
        resource("Observation", code=concept((LOINC, "LP7790-1"))),
        resource("Observation", status="entered-in-error"),
        resource("Observation", component=[{"code": concept(text="Potassium")}]),
    ],
)
def test_an_entry_that_says_what_it_is_or_is_withdrawn_does_not(named: Resource) -> None:
    found = facts(labs=[named])
    assert found.issues == ()
    assert found.available(DataKey.LABS) is Availability.COMPLETE


@pytest.mark.parametrize(
    ("key", "kind"), [("conditions", "Condition"), ("procedures", "Procedure"), ("allergies", "AllergyIntolerance")]
)
def test_a_name_that_is_not_read_to_its_end_may_be_of_anything(key: str, kind: str) -> None:
    def of(code: Any) -> PatientFacts:
        return facts(**{key: [resource(kind, code=code)]})

    assert of(concept(text="x" * 300)).available(DataKey(key)) is Availability.COMPLETE
    assert of(concept((LOCAL, "K"), text="x" * 301)).available(DataKey(key)) is Availability.COMPLETE
    assert of({"coding": [{"display": "short"}], "text": "x" * 301}).available(DataKey(key)) is Availability.COMPLETE

    found = of(concept(text="x" * 301))
    assert found.available(DataKey(key)) is Availability.INCOMPLETE
    (issue,) = found.issues
    assert (issue.matters_to, issue.used_with_care) == (ANYTHING, False)
    assert issue.issue == f"The name of this {kind} is too long to be read to its end; it was not used."


@pytest.mark.parametrize(
    ("key", "kind", "name"),
    [
        ("conditions", "Condition", "Pernicious anaemia"),
        ("allergies", "AllergyIntolerance", "Vitamin B12"),
        ("labs", "Observation", "What the patient told of the day"),
    ],
)
def test_a_long_name_does_not_spoil_what_was_recognised_in_it_nor_results_of_other_things(
    key: str, kind: str, name: str
) -> None:
    found = facts(**{key: [resource(kind, code=concept(text=f"{name}, {'x' * 300}"))]})
    assert not any("too long" in issue.issue for issue in found.issues)
    assert found.available(DataKey(key)) is Availability.COMPLETE


def test_a_nameless_allergy_that_is_over_does_not_and_a_problem_does() -> None:
    """What was cut out stays out when its entry is closed."""
    over = concept((LOCAL, "resolved"))
    found = facts(
        conditions=[resource("Condition", clinicalStatus=over)],
        allergies=[resource("AllergyIntolerance", clinicalStatus=over)],
    )
    assert found.available(DataKey.ALLERGIES) is Availability.COMPLETE
    assert found.available(DataKey.CONDITIONS) is Availability.INCOMPLETE


def test_an_allergy_is_also_named_by_what_it_reacted_to() -> None:
    told = resource("AllergyIntolerance", reaction=[{"substance": concept(text="Penicillin")}])
    assert facts(allergies=[told]).available(DataKey.ALLERGIES) is Availability.COMPLETE


@pytest.mark.parametrize(
    ("key", "stray"),
    [
        ("conditions", condition(ICD_10_CM, "G62.9", subject=None)),
        ("labs", observation(value=None, code=BLOOD, component=[{"code": {"text": "MCV"}}, {"code": {"text": " "}}])),
        ("medicationStatements", resource("MedicationStatement", status="active")),
        ("medicationStatements", resource("MedicationStatement", medicationCodeableConcept={"text": "\u00bf?"})),
        ("medicationStatements", B12_OF_NO_STATUS),
        ("medicationStatements", B12_OF_THE_FAR_FUTURE),
        ("medicationAdministrations", resource("MedicationAdministration", status="unknown", subject=None)),
        (
            "socialHistory",
            resource("Observation", status="final", code=concept(text="Vegan diet"), subject=None),
        ),
    ],
)
def test_what_was_left_out_and_may_concern_us_leaves_its_key_incomplete(key: str, stray: Resource) -> None:
    found = facts(**{key: [stray]})
    assert [k for k, held in found.availability if held is not Availability.COMPLETE] == [DataKey(key)]


def test_a_result_that_was_left_out_says_what_it_is_of_and_when() -> None:
    found = facts(labs=[observation(value=150, unit="parsec")])
    (issue,) = found.issues
    assert (issue.matters_to, str(issue.day)) == ("total-b12", "2025-09-20")
    assert found.available(DataKey.LABS) is Availability.COMPLETE


def read_bundle(key: str, *entries: Any) -> PatientFacts:
    """What is read of a prefetch value, whole: odd entries and all."""
    sent = {"resourceType": "Bundle", "entry": [{"resource": entry} for entry in entries]}
    body = decode_hook_body(json.dumps({"prefetch": {key: sent}}).encode())
    sections = {key: reading.section for key, reading in body.readings.items()}
    return read_facts(PatientRecord(PATIENT_ID, sections), KNOWLEDGE, TODAY)


def sent(kind: str, **fields: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": "odd", "subject": {"reference": f"Patient/{PATIENT_ID}"}, **fields}


def test_many_odd_entries_are_looked_through_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[None] = []
    whole = MedicationReader._entries

    def counted(reader: MedicationReader) -> Any:
        looked.append(None)
        return whole(reader)

    monkeypatch.setattr(MedicationReader, "_entries", counted)

    def walks(entries: int) -> int:
        looked.clear()
        odd = {"medicationReference": {"reference": "Medication/none"}, "status": 7}
        read_bundle("medicationRequests", *(sent("MedicationRequest", **odd) for _ in range(entries)))
        return len(looked)

    assert walks(40) == walks(2)


BROKEN_LEG = concept((SNOMED, "46866001"), text="Fracture of lower limb")
METFORMIN = {"text": "Metformin 500 mg tablet"}
PARACETAMOL = {"text": "Paracetamol 500 mg tablet"}


@pytest.mark.parametrize(
    ("key", "odd"),
    [
        ("conditions", sent("Condition", code=BROKEN_LEG, clinicalStatus=[7])),
        ("conditions", sent(" Condition ", code=BROKEN_LEG)),
        ("conditions", sent("Condition", code=BROKEN_LEG, subject=7)),
        ("procedures", sent("Procedure", code=concept(text="Appendicectomy"), status=7)),
        ("allergies", sent("AllergyIntolerance", code=concept(text="Penicillin"), clinicalStatus=[7])),
        ("labs", sent("Observation", code=concept((LOINC, "2823-3")), referenceRange=7)),
        ("socialHistory", sent("Observation", code=concept(text="Smoking"), valueString="never", status=7)),
        ("medicationRequests", sent("MedicationRequest", medicationCodeableConcept=PARACETAMOL, status=7)),
        ("serviceRequests", sent("ServiceRequest", code=concept(text="Vitamin B12"), status=7)),
    ],
)
def test_an_odd_entry_that_says_it_is_none_of_ours_stays_out_of_the_way(key: str, odd: dict[str, Any]) -> None:
    found = read_bundle(key, odd)
    assert found.available(DataKey(key)) is Availability.COMPLETE
    assert [issue.matters_to for issue in found.issues if issue.resource not in ("Patient", *DataKey)] in ([""], [])


@pytest.mark.parametrize(
    ("key", "odd", "about"),
    [
        ("conditions", sent("Condition", code=concept((ICD_10_CM, "K90.0")), clinicalStatus=[7]), "coeliac"),
        ("conditions", sent("Condition", code=7), ANYTHING),
        ("conditions", 7, ANYTHING),
        ("procedures", sent("Procedure", code=concept(text="Roux-en-Y gastric bypass"), status=7), "gastric"),
        ("allergies", sent("AllergyIntolerance", code=concept(text="Cyanocobalamin"), clinicalStatus=[7]), "cobalamin"),
        ("labs", sent("Observation", code=concept((LOINC, "2132-9")), referenceRange=7), "total-b12"),
        ("labs", sent("Observation", code=concept(text="Panel"), component=7), ANYTHING),
        ("socialHistory", sent("Observation", code=concept(text="Diet"), valueString="vegan", status=7), "vegan"),
        ("medicationRequests", sent("MedicationRequest", medicationCodeableConcept=METFORMIN, status=7), "metformin"),
        ("medicationRequests", sent("MedicationRequest", medicationCodeableConcept=7), ANYTHING),
        ("medicationRequests", sent(" MedicationRequest ", medicationCodeableConcept=METFORMIN), "metformin"),
        ("patient", sent("Patient", birthDate={"year": 1960}, gender=7, active=True, id=[7]), ANYTHING),
    ],
)
def test_an_odd_entry_that_may_be_ours_leaves_a_trace(key: str, odd: Any, about: str) -> None:
    found = read_bundle(key, odd)
    traces = [issue for issue in found.issues if issue.matters_to.startswith(about) and not issue.used_with_care]
    assert len(traces) == 1
    says_itself = key == "labs" and about != ANYTHING
    assert found.available(DataKey(key)) is (Availability.COMPLETE if says_itself else Availability.INCOMPLETE)
