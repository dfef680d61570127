"""What rules say of records that the examples in their files cannot describe."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from cds_service.assessment.assess import RULES, assess
from cds_service.assessment.outcome import Answer, FactUsed, Outcome, Status, cannot_tell
from cds_service.assessment.picture import Picture, issue_facts, problem_fact, result_fact
from cds_service.assessment.rules import offers
from cds_service.assessment.rules.monitoring import follow_up_from
from cds_service.assessment.rules.scope import data_incomplete
from cds_service.facts.dates import ClinicalDate
from cds_service.facts.labs import Analyte
from cds_service.facts.orders import DraftContent, DraftOrder, Test, TestOrder
from cds_service.facts.patient import DOSE, DRAFTS, DataIssue
from cds_service.facts.problems import Problem, ProblemKind
from cds_service.facts.treatments import DailyDose, Interval, Medicine, RecordKind, Route, Treatment
from cds_service.knowledge.loader import load
from cds_service.knowledge.model import Recommendation
from tests.spec.example_facts import TODAY, example_facts, lab_result

KNOWLEDGE = load()
FUNCTIONS = dict(RULES)
UNKNOWN_DOSE = DailyDose(None, "")


def picture(given: dict[str, Any], *treatments: Treatment, **changed: Any) -> Picture:
    facts = example_facts(given)
    return Picture(replace(facts, treatments=(*facts.treatments, *treatments), **changed), KNOWLEDGE)


def answer(rule: str, given: dict[str, Any], *treatments: Treatment, **changed: Any) -> Answer:
    return FUNCTIONS[rule](picture(given, *treatments, **changed))


def taken(medicine: Medicine, source: str, **fields: Any) -> Treatment:
    """A treatment that began two hundred days ago and goes on."""
    since = Interval(ClinicalDate.on(TODAY - timedelta(days=200)), None)
    given = {"kind": RecordKind.REQUEST, "intervals": (since,), "is_active": True, **fields}
    return Treatment(medicine, str(medicine), source, **given)


def drafted(*contents: DraftContent, source: str = "MedicationRequest/draft-1", **fields: Any) -> DraftOrder:
    return DraftOrder(source, "a draft", fields.pop("is_selected", True), contents, **fields)


FOLIC_ACID = DraftContent(Medicine.FOLIC_ACID, DailyDose(Decimal(1)), Route.ORAL)
LOW = {"total_b12": "150 ng/L"}


@pytest.mark.parametrize(
    ("born", "says"),
    [
        ("1950", ""),  # 74 or 75
        ("1949", "75 or 76"),
        ("1949-10", "75 or 76"),
        ("1949-11", ""),
        ("1948", "76 or 77"),
        ("1949-10-01", "76"),
        ("1949-10-02", ""),
    ],
)
def test_age_is_a_risk_where_the_oldest_possible_is_old_and_both_are_said(born: str, says: str) -> None:
    older = picture({}, born=ClinicalDate.parse(born))
    assert [(fact.value, fact.words) for fact in older.risks] == ([(f"{says} years", f"age {says}")] if says else [])
    told = answer("B12-TEST-08", {}, born=ClinicalDate.parse(born))
    assert told.values == ({"age": says, "feature": ""} if says else {})
    assert [fact.value for fact in told.facts] == ([f"{says} years"] if says else [])


@pytest.mark.parametrize(
    ("born", "caution"), [("2007", ["17 or 18 years; the doses are for adults"]), ("2007-10-01", [])]
)
def test_an_age_that_may_be_a_childs_is_a_caution(born: str, caution: list[str]) -> None:
    facts = offers.cautions(picture({}, born=ClinicalDate.parse(born)))
    assert [fact.value for fact in facts] == caution
    assert {fact.label for fact in facts} <= {"Age"}


def test_two_anticoagulants_are_one_reason() -> None:
    takes = [taken(Medicine.ANTICOAGULANT, f"MedicationRequest/{number}") for number in range(2)]
    assert [fact.source for fact in offers.bleeding_risk(picture({}, *takes))] == ["MedicationRequest/0"]


def test_cyanocobalamin_that_is_taken_with_optic_neuropathy_is_named_and_nothing_else_is() -> None:
    leber = {"problems": ["leber-optic-neuropathy"]}
    others = (
        taken(Medicine.B12, "MedicationRequest/hydroxo", form="hydroxocobalamin"),
        taken(Medicine.B12, "MedicationRequest/past", form="cyanocobalamin", is_active=False),
        taken(Medicine.METFORMIN, "MedicationRequest/odd", form="cyanocobalamin"),
    )
    assert answer("B12-SAFE-06", leber, *others).outcome is Outcome.DOES_NOT_FIRE
    now = taken(Medicine.B12, "MedicationRequest/now", form="cyanocobalamin")
    of_no_told_form = taken(Medicine.B12, "MedicationRequest/b12")
    for treatments in ((*others, now), (*others, of_no_told_form, now)):
        told = answer("B12-SAFE-06", leber, *treatments)
        assert (told.variant, told.target) == ("taken", "")
        assert [fact.source for fact in told.facts[1:]] == ["MedicationRequest/now"]


@pytest.mark.parametrize("form", ["cyanocobalamin", ""])
def test_with_optic_neuropathy_only_an_order_of_b12_alone_is_changed(form: str) -> None:
    b12 = DraftContent(Medicine.B12, UNKNOWN_DOSE, Route.ORAL, form)
    leber = {"problems": ["leber-optic-neuropathy"]}
    combination, alone = drafted(FOLIC_ACID, b12), drafted(b12, source="MedicationRequest/draft-2")
    told = answer("B12-SAFE-06", leber, drafts=(combination,))
    assert (told.outcome, told.target) == (Outcome.FIRES, "")
    assert answer("B12-SAFE-06", leber, drafts=(combination, alone)).target == "MedicationRequest/draft-2"
    unnamed = drafted(replace(b12, is_alone=False))
    assert answer("B12-SAFE-06", leber, drafts=(unnamed,)).target == ""


def test_a_course_stands_in_for_cyanocobalamin_only_where_a_deficiency_is_known() -> None:
    optic, pernicious = "leber-optic-neuropathy", "pernicious-anaemia"
    course, maintenance = ("im-replacement-hydroxocobalamin",), ("maintenance-im-hydroxocobalamin",)
    long_taken, begun = {"b12_therapy": {"since": "3 years", "mg": 1}}, {"b12_therapy": {"since": "30 days", "mg": 1}}
    for given, regimens in (
        ({"drafting": {"b12": 1}}, ()),
        ({"drafting": {"b12": 1}, "total_b12": "600 ng/L"}, ()),
        ({"drafting": {"b12": 1}, "total_b12": "150 ng/L"}, course),
        ({"drafting": {"b12": 0.006}, "total_b12": "150 ng/L"}, course),
        (long_taken, ()),
        (long_taken | {"problems": [optic, pernicious]}, maintenance),
        (long_taken | {"problems": [optic, pernicious], "total_b12": {"result": "150 ng/L", "days_ago": 20}}, course),
        (begun | {"problems": [optic, pernicious]}, course),
        ({"drafting": {"b12": 1}, "problems": [optic, pernicious]}, course),
        ({"drafting": {"b12": 0.006}, "problems": [optic, pernicious]}, ()),
    ):
        assert answer("B12-SAFE-06", {"problems": [optic]} | given).regimens == regimens, given


@pytest.mark.parametrize("age", [12, 17])
def test_what_must_not_be_given_is_told_of_a_child_and_no_course_is_offered(age: int) -> None:
    given = {"age": age, "drafting": {"b12": 1}, "form": "cyanocobalamin"}
    for problem, rule in (("leber-optic-neuropathy", "B12-SAFE-06"), ("cobalamin-allergy", "B12-SAFE-08")):
        told = assess(example_facts(given | {"problems": [problem]}), KNOWLEDGE, "order-sign")
        assert [finding.rule for finding in told.fired] == [rule]
        assert not any(finding.answer.regimens for finding in told.fired)
    unread = assess(example_facts(given | {"unread": ["allergies"]}), KNOWLEDGE, "order-sign")
    assert [finding.rule for finding in unread.fired] == ["B12-SAFE-09"]
    dead = replace(example_facts(given | {"problems": ["leber-optic-neuropathy"]}), is_deceased=True)
    assert not assess(dead, KNOWLEDGE, "order-sign").fired


def test_folic_acid_ordered_with_an_injection_of_b12_is_no_concern() -> None:
    injection = DraftContent(Medicine.B12, UNKNOWN_DOSE, Route.PARENTERAL)
    assert answer("B12-SAFE-01", LOW, drafts=(drafted(FOLIC_ACID),)).outcome is Outcome.FIRES
    both = (drafted(FOLIC_ACID), drafted(injection, source="MedicationRequest/draft-2"))
    assert answer("B12-SAFE-01", LOW, drafts=both).outcome is Outcome.DOES_NOT_FIRE
    on_hold = replace(injection, is_doubted=True)
    both = (drafted(FOLIC_ACID), drafted(on_hold, source="MedicationRequest/draft-2"))
    assert answer("B12-SAFE-01", LOW, drafts=both).outcome is Outcome.FIRES


_B12 = DraftContent(Medicine.B12, DailyDose(Decimal(2)), Route.ORAL)
_TAKES = taken(Medicine.FOLIC_ACID, "MedicationRequest/folic", dose=DailyDose(Decimal(1)), route=Route.ORAL)


@pytest.mark.parametrize(
    ("drafts", "takes", "warns"),
    [
        ((drafted(FOLIC_ACID), drafted(_B12, source="MedicationRequest/draft-2", is_on_hold=True)), (), True),
        ((drafted(FOLIC_ACID), drafted(_B12, source="MedicationRequest/draft-2")), (), False),
        ((drafted(FOLIC_ACID, _B12, is_on_hold=True),), (), False),
        ((drafted(FOLIC_ACID, _B12, is_on_hold=True),), (_TAKES,), True),
    ],
    ids=["B12 waits alone", "nothing waits", "both wait in one", "both wait, and folic acid is taken"],
)
def test_b12_on_hold_is_given_with_folic_acid_that_waits_as_well_alone(
    drafts: tuple[DraftOrder, ...], takes: tuple[Treatment, ...], warns: bool
) -> None:
    told = answer("B12-SAFE-01", LOW, *takes, drafts=drafts)
    assert (told.outcome is Outcome.FIRES) == warns
    assert any(fact.value.endswith("on hold") for fact in told.facts) == warns


@pytest.mark.parametrize(
    ("b12", "words"),
    [
        (DraftContent(Medicine.B12, DailyDose(Decimal(2)), Route.ORAL, as_needed=True), "taken only when needed"),
        (DraftContent(Medicine.B12, UNKNOWN_DOSE, Route.PARENTERAL, as_needed=True), "taken only when needed"),
        (DraftContent(Medicine.B12, DailyDose(Decimal("0.006")), Route.ORAL), "0.006 mg a day"),
        (DraftContent(Medicine.B12, UNKNOWN_DOSE, Route.ORAL), "dose not known"),
    ],
)
def test_drafted_b12_that_is_no_certain_treatment_protects_no_more_than_such_that_is_taken_and_is_shown(
    b12: DraftContent, words: str
) -> None:
    told = answer("B12-SAFE-01", LOW, drafts=(drafted(FOLIC_ACID), drafted(b12, source="MedicationRequest/draft-2")))
    assert told.outcome is Outcome.FIRES
    [row] = [fact for fact in told.facts if fact.source == "MedicationRequest/draft-2"]
    assert row.value.endswith(f" (being ordered): {words}")
    own = taken(Medicine.B12, "MedicationRequest/now", dose=b12.dose, route=b12.route, as_needed=b12.as_needed)
    assert answer("B12-SAFE-03", {**LOW, "taking_folic_acid": 5}, own).outcome is Outcome.FIRES


@pytest.mark.parametrize(("days_ago", "variant"), [(31, "none-on-order"), (32, "interrupted")])
def test_in_spinal_cord_disease_an_injection_ordered_once_counts_as_long_as_one_that_was_given(
    days_ago: int, variant: str
) -> None:
    day = ClinicalDate.on(TODAY - timedelta(days=days_ago))
    order = taken(Medicine.B12, "MedicationRequest/b12", dose=UNKNOWN_DOSE)
    on_day = (Interval(day, day),)
    ordered = replace(order, intervals=on_day, route=Route.PARENTERAL, is_active=False, is_single=True)
    cord = {**LOW, "problems": ["myelopathy"]}
    told = answer("B12-RX-03", cord, ordered)
    assert told.variant == variant
    given = answer("B12-RX-03", {**cord, "injected_days_ago": [days_ago]})
    assert (told.outcome, told.variant) == (given.outcome, given.variant)


def test_only_selected_drafts_are_asked_about() -> None:
    other = DraftContent(Medicine.METFORMIN, UNKNOWN_DOSE, Route.ORAL)
    drafts = (drafted(FOLIC_ACID, is_selected=False), drafted(other, source="MedicationRequest/draft-2"))
    assert answer("B12-SAFE-01", LOW, drafts=drafts).outcome is Outcome.DOES_NOT_FIRE


def test_folic_acid_that_a_draft_replaces_is_not_added_to_it() -> None:
    now = taken(Medicine.FOLIC_ACID, "MedicationRequest/now", dose=DailyDose(Decimal(5)))
    added = answer("B12-SAFE-01", LOW, now, drafts=(drafted(FOLIC_ACID),))
    replaced = answer("B12-SAFE-01", LOW, now, drafts=(drafted(FOLIC_ACID, replaces=("MedicationRequest/now",)),))
    assert (added.values["dose"], replaced.values["dose"]) == ("6 mg/day", "1 mg/day")


def test_an_order_of_folic_acid_and_its_dispense_are_one_medicine() -> None:
    ordered = taken(Medicine.FOLIC_ACID, "MedicationRequest/1", dose=DailyDose(Decimal(5)))
    given = taken(Medicine.FOLIC_ACID, "MedicationDispense/1", dose=DailyDose(Decimal(3)), kind=RecordKind.DISPENSE)
    told = answer("B12-SAFE-03", LOW, given, ordered)
    assert (told.values["dose"], told.target) == ("5 mg/day", "")
    assert answer("B12-SAFE-03", LOW, given).values["dose"] == "3 mg/day"


def test_b12_ordered_twice_names_two_and_never_what_the_draft_replaces() -> None:
    tablets = DraftContent(Medicine.B12, DailyDose(Decimal(2)), Route.ORAL)
    fields: dict[str, Any] = {"dose": DailyDose(Decimal(2)), "route": Route.ORAL}
    three = [taken(Medicine.B12, f"MedicationRequest/{number}", **fields) for number in range(3)]
    told = answer("B12-SAFE-07", {}, *three, drafts=(drafted(tablets),))
    assert [fact.source[-1] for fact in told.facts] == ["1", "0", "1"]
    replacing = drafted(tablets, replaces=tuple(one.source for one in three))
    assert answer("B12-SAFE-07", {}, *three, drafts=(replacing,)).outcome is Outcome.DOES_NOT_FIRE


INJECTIONS: dict[str, Any] = {"route": Route.PARENTERAL}
TABLETS: dict[str, Any] = {"dose": DailyDose(Decimal(2)), "route": Route.ORAL}
MONTHLY: dict[str, Any] = {"dose": DailyDose(Decimal("0.03")), "dose_mg": Decimal(1), "route": Route.PARENTERAL}
IN_STEPS: dict[str, Any] = {**MONTHLY, "dose": DailyDose(Decimal("0.03"), "the dose changes in steps")}
DOSE_NOT_KNOWN: dict[str, Any] = {"route": Route.ORAL}
NOTHING_KNOWN: dict[str, Any] = {}


@pytest.mark.parametrize(
    ("on_record", "ordered", "is_sure"),
    [
        (INJECTIONS, INJECTIONS, False),
        (MONTHLY, MONTHLY, True),
        (MONTHLY, INJECTIONS, False),
        (INJECTIONS, MONTHLY, False),
        (IN_STEPS, IN_STEPS, False),
        (TABLETS, TABLETS, True),
        (NOTHING_KNOWN, INJECTIONS, False),
        (NOTHING_KNOWN, TABLETS, False),
        (DOSE_NOT_KNOWN, TABLETS, False),
        (TABLETS, DOSE_NOT_KNOWN, False),
        (TABLETS, {**TABLETS, "route": Route.NOT_KNOWN}, False),
        ({**TABLETS, "route": Route.NOT_KNOWN}, INJECTIONS, False),
        (INJECTIONS, TABLETS, None),
        (DOSE_NOT_KNOWN, INJECTIONS, None),
    ],
)
def test_only_what_is_certainly_the_same_is_called_a_duplicate(
    on_record: dict[str, Any], ordered: dict[str, Any], is_sure: bool | None
) -> None:
    draft = drafted(DraftContent(Medicine.B12, **{"dose": UNKNOWN_DOSE, **ordered}))
    now = taken(Medicine.B12, "MedicationRequest/now", **on_record)
    told = answer("B12-SAFE-07", {}, now, drafts=(draft,))
    assert told.variant == {True: "duplicate", False: "perhaps-duplicate", None: ""}[is_sure]
    needed = answer("B12-SAFE-07", {"problems": ["myelopathy"]}, now, drafts=(draft,))
    assert needed.variant == (told.variant if is_sure else "")


@pytest.mark.parametrize(
    "ordered",
    [
        {"dose": DailyDose(Decimal("0.5"))},
        {"dose": DailyDose(Decimal("0.03")), "dose_mg": Decimal(2)},
        {"form": "cyanocobalamin"},
    ],
    ids=["interval", "dose", "cobalamin"],
)
@pytest.mark.parametrize(
    ("lacking", "variant"),
    [
        ({}, "other-dose"),
        ({"total_b12": {"result": "90 ng/L", "days_ago": 250}}, "other-dose"),
        ({"total_b12": "90 ng/L"}, ""),
        ({"mma": "0.9 umol/L"}, ""),
        ({"homocysteine": "40 umol/L"}, ""),
        ({"problems": ["myelopathy"]}, ""),
        ({"problems": ["paraesthesia"]}, ""),
    ],
    ids=str,
)
def test_an_order_of_another_dose_is_no_duplicate_and_not_asked_about_where_more_may_be_needed(
    lacking: dict[str, Any], variant: str, ordered: dict[str, Any]
) -> None:
    now = taken(Medicine.B12, "MedicationRequest/now", **MONTHLY, form="hydroxocobalamin")
    draft = drafted(DraftContent(Medicine.B12, **{**MONTHLY, "form": "hydroxocobalamin", **ordered}))
    assert answer("B12-SAFE-07", lacking, now, drafts=(draft,)).variant == variant
    same = drafted(DraftContent(Medicine.B12, **MONTHLY))
    told = answer("B12-SAFE-07", lacking, now, drafts=(same,))
    assert told.variant == "duplicate"
    rows = [fact.value.rpartition(": ")[2] for fact in told.facts[:2]]
    assert rows == ["1 mg every 33 days"] * 2
    assert len(told.facts) == 2 + len(lacking)  # what may call for more stands beside them


def test_a_product_that_holds_too_little_is_neither_treatment_nor_a_duplicate_whatever_its_directions() -> None:
    little: dict[str, Any] = {"route": Route.ORAL, "dose_mg": Decimal("0.499")}
    enough: dict[str, Any] = {"route": Route.ORAL, "dose_mg": Decimal("0.5")}
    tablets = drafted(DraftContent(Medicine.B12, DailyDose(Decimal(2)), Route.ORAL))
    for fields, variant in ((little, ""), (enough, "perhaps-duplicate")):
        now = taken(Medicine.B12, "MedicationRequest/now", **fields)
        assert answer("B12-SAFE-07", {}, now, drafts=(tablets,)).variant == variant
        draft = drafted(DraftContent(Medicine.B12, UNKNOWN_DOSE, **fields))
        assert (
            answer("B12-SAFE-07", {}, taken(Medicine.B12, "MedicationRequest/now", **TABLETS), drafts=(draft,)).variant
            == variant
        )


def test_a_certain_duplicate_is_told_before_one_that_may_be() -> None:
    now = taken(Medicine.B12, "MedicationRequest/now", **TABLETS)
    may_be = drafted(DraftContent(Medicine.B12, UNKNOWN_DOSE, Route.ORAL))
    sure = drafted(DraftContent(Medicine.B12, DailyDose(Decimal(2)), Route.ORAL), source="MedicationRequest/draft-2")
    told = answer("B12-SAFE-07", {}, now, drafts=(may_be, sure))
    assert (told.variant, told.target) == ("duplicate", "MedicationRequest/draft-2")


@pytest.mark.parametrize(
    ("fields", "words", "dose"),
    [
        ({"as_needed": True}, "recorded B12 is below a treatment dose", "b12: taken only when needed"),
        ({"dose": UNKNOWN_DOSE}, "recorded B12 dose cannot be read", "b12: dose not known"),
        ({"dose": DailyDose(None, "no unit")}, "recorded B12 dose cannot be read", "b12: no unit"),
    ],
)
def test_b12_that_is_no_certain_treatment_is_said_with_its_reason(
    fields: dict[str, Any], words: str, dose: str
) -> None:
    told = answer("B12-DX-01", LOW, taken(Medicine.B12, "MedicationRequest/b12", **fields))
    assert told.values["treatment"] == words
    assert dose in [fact.value for fact in told.facts]


def test_tablets_that_ran_out_days_ago_may_still_be_taken() -> None:
    until = Interval(ClinicalDate.on(TODAY - timedelta(days=90)), ClinicalDate.on(TODAY - timedelta(days=5)))
    ran_out = taken(
        Medicine.B12,
        "MedicationDispense/b12",
        kind=RecordKind.DISPENSE,
        intervals=(until,),
        dose=DailyDose(Decimal(2)),
        route=Route.ORAL,
        is_active=False,
    )
    low = {"total_b12": {"result": "150 ng/L", "days_ago": 100}}
    told = answer("B12-DX-01", low, ran_out)
    assert told.variant == "treatment-doubtful"
    assert told.values["treatment"] == "unclear whether recorded B12 is still taken"
    doubt = ("b12: not known whether it is still taken", "MedicationDispense/b12")
    assert [(fact.value, fact.source) for fact in told.facts[1:]] == [doubt]
    multivitamin = taken(Medicine.B12, "MedicationStatement/b12", dose=DailyDose(Decimal("0.01")), route=Route.ORAL)
    both = answer("B12-DX-01", low, ran_out, multivitamin)
    assert [fact.value for fact in both.facts[1:]] == ["b12: 0.01 mg a day", doubt[0]]


def test_doubts_are_told_once_each_with_how_many_records_they_concern_and_three_sources() -> None:
    names = {"is_coded": False}
    records = [taken(Medicine.METFORMIN, f"MedicationStatement/{number}", **names) for number in range(3)]
    unknown = taken(Medicine.METFORMIN, "MedicationStatement/3", intervals=(Interval(None, None),))
    [fact, *_] = answer("B12-TEST-01", {}, *records, unknown).facts
    began = (TODAY - timedelta(days=200)).isoformat()
    assert fact.value == f"since {began}; recognised by its name only (3 records); it is not recorded when it began"
    assert fact.source == "MedicationStatement/0, MedicationStatement/1, MedicationStatement/2"


def test_b12_whose_dose_is_not_told_is_not_passed_over_when_a_test_is_asked_for() -> None:
    doubtful = taken(Medicine.B12, "MedicationRequest/b12", dose=UNKNOWN_DOSE)
    told = answer("B12-TEST-04", {"problems": ["vegan-diet"]}, doubtful)
    assert told.facts[-1].value == "b12: not known whether it is enough"


def test_a_stretch_begun_before_a_known_day_is_told_so() -> None:
    vague = taken(Medicine.METFORMIN, "MedicationStatement/1", intervals=(Interval(ClinicalDate.parse("2024"), None),))
    assert answer("B12-TEST-01", {}, vague).values["span"] == "since before 2024-12-31"


def test_a_review_names_three_sources_of_the_treatment() -> None:
    fields: dict[str, Any] = {"dose": DailyDose(Decimal(2)), "route": Route.ORAL}
    four = [taken(Medicine.B12, f"MedicationRequest/{number}", **fields) for number in range(4)]
    [fact, *_] = answer("B12-MON-01", {}, *four).facts
    assert fact.source == "MedicationRequest/0, MedicationRequest/1, MedicationRequest/2"


@pytest.mark.parametrize(
    ("given", "day"),
    [
        ({"b12_therapy": {"since": "10 days"}}, "2025-12-06"),
        ({"b12_therapy": {"since": "10 days"}, "problems": ["pregnancy"]}, "2025-10-19"),
        ({"b12_therapy": {"since": "10 days"}, "age": 10}, None),
        ({"b12_therapy": {"since": "unknown"}}, None),
        ({}, None),
    ],
)
def test_the_review_is_due_from_a_day_that_is_known_beforehand(given: dict[str, Any], day: str | None) -> None:
    found = follow_up_from(picture(given))
    assert (None if found is None else found.isoformat()) == day


def test_an_assessment_says_from_which_knowledge_and_that_of_patient_view_is_the_usual_one() -> None:
    facts = example_facts({"unread": ["labs"]})
    usual = assess(facts, KNOWLEDGE)
    assert usual == assess(facts, KNOWLEDGE, "patient-view")
    assert usual.knowledge_version == KNOWLEDGE.version
    assert [finding.rule for finding in usual.fired] == ["B12-DATA-01"]
    assert "B12-DATA-01" not in [finding.rule for finding in assess(facts, KNOWLEDGE, "order-select").findings]


@pytest.mark.parametrize(
    ("label", "words"),
    [("Macrocytosis", "macrocytosis"), ("MMA", "MMA"), ("GPs", "GPs"), ("Crohn's disease", "Crohn's disease")],
)
def test_a_fact_in_a_sentence_is_in_lower_case_unless_it_is_an_abbreviation_or_a_name(label: str, words: str) -> None:
    assert FactUsed(label, "").words == words
    assert FactUsed("Another", "", short=label).words == words


def _recorded(*, is_coded: bool, kind: ProblemKind = ProblemKind.B12_DEFICIENCY) -> tuple[Problem, ...]:
    return (Problem(kind, "Low B12", "Condition/1", is_coded=is_coded),)


@pytest.mark.parametrize(
    ("is_coded", "variant", "words"),
    [(True, "recorded", "recorded B12 deficiency"), (False, "possible", "possible B12 deficiency")],
)
def test_a_deficiency_that_is_not_sure_is_called_possible(is_coded: bool, variant: str, words: str) -> None:
    ours = _recorded(is_coded=is_coded)
    assert answer("B12-TEST-12", {}, problems=ours).variant == variant
    assert answer("B12-SAFE-02", {"drafting": {"folic-acid": 5}}, problems=ours).values["diagnosis"] == words


def test_a_possible_deficiency_under_long_metformin_is_called_so() -> None:
    told = answer("B12-TEST-12", {"taking": {"metformin": "5 years"}}, problems=_recorded(is_coded=False))
    assert told.variant == "possible-with-feature"


def test_one_sure_entry_of_a_deficiency_makes_it_sure() -> None:
    both = (*_recorded(is_coded=False), *_recorded(is_coded=True))
    assert answer("B12-TEST-12", {}, problems=both).variant == "recorded"


def test_pernicious_anaemia_coded_as_a_deficiency_is_named_once() -> None:
    found = picture({"problems": ["pernicious-anaemia", "b12-deficiency"]}).recorded_deficiency
    assert [fact.words for fact in found] == ["pernicious anaemia"]
    assert picture({"problems": ["pernicious-anaemia"]}).risks == found


def test_a_preliminary_level_does_not_answer_a_recorded_deficiency() -> None:
    given = {"problems": ["b12-deficiency"], "total_b12": {"result": "420 ng/L", "preliminary": True}}
    assert picture(given).recorded_deficiency


def test_the_newest_level_answers_a_recorded_deficiency_and_not_an_older_one() -> None:
    treated = {"problems": ["b12-deficiency"], "b12_therapy": {"since": "300 days", "until": "100 days"}}
    older, newer = {"result": "520 ng/L", "days_ago": 90}, {"result": "520 ng/L", "days_ago": 5}
    assert not picture(treated | {"newer_b12": newer}).recorded_deficiency
    fallen = picture(treated | {"total_b12": older, "newer_b12": {"result": "240 ng/L", "days_ago": 5}})
    assert fallen.recorded_deficiency


def test_what_is_recorded_of_b12_is_never_called_no_treatment() -> None:
    over = Interval(ClinicalDate.parse("2025-01-01"), ClinicalDate.parse("2025-03-01"))
    handed = taken(Medicine.B12, "MedicationDispense/1", intervals=(over,), is_active=False, dose=UNKNOWN_DOSE)
    told = answer("B12-TEST-12", {"problems": ["pernicious-anaemia"]}, handed)
    assert told.values["treatment"] == "recorded B12 dose cannot be read"


def test_what_could_not_be_read_is_told_beside_a_recorded_deficiency() -> None:
    recorded = {"problems": ["b12-deficiency"]}
    unread = ["labs", "medicationRequests", "allergies"]
    folic = answer("B12-SAFE-02", {**recorded, "unread": unread}, drafts=(drafted(FOLIC_ACID),))
    assert (folic.variant, folic.missing_keys) == ("recorded", tuple(unread))
    orders = ["serviceRequests", "medicationRequests"]
    assert answer("B12-TEST-12", {**recorded, "unread": orders}).missing_keys == tuple(orders)
    is_answered = {**recorded, "pending": ["b12"], "unread": ["conditions"]}
    assert answer("B12-TEST-12", is_answered).outcome is Outcome.DOES_NOT_FIRE


@pytest.mark.parametrize("pending", [[], ["b12"], ["active-b12"]], ids=str)
def test_b12_is_added_to_folic_acid_in_a_recorded_deficiency_and_checked_unless_a_test_is_on_its_way(
    pending: list[str],
) -> None:
    given = {"problems": ["b12-deficiency"], "pending": pending}
    told = answer("B12-SAFE-02", given, drafts=(drafted(FOLIC_ACID),))
    assert told.recommends[0] is Recommendation.ADD_B12_WITH_FOLIC_ACID
    assert (Recommendation.CHECK_B12_BEFORE_FOLIC_ACID in told.recommends) is not bool(pending)


def test_of_several_levels_on_treatment_the_newest_is_shown_with_a_recorded_deficiency() -> None:
    levels = {"newer_b12": {"result": "240 ng/L", "days_ago": 60}, "total_b12": {"result": "230 ng/L", "days_ago": 100}}
    course = {"b12_therapy": {"since": "200 days", "until": "40 days"}}
    told = answer("B12-TEST-12", {"problems": ["b12-deficiency"], **levels, **course})
    assert [fact.source for fact in told.facts if "treatment" in fact.value] == ["Observation/newer"]


def test_an_issue_of_something_else_or_of_what_was_used_is_no_result_that_could_not_be_used() -> None:
    used = DataIssue("Observation/1", "value", "it was used with care", "total-b12", used_with_care=True)
    other = DataIssue("Observation/2", "value", "it has no unit", "mma")
    unused = DataIssue("Observation/3", "value", "it has no unit", "total-b12")
    assert answer("B12-TEST-11", {}, issues=(used, other)).outcome is Outcome.DOES_NOT_FIRE
    told = answer("B12-TEST-11", {}, issues=(used, other, unused))
    assert [fact.source for fact in told.facts] == ["Observation/3"]


def _left_out(*taken: str, day: str | None = "2025-09-01", of: str = "total-b12", **fields: Any) -> list[str]:
    """The issues that may concern us, of one result that was left out beside others that were used."""
    issue = DataIssue("Observation/odd", "value", "it has no unit", of, day=ClinicalDate.parse(day) if day else None)
    labs = tuple(
        replace(lab_result(Analyte.TOTAL_B12, {"result": "420 ng/L", "taken": one}), **fields) for one in taken
    )
    return [found.resource for found in picture({}, labs=labs, issues=(issue,)).left_out]


def test_a_result_that_was_left_out_is_settled_by_a_newer_final_one_of_its_kind_and_by_its_age() -> None:
    odd = ["Observation/odd"]
    assert _left_out() == _left_out(day=None) == odd
    assert _left_out("2025-09-02") == _left_out(day="2024-10-01", of="mma") == []
    assert _left_out(day="2024-10-01") == _left_out(day="2015-10-01", of="active-b12") == odd  # untreated is untreated
    assert _left_out("2025-09-01") == _left_out("2025-08-31") == _left_out("2025-09-02", day=None) == odd
    assert _left_out("2025-09-02", of="mma") == odd
    assert _left_out(day="2024", of="mma") == _left_out("2025-09-02", day="2025") == odd  # it may be the newer
    assert _left_out("2025-09-02", is_preliminary=True) == _left_out("2025-09-02", is_coded=False) == odd
    assert _left_out("2025-09-02", of="metformin") == odd


def test_what_concerns_nothing_was_used_or_is_of_a_draft_is_not_left_out() -> None:
    nothing, draft = DataIssue("A/1", "code", "odd", ""), DataIssue("A/2", "code", "odd", DRAFTS)
    used = DataIssue("A/3", "code", "odd", "metformin", used_with_care=True)
    assert picture({}, issues=(nothing, draft, used)).left_out == ()


@pytest.mark.parametrize(("days", "pending"), [(-1, False), (0, True), (30, True), (31, False)])
def test_a_test_is_on_its_way_from_the_day_on_which_it_was_ordered(days: int, pending: bool) -> None:
    ordered = TestOrder(Test.B12, ClinicalDate.on(TODAY - timedelta(days=days)), "ServiceRequest/1")
    assert picture({}, test_orders=(ordered,)).pending(Test.B12, Test.MMA) is pending
    assert not picture({}, test_orders=(replace(ordered, ordered=None),)).pending(Test.B12)


@pytest.mark.parametrize(("days", "pending"), [(-400, True), (0, True), (30, True), (31, False)])
def test_a_test_that_is_ordered_for_much_later_is_not_on_its_way(days: int, pending: bool) -> None:
    due = ClinicalDate.on(TODAY + timedelta(days=days))
    ordered = TestOrder(Test.B12, ClinicalDate.on(TODAY), "ServiceRequest/1", due=due)

    assert picture({}, test_orders=(ordered,)).pending(Test.B12) is pending


def test_facts_say_what_is_doubtful_of_them() -> None:
    problem = replace(example_facts({"problems": ["glossitis"]}).problems[0], is_coded=False, since=None)
    [fact] = picture({}, problems=(problem,)).features
    assert (fact.value, fact.when) == ("glossitis (possible)", "")
    result = replace(lab_result(Analyte.TOTAL_B12, "150 ng/L"), is_preliminary=True, is_coded=False)
    assert result_fact(result, KNOWLEDGE, "too old").value == "150 ng/L (too old, preliminary, recognised by name only)"


def test_macrocytosis_and_a_low_haemoglobin_are_two_facts() -> None:
    both = picture({"mcv": "101 fL", "haemoglobin": "10 g/dL"})
    assert [fact.label for fact in both.blood_features] == ["Macrocytosis", "Low haemoglobin"]


def _entries(told: Answer) -> list[str]:
    """The entries of the record that an answer says were not used."""
    return [fact.value.partition(":")[0] for fact in told.facts if fact.label == "Not used"]


def test_what_bears_on_a_product_and_was_left_out_is_named_where_it_could_not_be_checked() -> None:
    issues = tuple(
        DataIssue(f"{kind}/1", "code", "it cannot be read", of)
        for kind, of in (
            ("AllergyIntolerance", "cobalamin-allergy"),
            ("Condition", "glossitis"),
            ("Procedure", "crohn"),
        )
    )
    told = answer("B12-SAFE-09", {"drafting": {"b12": 1}, "unread": ["allergies"]}, issues=issues)
    assert _entries(told) == ["AllergyIntolerance/1", "Condition/1"]


def _data(given: dict[str, Any], *issues: DataIssue) -> Answer:
    facts = replace(example_facts(given), issues=issues)
    return next(one.answer for one in assess(facts, KNOWLEDGE).findings if one.rule == "B12-DATA-01")


def test_entries_that_were_left_out_are_said_where_no_card_says_so() -> None:
    elsewhere = DataIssue("Observation/1", "value", "it has no unit", "mcv")
    on_cards = DataIssue("Observation/2", "value", "it has no unit", "mma")
    assert _entries(_data({}, on_cards)) == ["Observation/2"]
    assert _entries(_data({"total_b12": "150 ng/L"}, elsewhere, on_cards)) == ["Observation/1"]
    assert _data({"total_b12": "150 ng/L"}, on_cards).outcome is Outcome.DOES_NOT_FIRE


def test_what_two_cards_name_is_not_said_a_third_time() -> None:
    given = {"total_b12": "150 ng/L", "problems": ["myelopathy"], "unread": ["allergies", "medicationRequests"]}
    assert _data(given).outcome is Outcome.DOES_NOT_FIRE
    signs = _data({"total_b12": "420 ng/L", "problems": ["peripheral-neuropathy"], "unread": ["conditions"]})
    assert (signs.missing_keys, signs.values) == (("conditions",), {"keys": "problem list"})


def test_limits_are_said_in_the_laboratorys_own_name_of_the_unit() -> None:
    for printed in ("210 pg/mL", "about 210 pg/mL"):
        result = replace(lab_result(Analyte.TOTAL_B12, "210 ng/L"), printed=printed, lower_limit=Decimal(200))
        values = answer("B12-DX-03", {}, labs=(result,)).values
        assert (values["low"], values["grey_zone"]) == ("180 pg/mL", "180 to 350 pg/mL")
        assert values["own_low"] == "200 pg/mL"


def test_limits_of_a_unit_that_is_a_multiple_of_ours_stand_beside_ours() -> None:
    result = replace(lab_result(Analyte.TOTAL_B12, "179 ng/L"), printed="17.9 ng/dL", lower_limit=Decimal(200))
    values = answer("B12-DX-01", {}, labs=(result,)).values
    assert (values["low"], values["own_low"]) == ("18 ng/dL = 180 ng/L", "20 ng/dL")
    assert values["grey_zone"] == "18 to 35 ng/dL"
    assert values["full_zone"] == "18 to 35 ng/dL = 180 to 350 ng/L"


def test_a_marker_of_another_day_than_the_level_is_dated() -> None:
    given = {"total_b12": {"result": "300 ng/L", "days_ago": 10}}
    same = answer("B12-DX-04", {**given, "mma": {"result": "0.9 umol/L", "days_ago": 10}})
    other = answer("B12-DX-04", {**given, "mma": {"result": "0.9 umol/L", "days_ago": 12}})
    assert same.values["markers"] == "MMA 0.9 umol/L"
    assert other.values["markers"] == "MMA 0.9 umol/L (2025-09-19)"


def test_no_treatment_is_not_said_where_the_medicines_were_not_all_read() -> None:
    told = answer("B12-DX-01", {"total_b12": "150 ng/L", "unread": ["medicationRequests"]})
    assert told.values["treatment"] == "no B12 found, not all medicines read"


@pytest.mark.parametrize(
    ("given", "open_", "why"),
    [
        ({"total_b12": "250 ng/L"}, "in the grey zone", "it lies between the limits"),
        (
            {"total_b12": {"result": "250 ng/L", "flag": "low"}},
            "called low",
            "it lies between the limits, and its own laboratory calls it low",
        ),
        ({"total_b12": "<200 ng/L"}, "may be deficient", "the laboratory gave only an upper bound"),
        ({"total_b12": "420 ng/L", "if_antibody": "positive"}, "not reliable", "intrinsic factor antibody is positive"),
        (
            {"total_b12": {"result": "380 ng/L", "own_low": 400}},
            "low by own range",
            "it is below the range of its own laboratory",
        ),
    ],
)
def test_a_level_that_settles_nothing_says_why(given: dict[str, Any], open_: str, why: str) -> None:
    told = answer("B12-SAFE-02", {**given, "problems": ["peripheral-neuropathy"], "drafting": {"folic-acid": 5}})
    assert told.values["open"] == open_
    assert told.values["why_open"].startswith(why)


@pytest.mark.parametrize(
    ("given", "settle", "test"),
    [
        ({}, "settle by MMA", Recommendation.ORDER_MMA),
        ({"pending": ["mma"]}, "await MMA", None),
        ({"drafting_tests": ["mma"]}, "await MMA", None),
        ({"mma": "0.6 umol/L", "egfr": "30 mL/min/1.73m2"}, "look further", None),
        ({"problems": ["coeliac", "pregnancy"]}, "settle by active B12", Recommendation.ORDER_ACTIVE_B12),
        ({"problems": ["coeliac", "pregnancy"], "pending": ["active-b12"]}, "await active B12", None),
        (
            {"problems": ["coeliac", "pregnancy"], "active_b12": "50 pmol/L"},
            "settle by MMA",
            Recommendation.ORDER_MMA,
        ),
    ],
)
def test_what_settles_a_level_beside_folic_acid_is_asked_for_only_where_it_is_not_on_its_way(
    given: dict[str, Any], settle: str, test: Recommendation | None
) -> None:
    indeterminate = {"total_b12": "250 ng/L", "problems": ["coeliac"], "drafting": {"folic-acid": 5}}
    told = answer("B12-SAFE-02", indeterminate | given)
    tests = (Recommendation.ORDER_MMA, Recommendation.ORDER_ACTIVE_B12)
    assert told.values["settle"] == settle
    assert [r for r in told.recommends if r in tests] == ([test] if test else [])


def test_the_newest_marker_on_treatment_counts_whatever_the_order() -> None:
    levels = (("0.2 umol/L", 5), ("0.9 umol/L", 20))
    mma = tuple(lab_result(Analyte.MMA, {"result": level, "days_ago": days}) for level, days in levels)
    for labs in (mma, mma[::-1]):
        assert answer("B12-MON-02", {"b12_therapy": {"since": "98 days"}}, labs=labs).outcome is Outcome.DOES_NOT_FIRE


def test_neuropathy_of_no_date_is_asked_about() -> None:
    given = {"newer_b12": "520 ng/L", "b12_therapy": {"since": "100 days"}, "problems": ["peripheral-neuropathy"]}
    facts = example_facts({**given, "total_b12": {"result": "150 ng/L", "days_ago": 120}})
    undated = tuple(replace(problem, since=None, recorded=None) for problem in facts.problems)
    told = answer("B12-MON-05", {**given, "total_b12": {"result": "150 ng/L", "days_ago": 120}}, problems=undated)
    assert told.variant == "still-listed"


def test_two_records_with_one_doubt_are_counted() -> None:
    two = [taken(Medicine.METFORMIN, f"MedicationStatement/{number}", is_coded=False) for number in range(2)]
    [fact, *_] = answer("B12-TEST-01", {}, *two).facts
    assert fact.value.endswith("; recognised by its name only (2 records)")


def test_an_antibody_in_figures_without_a_limit_is_no_reason_to_inject() -> None:
    antibody = lab_result(Analyte.INTRINSIC_FACTOR_ANTIBODY, "5 AU/mL")
    labs = (*example_facts(LOW).labs, antibody)
    assert answer("B12-RX-02", LOW, labs=labs).outcome is Outcome.DOES_NOT_FIRE
    assert (
        answer("B12-RX-02", LOW, labs=(*labs[:-1], replace(antibody, upper_limit=Decimal(1)))).outcome is Outcome.FIRES
    )


def test_of_several_other_results_the_one_that_disagrees_is_named() -> None:
    again = replace(lab_result(Analyte.TOTAL_B12, "111 pmol/L"), source="Observation/z")
    given = {"total_b12": "150 ng/L", "active_b12": "60 pmol/L"}
    facts = example_facts(given)
    told = answer("B12-DX-10", given, labs=(*facts.labs, again))
    assert (told.values["b12"], told.values["other"]) == ("150 ng/L", "active B12 60 pmol/L")
    assert [fact.value for fact in told.facts] == ["150 ng/L", "111 pmol/L", "60 pmol/L"]


def _b12_of_unknown_dose(*interval: str | None) -> Treatment:
    since, until = (ClinicalDate.parse(day) if day else None for day in interval)
    source, kind = "MedicationStatement/odd", RecordKind.STATEMENT
    return Treatment(Medicine.B12, "b12", source, kind, (Interval(since, until),), is_active=until is None)


@pytest.mark.parametrize(("since", "status"), [("2025-09-20", Status.INDETERMINATE), ("2025-09-29", Status.DEFICIENT)])
def test_a_rise_after_b12_of_unknown_dose_contradicts_no_deficiency_before_it(since: str, status: Status) -> None:
    given = {"total_b12": {"result": "150 ng/L", "days_ago": 20}, "newer_b12": "410 ng/L"}
    assert picture(given, _b12_of_unknown_dose(since, None)).status is status


@pytest.mark.parametrize(
    ("treatment", "status", "is_told"),
    [
        (_b12_of_unknown_dose("2025-01-01", None), Status.INDETERMINATE, True),
        (_b12_of_unknown_dose("2025-01-01", "2025-09-01"), Status.INDETERMINATE, True),
        (_b12_of_unknown_dose("2020-01-01", "2020-09-01"), Status.UNLIKELY, False),
    ],
)
def test_b12_of_unknown_dose_takes_a_reassurance_back_where_it_may_have_raised_the_level(
    treatment: Treatment, status: Status, is_told: bool
) -> None:
    dose = DataIssue(treatment.source, DOSE, "it is not known how much", Medicine.B12)
    patient = picture({"total_b12": "420 ng/L"}, treatment, issues=(dose,))

    assert patient.status is status
    assert patient.left_out == ((dose,) if is_told else ())
    assert picture({"total_b12": "150 ng/L"}, treatment).status is Status.DEFICIENT


def test_a_result_is_shown_with_its_range_and_a_problem_has_none() -> None:
    level = replace(lab_result(Analyte.MMA, "0.35 umol/L"), printed_range="0.00-0.40 umol/L")
    assert result_fact(level, KNOWLEDGE).reference == "0.00-0.40 umol/L"
    [[vegan]] = picture({"problems": ["vegan-diet"]}).problems.values()
    assert problem_fact(vegan, KNOWLEDGE).reference == ""


def test_an_assessment_says_of_which_day_it_is_and_what_could_not_be_used() -> None:
    issue = DataIssue("Observation/1", "value", "it has no value", Analyte.TOTAL_B12)
    told = assess(replace(example_facts({}), issues=(issue,)), KNOWLEDGE)
    assert (told.as_of, told.issues) == (TODAY, (issue,))


def test_b12_that_is_taken_in_an_unknown_dose_may_be_ordered_twice() -> None:
    taken, over = _b12_of_unknown_dose("2025-01-01", None), _b12_of_unknown_dose("2025-01-01", "2025-09-01")
    assert answer("B12-SAFE-07", {"drafting": {"b12": 2}}, taken).variant == "perhaps-duplicate"
    assert answer("B12-SAFE-07", {"drafting": {"b12": 2}}, over).outcome is Outcome.DOES_NOT_FIRE


def test_a_neuropathy_known_by_its_name_alone_is_asked_about_and_changes_no_treatment() -> None:
    given = {
        "total_b12": {"result": "150 ng/L", "days_ago": 120},
        "newer_b12": "520 ng/L",
        "b12_therapy": {"since": "100 days"},
        "problems": [{"peripheral-neuropathy": {"recorded": "5 days"}}],
    }
    named = tuple(replace(problem, is_coded=False) for problem in example_facts(given).problems)
    assert answer("B12-MON-05", given).variant == "recorded-on-tablets"
    assert answer("B12-MON-05", given, problems=named).variant == "still-listed"


def test_a_lasting_cause_is_not_ruled_out_where_problems_or_procedures_were_not_read() -> None:
    told = answer("B12-MON-03", {"unread": ["conditions", "procedures"]})
    assert (told.outcome, told.missing) == (Outcome.CANNOT_TELL, ("a cause that lasts",))
    assert told.missing_keys == ("conditions", "procedures")


def test_use_of_unknown_length_names_three_of_its_records() -> None:
    nobody_knows = (Interval(None, None),)
    takes = [taken(Medicine.METFORMIN, f"MedicationRequest/{n}", intervals=nobody_knows) for n in range(4)]
    told = answer("B12-SAFE-05", {}, *takes, drafts=(drafted(FOLIC_ACID),))
    [source] = [fact.source for fact in told.facts if fact.value == "duration not known"]
    assert source == "MedicationRequest/0, MedicationRequest/1, MedicationRequest/2"


def test_a_level_that_is_too_old_leaves_the_b12_of_whoever_gets_folic_acid_unknown() -> None:
    given = {"total_b12": {"result": "250 ng/L", "days_ago": 900}, "problems": ["peripheral-neuropathy"]}
    told = answer("B12-SAFE-02", given, drafts=(drafted(FOLIC_ACID),))
    assert told.variant == "unknown"
    assert "250 ng/L" not in [fact.value for fact in told.facts]


@pytest.mark.parametrize(
    ("resource", "is_told"), [("MedicationRequest/1", True), ("AllergyIntolerance/1", True), ("Observation/1", False)]
)
def test_entries_that_bear_on_an_ordered_product_are_told_with_it(resource: str, is_told: bool) -> None:
    tablets = drafted(DraftContent(Medicine.B12, DailyDose(Decimal(2)), Route.ORAL))
    issue = DataIssue(resource, "code", "its code is unknown", Medicine.B12)
    told = answer("B12-SAFE-09", {"unread": ["allergies"]}, drafts=(tablets,), issues=(issue,))
    assert ("its code is unknown" in " ".join(fact.value for fact in told.facts)) is is_told


def test_nothing_is_said_of_a_child_that_has_died() -> None:
    child = {"total_b12": "150 ng/L", "age": 9}
    assert answer("B12-SCOPE-01", child).outcome is Outcome.FIRES
    assert answer("B12-SCOPE-01", child, is_deceased=True).outcome is Outcome.DOES_NOT_FIRE


@pytest.mark.parametrize(
    ("given", "keys"),
    [({}, ("labs",)), ({"total_b12": "250 ng/L"}, ("labs",)), ({"total_b12": "450 ng/L"}, ("labs",)), (LOW, ())],
)
def test_results_that_were_not_read_matter_until_a_deficiency_is_known(
    given: dict[str, Any], keys: tuple[str, ...]
) -> None:
    assert data_incomplete(picture({**given, "unread": ["labs"]}), []).missing_keys == keys


@pytest.mark.parametrize(
    ("pending", "recommends"),
    [([], (Recommendation.ORDER_MMA, Recommendation.VERIFY_DATA)), (["mma"], (Recommendation.VERIFY_DATA,))],
)
def test_mma_that_is_on_its_way_is_not_asked_for_to_settle_a_disagreement(
    pending: list[str], recommends: tuple[Recommendation, ...]
) -> None:
    given = {"total_b12": "150 ng/L", "active_b12": "90 pmol/L", "pending": pending}
    assert answer("B12-DX-10", given).recommends == recommends


def test_markers_of_two_days_are_told_with_both() -> None:
    given = {
        "total_b12": {"result": "250 ng/L", "taken": "2025-09-01"},
        "mma": {"result": "0.5 umol/L", "taken": "2025-09-02"},
        "homocysteine": {"result": "22 umol/L", "taken": "2025-09-03"},
    }
    assert answer("B12-DX-04", given).values["markers"].endswith("(2025-09-02, 2025-09-03)")


@pytest.mark.parametrize(("problem", "is_told"), [("macrocytic-anaemia", True), ("vegan-diet", False)])
def test_potassium_is_watched_in_macrocytic_anaemia_whatever_else_must_be_seen(problem: str, is_told: bool) -> None:
    given = {"haemoglobin": "9 g/dL", "problems": [problem, "cobalamin-allergy"]}
    labels = [fact.label for fact in offers.cautions(picture(given))]
    assert labels[0].startswith("Allergy")
    assert [label for label in labels if "potassium" in label] == (
        ["Watch potassium for 48 hours if the anaemia is severe"] if is_told else []
    )


def test_signs_and_risks_are_told_only_beside_results_that_were_not_read() -> None:
    neuropathy = picture({"total_b12": "450 ng/L", "problems": ["peripheral-neuropathy"]})
    lacking = {key: data_incomplete(neuropathy, [cannot_tell("it", keys=(key,))]) for key in ("labs", "procedures")}
    assert [bool(told.facts) for told in lacking.values()] == [True, False]


def test_what_could_not_be_used_is_told_with_its_day() -> None:
    dated = DataIssue("Observation/1", "value", "it has no value", day=ClinicalDate.parse("2025-09"))
    undated = DataIssue("Observation/2", "value", "it has no value")
    assert [fact.when for fact in issue_facts((dated, undated))] == ["2025-09", ""]


def test_of_several_low_levels_before_the_last_on_tablets_of_unknown_start_the_newest_is_shown() -> None:
    levels = {days: lab_result(Analyte.TOTAL_B12, {"result": "150 ng/L", "days_ago": days}) for days in (200, 120)}
    given = {"newer_b12": "520 ng/L", "b12_therapy": {"since": "unknown"}, "problems": ["peripheral-neuropathy"]}
    labs = tuple(replace(level, source=f"Observation/{days}") for days, level in levels.items())
    made = example_facts(given)

    told = answer("B12-MON-05", given, labs=(*labs, *made.labs))

    assert told.variant == "start-unknown"
    assert [fact.source for fact in told.facts if "Observation/" in fact.source][1:] == ["Observation/120"]


@pytest.mark.parametrize("total_b12", ["150 ng/L", "90 ng/L"])
@pytest.mark.parametrize("bleeds", [(), ("thrombocytopenia",)], ids=["", "bleeds"])
@pytest.mark.parametrize("kind", list(ProblemKind))
def test_folic_acid_is_joined_by_the_treatment_that_the_treatment_card_offers(
    kind: ProblemKind, bleeds: tuple[str, ...], total_b12: str
) -> None:
    given = {"total_b12": total_b12, "problems": list(dict.fromkeys([str(kind), *bleeds]))}
    offered = [answer(rule, given).regimens for rule in ("B12-RX-01", "B12-RX-02")]
    for told in (
        answer("B12-SAFE-01", given, drafts=(drafted(FOLIC_ACID),)),
        answer("B12-SAFE-03", {**given, "taking_folic_acid": 5}),
    ):
        assert told.outcome is Outcome.FIRES
        assert told.regimens == offered[0] + offered[1]
        assert (told.regimens == ()) == (kind is ProblemKind.COBALAMIN_ALLERGY)


def test_the_marker_that_makes_the_diagnosis_stands_beside_folic_acid() -> None:
    given = {"total_b12": "400 ng/L", "mma": "0.9 umol/L", "homocysteine": "30 umol/L"}
    told = answer("B12-SAFE-01", given, drafts=(drafted(FOLIC_ACID),))
    assert told.values["evidence"] == "raised MMA 0.9 umol/L; B12 400 ng/L"
    assert [fact.source for fact in told.facts[1:]] == [
        "Observation/total-b12",
        "Observation/mma",
        "Observation/homocysteine",
    ]
    low = answer("B12-SAFE-01", {**given, "total_b12": "150 ng/L"}, drafts=(drafted(FOLIC_ACID),))
    assert low.values["evidence"] == "vitamin B12 150 ng/L, 2025-09-21"


@pytest.mark.parametrize(
    ("suspected", "words"),
    [
        ((True,), "possible spinal cord disease"),
        ((False,), "spinal cord disease"),
        ((True, False), "spinal cord disease"),
    ],
)
def test_a_cord_disease_that_nobody_confirmed_is_called_a_possible_one(suspected: tuple[bool, ...], words: str) -> None:
    problems = tuple(
        Problem(ProblemKind.MYELOPATHY, "SCD", f"Condition/{number}", is_suspected=one)
        for number, one in enumerate(suspected)
    )
    for rule, changed in (("B12-RX-03", {}), ("B12-SAFE-01", {"drafts": (drafted(FOLIC_ACID),)})):
        assert answer(rule, LOW, problems=problems, **changed).values["cord"] == words


def test_a_sign_that_nobody_confirmed_is_called_a_possible_one() -> None:
    suspected = Problem(ProblemKind.PERIPHERAL_NEUROPATHY, "Neuropathy", "Condition/1", is_suspected=True)
    assert answer("B12-TEST-09", {}, problems=(suspected,)).values["feature"] == "possible peripheral neuropathy"


@pytest.mark.parametrize(
    ("given", "feature", "other", "rows"),
    [
        (
            {"problems": ["peripheral-neuropathy"], "mcv": "108 fL", "haemoglobin": "9 g/dL"},
            "peripheral neuropathy",
            "macrocytosis",
            ["Peripheral neuropathy", "Macrocytosis", "Low haemoglobin"],
        ),
        (
            {"problems": ["paraesthesia", "cognitive-symptoms"], "haemoglobin": "9 g/dL"},
            "paraesthesia",
            "low haemoglobin",
            None,
        ),
        ({"mcv": "108 fL", "haemoglobin": "9 g/dL"}, "macrocytosis", "low haemoglobin", None),
        ({"problems": ["macrocytic-anaemia", "glossitis"], "mcv": "108 fL"}, "glossitis", "macrocytic anaemia", None),
        ({"problems": ["macrocytic-anaemia"], "mcv": "108 fL"}, "macrocytic anaemia", "", None),
        ({"problems": ["peripheral-neuropathy"], "mcv": "90 fL"}, "peripheral neuropathy", "", None),
    ],
)
def test_a_reminder_names_a_second_sign_and_shows_them_all(
    given: dict[str, Any], feature: str, other: str, rows: list[str] | None
) -> None:
    told = answer("B12-TEST-09", given)
    assert (told.values["feature"], told.values["other"]) == (feature, other)
    assert rows is None or [fact.label for fact in told.facts] == rows


def test_a_test_that_is_done_is_awaited_until_something_comes_of_it() -> None:
    done = TestOrder(Test.MMA, ClinicalDate.on(TODAY - timedelta(days=3)), "Observation/o1", is_done=True)
    undated = replace(done, ordered=None)
    grey, given = "B12-DX-03", {"total_b12": "250 ng/L"}

    def is_asked_for(order: TestOrder, *issues: DataIssue) -> bool:
        told = answer(grey, given, test_orders=(order,), issues=issues)
        return Recommendation.ORDER_MMA in told.recommends

    def unused(days_ago: int, **fields: Any) -> DataIssue:
        day = ClinicalDate.on(TODAY - timedelta(days=days_ago))
        one = DataIssue("Observation/o2", "value", "This MMA result was not used: it has no unit.", "mma", day=day)
        return replace(one, **fields)

    assert not is_asked_for(done)
    assert is_asked_for(undated)
    assert is_asked_for(done, unused(3))
    assert is_asked_for(done, unused(4, day=None))
    assert not is_asked_for(done, unused(4))
    assert not is_asked_for(done, unused(1, resource="Observation/o1"))
    assert not is_asked_for(done, unused(1, resource="ServiceRequest/o2"))
    assert not is_asked_for(done, unused(1, used_with_care=True))
    assert not is_asked_for(done, unused(1, matters_to="homocysteine"))
    assert not is_asked_for(replace(done, is_done=False), unused(1))


@pytest.mark.parametrize(("pending", "asked"), [([], ["b12", "mma"]), (["b12"], ["mma"]), (["b12", "mma"], [])])
def test_in_a_cord_what_is_not_on_its_way_is_drawn_before_treatment(pending: list[str], asked: list[str]) -> None:
    told = answer("B12-RX-03", {"problems": ["myelopathy"], "pending": pending})
    wanted = {"b12": Recommendation.ORDER_B12, "mma": Recommendation.ORDER_MMA}
    assert [name for name, one in wanted.items() if one in told.recommends] == asked


@pytest.mark.parametrize(
    ("beside", "fires"),
    [
        ((), True),
        ((drafted(DraftContent(Medicine.B12, DailyDose(Decimal(1)), Route.PARENTERAL), source="m/2"),), False),
        ((drafted(DraftContent(Medicine.B12, UNKNOWN_DOSE, Route.NOT_KNOWN), source="m/2", is_selected=False),), False),
        ((drafted(DraftContent(Medicine.B12, UNKNOWN_DOSE, Route.PARENTERAL), source="m/2", is_on_hold=True),), True),
        ((drafted(DraftContent(Medicine.B12, UNKNOWN_DOSE, Route.NASAL), source="m/2"),), True),
    ],
)
def test_tablets_for_a_cord_are_questioned_where_nothing_may_be_an_injection(
    beside: tuple[DraftOrder, ...], fires: bool
) -> None:
    tablets = drafted(DraftContent(Medicine.B12, DailyDose(Decimal(2)), Route.ORAL))
    cord = {"total_b12": "90 ng/L", "problems": ["myelopathy"]}
    told = answer("B12-SAFE-11", cord, drafts=(tablets, *beside))
    assert (told.outcome is Outcome.FIRES) == fires
    unselected = (replace(tablets, is_selected=False), *beside)
    if not any(draft.is_selected and not draft.is_on_hold for draft in beside):
        assert answer("B12-SAFE-11", cord, drafts=unselected).outcome is Outcome.DOES_NOT_FIRE


def test_tablets_for_a_cord_offer_the_injection() -> None:
    told = answer("B12-SAFE-11", {"total_b12": "90 ng/L", "problems": ["myelopathy"], "drafting": {"b12": 2}})
    assert told.regimens == (offers.NEUROLOGICAL_INJECTION,)
    assert told.recommends == (Recommendation.ESCALATE_TO_PARENTERAL, Recommendation.REFER)
    assert told.values == {"cord": "spinal cord disease", "evidence": "vitamin B12 90 ng/L, 2025-09-21"}


@pytest.mark.parametrize(("is_suspected", "variant"), [(False, "for-life"), (True, "indeterminate")])
def test_what_nobody_has_confirmed_is_not_said_to_need_b12_for_life(is_suspected: bool, variant: str) -> None:
    kind = ProblemKind.PERNICIOUS_ANAEMIA
    ours = (Problem(kind, "pernicious anaemia", "Condition/c", is_suspected=is_suspected),)
    assert answer("B12-DX-03", {"total_b12": "300 ng/L"}, problems=ours).variant == variant


@pytest.mark.parametrize(
    ("more", "offered"),
    [
        ({}, (Recommendation.ORDER_MMA, Recommendation.ORDER_FOLATE)),
        ({"pending": ["mma"]}, (Recommendation.ORDER_FOLATE,)),
        ({"problems": ["peripheral-neuropathy"]}, (Recommendation.ORDER_FOLATE,)),
        ({"mma": "0.5 umol/L"}, ()),
    ],
)
def test_hypothyroidism_has_mma_offered_beside_a_homocysteine_that_alone_is_raised(
    more: dict[str, Any], offered: tuple[Recommendation, ...]
) -> None:
    given = {"total_b12": "300 ng/L", "homocysteine": "20 umol/L", "problems": ["hypothyroidism"]}
    told = answer("B12-DX-04", given | more)
    assert told.recommends == (Recommendation.REVIEW_CAUSE, *offered)
    named = told.values["folate"].endswith("and hypothyroidism, which raises homocysteine")
    assert named == any(fact.label == "Hypothyroidism" for fact in told.facts)
    assert named == ("problems" not in more and "mma" not in more)


def injected(day: int, form: str, **fields: Any) -> Treatment:
    on = ClinicalDate.on(TODAY - timedelta(days=day))
    kind, name = RecordKind.ADMINISTRATION, f"{form} injection"
    fields = {"route": Route.PARENTERAL, "form": form, **fields}
    return Treatment(Medicine.B12, name, f"MedicationAdministration/{day}", kind, (Interval(on, on),), **fields)


HYDROXO, CYANO = "hydroxocobalamin", "cyanocobalamin"
PERNICIOUS: dict[str, Any] = {"problems": ["pernicious-anaemia"]}


@pytest.mark.parametrize(
    ("site", "given", "offered", "says"),
    [
        ("", [(300, HYDROXO)], "maintenance-im-hydroxocobalamin", "holds it too, a tablet does not"),
        ("", [(400, CYANO), (300, HYDROXO)], "maintenance-im-hydroxocobalamin", "holds it too"),
        ("", [(400, HYDROXO), (300, CYANO)], "maintenance-im", ""),
        ("", [(300, "mecobalamin")], "maintenance-im", "another cobalamin, Cyanocobalamin"),
        ("", [(300, "")], "maintenance-im", ""),
        ("uk", [(300, HYDROXO)], "maintenance-im-uk", ""),
        ("uk", [(300, CYANO)], "maintenance-im-uk", "another cobalamin, Hydroxocobalamin"),
    ],
)
def test_the_cobalamin_that_was_injected_last_is_kept_or_the_other_is_named(
    site: str, given: list[tuple[int, str]], offered: str, says: str
) -> None:
    knowledge = load(site=site) if site else KNOWLEDGE
    facts = replace(example_facts(PERNICIOUS), treatments=tuple(injected(*one) for one in given))
    told = FUNCTIONS["B12-MON-03"](Picture(facts, knowledge))
    assert knowledge.regimens[told.regimens[0]].id == offered
    named = [fact.value for fact in told.facts if fact.label == "Injected last"]
    assert bool(named) is bool(says)
    assert all(says in value for value in named)


@pytest.mark.parametrize("rule", ["B12-RX-01", "B12-RX-02", "B12-SAFE-02"])
def test_every_offer_of_injections_keeps_hydroxocobalamin(rule: str) -> None:
    given: dict[str, Any] = {
        "B12-RX-01": {"total_b12": "150 ng/L"},
        "B12-RX-02": {"total_b12": "150 ng/L", "problems": ["myelopathy"]},
        "B12-SAFE-02": {"drafting": {"folic-acid": 5}, **PERNICIOUS},
    }[rule]
    told = answer(rule, given, injected(500, HYDROXO))
    assert "im-replacement-hydroxocobalamin" in told.regimens
    assert not {"im-replacement", "im-replacement-neurological"} & set(told.regimens)
    assert [fact.value.partition(":")[0] for fact in told.facts if fact.label == "Injected last"]


def test_two_cobalamins_of_one_day_leave_open_which_was_last() -> None:
    told = answer("B12-MON-03", PERNICIOUS, injected(300, HYDROXO), injected(300, CYANO))
    assert told.regimens[0] == "maintenance-im"


@pytest.mark.parametrize(
    ("given", "says"), [((300,), ""), ((300, 384), "84 days after the one before"), ((300, 301), "")]
)
def test_a_lapse_names_how_far_apart_the_last_injections_were(given: tuple[int, ...], says: str) -> None:
    told = answer("B12-MON-03", PERNICIOUS, *(injected(day, HYDROXO) for day in given))
    row = next(fact.value for fact in told.facts if fact.label == "Vitamin B12 therapy")
    assert ("after the one before" in row) is bool(says)
    assert says in row


def test_what_lowers_b12_only_when_needed_makes_no_test_due() -> None:
    colchicine = taken(Medicine.OTHER_B12_LOWERING, "MedicationRequest/c", as_needed=True)
    assert answer("B12-TEST-09", {"problems": ["peripheral-neuropathy"]}, colchicine).variant == "alone"


def test_a_medicine_that_lowers_b12_is_named_once() -> None:
    twice = [taken(Medicine.OTHER_B12_LOWERING, f"MedicationRequest/{n}") for n in range(3)]
    told = answer("B12-TEST-09", {"problems": ["peripheral-neuropathy"]}, *twice)
    assert [fact.value for fact in told.facts][1:] == ["other-b12-lowering: taken now"]


def test_a_childs_cord_card_names_the_level_beside_the_marker() -> None:
    told = answer("B12-SCOPE-01", {"age": 12, "problems": ["myelopathy"], "total_b12": "240 ng/L", "mma": "0.9 umol/L"})
    assert told.values["evidence"] == "raised MMA 0.9 umol/L; B12 240 ng/L"


@pytest.mark.parametrize(
    ("given", "counts"),
    [
        ({}, False),
        ({"total_b12": "420 ng/L", "problems": ["peripheral-neuropathy"]}, False),
        ({"problems": ["peripheral-neuropathy"]}, True),
        ({"drafting": {"folic-acid": 1}}, True),
        ({"total_b12": "150 ng/L"}, True),
    ],
)
def test_a_pregnancy_that_could_not_be_used_counts_where_it_may_change_the_answer(
    given: dict[str, Any], counts: bool
) -> None:
    issue = DataIssue("Condition/1", "", "This record of pregnancy was not used.", "pregnancy")
    assert bool(picture(given, issues=(issue,)).left_out) is counts


def _from_to(since: int, until: int | None) -> tuple[Interval, ...]:
    """From so many days ago to so many."""
    ends = ClinicalDate.on(TODAY - timedelta(days=until)) if until is not None else None
    return (Interval(ClinicalDate.on(TODAY - timedelta(days=since)), ends),)


@pytest.mark.parametrize(
    ("paused", "beside", "variant"),
    [
        (31, {}, "still-deficient-before-change"),
        (30, {}, "still-deficient"),
        (31, {"route": Route.PARENTERAL, "is_doubted": True}, "still-deficient"),
    ],
    ids=["a pause", "a refill that is late", "a pause in which something else may have been taken"],
)
def test_a_level_of_a_pause_tells_nothing_of_the_tablets_that_follow(
    paused: int, beside: dict[str, Any], variant: str
) -> None:
    ended = {**TABLETS, "intervals": _from_to(300, 10 + paused), "is_active": False}
    again = {**TABLETS, "intervals": _from_to(5, None)}
    more = [taken(Medicine.B12, "MedicationRequest/3", intervals=_from_to(15, 8), **beside)] if beside else []
    treatments = [taken(Medicine.B12, f"MedicationRequest/{n}", **how) for n, how in ((1, ended), (2, again))]
    told = answer("B12-MON-04", {"total_b12": {"result": "140 ng/L", "days_ago": 10}}, *treatments, *more)
    assert told.variant == variant
    assert bool(told.regimens) is (variant == "still-deficient")


@pytest.mark.parametrize(("begun", "is_asked"), [(76, True), (75, False)])
def test_what_was_changed_after_a_deficient_level_is_reviewed_in_its_time(begun: int, is_asked: bool) -> None:
    tablets = taken(Medicine.B12, "MedicationRequest/1", **{**TABLETS, "intervals": _from_to(300, begun)})
    injections = taken(Medicine.B12, "MedicationRequest/2", **{**INJECTIONS, "intervals": _from_to(begun, None)})
    given: dict[str, Any] = {"total_b12": {"result": "140 ng/L", "days_ago": begun + 10}}
    for more, asked in (({}, is_asked), ({"pending": ["b12"]}, False)):
        told = answer("B12-MON-04", {**given, **more}, tablets, injections)
        assert told.variant == "still-deficient-before-change"
        assert (Recommendation.FOLLOW_UP_3_MONTHS in told.recommends) is asked


def test_since_is_since_when_b12_is_taken_as_it_is_now() -> None:
    tablets = taken(Medicine.B12, "MedicationRequest/1", **{**TABLETS, "intervals": _from_to(300, 101)})
    injections = taken(Medicine.B12, "MedicationRequest/2", **{**INJECTIONS, "intervals": _from_to(100, None)})
    told = answer("B12-MON-04", {"total_b12": {"result": "140 ng/L", "days_ago": 10}}, tablets, injections)
    assert (told.variant, told.values["since"]) == (
        "still-deficient-on-injections",
        str(TODAY - timedelta(days=100)),
    )
