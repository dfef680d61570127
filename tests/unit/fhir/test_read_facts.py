"""One record becomes PatientFacts: who the patient is, what we hold, and what could not be used."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cds_service.facts.patient import AGE, Availability, DataIssue, DataKey, PatientFacts, Sex
from cds_service.fhir.read_facts import read_facts
from cds_service.fhir.record import PatientRecord, Section
from cds_service.fhir.resources import Resource
from tests.builders import ICD_10_CM, PATIENT_ID, TODAY, condition, observation, record, resource
from tests.unit.fhir.lab_knowledge import lab_knowledge

KNOWLEDGE = lab_knowledge()


def patient(**fields: Any) -> Resource:
    return resource("Patient", **{"id": PATIENT_ID, "subject": None, "birthDate": "1960-03-14", **fields})


def facts(*patients: Resource, **sections: list[Resource]) -> PatientFacts:
    return read_facts(record(patient=patients, **sections), KNOWLEDGE, TODAY)


def test_the_patient_is_read_with_age_and_sex() -> None:
    read = facts(patient(gender="female"))

    assert (read.patient_id, read.today, str(read.born), read.sex) == (PATIENT_ID, TODAY, "1960-03-14", Sex.FEMALE)
    assert not read.is_deceased
    assert read.issues == ()


@pytest.mark.parametrize("gender", ["other", "unknown", None, "<b>"])
def test_a_gender_without_a_reference_range_is_not_known(gender: str | None) -> None:
    assert facts(patient(gender=gender)).sex is Sex.NOT_KNOWN


def test_a_birth_date_may_be_a_year() -> None:
    assert str(facts(patient(birthDate="1960")).born) == "1960"


@pytest.mark.parametrize("birth_date", [None, "", "14.03.1960", "2031-01-01"])
def test_without_a_possible_birth_date_the_age_is_not_known_and_said(birth_date: str | None) -> None:
    read = facts(patient(birthDate=birth_date))

    assert read.born is None
    assert [(issue.field, issue.matters_to) for issue in read.issues] == [("birthDate", AGE)]


def test_another_patient_is_never_a_stand_in() -> None:
    read = facts(patient(id="p2", gender="male", deceasedBoolean=True))

    assert (read.born, read.sex, read.is_deceased) == (None, Sex.NOT_KNOWN, False)
    assert {issue.field for issue in read.issues} == {"id", "birthDate"}


def test_two_versions_of_the_patient_that_differ_are_none() -> None:
    assert facts(patient(), patient(birthDate="1990-01-01")).born is None
    assert facts(patient(), patient()).born is not None


@pytest.mark.parametrize(
    ("fields", "is_deceased"),
    [
        ({"deceasedBoolean": True}, True),
        ({"deceasedBoolean": False}, False),
        ({"deceasedDateTime": "2025-09-01"}, True),
        ({"deceasedDateTime": "2025"}, True),
        ({"deceasedDateTime": "in hospital"}, True),
        ({"deceasedDateTime": "2026-01-01"}, False),
    ],
)
def test_a_death_is_read_in_every_form(fields: dict[str, Any], is_deceased: bool) -> None:
    assert facts(patient(**fields)).is_deceased is is_deceased


def test_a_date_of_death_in_the_future_is_said() -> None:
    assert [one.field for one in facts(patient(deceasedDateTime="2026-01-01")).issues] == ["deceasedDateTime"]


def test_labs_and_problems_are_in_the_facts_with_their_issues() -> None:
    read = facts(
        patient(),
        labs=[observation(value=150), observation(valueString="?", id="r2")],
        conditions=[condition(ICD_10_CM, "G62.9")],
    )

    assert [one.printed for one in read.labs] == ["150 pg/mL"]
    assert [one.kind for one in read.problems] == ["peripheral-neuropathy"]
    assert [one.matters_to for one in read.issues] == ["total-b12"]


def test_what_decoding_could_not_use_stays_an_issue() -> None:
    odd = DataIssue("Observation/x", "valueQuantity.value", "It is no number.")

    assert read_facts(replace(record(), issues=(odd,)), KNOWLEDGE, TODAY).issues == (odd,)


def test_how_much_we_hold_is_told_for_every_key() -> None:
    given = PatientRecord(PATIENT_ID, {DataKey.LABS: Section(Availability.FAILED)})
    read = read_facts(given, KNOWLEDGE, TODAY)

    assert [key for key, _ in read.availability] == list(DataKey)
    assert read.available(DataKey.LABS) is Availability.FAILED
    assert read.available(DataKey.CONDITIONS) is Availability.NOT_GIVEN
