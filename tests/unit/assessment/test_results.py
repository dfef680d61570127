"""Which of several results is the newest, which stand, and how far two lie apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.assessment.results import Labs, follows, issued_order, last_day, least_days_apart, standing
from cds_service.facts.dates import ClinicalDate
from cds_service.facts.labs import Analyte, LabResult
from tests.spec.example_facts import lab_result


def b12(taken: str, source: str, printed: str = "150 ng/L", issued: str = "", **fields: Any) -> LabResult:
    result = lab_result(Analyte.TOTAL_B12, printed)
    day = ClinicalDate.parse(issued) if issued else None
    return replace(result, taken=ClinicalDate.parse(taken), source=source, issued=day, **fields)


@pytest.mark.parametrize(
    ("earlier", "later", "stand"),
    [
        ("2025-09-20", "2025-09-21", "b"),
        ("2025-09", "2025-10-01", "b"),
        ("2025", "2025-09-21", "ab"),
        ("2025-09-20", "2025-09", "ab"),
        ("2025-09-20", "2025-09-20", "ab"),
        ("2025-09-20T08:00:00Z", "2025-09-20T09:00:00Z", "b"),
        ("2025-09-20T09:00:00Z", "2025-09-21T08:00:00Z", "b"),
        ("2025-09-20T08:00:00Z", "2025-09-20T08:00:00Z", "ab"),
        ("2025-09-20T08:00:00Z", "2025-09-20", "ab"),
        ("2025-09-20", "2025-09-20T08:00:00Z", "ab"),
    ],
)
def test_a_result_takes_the_place_of_one_that_is_certainly_earlier(earlier: str, later: str, stand: str) -> None:
    both = [b12(earlier, "a"), b12(later, "b")]
    assert "".join(result.source for result in standing(both)) == stand
    assert {result.source for result in standing(both[::-1])} == set(stand)


def test_of_one_sample_a_correction_or_a_later_report_stands_and_another_unit_stands_beside_it() -> None:
    first = b12("2025-09-20", "a", issued="2025-09-21")
    assert standing([first, b12("2025-09-20", "b", is_corrected=True)])[0].source == "b"
    assert [one.source for one in standing([first, b12("2025-09-20", "b", issued="2025-09-22")])] == ["b"]
    assert [one.source for one in standing([first, b12("2025-09-20", "b", issued="2025-09-20")])] == ["a"]
    assert [one.source for one in standing([first, b12("2025-09-20", "b")])] == ["a"]
    other_unit = b12("2025-09-20", "b", "110 pmol/L", issued="2025-09-22")
    assert len(standing([first, other_unit])) == 2


def test_a_report_without_a_day_of_issue_is_the_earliest() -> None:
    assert issued_order(b12("2025-09-20", "a")) < issued_order(b12("2025-09-20", "b", issued="0001-01-01T00:00:01Z"))
    reported, undated = b12("2025-09-20", "b", issued="2025-09-21"), b12("2025-09-20", "a")
    assert Labs([reported, undated]).newest(Analyte.TOTAL_B12) is reported
    assert Labs([undated, reported]).newest(Analyte.TOTAL_B12) is reported


@pytest.mark.parametrize(
    ("one", "other", "days"),
    [
        ("2025-09-20", "2025-09-20", 0),
        ("2025-09-20", "2025-09-25", 5),
        ("2025-09-25", "2025-09-20", 5),
        ("2025-09", "2025-09-20", 0),
        ("2025-08", "2025-09-20", 20),
        ("2025-09-20", "2025-08", 20),
    ],
)
def test_the_fewest_days_that_can_lie_between_two_dates(one: str, other: str, days: int) -> None:
    assert least_days_apart(ClinicalDate.parse(one), ClinicalDate.parse(other)) == days


def test_a_vague_date_neither_gives_way_to_a_later_report_nor_takes_its_place() -> None:
    vague, exact = b12("2025", "a", issued="2025-09-21"), b12("2025-09-20", "b", issued="2025-09-22")
    assert len(standing([vague, exact])) == len(standing([exact, vague])) == 2


@pytest.mark.parametrize("order", [1, -1])
def test_of_one_day_the_final_result_is_newer_than_the_preliminary_one(order: int) -> None:
    first = replace(lab_result(Analyte.MCV, "99 fL"), is_preliminary=True)
    final = lab_result(Analyte.MCV, "101 fL")
    assert Labs([first, final][::order]).newest(Analyte.MCV) is final


def test_results_are_found_by_their_analyte_in_the_order_of_all() -> None:
    mcv = lab_result(Analyte.MCV, "99 fL")
    older, newer = b12("2025-09-20", "b"), b12("2025-09-21", "a")
    labs = Labs([older, mcv, newer])
    assert list(labs.all) == [older, mcv, newer]
    assert list(labs.of(Analyte.TOTAL_B12)) == [older, newer]
    assert labs.newest(Analyte.TOTAL_B12) is labs.newest(Analyte.TOTAL_B12) is newer
    assert labs.newest(Analyte.MCV) is mcv
    assert list(labs.of(Analyte.MMA)) == []
    assert labs.newest(Analyte.MMA) is None


DATES = ("2025", "2025-09", "2025-09-19", "2025-09-20", "2025-09-20T08:00:00Z", "2025-09-20T09:00:00Z", "2025-10")
RESULTS = st.builds(
    b12,
    st.sampled_from(DATES),
    st.sampled_from(("a", "b", "c")),
    st.sampled_from(("150 ng/L", "110 pmol/L")),
    st.sampled_from(("", "2025-09-21", "2025-09-22T10:00:00Z")),
    is_corrected=st.booleans(),
)


def takes_the_place(later: LabResult, earlier: LabResult) -> bool:
    """The rule for two, as the guideline says it."""
    if later.taken.earliest > earlier.taken.latest:
        return True
    if not (later.taken.is_exact and earlier.taken.is_exact and later.taken.earliest == earlier.taken.earliest):
        return False
    if later.taken.time and earlier.taken.time and later.taken.time != earlier.taken.time:
        return later.taken.time > earlier.taken.time
    if later.unit != earlier.unit:
        return False
    return (later.is_corrected, issued_order(later)) > (earlier.is_corrected, issued_order(earlier))


@given(st.lists(RESULTS, max_size=7))
def test_of_many_those_stand_that_no_single_one_takes_the_place_of(results: list[LabResult]) -> None:
    assert standing(results) == [r for r in results if not any(takes_the_place(other, r) for other in results)]


@given(st.lists(st.sampled_from(DATES), min_size=1, max_size=5), st.sampled_from(DATES))
def test_the_last_day_follows_all_that_any_follows(days: list[str], other: str) -> None:
    taken, day = [ClinicalDate.parse(one) for one in days], ClinicalDate.parse(other)
    assert follows(last_day(taken), day) == any(follows(one, day) for one in taken)
