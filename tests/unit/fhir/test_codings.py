"""Code systems and codes under their many spellings."""

from __future__ import annotations

import pytest

from cds_service.fhir.codings import icd_ancestry, keys, standard_system
from cds_service.fhir.resources import CodeableConcept, Coding
from cds_service.knowledge.systems import ICD_10, ICD_10_CM, ICD_10_PCS, LOINC, SNOMED


@pytest.mark.parametrize(
    ("spelling", "system"),
    [
        ("http://loinc.org", LOINC),
        ("HTTPS://LOINC.ORG/", LOINC),
        ("urn:oid:2.16.840.1.113883.6.1", LOINC),
        ("http://snomed.info/sct/900000000000207008/version/20240101", SNOMED),
        ("http://hl7.org/fhir/sid/icd-10-cm", ICD_10_CM),
        ("2.16.840.1.113883.6.3", ICD_10),
        ("http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-diagnosis-icd10", ICD_10_CM),
        ("http://www.cms.gov/Medicare/Coding/ICD10", ICD_10_PCS),
        ("http://hospital.example/Codes", "http://hospital.example/Codes"),
        ("http://loinc.org.example", "http://loinc.org.example"),
    ],
)
def test_a_system_has_one_spelling(spelling: str, system: str) -> None:
    assert standard_system(spelling) == system


def test_codings_without_system_or_code_are_passed_over() -> None:
    given = CodeableConcept(coding=[Coding(code="1"), Coding(system=LOINC), Coding(system=LOINC, code=" 1-8 ")])

    assert [key for key, _ in keys(given)] == [(LOINC, "1-8")]
    assert list(keys(None)) == []


def test_what_is_too_long_for_a_code_or_a_system_is_passed_over() -> None:
    given = CodeableConcept(coding=[Coding(system="x" * 10_000, code="1"), Coding(system=LOINC, code="1" * 10_000)])

    assert list(keys(given)) == []
    assert standard_system("x" * 10_000) == "x" * 10_000


def test_a_diagnosis_is_looked_up_from_itself_to_its_category() -> None:
    assert icd_ancestry(ICD_10_CM, "E1142") == (
        ((ICD_10_CM, "E11.42"), (ICD_10_CM, "E11.4"), (ICD_10_CM, "E11")),
        True,
    )


@pytest.mark.parametrize("system", ["http://fhir.de/CodeSystem/bfarm/icd-10-gm", "http://hl7.org/fhir/sid/icd-10-am"])
def test_a_national_modification_is_looked_up_as_the_who_code_and_only_possible(system: str) -> None:
    assert icd_ancestry(system, "D51.0") == (((ICD_10, "D51.0"), (ICD_10, "D51")), False)


def test_a_dagger_or_asterisk_is_no_part_of_a_code() -> None:
    assert icd_ancestry(ICD_10, "G63.2*")[0][0] == (ICD_10, "G63.2")


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (ICD_10_PCS, "0D160ZA"),
        (SNOMED, "84027009"),
        ("http://hl7.org/fhir/sid/icd-9-cm", "E1142"),
        ("http://hospital.example/icd10-procedures", "0D160ZA"),
        (ICD_10_CM, "not a code"),
        (ICD_10_CM, "E11.42; drop"),
    ],
)
def test_other_codes_are_looked_up_as_they_are(system: str, code: str) -> None:
    assert icd_ancestry(system, code) == (((system, code),), True)
