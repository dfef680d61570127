"""The results read together: which decides, what is on therapy, what confounds, what may not be believed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from cds_service.assessment.outcome import Status
from cds_service.assessment.picture import Picture
from cds_service.assessment.reading import Reading
from cds_service.facts.dates import ClinicalDate
from cds_service.facts.labs import Analyte, Finding, LabResult
from cds_service.facts.orders import Test, TestOrder
from cds_service.facts.problems import ProblemKind
from cds_service.facts.treatments import Interval, Medicine, RecordKind, Treatment
from cds_service.knowledge.loader import load
from tests.calls import calls_of
from tests.spec.example_facts import TODAY, example_facts, lab_result

KNOWLEDGE = load()


def _picture(given: dict[str, Any], *labs: LabResult) -> Picture:
    facts = example_facts(given)
    return Picture(replace(facts, labs=(*facts.labs, *labs)), KNOWLEDGE)


def _b12(level: str, days_ago: int = 10, source: str = "Observation/other", **more: Any) -> LabResult:
    return replace(lab_result(Analyte.TOTAL_B12, {"result": level, "days_ago": days_ago}), source=source, **more)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"total_b12": "150 ng/L"}, Status.DEFICIENT),
        ({"total_b12": "250 ng/L"}, Status.INDETERMINATE),
        ({"total_b12": "250 ng/L", "mma": "0.2 umol/L"}, Status.UNLIKELY),
        ({"total_b12": "250 ng/L", "homocysteine": "10 umol/L"}, Status.INDETERMINATE),
        ({"total_b12": "250 ng/L", "mma": "0.2 umol/L", "homocysteine": "20 umol/L"}, Status.FUNCTIONAL),
        ({"total_b12": "250 ng/L", "mma": "0.2 umol/L", "homocysteine": "10 umol/L"}, Status.UNLIKELY),
        ({"total_b12": "250 ng/L", "mma": "<0.5 umol/L"}, Status.INDETERMINATE),
        ({"total_b12": "250 ng/L", "mma": "0.2 umol/L", "problems": ["myelopathy"]}, Status.INDETERMINATE),
        ({"total_b12": "250 ng/L", "mma": "0.2 umol/L", "problems": ["nitrous-oxide"]}, Status.INDETERMINATE),
        ({"total_b12": "250 ng/L", "mma": "0.2 umol/L", "if_antibody": "positive"}, Status.INDETERMINATE),
        ({"total_b12": "420 ng/L"}, Status.UNLIKELY),
        ({"total_b12": "420 ng/L", "mma": "0.5 umol/L"}, Status.FUNCTIONAL),
        ({"total_b12": "420 ng/L", "if_antibody": "positive"}, Status.INDETERMINATE),
        ({"total_b12": "420 ng/L", "if_antibody": "negative"}, Status.UNLIKELY),
        ({"total_b12": "normal"}, Status.UNKNOWN),
        ({"total_b12": "normal", "mma": "high"}, Status.FUNCTIONAL),
        ({"total_b12": "<200 ng/L"}, Status.INDETERMINATE),
        ({"total_b12": "<400 ng/L"}, Status.UNKNOWN),
        ({"active_b12": "24 pmol/L"}, Status.DEFICIENT),
        ({"active_b12": "50 pmol/L"}, Status.INDETERMINATE),
        ({"active_b12": "71 pmol/L"}, Status.UNLIKELY),
        ({"mma": "0.9 umol/L"}, Status.UNKNOWN),
        ({}, Status.UNKNOWN),
    ],
)
def test_status_follows_from_all_results_together(given: dict[str, Any], status: Status) -> None:
    assert _picture(given).status is status


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"egfr": "59 mL/min/1.73m2"}, Status.INDETERMINATE),
        ({"egfr": "60 mL/min/1.73m2"}, Status.FUNCTIONAL),
        ({"egfr": ">90 mL/min/1.73m2"}, Status.FUNCTIONAL),
        ({"problems": ["chronic-kidney-disease"]}, Status.INDETERMINATE),
        ({"problems": ["dialysis"]}, Status.INDETERMINATE),
        ({"problems": ["inborn-error"]}, Status.INDETERMINATE),
        ({"problems": ["folate-deficiency"]}, Status.FUNCTIONAL),
    ],
)
def test_kidneys_and_inborn_errors_confound_mma_and_folate_does_not(more: dict[str, Any], status: Status) -> None:
    assert _picture({"total_b12": "300 ng/L", "mma": "0.6 umol/L"} | more).status is status


def test_folate_deficiency_confounds_homocysteine() -> None:
    given = {"total_b12": "300 ng/L", "homocysteine": "22 umol/L"}
    assert _picture(given).status is Status.FUNCTIONAL
    assert _picture(given | {"problems": ["folate-deficiency"]}).status is Status.INDETERMINATE
    low_folate = replace(lab_result(Analyte.SERUM_FOLATE, "2.0 ng/mL"), source="Observation/folate")
    assert _picture(given, low_folate).status is Status.INDETERMINATE


@pytest.mark.parametrize(("days", "status"), [(90, Status.FUNCTIONAL), (91, Status.INDETERMINATE)])
def test_metabolites_count_within_ninety_days_of_the_b12(days: int, status: Status) -> None:
    given = {"total_b12": {"result": "300 ng/L", "days_ago": 5}, "mma": {"result": "0.6 umol/L", "days_ago": 5 + days}}
    assert _picture(given).status is status


@pytest.mark.parametrize("level", ["240 ng/L", "410 ng/L"])
@pytest.mark.parametrize(("mma", "status"), [("0.6 umol/L", Status.FUNCTIONAL), ("0.2 umol/L", Status.UNLIKELY)])
def test_mma_drawn_after_a_recent_level_answers_it_however_long_after(level: str, mma: str, status: Status) -> None:
    given = {"total_b12": {"result": level, "days_ago": 360}, "mma": {"result": mma, "days_ago": 5}}
    assert _picture(given).status is status


def test_a_newer_normal_mma_answers_an_older_raised_one() -> None:
    first: dict[str, Any] = {"total_b12": {"result": "300 ng/L", "days_ago": 300}}
    first["mma"] = {"result": "0.9 umol/L", "days_ago": 300}
    newer = replace(lab_result(Analyte.MMA, {"result": "0.2 umol/L", "days_ago": 10}), source="Observation/later")
    assert _picture(first).status is Status.FUNCTIONAL
    assert _picture(first, newer).status is Status.UNLIKELY


@pytest.mark.parametrize(
    "taken",
    [
        {"taking": {"b12": {"since": "100 days", "until": "50 days"}}},
        {"b12_therapy": {"since": "100 days", "until": "50 days"}},
    ],
)
def test_a_normal_mma_drawn_on_or_after_b12_answers_no_earlier_level(taken: dict[str, Any]) -> None:
    given = {"total_b12": {"result": "240 ng/L", "days_ago": 200}, "mma": {"result": "0.2 umol/L", "days_ago": 5}}
    assert _picture(given).status is Status.UNLIKELY
    assert _picture(given | taken).status is Status.INDETERMINATE
    assert not _picture(given | taken).reading.markers


@pytest.mark.parametrize(
    ("taken", "status"),
    [("2024-10-02", Status.UNLIKELY), ("2024-10-01", Status.UNKNOWN), ("2024-09-30", Status.UNKNOWN)],
)
def test_a_sufficient_result_counts_for_less_than_twelve_months(taken: str, status: Status) -> None:
    assert _picture({"total_b12": {"result": "410 ng/L", "taken": taken}}).status is status


def test_an_old_untreated_deficient_result_stays_deficient() -> None:
    assert _picture({"total_b12": {"result": "150 ng/L", "days_ago": 2000}}).status is Status.DEFICIENT


def test_a_newer_result_takes_the_place_of_an_older_one() -> None:
    assert _picture({"total_b12": {"result": "150 ng/L", "days_ago": 200}}, _b12("410 ng/L", 5)).status is (
        Status.UNLIKELY
    )


def test_a_vague_date_does_not_take_the_place_of_a_day_of_that_year() -> None:
    vague = replace(_b12("500 ng/L"), taken=ClinicalDate.parse("2025"))
    assert _picture({"total_b12": {"result": "150 ng/L", "taken": "2025-09-20"}}, vague).status is Status.DEFICIENT


def test_of_two_results_of_one_day_without_times_the_more_severe_counts() -> None:
    picture = _picture({"total_b12": "410 ng/L"}, _b12("150 ng/L"))
    assert picture.status is Status.DEFICIENT
    assert [r.printed for r in picture.reading.disagreeing] == ["410 ng/L"]


def _at(level: str, time: str, **more: Any) -> LabResult:
    return replace(_b12(level, source=f"Observation/{time}"), taken=ClinicalDate.parse(f"2025-09-21T{time}Z"), **more)


def test_a_later_time_on_the_same_day_is_newer() -> None:
    assert _picture({}, _at("250 ng/L", "08:00:00"), _at("410 ng/L", "18:00:00")).status is Status.UNLIKELY


@pytest.mark.parametrize("later", ["180 ng/L", "410 ng/L"])
def test_a_deficient_sample_stands_against_one_that_contradicts_it_within_the_day(later: str) -> None:
    picture = _picture({}, _at("150 ng/L", "08:00:00"), _at(later, "18:00:00"))
    assert picture.status is Status.DEFICIENT
    assert [r.printed for r in picture.reading.disagreeing] == [later]


def test_a_correction_at_a_later_time_of_the_day_takes_its_place() -> None:
    corrected = _at("410 ng/L", "18:00:00", is_corrected=True)
    assert _picture({}, _at("150 ng/L", "08:00:00"), corrected).status is Status.UNLIKELY


@pytest.mark.parametrize(
    ("low", "days_before", "status"),
    [
        ("179 ng/L", 1, Status.DEFICIENT),
        ("179 ng/L", 30, Status.DEFICIENT),
        ("179 ng/L", 31, Status.UNLIKELY),
        ("180 ng/L", 1, Status.UNLIKELY),
    ],
)
def test_a_deficient_sample_stands_for_days_against_one_later_sample(
    low: str, days_before: int, status: Status
) -> None:
    assert _picture({}, _b12(low, 5 + days_before), _b12("410 ng/L", 5)).status is status


def test_a_second_later_sample_settles_it() -> None:
    repeats = [_b12("410 ng/L", 10), _b12("300 ng/L", 5)]
    assert _picture({}, _b12("150 ng/L", 20), *repeats).status is Status.INDETERMINATE
    in_two_units = [_b12("410 ng/L", 5), _b12("303 pmol/L", 5)]
    assert _picture({}, _b12("150 ng/L", 20), *in_two_units).status is Status.DEFICIENT


def test_samples_that_contradict_each_other_are_not_each_held_against_all_others() -> None:
    def work_on(how_many: int) -> int:
        times = [f"{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}" for number in range(how_many)]
        labs = [_at("150 ng/L" if number % 2 else "410 ng/L", time) for number, time in enumerate(times)]
        return calls_of(lambda: _picture({}, *labs, _at("410 ng/L", "18:00:00")).reading)

    assert work_on(400) < 3 * work_on(200)


def test_a_correction_takes_the_place_of_what_it_corrects() -> None:
    corrected = _b12("410 ng/L", is_corrected=True)
    assert _picture({"total_b12": "150 ng/L"}, corrected).status is Status.UNLIKELY


def test_one_sample_in_two_units_counts_once_and_the_more_severe_decides() -> None:
    picture = _picture({"total_b12": "190 ng/L"}, _b12("130 pmol/L"))
    assert picture.status is Status.DEFICIENT
    assert picture.reading.deciding is not None
    assert picture.reading.deciding.unit == "pmol/L"


def test_total_and_active_in_disagreement_the_more_severe_counts() -> None:
    picture = _picture({"total_b12": "420 ng/L", "active_b12": "20 pmol/L"})
    assert picture.status is Status.DEFICIENT
    assert [r.printed for r in picture.reading.disagreeing] == ["420 ng/L"]


def test_a_sufficient_level_on_therapy_rules_nothing_out() -> None:
    given = {"total_b12": {"result": "520 ng/L", "days_ago": 5}, "b12_therapy": {"since": "90 days"}}
    assert _picture(given).status is Status.UNKNOWN
    before = _b12("140 ng/L", 120)
    assert _picture(given, before).status is Status.DEFICIENT


def test_a_deficient_level_on_therapy_is_deficient() -> None:
    given = {"total_b12": {"result": "120 ng/L", "days_ago": 5}, "b12_therapy": {"since": "90 days"}}
    assert _picture(given).status is Status.DEFICIENT


def test_mma_drawn_on_therapy_settles_nothing() -> None:
    given = {
        "total_b12": {"result": "210 ng/L", "days_ago": 61},
        "mma": {"result": "0.15 umol/L", "days_ago": 11},
        "b12_therapy": {"since": "52 days"},
    }
    assert _picture(given).status is Status.INDETERMINATE


@pytest.mark.parametrize(("ended", "status"), [("11 months", Status.UNKNOWN), ("13 months", Status.UNLIKELY)])
def test_after_the_washout_a_level_is_diagnostic_again(ended: str, status: Status) -> None:
    given = {"total_b12": {"result": "410 ng/L", "days_ago": 5}, "b12_therapy": {"since": "3 years", "until": ended}}
    assert _picture(given).status is status


@pytest.mark.parametrize(
    ("level", "mma", "drawn_days_ago", "status"),
    [
        ("410 ng/L", None, 10, Status.UNKNOWN),
        ("350 ng/L", None, 10, Status.INDETERMINATE),
        ("<400 ng/L", None, 10, Status.UNKNOWN),
        ("410 ng/L", "0.9 umol/L", 10, Status.FUNCTIONAL),
        ("250 ng/L", "0.9 umol/L", 10, Status.FUNCTIONAL),
        ("250 ng/L", "0.15 umol/L", 10, Status.INDETERMINATE),
        ("250 ng/L", None, 200, Status.UNKNOWN),  # on the last day of treatment
        ("250 ng/L", None, 199, Status.INDETERMINATE),
        ("250 ng/L", "0.9 umol/L", 200, Status.UNKNOWN),
        ("250 ng/L", "0.9 umol/L", 199, Status.FUNCTIONAL),
    ],
)
def test_what_is_drawn_soon_after_treatment_counts_as_far_as_it_is_bad(
    level: str, mma: str | None, drawn_days_ago: int, status: Status
) -> None:
    given: dict[str, Any] = {
        "total_b12": {"result": level, "days_ago": drawn_days_ago},
        "b12_therapy": {"since": "330 days", "until": "200 days"},
    }
    if mma is not None:
        given["mma"] = {"result": mma, "days_ago": drawn_days_ago}
    assert _picture(given).status is status


def test_a_level_of_before_treatment_that_was_deficient_is_the_one_that_decides_after_it() -> None:
    given = {
        "total_b12": {"result": "150 ng/L", "days_ago": 340},
        "b12_therapy": {"since": "330 days", "until": "200 days"},
    }
    assert _picture(given, _b12("250 ng/L", 10)).status is Status.DEFICIENT


@pytest.mark.parametrize(("level", "settled"), [("250 ng/L", Status.UNLIKELY), ("410 ng/L", Status.UNLIKELY)])
def test_a_marker_that_is_raised_later_takes_the_reassurance_back(level: str, settled: Status) -> None:
    given = {"total_b12": {"result": level, "days_ago": 200}, "mma": {"result": "0.2 umol/L", "days_ago": 200}}
    raised = replace(lab_result(Analyte.MMA, {"result": "0.9 umol/L", "days_ago": 20}), source="Observation/later")
    assert _picture(given).status is settled
    assert _picture(given, raised).status is Status.FUNCTIONAL
    assert [m.result.printed for m in _picture(given, raised).reading.raised_markers] == ["0.9 umol/L"]
    normal = replace(raised, value=Decimal("0.2"), taken=ClinicalDate.on(TODAY - timedelta(days=5)), source="z")
    assert _picture(given, raised, normal).status is settled


def test_a_result_known_by_name_alone_never_decides() -> None:
    assert _picture({}, _b12("150 ng/L", is_coded=False)).status is Status.UNKNOWN


def test_a_preliminary_result_warns_but_never_reassures() -> None:
    low = {"total_b12": {"result": "150 ng/L", "preliminary": True}}
    assert _picture(low).status is Status.DEFICIENT
    assert _picture(low).reading.preliminary is not None
    assert _picture({"total_b12": {"result": "410 ng/L", "preliminary": True}}).status is Status.UNKNOWN


def test_a_child_or_a_dead_patient_is_out_of_scope() -> None:
    assert _picture({"age": 17, "total_b12": "150 ng/L"}).status is Status.NOT_APPLICABLE
    assert _picture({"age": 18, "total_b12": "150 ng/L"}).status is Status.DEFICIENT
    dead = replace(example_facts({"total_b12": "150 ng/L"}), is_deceased=True)
    assert Picture(dead, KNOWLEDGE).status is Status.NOT_APPLICABLE


def test_an_unknown_age_is_not_taken_for_a_childs() -> None:
    assert _picture({"age": "unknown", "total_b12": "150 ng/L"}).status is Status.DEFICIENT


def test_a_partial_birth_date_in_the_year_of_majority_stays_in_scope() -> None:
    facts = replace(example_facts({"total_b12": "150 ng/L"}), born=ClinicalDate.parse("2007"))
    assert Picture(facts, KNOWLEDGE).status is Status.DEFICIENT


def test_blood_counts_are_features_only_while_recent() -> None:
    assert _picture({"mcv": "107 fL"}).macrocytosis is not None
    assert _picture({"mcv": {"result": "107 fL", "days_ago": 400}}).macrocytosis is None
    assert _picture({"haemoglobin": "9 g/dL"}).anaemia is not None
    assert _picture({"haemoglobin": "15 g/dL"}).anaemia is None


def test_an_order_is_pending_for_thirty_days() -> None:
    def pending(days_ago: int | None) -> bool:
        ordered = None if days_ago is None else ClinicalDate.on(TODAY - timedelta(days=days_ago))
        order = TestOrder(Test.B12, ordered, "ServiceRequest/1")
        return Picture(replace(example_facts({}), test_orders=(order,)), KNOWLEDGE).pending(Test.B12)

    assert pending(30)
    assert not pending(31)
    assert not pending(None)
    assert not pending(-1)


def test_the_problem_kinds_that_features_and_risks_come_from_are_those_of_the_knowledge() -> None:
    picture = _picture({"problems": ["peripheral-neuropathy", "coeliac", "pregnancy"], "age": 76})
    assert [f.source for f in picture.features] == ["Condition/peripheral-neuropathy"]
    assert [f.label for f in picture.risks][-1] == "Age"
    assert picture.has(ProblemKind.PREGNANCY)


def test_of_two_rates_of_one_sample_the_lower_confounds() -> None:
    given = {"total_b12": "300 ng/L", "mma": "0.6 umol/L", "egfr": "65 mL/min/1.73m2"}
    lower = replace(lab_result(Analyte.EGFR, "56 mL/min/1.73m2"), source="Observation/other-formula")
    assert _picture(given, lower).status is Status.INDETERMINATE
    older = replace(lower, taken=ClinicalDate.on(TODAY - timedelta(days=30)))
    assert _picture(given, older).status is Status.FUNCTIONAL


def test_a_homocysteine_that_may_be_raised_leaves_the_indeterminate_band_open_although_mma_is_normal() -> None:
    normal = {"total_b12": "250 ng/L", "mma": "0.2 umol/L"}
    assert _picture({**normal, "homocysteine": "9 umol/L"}).status is Status.UNLIKELY
    assert _picture({**normal, "homocysteine": ">10 umol/L"}).status is Status.INDETERMINATE
    assert (
        _picture({**normal, "homocysteine": "22 umol/L", "problems": ["folate-deficiency"]}).status is Status.UNLIKELY
    )


@pytest.mark.parametrize("level", ["<200 ng/L", "210 ng/L", "420 ng/L"])
@pytest.mark.parametrize("marker", [{"mma": "0.9 umol/L"}, {"homocysteine": "22 umol/L"}])
def test_a_raised_marker_makes_any_level_that_is_not_deficient_a_functional_deficiency(
    level: str, marker: dict[str, str]
) -> None:
    assert _picture({"total_b12": level, **marker}).status is Status.FUNCTIONAL


def _reading(*labs: LabResult, **given: Any) -> Reading:
    return _picture(given, *labs).reading


def test_of_several_results_that_tell_no_band_the_newest_counts_whatever_their_order() -> None:
    untold = [_b12("<400 ng/L", days, f"Observation/{days}") for days in (5, 20)]
    for labs in (untold, untold[::-1]):
        found = _reading(_b12("420 ng/L", 30), *labs).unclassified
        assert found is not None
        assert found.source == "Observation/5"


def test_a_result_that_tells_no_band_takes_nothing_back_from_one_of_its_time_or_later() -> None:
    for days in (20, 10):
        assert _reading(_b12("<400 ng/L", 20, "Observation/untold"), _b12("420 ng/L", days)).unclassified is None
    alone = _b12("<400 ng/L", is_preliminary=True)
    assert _reading(alone).unclassified is alone


def test_of_several_preliminary_results_the_newest_counts_whatever_their_order() -> None:
    drafts = [_b12("150 ng/L", days, f"Observation/{days}", is_preliminary=True) for days in (5, 20)]
    for labs in (drafts, drafts[::-1]):
        found = _reading(_b12("420 ng/L", 30), *labs).preliminary
        assert found is not None
        assert found.source == "Observation/5"


def test_a_final_result_of_the_same_time_settles_a_preliminary_one_and_another_test_does_not() -> None:
    draft = _b12("150 ng/L", 10, "Observation/draft", is_preliminary=True)
    assert _reading(_b12("420 ng/L", 10), draft).preliminary is None
    assert _reading(_b12("420 ng/L", 20), draft, active_b12={"result": "90 pmol/L", "days_ago": 2}).preliminary is draft


def test_a_final_result_of_which_the_year_alone_is_known_settles_no_preliminary_one_of_that_year() -> None:
    draft = _b12("150 ng/L", 10, "Observation/draft", is_preliminary=True)
    vague = ClinicalDate.parse(str(TODAY.year))
    assert _reading(_b12("420 ng/L", taken=vague), draft).preliminary is draft
    assert _reading(_b12("420 ng/L", 10), replace(draft, taken=vague)).preliminary is not None


def test_of_several_results_in_words_the_newest_counts_and_none_beside_a_number_of_its_time_or_later() -> None:
    words = [_b12("low", 5, "Observation/5"), _b12("normal", 20, "Observation/20")]
    for labs in (words, words[::-1]):
        found = _reading(*labs).in_words_only
        assert found is not None
        assert found.source == "Observation/5"
    for days in (5, 2):
        assert _reading(*words, _b12("420 ng/L", days)).in_words_only is None


def test_a_level_that_its_laboratory_marks_low_is_not_sufficient_and_decides_among_those_that_are() -> None:
    marked = _b12("380 ng/L", 5, flag=Finding.LOW)
    assert _reading(marked).status is Status.INDETERMINATE
    assert _reading(marked, active_b12={"result": "90 pmol/L", "days_ago": 2}).deciding is marked
    assert _reading(marked, mma="0.2 umol/L").status is Status.UNLIKELY
    assert _reading(replace(marked, flag=Finding.HIGH)).status is Status.UNLIKELY
    assert _reading(replace(marked, lower_limit=Decimal(200))).status is Status.INDETERMINATE
    assert _reading(_b12("150 ng/L", 5, flag=Finding.HIGH)).status is Status.DEFICIENT


def test_active_b12_that_its_laboratory_marks_low_outweighs_no_total_in_pregnancy() -> None:
    given = {"total_b12": "240 ng/L", "problems": ["pregnancy"]}
    assert _picture(given | {"active_b12": "90 pmol/L"}).pregnancy_contest is not None
    assert _picture(given | {"active_b12": {"result": "90 pmol/L", "flag": "low"}}).pregnancy_contest is None


def test_of_results_in_words_of_one_time_the_low_one_counts_and_the_other_test_does_not_answer_for_it() -> None:
    words = [_b12("low", 5), replace(_b12("normal", 5, "Observation/active"), analyte=Analyte.ACTIVE_B12)]
    for labs in (words, words[::-1]):
        assert _reading(*labs).called_low is words[0]
        assert _reading(*labs, _b12("420 ng/L", 5)).called_low is None
    low, normal = (replace(_b12(word, 5), analyte=Analyte.ACTIVE_B12) for word in ("low", "normal"))
    level = _b12("420 ng/L", 5, "Observation/total")
    assert _reading(low, level).called_low is low
    assert _reading(low, level).status is Status.UNKNOWN
    assert _reading(normal, level).status is Status.UNLIKELY
    assert _reading(low, _b12("420 ng/L", 4, "Observation/total")).status is Status.UNLIKELY


@pytest.mark.parametrize(("days", "source"), [(100, "Observation/active-b12"), (101, "Observation/other")])
def test_the_more_severe_of_results_at_most_ninety_days_apart_decides(days: int, source: str) -> None:
    deciding = _reading(_b12("420 ng/L", 10), active_b12={"result": "30 pmol/L", "days_ago": days}).deciding
    assert deciding is not None
    assert deciding.source == source


def test_others_of_one_day_stand_with_the_more_severe_first() -> None:
    others = [_b12("420 ng/L", 10, "Observation/a"), _b12("210 ng/L", 10, "Observation/b")]
    reading = _reading(*others, active_b12={"result": "20 pmol/L", "days_ago": 10})
    assert [result.source for result in reading.others] == ["Observation/b", "Observation/a"]


def test_an_antibody_in_figures_without_a_limit_is_neither_positive_nor_an_error() -> None:
    antibody = replace(lab_result(Analyte.INTRINSIC_FACTOR_ANTIBODY, "5 AU/mL"), source="Observation/antibody")
    patient = _picture({"total_b12": "420 ng/L"}, antibody)
    assert (patient.reading.distrust, patient.status) == ("", Status.UNLIKELY)
    raised = replace(antibody, upper_limit=Decimal(1))
    assert _picture({"total_b12": "420 ng/L"}, raised).reading.distrust.startswith("intrinsic factor")


def _mma(level: str, days_ago: int, source: str) -> LabResult:
    return replace(lab_result(Analyte.MMA, {"result": level, "days_ago": days_ago}), source=source)


def test_the_marker_drawn_before_therapy_counts_and_not_a_later_one() -> None:
    course = {"since": "30 days"}
    reading = _reading(
        _b12("284 ng/L", 60),
        _mma("0.5 umol/L", 60, "Observation/before"),
        _mma("0.2 umol/L", 5, "b"),
        b12_therapy=course,
    )
    assert [marker.result.source for marker in reading.raised_markers] == ["Observation/before"]


def test_two_reports_of_one_raised_marker_are_one_marker() -> None:
    two = [_mma("0.5 umol/L", 10, f"Observation/{number}") for number in range(2)]
    assert len(_reading(_b12("284 ng/L"), *two).markers) == 1


def test_the_lowest_of_two_formulas_counts_and_is_said_in_the_canonical_unit() -> None:
    rates = [
        replace(lab_result(Analyte.EGFR, f"{rate} mL/min/1.73m2"), source="Observation/1", printed=f"{rate}.4 {unit}")
        for rate, unit in ((62, "mL/min/{1.73_m2}"), (45, "mL/min/{1.73_m2}"), (45, "mL/min/1,73"))
    ]
    reading = _reading(_b12("284 ng/L"), _mma("0.5 umol/L", 10, "Observation/mma"), *rates)
    [marker] = reading.confounded_markers
    assert marker.confounder == "reduced kidney function (eGFR 45 mL/min/1.73m2, 2025-09-21)"


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_metabolites_of_one_day_the_raised_one_counts(order: int) -> None:
    two = [lab_result(Analyte.MMA, printed) for printed in ("0.20 umol/L", "0.50 umol/L")][::order]
    [marker] = _picture({"total_b12": "250 ng/L"}, *two).reading.markers
    assert (marker.result.printed, marker.counts_as_raised) == ("0.50 umol/L", True)


@pytest.mark.parametrize(("printed", "says"), [("0.20 umol/L", ""), ("0.50 umol/L", "chronic kidney disease on the")])
def test_kidneys_explain_only_a_marker_that_is_raised(printed: str, says: str) -> None:
    given = {"total_b12": "250 ng/L", "mma": printed, "problems": ["chronic-kidney-disease"]}
    [marker] = _picture(given).reading.markers
    assert marker.confounder.startswith(says)
    assert bool(marker.confounder) is bool(says)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"problems": ["nitrous-oxide"]}, "nitrous oxide inactivates vitamin B12 without lowering the measured level"),
        ({"problems": ["pernicious-anaemia"]}, "the B12 assay can read too high in pernicious anaemia"),
        ({"problems": ["pernicious-anaemia"], "mma": "0.2 umol/L"}, ""),
        ({}, "vitamin B12 of unknown dose may have raised the measured level"),
    ],
)
def test_why_a_level_that_is_not_low_is_not_believed_is_said(given: dict[str, Any], why: str) -> None:
    facts = example_facts({"total_b12": "420 ng/L", **given})
    since = Interval(ClinicalDate.parse("2025-01-01"), None)
    unknown = Treatment(Medicine.B12, "b12", "MedicationStatement/1", RecordKind.STATEMENT, (since,), is_active=True)
    treatments = () if given else (unknown,)
    assert Picture(replace(facts, treatments=treatments), KNOWLEDGE).reading.distrust == why
