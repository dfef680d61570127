"""Problems, procedures, allergies and diets: which count, how surely, and since when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cds_service.facts.patient import ANYTHING, DataIssue
from cds_service.facts.problems import Problem, ProblemKind
from cds_service.fhir.conditions import MOST_MATCHES, read_problems
from cds_service.fhir.resources import Resource
from tests.builders import ICD_10_CM, LOINC, SNOMED, TODAY, concept, condition, observation, record, resource
from tests.unit.fhir.lab_knowledge import RXNORM, lab_knowledge

KNOWLEDGE = lab_knowledge()
MIMIC_10 = "http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-diagnosis-icd10"
MIMIC_9 = "http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-diagnosis-icd9"
NEUROPATHY = ProblemKind.PERIPHERAL_NEUROPATHY
STOMACH = ProblemKind.GASTRIC_OR_SMALL_BOWEL_SURGERY


def read(**sections: list[Resource]) -> tuple[list[Problem], list[DataIssue]]:
    return read_problems(record(**sections), KNOWLEDGE, TODAY)


def kinds(**sections: list[Resource]) -> list[ProblemKind]:
    problems, issues = read(**sections)
    assert issues == []
    return [problem.kind for problem in problems]


def only(**sections: list[Resource]) -> Problem:
    problems, issues = read(**sections)
    assert issues == []
    [problem] = problems
    return problem


def named(text: str, **fields: Any) -> Resource:
    return condition(SNOMED, "", **{"code": concept(text=text), **fields})


def test_a_coded_problem_is_read_with_its_name_and_onset() -> None:
    given = condition(
        ICD_10_CM, "G62.9", code=concept((ICD_10_CM, "G62.9"), text="Neuropathy"), onsetDateTime="2025-02"
    )
    problem = only(conditions=[given])

    assert (problem.kind, problem.name, problem.source) == (NEUROPATHY, "Neuropathy", "Condition/r1")
    assert (str(problem.since), problem.is_coded) == ("2025-02", True)


def test_a_problem_without_words_bears_the_name_of_its_code() -> None:
    assert only(conditions=[condition(ICD_10_CM, "G62.9")]).name == "Polyneuropathy, unspecified"


@pytest.mark.parametrize(("code", "found"), [("Z13.858", []), ("Z13", []), ("Z12.9", [NEUROPATHY])])
def test_a_code_of_screening_names_what_is_looked_for_and_not_what_was_found(
    code: str, found: list[ProblemKind]
) -> None:
    given = condition(ICD_10_CM, code, code=concept((ICD_10_CM, code), text="Peripheral neuropathy"))
    assert kinds(conditions=[given]) == found


def test_a_code_of_screening_takes_nothing_from_a_diagnosis_beside_it() -> None:
    both = concept((ICD_10_CM, "Z13.858"), (ICD_10_CM, "G62.9"), text="Peripheral neuropathy")
    assert kinds(conditions=[condition(ICD_10_CM, "Z13.858", code=both)]) == [NEUROPATHY]


def test_a_long_name_is_cut() -> None:
    given = condition(ICD_10_CM, "G62.9", code=concept((ICD_10_CM, "G62.9"), text="x" * 500))

    assert len(only(conditions=[given]).name) == 80


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (ICD_10_CM, "E11.42"),
        (ICD_10_CM, "e11.42"),
        (ICD_10_CM, "E1142"),
        (ICD_10_CM, " E11.42 "),
        ("urn:oid:2.16.840.1.113883.6.90", "E11.42"),
        (MIMIC_10, "E1142"),
        ("http: //snomed.info/sct", "42345000"),
    ],
)
def test_a_code_is_known_with_and_without_its_dot_and_under_every_name_of_its_system(system: str, code: str) -> None:
    problem = only(conditions=[condition(system, code)])

    assert (problem.kind, problem.is_coded) == (NEUROPATHY, True)


@pytest.mark.parametrize("system", [MIMIC_9, "http://hl7.org/fhir/sid/icd-9-cm", "http://hospital.example/icd9", "x"])
def test_icd_9_and_unknown_systems_never_match_icd_10(system: str) -> None:
    assert kinds(conditions=[condition(system, "G62.9"), condition(system, "E1142", id="r2")]) == []


@pytest.mark.parametrize("system", ["http://hospital.example/icd10-codes", "urn:local:ICD10CM"])
def test_a_local_system_labelled_icd_10_is_only_possible(system: str) -> None:
    assert not only(conditions=[condition(system, "E1142")]).is_coded


@pytest.mark.parametrize("system", [None, "", " ", "\u00bf?", "http://hl7.org/fhir/s\u00e5id", "x" * 300, LOINC])
@pytest.mark.parametrize("code", ["G62.9", " G629 ", "42345000"])
def test_a_code_in_no_system_that_may_have_it_is_looked_up_in_each_and_only_possible(
    system: str | None, code: str
) -> None:
    problem = only(conditions=[condition(SNOMED, "", code={"coding": [{"system": system, "code": code}]})])

    assert (problem.kind, problem.is_coded) == (NEUROPATHY, False)


@pytest.mark.parametrize("code", ["I10", "12345", "G62.9x" * 20, "\u00bf?"])
def test_a_code_in_no_system_that_is_none_of_ours_is_no_problem(code: str) -> None:
    assert kinds(conditions=[condition(SNOMED, "", code={"coding": [{"code": code}], "text": "Broken leg"})]) == []


def test_a_listed_category_speaks_for_the_codes_below_it() -> None:
    given = condition(ICD_10_CM, "Z3A.20", onsetDateTime="2025-08-01")

    assert kinds(conditions=[given]) == [ProblemKind.PREGNANCY]


def test_one_code_can_stand_for_several_problems() -> None:
    assert kinds(conditions=[condition(ICD_10_CM, "D51.0")]) == [
        ProblemKind.B12_DEFICIENCY,
        ProblemKind.PERNICIOUS_ANAEMIA,
    ]


def test_the_most_specific_code_decides_so_early_kidney_disease_is_no_confounder() -> None:
    assert kinds(conditions=[condition(ICD_10_CM, "N18.2")]) == []
    assert kinds(conditions=[condition(ICD_10_CM, "N18.4")]) == [ProblemKind.CHRONIC_KIDNEY_DISEASE]


def test_a_look_alike_code_wins_over_a_broader_one() -> None:
    both = concept((SNOMED, "709044004"), (ICD_10_CM, "N18.2"), text="Chronic kidney disease")

    assert kinds(conditions=[condition(SNOMED, "", code=both)]) == []


def test_e53_8_counts_as_possible_b12_deficiency_only_when_its_words_say_so() -> None:
    plain = condition(ICD_10_CM, "E53.8")
    said = condition(ICD_10_CM, "E53.8", code=concept((ICD_10_CM, "E53.8"), text="Vitamin B12 deficiency"))

    assert kinds(conditions=[plain]) == []
    problem = only(conditions=[said])
    assert (problem.kind, problem.is_coded) == (ProblemKind.B12_DEFICIENCY, False)


def test_inhalant_abuse_counts_as_nitrous_oxide_only_when_its_words_say_so() -> None:
    said = condition(ICD_10_CM, "F18.10", code=concept((ICD_10_CM, "F18.10"), text="Recreational N2O"))

    assert kinds(conditions=[condition(ICD_10_CM, "F18.10")]) == []
    assert kinds(conditions=[said]) == [ProblemKind.NITROUS_OXIDE]


def test_a_name_without_a_known_code_is_only_possible() -> None:
    assert not only(conditions=[named("Peripheral neuropathy")]).is_coded
    assert not only(conditions=[condition(SNOMED, "", code=concept((SNOMED, "1"), text="Neuropathy"))]).is_coded


@pytest.mark.parametrize(
    "text",
    [
        "No evidence of neuropathy",
        "Neuropathy ruled out",
        "Neuropathy: no",
        "Screening for neuropathy",
        "At risk of neuropathy",
        "Denies neuropathy",
        "Diabetes without neuropathy",
    ],
)
def test_a_name_that_is_denied_is_not_the_problem(text: str) -> None:
    assert kinds(conditions=[named(text)]) == []


@pytest.mark.parametrize(
    "text", ["Neuropathy, no ulcer", "Diabetes with neuropathy", "No ulcer. Neuropathy of both feet"]
)
def test_a_denial_of_something_else_does_not_take_the_problem_back(text: str) -> None:
    assert kinds(conditions=[named(text)]) == [NEUROPATHY]


@pytest.mark.parametrize(
    "text", ["Family history of pernicious anaemia", "FH: pernicious anemia", "Mother: pernicious anaemia"]
)
def test_a_relatives_problem_is_not_the_patients(text: str) -> None:
    coded = condition(SNOMED, "", code=concept((SNOMED, "84027009"), text=text))

    for given in (coded, named(text)):
        problems, issues = read(conditions=[given])
        assert problems == []
        assert {issue.matters_to for issue in issues} == {"pernicious-anaemia"}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (
            concept((SNOMED, "84027009"), text="Pernicious anaemia; mother also affected"),
            ProblemKind.PERNICIOUS_ANAEMIA,
        ),
        (concept((ICD_10_CM, "G62.9"), text="Neuropathy (reported by daughter)"), NEUROPATHY),
        (concept((SNOMED, "77386006"), text="Pregnant; mother of twins"), ProblemKind.PREGNANCY),
        (concept((SNOMED, "77386006"), text="Expectant mother"), ProblemKind.PREGNANCY),
    ],
    ids=str,
)
def test_a_relative_who_is_named_beside_a_coded_problem_takes_nothing_back(
    code: dict[str, Any], kind: ProblemKind
) -> None:
    assert only(conditions=[condition(SNOMED, "", code=code, onsetDateTime="2025-08-01")]).kind is kind


def test_family_history_codes_and_resources_are_no_problems() -> None:
    relative = resource("FamilyMemberHistory", patient={"reference": "Patient/p1"}, code=concept((SNOMED, "84027009")))
    z_code = condition(ICD_10_CM, "Z83.2")

    assert kinds(conditions=[relative, z_code]) == []


def verified(status: str) -> dict[str, Any]:
    return {"verificationStatus": concept(("http://terminology.hl7.org/CodeSystem/condition-ver-status", status))}


def clinical(status: str) -> dict[str, Any]:
    return {"clinicalStatus": concept(("http://terminology.hl7.org/CodeSystem/condition-clinical", status))}


@pytest.mark.parametrize("status", ["refuted", "entered-in-error"])
def test_a_refuted_problem_is_none(status: str) -> None:
    assert kinds(conditions=[condition(ICD_10_CM, "G62.9", **verified(status))]) == []


@pytest.mark.parametrize("status", ["unconfirmed", "provisional", "differential"])
def test_an_unconfirmed_problem_is_only_possible(status: str) -> None:
    problem = only(conditions=[condition(ICD_10_CM, "G62.9", **verified(status))])

    assert (problem.is_coded, problem.is_suspected) == (False, True)


def test_a_problem_known_by_its_name_alone_is_not_suspected_for_that() -> None:
    problem = only(conditions=[named("Peripheral neuropathy")])

    assert (problem.is_coded, problem.is_suspected) == (False, False)


ENDED: list[dict[str, Any]] = [
    clinical("resolved"),
    clinical("inactive"),
    clinical("remission"),
    {"clinicalStatus": "resolved"},
    {"abatementDateTime": "2024-01-01"},
    {"abatementBoolean": True},
    {"abatementString": "after treatment"},
    {"abatementPeriod": {"end": "2024-01-01"}},
]


@pytest.mark.parametrize("fields", ENDED, ids=str)
def test_an_ended_problem_is_none_unless_it_is_a_lasting_cause(fields: dict[str, Any]) -> None:
    ended = condition(ICD_10_CM, "G62.9", **fields)
    lasting = condition(ICD_10_CM, "Z90.3", id="r2", **fields)

    assert kinds(conditions=[ended, lasting]) == [STOMACH]


@pytest.mark.parametrize(
    "fields",
    [
        {"clinicalStatus": None, "verificationStatus": None},
        {"clinicalStatus": "active", "verificationStatus": "confirmed"},
        clinical("relapse"),
        {"abatementDateTime": "2026-01-01"},
        {"abatementDateTime": "2025"},
        {"abatementDateTime": "soon"},
        {"abatementBoolean": False},
    ],
    ids=str,
)
def test_a_problem_that_is_not_known_to_have_ended_counts(fields: dict[str, Any]) -> None:
    assert kinds(conditions=[condition(ICD_10_CM, "G62.9", **fields)]) == [NEUROPATHY]


@pytest.mark.parametrize("onset", ["2030-01-01", "last summer"])
def test_an_impossible_onset_is_left_out_and_said_and_the_problem_counts(onset: str) -> None:
    [problem], [issue] = read(conditions=[condition(ICD_10_CM, "G62.9", onsetDateTime=onset)])

    assert problem.since is None
    assert issue.used_with_care


def test_without_an_onset_the_problem_is_known_since_it_was_recorded() -> None:
    assert str(only(conditions=[condition(ICD_10_CM, "G62.9", recordedDate="2025-02-10")]).since) == "2025-02-10"


@pytest.mark.parametrize(("onset", "counts"), [("2025-06-01", True), ("2024-12-11", True), ("2024-12-10", False)])
def test_a_pregnancy_counts_within_the_weeks_that_one_can_last(onset: str, counts: bool) -> None:
    given = condition(SNOMED, "77386006", onsetDateTime=onset)

    assert kinds(conditions=[given]) == [ProblemKind.PREGNANCY] * counts


def test_a_pregnancy_without_a_date_counts_with_care() -> None:
    [problem], [issue] = read(conditions=[condition(SNOMED, "77386006")])

    assert problem.kind is ProblemKind.PREGNANCY
    assert "no date" in issue.issue


def test_a_problem_of_another_patient_is_not_used_and_said() -> None:
    problems, [issue] = read(conditions=[condition(ICD_10_CM, "G62.9", subject={"reference": "Patient/p2"})])

    assert problems == []
    assert (issue.field, issue.matters_to) == ("subject", "peripheral-neuropathy")


def procedure(**fields: Any) -> Resource:
    return resource("Procedure", **{"status": "completed", "code": concept((SNOMED, "442338001")), **fields})


def test_what_is_odd_is_said_of_every_kind_of_record() -> None:
    other = {"subject": {"reference": "Patient/p2"}}
    allergy = resource(
        "AllergyIntolerance", id="a", code=concept(text="cobalamin"), patient=other["subject"], subject=None
    )

    _, issues = read(
        conditions=[condition(ICD_10_CM, "G62.9", id=id_, **other) for id_ in ("b", "c")],
        procedures=[procedure(id="p", **other)],
        allergies=[allergy],
    )

    assert [issue.resource for issue in issues] == ["AllergyIntolerance/a", "Condition/b", "Condition/c", "Procedure/p"]


def test_a_completed_operation_counts_since_it_was_done() -> None:
    problem = only(procedures=[procedure(performedPeriod={"start": "2019-03-01", "end": "2019-03-02"})])

    assert (problem.kind, str(problem.since), problem.source) == (STOMACH, "2019-03-02", "Procedure/r1")


def test_an_operation_without_a_date_counts() -> None:
    assert only(procedures=[procedure()]).since is None


@pytest.mark.parametrize("status", ["not-done", "entered-in-error", "in-progress", "preparation", "stopped"])
def test_an_operation_that_was_not_done_does_not_count(status: str) -> None:
    assert kinds(procedures=[procedure(status=status)]) == []


@pytest.mark.parametrize(
    "fields", [{"status": None}, {"status": "unknown"}, {"performedDateTime": "2026-05-01"}, {"performedDateTime": "x"}]
)
def test_an_operation_that_may_not_be_done_is_not_used_and_said(fields: dict[str, Any]) -> None:
    problems, [issue] = read(procedures=[procedure(**fields)])

    assert problems == []
    assert issue.matters_to == "gastric-or-small-bowel-surgery"


def test_an_operation_by_name_is_only_possible_and_an_injection_for_a_disease_is_no_diagnosis() -> None:
    by_name = procedure(code=concept(text="Laparoscopic gastric bypass"))
    injection = procedure(id="r2", code=concept(text="Injection for pernicious anaemia"))
    problem = only(procedures=[by_name, injection])

    assert (problem.kind, problem.is_coded) == (STOMACH, False)


def allergy(**fields: Any) -> Resource:
    return resource("AllergyIntolerance", **{"subject": None, "patient": {"reference": "Patient/p1"}, **fields})


@pytest.mark.parametrize(
    ("fields", "is_coded"),
    [
        ({"code": concept((RXNORM, "11248"))}, True),
        ({"code": concept((RXNORM, "1248142"))}, False),
        ({"code": concept(text="Hydroxocobalamin")}, False),
        ({"code": concept(text="Vitamin B12")}, False),
        ({"reaction": [{"substance": concept((RXNORM, "11248"))}]}, True),
        ({"code": concept((RXNORM, "11248")), **verified("unconfirmed")}, False),
    ],
    ids=str,
)
def test_an_allergy_to_any_cobalamin_is_found(fields: dict[str, Any], is_coded: bool) -> None:
    problem = only(allergies=[allergy(**fields)])

    assert (problem.kind, problem.is_coded) == (ProblemKind.COBALAMIN_ALLERGY, is_coded)


@pytest.mark.parametrize(
    "fields",
    [
        {"code": concept(text="Penicillin")},
        {"code": concept(text="No known allergy to cobalamin")},
        {"code": concept((RXNORM, "11248")), **verified("refuted")},
        {"code": concept((RXNORM, "11248")), **verified("entered-in-error")},
        {"code": concept((RXNORM, "11248")), **clinical("resolved")},
        {},
    ],
    ids=str,
)
def test_other_refuted_and_resolved_allergies_do_not_count(fields: dict[str, Any]) -> None:
    assert kinds(allergies=[allergy(**fields)]) == []


@pytest.mark.parametrize(
    "code",
    [
        concept(text="Allergy to cobalamin"),
        concept((ICD_10_CM, "Z88.8"), text="Cyanocobalamin"),  # the code says that it is an allergy
        {"text": "Cobalamin", "coding": [{"system": SNOMED, "code": "416098002", "display": "Allergy to drug"}]},
    ],
    ids=str,
)
def test_a_problem_is_an_allergy_where_its_words_or_its_code_say_so(code: dict[str, Any]) -> None:
    problem = only(conditions=[condition(SNOMED, "", code=code)])

    assert (problem.kind, problem.is_coded) == (ProblemKind.COBALAMIN_ALLERGY, False)


@pytest.mark.parametrize(
    "code",
    [
        concept(text="Cobalamin"),
        concept((RXNORM, "11248"), text="Cobalamin"),
        concept((ICD_10_CM, "Z88.8"), text="Sulfonamides"),
        {
            "text": "Cobalamin",
            "coding": [{"system": ICD_10_CM, "code": "Z79.899", "display": "Other long term (current) drug therapy"}],
        },
        {"text": "Cobalamin", "coding": [{"display": "No known allergy"}]},
    ],
    ids=str,
)
def test_a_problem_that_only_names_cobalamin_is_no_allergy(code: dict[str, Any]) -> None:
    assert kinds(conditions=[condition(SNOMED, "", code=code)]) == []


def test_an_allergy_of_another_patient_is_not_used_and_said() -> None:
    problems, [issue] = read(allergies=[allergy(code=concept((RXNORM, "11248")), patient={"reference": "Patient/p2"})])

    assert problems == []
    assert issue.matters_to == "cobalamin-allergy"


DIET = concept((SNOMED, "364393001"), text="Diet")
VEGAN = concept((SNOMED, "24930006"))
YES, NO = concept((SNOMED, "373066001")), concept((SNOMED, "373067005"))


def told(**fields: Any) -> Resource:
    return observation(**{"effectiveDateTime": "2024-11-18", "code": DIET, **fields})


@pytest.mark.parametrize(
    ("fields", "is_coded"),
    [
        ({"valueCodeableConcept": VEGAN}, True),
        ({"valueString": "Vegan since 2010"}, False),
        ({"code": VEGAN}, True),
        ({"code": VEGAN, "valueBoolean": True}, True),
        ({"code": VEGAN, "valueCodeableConcept": YES}, True),
        ({"code": VEGAN, "valueString": "yes"}, True),
        ({"component": [{"code": DIET, "valueCodeableConcept": VEGAN}]}, True),
        ({"valueCodeableConcept": VEGAN, "effectiveDateTime": None}, True),
        ({"valueCodeableConcept": VEGAN, "status": "amended"}, True),
    ],
    ids=str,
)
def test_a_vegan_diet_is_read_in_every_shape(fields: dict[str, Any], is_coded: bool) -> None:
    problem = only(socialHistory=[told(**fields)])

    assert (problem.kind, problem.is_coded) == (ProblemKind.VEGAN_DIET, is_coded)


@pytest.mark.parametrize(
    "fields",
    [
        {"valueCodeableConcept": concept((SNOMED, "162538009"), text="Ovo-lacto vegetarian")},
        {"valueString": "Not vegan"},
        {"valueString": "ex-vegan"},
        {"valueString": "no longer vegan"},
        {"valueString": "non-vegan"},
        {"valueString": "lacto-ovo strict vegetarian"},
        {"valueString": "Mother is vegan"},
        {"code": VEGAN, "valueBoolean": False},
        {"code": VEGAN, "valueCodeableConcept": NO},
        {"code": VEGAN, "dataAbsentReason": concept(text="asked but unknown")},
        {"valueCodeableConcept": VEGAN, "status": "entered-in-error"},
        {"valueCodeableConcept": VEGAN, "status": "Cancelled "},
    ],
    ids=str,
)
def test_another_diet_a_denial_and_a_withdrawn_answer_are_no_vegan_diet(fields: dict[str, Any]) -> None:
    assert kinds(socialHistory=[told(**fields)]) == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"valueCodeableConcept": VEGAN, "status": "preliminary"}, "status"),
        ({"valueCodeableConcept": VEGAN, "status": "f\u00e5nal"}, "status"),
        ({"valueCodeableConcept": VEGAN, "status": None}, "status"),
        ({"code": concept(text="Diet")}, "value"),
        ({"code": concept(text="Dietary habits"), "valueCodeableConcept": {}}, "value"),
        ({"code": concept(text="Diet"), "valueString": " "}, "value"),
    ],
    ids=str,
)
def test_an_answer_on_the_diet_that_cannot_be_read_is_told(fields: dict[str, Any], field: str) -> None:
    problems, [issue] = read(socialHistory=[told(**fields)])

    assert problems == []
    assert (issue.field, issue.matters_to, issue.used_with_care) == (field, "vegan-diet", False)


@pytest.mark.parametrize(
    "fields",
    [
        {"code": concept(text="Tobacco smoking status")},
        {"code": concept(text="Tobacco smoking status"), "valueString": "never", "status": "f\u00e5nal"},
        {"code": concept(text="Diet"), "valueString": "Omnivore"},
        {"code": concept(text="Diet"), "dataAbsentReason": concept(text="not asked")},
        {"code": concept(text="Diet"), "component": [{"code": concept(text="Meals a day")}]},
        {"code": concept(text="Diet"), "status": "cancelled"},
    ],
    ids=str,
)
def test_an_answer_on_something_else_stays_out_of_the_way(fields: dict[str, Any]) -> None:
    assert kinds(socialHistory=[told(**fields)]) == []


@pytest.mark.parametrize("later", [{"valueString": "Omnivore"}, {"valueString": "not vegan"}])
def test_a_later_answer_takes_an_earlier_one_back(later: dict[str, str]) -> None:
    vegan = told(id="a", valueCodeableConcept=VEGAN)

    assert kinds(socialHistory=[vegan, told(id="b", effectiveDateTime="2025-03-01", **later)]) == []
    assert kinds(socialHistory=[vegan, told(id="b", effectiveDateTime="2023-03-01", **later)]) == [
        ProblemKind.VEGAN_DIET
    ]


def test_a_later_answer_about_something_else_takes_nothing_back() -> None:
    vegan = told(id="a", valueCodeableConcept=VEGAN)
    later = told(id="b", effectiveDateTime="2025-03-01", valueString="Low salt diet")

    assert kinds(socialHistory=[vegan, later]) == [ProblemKind.VEGAN_DIET]


def test_nitrous_oxide_in_the_social_history_is_read() -> None:
    given = told(code=concept((LOINC, "74204-9"), text="Drug use"), valueCodeableConcept=concept((SNOMED, "111132001")))

    assert kinds(socialHistory=[given]) == [ProblemKind.NITROUS_OXIDE]


@pytest.mark.parametrize(
    "answer", ["daily balloons", "10 canisters per week", "Weekly", "current use", "2/day", "heavy", "every weekend"]
)
def test_nitrous_oxide_of_which_the_amount_is_answered_is_taken(answer: str) -> None:
    given = told(code=concept(text="Nitrous oxide use"), valueString=answer)

    assert kinds(socialHistory=[given]) == [ProblemKind.NITROUS_OXIDE]


@pytest.mark.parametrize(
    "answer",
    ["no", "never used balloons", "former, daily", "stopped, was weekly", "unknown", "declined", "0 per week"],
)
def test_nitrous_oxide_that_is_denied_or_past_or_not_told_is_not_taken(answer: str) -> None:
    assert kinds(socialHistory=[told(code=concept(text="Nitrous oxide use"), valueString=answer)]) == []


def test_how_often_a_diet_is_kept_is_no_answer_to_it() -> None:
    assert kinds(socialHistory=[told(code=concept(text="Vegan diet"), valueString="occasionally")]) == []


@pytest.mark.parametrize("fields", [{"subject": {"reference": "Patient/p2"}}, {"effectiveDateTime": "2026-01-01"}])
def test_an_answer_of_another_patient_or_of_the_future_is_not_used_and_said(fields: dict[str, Any]) -> None:
    problems, issues = read(socialHistory=[told(valueCodeableConcept=VEGAN, **fields)])

    assert problems == []
    assert [issue.matters_to for issue in issues] == ["vegan-diet"]


def test_an_operation_on_another_patient_is_not_used_and_said() -> None:
    problems, [issue] = read(procedures=[procedure(subject={"reference": "Patient/p2"})])

    assert problems == []
    assert issue.field == "subject"


def test_an_allergy_counts_whenever_it_was_recorded() -> None:
    given = [
        allergy(id="a", code=concept((RXNORM, "11248")), recordedDate="2019-05"),
        allergy(id="b", code=concept((RXNORM, "11248")), recordedDate="as a child"),
    ]

    assert [str(problem.since) for problem in read(allergies=given)[0]] == ["2019-05", "None"]


def test_a_diet_over_a_period_is_dated_by_its_end() -> None:
    given = told(valueCodeableConcept=VEGAN, effectiveDateTime=None, effectivePeriod={"start": "2010", "end": "2024"})

    assert str(only(socialHistory=[given]).since) == "2024"


def said(**fields: Any) -> DataIssue:
    _, [issue] = read(conditions=[condition(ICD_10_CM, "G62.9", **fields)])
    return issue


@pytest.mark.parametrize(
    ("fields", "issue"),
    [
        (
            {"code": concept((SNOMED, "42345000"), text="Mother: neuropathy")},
            DataIssue("Condition/r1", "code", "is of a relative; it was not used"),
        ),
        (
            {"subject": {"reference": "Patient/p2"}},
            DataIssue("Condition/r1", "subject", "belongs to another patient; it was not used"),
        ),
        (
            {"onsetDateTime": "last summer"},
            DataIssue(
                "Condition/r1",
                "onsetDateTime",
                "has a date that is none ('last summer'); the date was left out",
                used_with_care=True,
            ),
        ),
        (
            {"recordedDate": "2030-01"},
            DataIssue(
                "Condition/r1",
                "recordedDate",
                "has a date in the future (2030-01); the date was left out",
                used_with_care=True,
            ),
        ),
    ],
    ids=lambda given: given.field if isinstance(given, DataIssue) else str(given),
)
def test_what_is_odd_is_said_in_a_sentence_that_names_the_problem(fields: dict[str, Any], issue: DataIssue) -> None:
    sentence = f"This record of peripheral neuropathy {issue.issue}."

    assert said(**fields) == replace(issue, issue=sentence, matters_to="peripheral-neuropathy")


def test_an_undated_pregnancy_is_used_with_care_and_its_onset_asked_for() -> None:
    _, [issue] = read(conditions=[condition(SNOMED, "77386006")])

    sentence = "This record of pregnancy has no date; it was taken as present."
    assert issue == DataIssue("Condition/r1", "onsetDateTime", sentence, "pregnancy", used_with_care=True)


def test_of_two_problems_under_one_entry_the_reversible_one_ends_with_it_and_the_lasting_one_stays() -> None:
    both = concept((SNOMED, "111132001"), (SNOMED, "84027009"))

    assert kinds(conditions=[condition(SNOMED, "", code=both, **clinical("resolved"))]) == [
        ProblemKind.PERNICIOUS_ANAEMIA
    ]


def test_a_pregnancy_of_long_ago_does_not_hide_the_problem_beside_it() -> None:
    both = concept((SNOMED, "77386006"), (SNOMED, "42345000"))

    assert kinds(conditions=[condition(SNOMED, "", code=both, onsetDateTime="2020-01-01")]) == [NEUROPATHY]


def test_every_problem_of_an_entry_has_its_doubt_said() -> None:
    problems, issues = read(conditions=[condition(ICD_10_CM, "D51.0", onsetDateTime="2030-01-01")])

    assert {issue.matters_to for issue in issues} == {problem.kind.value for problem in problems}
    assert len(issues) == 2


def test_the_order_of_entries_never_matters_even_where_they_share_an_id() -> None:
    earlier = condition(ICD_10_CM, "G62.9", onsetDateTime="2024-01-01")
    later = condition(ICD_10_CM, "G62.9", onsetDateTime="2025-01-01")

    assert read(conditions=[earlier, later]) == read(conditions=[later, earlier])


def test_problems_stand_by_their_kind_then_by_their_entry() -> None:
    kidneys, neuropathy = (condition(ICD_10_CM, code, id="a") for code in ("N18", "G62.9"))
    late = condition(ICD_10_CM, "G62.9", id="b", code=concept((ICD_10_CM, "G62.9"), text="A name before the other"))

    found, _ = read(conditions=[late, neuropathy, kidneys])

    assert [(problem.kind, problem.source) for problem in found] == [
        (ProblemKind.CHRONIC_KIDNEY_DISEASE, "Condition/a"),
        (NEUROPATHY, "Condition/a"),
        (NEUROPATHY, "Condition/b"),
    ]


@pytest.mark.parametrize(("abated", "counts"), [("2025-10-01", False), ("2025-10-02", True), ("2025-10", True)])
def test_a_problem_is_over_from_the_day_on_which_it_abated(abated: str, counts: bool) -> None:
    assert kinds(conditions=[condition(ICD_10_CM, "G62.9", abatementDateTime=abated)]) == [NEUROPATHY] * counts


@pytest.mark.parametrize(
    ("fields", "since"),
    [
        ({"onsetPeriod": {"start": "2025-03", "end": "2025-04"}, "recordedDate": "2025-05-01"}, "2025-03"),
        ({"onsetPeriod": {"end": "2025-04"}, "recordedDate": "2025-05-01"}, "2025-05-01"),
        ({"onsetDateTime": "2025-10-01"}, "2025-10-01"),
    ],
    ids=str,
)
def test_a_problem_is_known_since_its_onset_however_that_is_told(fields: dict[str, Any], since: str) -> None:
    assert str(only(conditions=[condition(ICD_10_CM, "G62.9", **fields)]).since) == since


def test_when_it_was_written_down_is_kept_beside_when_it_began() -> None:
    both = only(conditions=[condition(ICD_10_CM, "G62.9", onsetDateTime="2025-02-10", recordedDate="2025-09-01")])
    written = only(conditions=[condition(ICD_10_CM, "G62.9", recordedDate="2025-09-01")])

    assert (str(both.since), str(both.recorded), both.since_is_onset) == ("2025-02-10", "2025-09-01", True)
    assert (str(written.since), str(written.recorded), written.since_is_onset) == ("2025-09-01", "2025-09-01", False)


@pytest.mark.parametrize("recorded", ["someday", "2031-01-01"])
def test_a_day_of_writing_that_cannot_be_is_left_out(recorded: str) -> None:
    given = condition(ICD_10_CM, "G62.9", onsetDateTime="2025-02-10", recordedDate=recorded)

    assert only(conditions=[given]).recorded is None


@pytest.mark.parametrize(("recorded", "kept"), [("2025-10-01", "2025-10-01"), ("2025-10-02", None), ("never", None)])
def test_an_entry_is_known_to_have_been_written_until_today(recorded: str, kept: str | None) -> None:
    [problem] = read(conditions=[condition(ICD_10_CM, "G62.9", onsetDateTime="2025-02", recordedDate=recorded)])[0]
    assert (str(problem.recorded) if problem.recorded else None) == kept


def test_of_conditions_that_stand_for_too_many_problems_those_that_stand_for_few_are_read() -> None:
    """Ten thousand that stood for a dozen each took seconds."""
    codes = concept((ICD_10_CM, "G62.9"), (ICD_10_CM, "Z90.3"))
    one = [condition(ICD_10_CM, "G62.9", id=f"c{n}", onsetDateTime="2025-02") for n in range(9)]
    two = [condition(ICD_10_CM, "", id=f"d{n}", code=codes, onsetDateTime="2025-02") for n in range(MOST_MATCHES // 2)]
    problems, issues = read(conditions=[*one[:2], *two[1:]])
    assert (len(problems), issues) == (MOST_MATCHES, [])

    problems, issues = read(conditions=[*one, *two])
    assert {problem.kind for problem in problems} == {NEUROPATHY}
    assert len(problems) == len(one)
    sentence = "The record's conditions stand for more problems than are read at once; this one was not used."
    assert {(issue.field, issue.issue, issue.matters_to) for issue in issues} == {("code", sentence, ANYTHING)}
    assert len(issues) == len(two)
