"""Only the context patient's resources count."""

from __future__ import annotations

import pytest

from cds_service.facts.patient import Availability, DataKey
from cds_service.fhir.record import PatientRecord, Section
from cds_service.fhir.resources import Entry
from cds_service.fhir.subject import patient_references, subject_problem
from tests.builders import observation, resource

URN = "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"
ENTRY = Entry(full_url=URN, resource=resource("Patient", id="p1"))
REFERENCES = patient_references(PatientRecord("p1", {DataKey.PATIENT: Section(Availability.COMPLETE, (ENTRY,))}))


@pytest.mark.parametrize(
    "reference", ["Patient/p1", "p1", URN, "https://ehr.example/fhir/Patient/p1", "Patient/p1/_history/2"]
)
def test_the_patient_is_recognised(reference: str) -> None:
    assert subject_problem(observation(subject={"reference": reference}), REFERENCES) == ""


@pytest.mark.parametrize("reference", ["Group/p1", "https://ehr.example/p1", "urn:uuid:1", "#p1"])
def test_what_names_no_patient_is_not_called_another(reference: str) -> None:
    problem = subject_problem(observation(subject={"reference": reference}), REFERENCES)

    assert problem == "has a subject that is not known to be this patient; it was not used"


@pytest.mark.parametrize("reference", ["Patient/p2", "Patient/p11", "Patient/P1"])
def test_anyone_else_is_another(reference: str) -> None:
    assert "another patient" in subject_problem(observation(subject={"reference": reference}), REFERENCES)


@pytest.mark.parametrize("subject", [None, {}, {"reference": ""}, {"display": "p1"}, {"identifier": {"value": "p1"}}])
def test_without_a_reference_it_is_not_known_whose_it_is(subject: dict[str, object] | None) -> None:
    assert "no subject" in subject_problem(observation(subject=subject), REFERENCES)
