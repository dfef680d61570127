"""What always holds when a record is read, whatever is in it."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.facts.patient import DataKey
from cds_service.facts.units import normalised
from cds_service.fhir.observations import read_labs
from cds_service.fhir.read_facts import read_facts
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.resources import Resource
from cds_service.knowledge.model import CodeUse
from tests.builders import ICD_10_CM, LOINC, SNOMED, TODAY, concept, condition, observation, record, resource
from tests.unit.fhir.lab_knowledge import TOTAL_B12, lab_knowledge

KNOWLEDGE = lab_knowledge()

codes = st.sampled_from(["2132-9", "14685-2", "13964-2", "718-7", "31444-3", "2171-7", "4548-4", "16695-9"])
units = st.sampled_from(["pg/mL", "ng/L", "pmol/L", "umol/L", "g/dL", "pg/dL", "", "рg/mL"])
dates = st.sampled_from(["2025-09-20T08:15:00Z", "2025-09-20", "2025-09", "2025", "2031-01-01", "never", None])
statuses = st.sampled_from(["final", "corrected", "amended", "preliminary", "entered-in-error", "unknown", None])
issued = st.sampled_from(["2025-09-20T14:00:00Z", "2025-09-21T14:00:00Z", None])
values = st.one_of(
    st.builds(lambda value: {"value": value}, st.integers(min_value=-5, max_value=3000)),
    st.builds(
        lambda text: {"value": None, "valueString": text},
        st.sampled_from(["<150 pg/mL", ">2000 pg/mL", "Low", "Haemolysed", "1,234 pg/mL", ""]),
    ),
    st.just({"value": None}),
)


@st.composite
def labs(draw: st.DrawFn) -> Resource:
    """A laboratory Observation as odd as any."""
    fields: dict[str, Any] = {
        "id": draw(st.sampled_from("abcd")),
        "status": draw(statuses),
        "effectiveDateTime": draw(dates),
        "issued": draw(issued),
        **draw(values),
    }
    return observation(draw(codes), unit=draw(units), **fields)


def problems() -> st.SearchStrategy[Resource]:
    """A Condition, at times doubtful, ended or undated."""
    return st.builds(
        lambda key, id_, onset, status: condition(*key, id=id_, onsetDateTime=onset, clinicalStatus=status),
        st.sampled_from([(ICD_10_CM, "G62.9"), (ICD_10_CM, "D51.0"), (ICD_10_CM, "N18.2"), (SNOMED, "77386006")]),
        st.sampled_from("abcd"),
        st.sampled_from(["2025-02", "2031-01-01", None]),
        st.sampled_from(["active", "resolved", None]),
    )


@given(st.lists(labs(), max_size=6), st.lists(problems(), max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_entries_never_matters(
    results: list[Resource], conditions: list[Resource], shuffler: random.Random
) -> None:
    read = read_facts(record(labs=results, conditions=conditions), KNOWLEDGE, TODAY)

    shuffler.shuffle(results)
    shuffler.shuffle(conditions)

    assert read_facts(record(labs=results, conditions=conditions), KNOWLEDGE, TODAY) == read


UNRELATED = [
    observation("4548-4", 5.4, "%", id="x1"),
    observation("2345-7", id="x2", status=None, effectiveDateTime="never", valueString="<script>"),
    observation(id="x3", code=concept(("http://hospital.example", "K"), text="Potassium"), value=4, unit="mmol/L"),
    condition(ICD_10_CM, "I10", id="x4"),
    resource("Device", id="x5"),
]


@given(st.lists(labs(), max_size=5), st.sampled_from(UNRELATED))
def test_an_unrelated_resource_changes_nothing(results: list[Resource], unrelated: Resource) -> None:
    alone = read_facts(record(labs=results), KNOWLEDGE, TODAY)

    assert read_facts(record(labs=[*results, unrelated], conditions=[unrelated]), KNOWLEDGE, TODAY) == alone


@given(st.lists(labs(), max_size=5), labs())
def test_another_patients_resource_changes_nothing_but_the_issues(results: list[Resource], stray: Resource) -> None:
    alone = read_facts(record(labs=results), KNOWLEDGE, TODAY)
    stray.subject = observation(subject={"reference": "Patient/p2"}).subject
    stray.id = "stray"

    with_stray = read_facts(record(labs=[*results, stray]), KNOWLEDGE, TODAY)

    assert replace(with_stray, issues=alone.issues) == alone
    assert set(alone.issues) <= set(with_stray.issues)


@given(st.lists(labs(), max_size=6))
def test_every_result_of_ours_is_used_or_said_or_withdrawn(results: list[Resource]) -> None:
    silent = {"entered-in-error", "cancelled", "registered"}
    read, issues = read_labs(record(labs=results), KNOWLEDGE, TODAY)
    spoken_of = {one.source for one in read} | {one.resource for one in issues}
    withdrawn = {one.id for one in results if one.status in silent}

    for one in results:
        analyte, code = KNOWLEDGE.analytes_by_code.get((LOINC, one.code.coding[0].code), ("", None))
        if code is None or code.use is CodeUse.EXCLUDE or one.id in withdrawn:
            continue
        was_superseded = any(result.analyte == analyte for result in read)
        assert f"Observation/{one.id}" in spoken_of or was_superseded


SPELLINGS = [(scale, spelling) for scale in TOTAL_B12.scales for spelling in scale.units]
VARIANTS = (str.upper, str.title, lambda unit: unit.replace("/", " / "), lambda unit: unit.replace("u", "µ"))


@pytest.mark.parametrize("spell", VARIANTS)
@given(st.sampled_from(SPELLINGS), st.integers(min_value=20, max_value=5000))
def test_every_spelling_of_a_unit_gives_the_same_value(spell: Any, known: Any, amount: int) -> None:
    scale, spelling = known
    sent = Decimal(amount) / scale.units[spelling]

    [plain], _ = read_labs(record(labs=[observation("35201-3", str(sent), spelling)]), KNOWLEDGE, TODAY)
    [varied], _ = read_labs(record(labs=[observation("35201-3", str(sent), spell(spelling))]), KNOWLEDGE, TODAY)

    assert (varied.value, varied.unit) == (plain.value, plain.unit)
    assert abs(plain.value - amount) < Decimal("1e-9")


@given(st.text(max_size=30))
def test_making_a_unit_comparable_twice_changes_nothing(unit: str) -> None:
    assert normalised(normalised(unit)) == normalised(unit)


def test_the_record_given_is_not_changed() -> None:
    given_record: PatientRecord = record(labs=[observation(value=150)])
    before = repr(given_record.section(DataKey.LABS))

    read_facts(given_record, KNOWLEDGE, TODAY)

    assert repr(given_record.section(DataKey.LABS)) == before
