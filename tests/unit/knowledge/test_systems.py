"""One URI for each code system, whichever spelling a sender chose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.fhir.codings import standard_system
from cds_service.knowledge.systems import ATC, CPT, ICD_10, ICD_10_CM, LOINC, NDC, RXNORM, SHORT_NAMES, SNOMED
from cds_service.knowledge.systems import canonical_system as canonical


@pytest.mark.parametrize(
    ("spelling", "system"),
    [
        ("http://loinc.org", LOINC),
        ("https://loinc.org/", LOINC),
        ("HTTP://LOINC.ORG", LOINC),
        (" http://loinc.org ", LOINC),
        ("urn:oid:2.16.840.1.113883.6.1", LOINC),
        ("2.16.840.1.113883.6.1", LOINC),
        ("http: //snomed.info/sct", SNOMED),
        ("http://snomed.info/sct/83821000000107", SNOMED),
        ("http://snomed.info/sct/900000000000207008/version/20240101", SNOMED),
        ("urn:oid:2.16.840.1.113883.6.96", SNOMED),
        ("https://dmd.nhs.uk", SNOMED),
        ("urn:oid:2.16.840.1.113883.6.88", RXNORM),
        ("http://www.nlm.nih.gov/research/umls/rxnorm/", RXNORM),
        ("urn:oid:2.16.840.1.113883.6.90", ICD_10_CM),
        ("urn:oid:2.16.840.1.113883.6.3", ICD_10),
        ("urn:oid:2.16.840.1.113883.6.73", ATC),
        ("urn:oid:2.16.840.1.113883.6.69", NDC),
        ("http://www.ama-assn.org/go/cpt", CPT),
    ],
)
def test_a_spelling_of_a_system_is_the_system(spelling: str, system: str) -> None:
    assert canonical(spelling) == system


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_no_system_is_no_system(nothing: str | None) -> None:
    assert canonical(nothing) == ""


@pytest.mark.parametrize(
    "other",
    [
        "http://hl7.org/fhir/sid/icd-9-cm",
        "urn:oid:1.2.840.114350.1.13.0.1.7.5.737384.0",
        "http://loinc.org.example.com",
        "http://snomed.info/scttt",
        "http://lоinc.org",  # a Cyrillic o
    ],
)
def test_another_system_stays_another(other: str) -> None:
    assert canonical(other) == other


@given(st.text())
def test_a_canonical_system_is_its_own(text: str) -> None:
    assert canonical(canonical(text)) == canonical(text)


@pytest.mark.parametrize("system", sorted({*SHORT_NAMES.values()} - {NDC}))
def test_the_fhir_edge_spells_a_system_as_the_knowledge_does(system: str) -> None:
    assert canonical(system) == system
    assert standard_system(system) == system
