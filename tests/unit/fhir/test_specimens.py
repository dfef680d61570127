"""What a result was measured in: of what was not blood nothing counts, and that is told."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.facts.labs import Analyte
from cds_service.facts.patient import DataIssue
from cds_service.fhir.observations import read_labs
from cds_service.fhir.resources import Resource
from cds_service.knowledge.loader import load
from cds_service.knowledge.systems import HL7_0487
from tests.builders import SNOMED, TODAY, concept, observation, record, resource

KNOWLEDGE = load()
MMA = "13964-2"
URINE, SERUM = concept((SNOMED, "122575003")), concept((SNOMED, "119364003"), text="Serum")


def specimen(kind: Any = None, **fields: Any) -> Resource:
    return resource("Specimen", id="s", **({} if kind is None else {"type": kind}), **fields)


def read(*sent: Resource) -> tuple[list[Analyte], list[DataIssue]]:
    results, issues = read_labs(record(labs=sent), KNOWLEDGE, TODAY)
    return [result.analyte for result in results], issues


def mma(**fields: Any) -> Resource:
    return observation(MMA, 0.15, "umol/L", id="m", **fields)


@pytest.mark.parametrize(
    ("told", "name"),
    [
        ("Urine, random", "urine"),
        ("24h-Sammelurin", "urine"),
        ("Urin", "urine"),
        ("orina", "urine"),
        ("CSF", "cerebrospinal fluid"),
        ("Cerebrospinal fluid", "cerebrospinal fluid"),
        ("Liquor", "cerebrospinal fluid"),
        ("Gastric juice", "gastric fluid"),
        ("Dried blood spot", "a dried blood spot"),
        ("Amniotic fluid", "another fluid or tissue than blood"),
        ("Serum", None),
        ("Venous blood", None),
        ("Serum and urine", None),
        ("Blood, spot check", None),
        ("During dialysis", None),
        ("Specimen 25-0042", None),
        ("", None),
    ],
)
def test_a_sample_is_known_by_its_name(told: str, name: str | None) -> None:
    used, issues = read(mma(specimen={"display": told}))

    if name is None:
        assert (used, issues) == ([Analyte.MMA], [])
    else:
        sentence = f"This MMA result was not used: it was measured in {name}."
        assert used == []
        assert [(i.resource, i.field, i.issue) for i in issues] == [("Observation/m", "specimen", sentence)]
        assert (issues[0].matters_to, str(issues[0].day)) == ("mma", "2025-09-20")


@pytest.mark.parametrize("system", [SNOMED, HL7_0487, "http://hl7.org/fhir/v2/0487"])
def test_a_sample_is_known_by_its_code(system: str) -> None:
    code = "122575003" if system == SNOMED else "UR"
    contained = {"resourceType": "Specimen", "id": "s", "type": concept((system, code))}

    assert read(mma(specimen={"reference": "#s"}, contained=[contained]))[0] == []


@pytest.mark.parametrize(
    ("reference", "is_found"),
    [
        ("Specimen/s", True),
        ("Specimen/s/_history/2", True),
        ("https://ehr.example/fhir/Specimen/s", True),
        ("Specimen/other", False),
        ("#s", False),
    ],
)
def test_a_sample_that_was_sent_beside_its_result_is_found(reference: str, is_found: bool) -> None:
    used, _ = read(mma(specimen={"reference": reference}), specimen(URINE))

    assert used == ([] if is_found else [Analyte.MMA])


def test_one_word_of_another_sample_is_enough() -> None:
    named = {"reference": "Specimen/s", "display": "Serum"}
    assert read(mma(specimen=named), specimen(URINE))[0] == []
    assert read(mma(specimen={"reference": "Specimen/s", "display": "Urine"}), specimen(SERUM))[0] == []
    assert read(mma(specimen=named), specimen(SERUM)) == ([Analyte.MMA], [])


def test_a_sample_that_tells_nothing_changes_nothing() -> None:
    for odd in (specimen(), specimen("UR"), specimen([URINE])):
        assert read(mma(specimen={"reference": "Specimen/s"}), odd) == ([Analyte.MMA], [])
    identified = {"identifier": {"value": "urine"}}
    assert read(mma(specimen=identified)) == ([Analyte.MMA], [])


def test_each_part_of_a_panel_is_of_its_sample() -> None:
    part = {"code": concept(("http://loinc.org", "2132-9")), "valueQuantity": {"value": 420, "unit": "pg/mL"}}
    panel = observation("57021-8", id="p", component=[part], specimen={"display": "CSF"})

    used, [issue] = read(panel)
    assert (used, issue.field, issue.matters_to) == ([], "specimen", "total-b12")


def test_kidney_function_and_blood_count_are_believed() -> None:
    """Of these the code is: a clearance is told by its urine, and nothing else would warn of the kidneys."""
    assert read(observation("62238-1", 40, "mL/min/{1.73_m2}", specimen={"display": "Urine"}))[0] == [Analyte.EGFR]
