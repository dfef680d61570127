"""Every listed analyte and condition code is recognised as what its file says, and its own display agrees."""

from __future__ import annotations

import pytest

from cds_service.fhir.analyte_codes import match_analyte
from cds_service.fhir.problem_codes import match_problems
from cds_service.fhir.resources import CodeableConcept, Coding
from cds_service.knowledge.loader import load
from cds_service.knowledge.model import AnalyteKnowledge, Code, CodeUse, ConditionKnowledge

KNOWLEDGE = load()
by_analyte = pytest.mark.parametrize("analyte", KNOWLEDGE.analytes.values(), ids=lambda analyte: analyte.id)
by_condition = pytest.mark.parametrize("condition", KNOWLEDGE.conditions.values(), ids=lambda condition: condition.id)


def _sent(code: Code, *, with_display: bool = True) -> CodeableConcept:
    display = code.display if with_display else None
    return CodeableConcept(coding=[Coding(system=code.system, code=code.code, display=display)])


@by_analyte
def test_a_result_code_names_its_analyte_and_its_display_does_not_contradict_it(analyte: AnalyteKnowledge) -> None:
    for code in (one for one in analyte.codes if one.use is not CodeUse.EXCLUDE):
        match = match_analyte(_sent(code), KNOWLEDGE)
        assert match is not None
        assert (match.analyte, match.is_coded, match.doubt) == (analyte.id, code.use is CodeUse.MATCH, ""), code


@by_analyte
def test_a_look_alike_result_code_names_nothing(analyte: AnalyteKnowledge) -> None:
    for code in (one for one in analyte.codes if one.use is CodeUse.EXCLUDE):
        assert match_analyte(_sent(code), KNOWLEDGE) is None, code


@pytest.mark.parametrize("analyte", ["total-b12", "active-b12", "mma", "homocysteine", "intrinsic-factor-antibody"])
def test_a_look_alike_code_is_told_beside_the_name_of_what_it_is_not(analyte: str) -> None:
    title, short = KNOWLEDGE.analytes[analyte].title, KNOWLEDGE.analytes[analyte].short
    look_alikes = [code for known in KNOWLEDGE.analytes.values() for code in known.codes if code.use is CodeUse.EXCLUDE]
    assert look_alikes
    for code in look_alikes:
        match = match_analyte(CodeableConcept(_sent(code).coding, title), KNOWLEDGE)
        assert match is not None, code
        assert (match.analyte, match.is_coded) == (analyte, False)
        assert match.doubt.startswith(f"it is called {short}, and its code '{code.code}' is for something else (")


@pytest.mark.parametrize(
    ("code", "stands_for"),
    [
        ("55850-2", "Cobalamins, Urine"),
        ("2171-7", "Cobalamins.unsaturated binding capacity, Ser/Plas"),
        ("26916-7", "Cobalamins, Bld, PrThr"),
        ("25116-5", "Methylmalonate/Creatinine, Urine"),
    ],
)
def test_what_a_look_alike_code_stands_for_is_told(code: str, stands_for: str) -> None:
    match = match_analyte(CodeableConcept([Coding("http://loinc.org", code)], "Vitamin B12"), KNOWLEDGE)

    assert match is not None
    assert match.doubt.endswith(f"is for something else ({stands_for})")


@pytest.mark.parametrize(
    "name",
    [
        "Vitamin B12 and folate panel - Serum or Plasma",
        "Vitamin B12/Folate",
        "Vitamin B12 binding capacity",
        "Cobalamin (Vitamin B12) binding capacity.unsaturated",
        "Vitamin B12 deficiency screening",
        "Vitamin B12 [Mass/volume] in Urine",
        "Cobalamin (Vitamin B12) [Presence] in Blood",
        "Cobalamin (Vitamin B12) [Mass/volume] in Gastric fluid",
        "Methylmalonate [Moles/volume] in Cerebral spinal fluid",
        "Methylmalonate [Moles/volume] in DBS",
        "Homocysteine [Moles/volume] in Cerebral spinal fluid",
        "Homocysteine [Moles/volume] in Dried blood spot",
        "Vitamin B12 supplement use",
        "Transcobalamin II",
        "Methylmalonate/Creatinine [Ratio] in Urine",
        "Methylmalonic acidemia newborn screen",
        "Homocystine [Moles/volume] in Serum or Plasma",
        "Homocysteine [Moles/volume] in Urine",
        "Hemoglobin A1c/Hemoglobin.total in Blood",
        "MCV",
        "eGFR",
    ],
)
def test_what_only_sounds_like_a_result_of_ours_names_nothing_beside_a_code_of_something_else(name: str) -> None:
    glucose = Coding(system="http://loinc.org", code="2345-7", display=name)

    assert match_analyte(CodeableConcept(coding=[glucose], text=name), KNOWLEDGE) is None


@pytest.mark.parametrize("analyte", ["total-b12", "active-b12", "mma", "homocysteine", "intrinsic-factor-antibody"])
def test_a_result_that_decides_and_is_coded_as_something_else_is_told(analyte: str) -> None:
    title = KNOWLEDGE.analytes[analyte].title
    match = match_analyte(CodeableConcept([Coding("http://loinc.org", "2345-7", "Glucose")], title), KNOWLEDGE)

    assert match is not None
    assert (match.analyte, match.is_coded) == (analyte, False)
    assert match.doubt.endswith("its code '2345-7' is none that is known for it")


@by_analyte
def test_an_analyte_is_recognised_by_its_own_title(analyte: AnalyteKnowledge) -> None:
    match = match_analyte(CodeableConcept(text=analyte.title), KNOWLEDGE)

    assert match is not None
    assert (match.analyte, match.is_coded, match.doubt) == (analyte.id, False, "")


@by_condition
def test_a_condition_code_names_its_problem_with_and_without_a_display(condition: ConditionKnowledge) -> None:
    for code in (one for one in condition.codes if one.use is CodeUse.MATCH):
        for with_display in (True, False):
            matched = match_problems(_sent(code, with_display=with_display), KNOWLEDGE)
            assert (condition.id, True) in {(match.kind, match.is_coded) for match in matched.matches}, code


@by_condition
def test_a_look_alike_condition_code_is_never_the_problem(condition: ConditionKnowledge) -> None:
    for code in (one for one in condition.codes if one.use is CodeUse.EXCLUDE):
        matched = match_problems(_sent(code), KNOWLEDGE)
        assert condition.id not in {match.kind for match in matched.matches}, code


@by_condition
def test_a_code_for_review_never_decides_alone(condition: ConditionKnowledge) -> None:
    for code in (one for one in condition.codes if one.use is CodeUse.REVIEW):
        matched = match_problems(_sent(code, with_display=False), KNOWLEDGE)
        assert condition.id not in {match.kind for match in matched.matches}, code
