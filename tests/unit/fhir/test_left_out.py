"""An entry that does not say what it is, or that was left out, keeps its key from counting as complete."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cds_service.facts.patient import ANYTHING, Availability, DataKey, PatientFacts
from cds_service.fhir.left_out import MOST_UNREAD
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
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
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


LONG = "x" * 301
NAMED = [
    ("labs", "Observation"),
    ("conditions", "Condition"),
    ("procedures", "Procedure"),
    ("allergies", "AllergyIntolerance"),
    ("socialHistory", "Observation"),
]


@pytest.mark.parametrize(("key", "kind"), NAMED)
@pytest.mark.parametrize(
    "code",
    [
        concept(text=LONG),
        concept((LOCAL, "K"), text=LONG),
        concept((LOINC, "2345-7"), text=LONG),
        concept((LOCAL, "K", LONG)),
        concept((LOCAL, "K", LONG), text="short"),
        {"coding": [{"display": "short"}], "text": LONG},
    ],
    ids=["alone", "a local code", "a code that is not listed", "a display", "beside a text", "beside a display"],
)
def test_a_name_that_is_not_read_to_its_end_may_be_of_anything(key: str, kind: str, code: Any) -> None:
    found = facts(**{key: [resource(kind, code=code)]})

    assert found.available(DataKey(key)) is Availability.INCOMPLETE
    (issue,) = found.issues
    assert (issue.resource, issue.field) == (f"{kind}/r1", "code")
    assert (issue.matters_to, issue.used_with_care) == (ANYTHING, False)
    assert issue.issue == f"The name of this {kind} is too long to be read to its end; it was not used."


@pytest.mark.parametrize(("key", "kind"), NAMED)
@pytest.mark.parametrize("text", ["x" * 300, "x" * 300 + " " * 300, "x" * 300 + " ... "])
def test_a_name_that_is_read_to_its_end_and_is_none_of_ours_is_passed_over(key: str, kind: str, text: str) -> None:
    found = facts(**{key: [resource(kind, code=concept((LOCAL, "K"), text=text))]})

    assert found.available(DataKey(key)) is Availability.COMPLETE
    assert found.issues == ()


@pytest.mark.parametrize(
    ("key", "of"),
    [
        ("conditions", condition(SNOMED, "84027009", code=concept((SNOMED, "84027009"), text=LONG))),
        ("procedures", resource("Procedure", code=concept((SNOMED, "53442002"), text=LONG), status="completed")),
        ("allergies", resource("AllergyIntolerance", code=concept((RXNORM, "11248"), text=LONG))),
        ("allergies", resource("AllergyIntolerance", code=concept(text=f"Vitamin B12, {LONG}"))),
    ],
)
def test_a_code_that_is_listed_says_what_a_problem_is_however_long_its_name(key: str, of: Resource) -> None:
    found = facts(**{key: [of]})

    assert len(found.problems) == 1
    assert not any("too long" in issue.issue for issue in found.issues)
    assert found.available(DataKey(key)) is Availability.COMPLETE


def test_what_is_recognised_in_a_long_name_is_used_and_its_end_is_told() -> None:
    found = facts(conditions=[condition(LOCAL, "K", code=concept((LOCAL, "K"), text=f"Pernicious anaemia, {LONG}"))])

    assert [problem.kind for problem in found.problems] == ["pernicious-anaemia"]
    assert found.available(DataKey.CONDITIONS) is Availability.INCOMPLETE
    (issue,) = found.issues
    assert issue.issue == "The name of this Condition is too long to be read to its end; its end was not used."


def test_a_result_with_a_long_name_counts_by_its_code_and_the_end_of_its_name_is_told() -> None:
    found = facts(labs=[observation(value=150, code=concept((LOINC, "2132-9"), text=f"Vitamin B12, {LONG}"))])

    assert [result.value for result in found.labs] == [150]
    assert found.available(DataKey.LABS) is Availability.INCOMPLETE
    assert [issue.issue for issue in found.issues] == [
        "The name of this Observation is too long to be read to its end; its end was not used."
    ]


@pytest.mark.parametrize("key", ["labs", "socialHistory"])
def test_a_component_with_a_long_name_is_told(key: str) -> None:
    parts = [{"code": concept(text="Potassium")}, {"code": concept((LOCAL, "K"), text=LONG)}]
    for panel in (concept(text="Panel"), None):
        found = facts(**{key: [resource("Observation", code=panel, component=parts)]})
        assert [issue.field for issue in found.issues] == ["component[1].code"]
        assert found.available(DataKey(key)) is Availability.INCOMPLETE


def test_a_substance_with_a_long_name_is_told_and_a_long_name_beside_a_short_substance_too() -> None:
    named, long = concept(text="Penicillin"), concept(text=LONG)
    for code, substance, field in [(named, long, "reaction[0].substance"), (long, named, "code")]:
        found = facts(allergies=[resource("AllergyIntolerance", code=code, reaction=[{"substance": substance}])])
        assert [issue.field for issue in found.issues] == [field]
        assert found.available(DataKey.ALLERGIES) is Availability.INCOMPLETE


@pytest.mark.parametrize(
    ("answer", "field"),
    [
        ({"valueString": LONG}, "valueString"),
        ({"valueCodeableConcept": concept(text=LONG)}, "valueCodeableConcept"),
        ({"component": [{"code": concept(text="Food"), "valueString": LONG}]}, "component[0].valueString"),
    ],
)
def test_an_answer_in_the_social_history_that_is_not_read_to_its_end_is_told(answer: Any, field: str) -> None:
    found = facts(socialHistory=[resource("Observation", status="final", code=concept(text="Lifestyle"), **answer)])

    assert found.available(DataKey.SOCIAL_HISTORY) is Availability.INCOMPLETE
    (issue,) = found.issues
    assert (issue.field, issue.matters_to) == (field, ANYTHING)
    assert issue.issue == "This answer is too long to be read to its end; its end was not used."


def test_a_long_answer_with_a_listed_code_or_among_the_results_is_not() -> None:
    vegan = {"coding": [{"system": SNOMED, "code": "24930006"}], "text": LONG}
    diet = facts(
        socialHistory=[resource("Observation", status="final", code=concept(text="Diet"), valueCodeableConcept=vegan)]
    )
    assert [problem.kind for problem in diet.problems] == ["vegan-diet"]
    assert diet.issues == ()
    assert facts(labs=[resource("Observation", code=concept(text="Culture"), valueString=LONG)]).issues == ()


@pytest.mark.parametrize(
    ("key", "withdrawn"),
    [
        ("labs", resource("Observation", code=concept(text=LONG), status="entered-in-error")),
        ("socialHistory", resource("Observation", code=concept(text=LONG), status="cancelled")),
        ("procedures", resource("Procedure", code=concept(text=LONG), status="not-done")),
        (
            "allergies",
            resource("AllergyIntolerance", code=concept(text=LONG), clinicalStatus=concept((LOCAL, "resolved"))),
        ),
    ],
)
def test_a_long_name_of_what_is_withdrawn_or_over_is_passed_over(key: str, withdrawn: Resource) -> None:
    assert facts(**{key: [withdrawn]}).issues == ()


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


@pytest.mark.parametrize("key", ["conditions", "labs", "medicationRequests"])
def test_of_very_many_odd_entries_it_is_told_how_many_they_are(key: str) -> None:
    """Each had a sentence of its own, and an answer can hold ten thousand."""
    few = read_bundle(key, *[{}] * MOST_UNREAD)
    many = read_bundle(key, *[{}] * (MOST_UNREAD + 1))

    assert len([issue for issue in few.issues if issue.field.startswith("entry[")]) == MOST_UNREAD
    told = [issue for issue in many.issues if issue.field.startswith("entry")]
    sentence = f"{MOST_UNREAD + 1} entries of this answer could not be used, for one reason or another."
    assert [(i.resource, i.field, i.issue, i.matters_to) for i in told] == [(key, "entry", sentence, ANYTHING)]
    assert many.available(DataKey(key)) is Availability.INCOMPLETE


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


@pytest.mark.parametrize(("key", "kind"), [(key, kind) for key, kind in NAMED if key != "labs"])
def test_an_odd_entry_with_a_name_that_is_not_read_to_its_end_may_be_of_anything(key: str, kind: str) -> None:
    short = read_bundle(key, sent(kind, code=concept((LOCAL, "K"), text="Plaster of the arm"), note=7, status=7))
    long = read_bundle(key, sent(kind, code=concept((LOCAL, "K"), text=LONG), note=7, status=7))

    assert short.available(DataKey(key)) is Availability.COMPLETE
    assert long.available(DataKey(key)) is Availability.INCOMPLETE
    assert {issue.matters_to for issue in long.issues if issue.field == "status"} == {ANYTHING}


def test_an_odd_order_of_which_not_all_is_recognised_may_be_of_anything() -> None:
    odd = sent("MedicationRequest", medicationCodeableConcept=concept(text=f"Metformin 500 mg {LONG}"), status=7)

    found = read_bundle("medicationRequests", odd)

    assert [issue.matters_to for issue in found.issues if issue.field == "status"] == [ANYTHING]
