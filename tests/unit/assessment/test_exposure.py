"""The exposure engine: one timeline of each medicine class, certain and possible."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from cds_service.assessment.exposure import current, exposure, given_nitrous_oxide, used_longer_than
from cds_service.facts.dates import ClinicalDate
from cds_service.facts.presence import Presence
from cds_service.facts.problems import ProblemKind
from cds_service.facts.treatments import Exposure, Interval, Medicine, RecordKind, Stretch, Treatment
from tests.builders import TODAY
from tests.medication_builders import PARAMETERS, interval, treatment


def exposed(*treatments: Treatment, medicine: Medicine = Medicine.METFORMIN) -> Exposure:
    return exposure(treatments, medicine, TODAY, PARAMETERS)


def longer(months: int, *treatments: Treatment) -> Presence:
    return used_longer_than(exposed(*treatments), months, TODAY, PARAMETERS)


@pytest.mark.parametrize(
    ("start", "months", "expected"),
    [
        ("2025-05-30", 4, Presence.YES),
        ("2025-06-01", 4, Presence.NO),  # exactly four months
        ("2025-05-31", 4, Presence.YES),
        ("2024-10-01", 12, Presence.NO),  # exactly twelve months
        ("2024-09-30", 12, Presence.YES),
        ("2024-10-02", 12, Presence.NO),
    ],
)
def test_longer_is_strictly_more_than_calendar_months(start: str, months: int, expected: Presence) -> None:
    assert longer(months, treatment(interval(start, None))) is expected


def test_months_end_where_the_calendar_has_no_such_day() -> None:
    begun = treatment(interval("2024-10-31", None))
    on_28_february = exposure([begun], Medicine.METFORMIN, date(2025, 2, 28), PARAMETERS)
    assert used_longer_than(on_28_february, 4, date(2025, 2, 28), PARAMETERS) is Presence.NO
    on_1_march = exposure([begun], Medicine.METFORMIN, date(2025, 3, 1), PARAMETERS)
    assert used_longer_than(on_1_march, 4, date(2025, 3, 1), PARAMETERS) is Presence.YES


def test_an_unknown_start_is_unknown_and_not_zero() -> None:
    found = exposed(treatment(interval(None, None)))
    assert used_longer_than(found, 4, TODAY, PARAMETERS) is Presence.NOT_KNOWN
    assert found.is_current is Presence.YES
    assert found.unknown_start_sources == ("MedicationStatement/s1",)
    assert found.stretches == (Stretch(TODAY, None, start_is_open=True),)


def test_taken_on_a_day_without_a_start_counts_from_that_day_and_may_be_longer() -> None:
    listed = treatment(interval(None, "2025-08-01"), interval("2025-08-01", None))
    found = exposed(listed)
    assert found.stretches == (Stretch(date(2025, 8, 1), None, start_is_open=True),)
    assert used_longer_than(found, 1, TODAY, PARAMETERS) is Presence.YES
    assert used_longer_than(found, 4, TODAY, PARAMETERS) is Presence.NOT_KNOWN


@pytest.mark.parametrize(("gap", "expected"), [(60, Presence.YES), (61, Presence.NO)])
def test_gaps_up_to_the_limit_are_joined(gap: int, expected: Presence) -> None:
    second = TODAY - timedelta(days=30)
    first_end = second - timedelta(days=gap + 1)
    first = interval(first_end - timedelta(days=100), first_end)
    assert longer(4, treatment(first, interval(second, None))) is expected


def test_overlapping_records_of_several_kinds_are_one_stretch() -> None:
    found = exposed(
        treatment(interval("2024-01-01", "2025-01-31")),
        treatment(interval("2025-01-01", "2025-06-30"), source="MedicationRequest/q1", kind=RecordKind.REQUEST),
        treatment(interval("2025-06-01", None), source="MedicationDispense/d1", kind=RecordKind.DISPENSE),
    )
    assert found.stretches == (Stretch(date(2024, 1, 1), None),)
    assert found.sources == ("MedicationDispense/d1", "MedicationRequest/q1", "MedicationStatement/s1")


def test_a_switch_within_the_class_carries_on() -> None:
    omeprazole = treatment(interval("2024-01-01", "2024-12-31"), medicine=Medicine.PPI, name="omeprazole")
    pantoprazole = treatment(interval("2025-01-10", None), medicine=Medicine.PPI, name="pantoprazole", source="M/2")
    found = exposed(omeprazole, pantoprazole, medicine=Medicine.PPI)
    assert found.names == ("omeprazole", "pantoprazole")
    assert used_longer_than(found, 12, TODAY, PARAMETERS) is Presence.YES


def test_another_medicine_does_not_count() -> None:
    assert exposed(treatment(interval("2018-01-01", None), medicine=Medicine.PPI)) == Exposure(Medicine.METFORMIN)


def test_an_eradication_pack_is_no_exposure() -> None:
    pack = treatment(interval("2018-01-01", None), medicine=Medicine.PPI, is_eradication_pack=True)
    assert exposed(pack, medicine=Medicine.PPI) == Exposure(Medicine.PPI)


def test_as_needed_use_is_told_but_never_counted() -> None:
    found = exposed(treatment(interval("2022-01-01", None), as_needed=True, is_active=True))
    assert found.stretches == ()
    assert used_longer_than(found, 12, TODAY, PARAMETERS) is Presence.NO
    assert found.is_current is Presence.NOT_KNOWN
    assert any("only when needed" in note for note in found.uncertain)


def test_a_medicine_known_by_name_counts_and_says_so() -> None:
    found = exposed(treatment(interval("2018-01-01", None), is_coded=False))
    assert used_longer_than(found, 4, TODAY, PARAMETERS) is Presence.YES
    assert found.uncertain == ("MedicationStatement/s1: recognised by its name only",)


@pytest.mark.parametrize(
    ("end", "expected"),
    [("2025-09-30", Presence.YES), ("2024-10-01", Presence.YES), ("2024-09-30", Presence.NO)],
)
def test_use_that_is_over_counts_within_the_lookback(end: str, expected: Presence) -> None:
    found = exposed(treatment(interval("2018-01-01", end)))
    assert used_longer_than(found, 4, TODAY, PARAMETERS) is expected
    assert found.is_current is Presence.NO


def test_a_future_start_does_not_count_yet() -> None:
    found = exposed(treatment(interval("2025-10-02", None)))
    assert found.stretches == ()
    assert found.is_current is Presence.NO
    assert any("in the future" in note for note in found.uncertain)


def test_an_end_in_the_future_is_no_use_until_then() -> None:
    found = exposed(treatment(interval("2025-06-15", "2026-06-15")))
    assert found.stretches == (Stretch(date(2025, 6, 15), None),)
    assert used_longer_than(found, 4, TODAY, PARAMETERS) is Presence.NO


@pytest.mark.parametrize(
    ("start", "months", "expected"),
    [
        ("2024", 4, Presence.YES),  # even from the last day of the year
        ("2025-05", 4, Presence.YES),
        ("2025-06", 4, Presence.NO),
        ("2025-05", 12, Presence.NO),
        ("2024-09", 12, Presence.YES),
        ("2024", 12, Presence.NOT_KNOWN),  # from 1 January, perhaps; from 31 December, no
        ("2025", 4, Presence.NOT_KNOWN),
    ],
)
def test_a_partial_start_is_compared_as_the_interval_it_is(start: str, months: int, expected: Presence) -> None:
    assert longer(months, treatment(interval(start, None))) is expected


def test_an_end_that_was_not_recorded_is_certain_only_at_its_beginning() -> None:
    stopped = treatment(
        Interval(ClinicalDate.parse("2025-01-01"), ClinicalDate(date(2025, 1, 1), TODAY - timedelta(days=1)))
    )
    found = exposed(stopped)
    assert found.stretches == (Stretch(date(2025, 1, 1), date(2025, 1, 1)),)
    assert used_longer_than(found, 4, TODAY, PARAMETERS) is Presence.NOT_KNOWN
    assert found.is_current is Presence.NO
    assert any("until when" in note for note in found.uncertain)


def test_what_may_go_on_until_today_leaves_it_open_whether_it_is_taken() -> None:
    on_hold = treatment(Interval(ClinicalDate.parse("2025-01-01"), ClinicalDate(date(2025, 1, 1), TODAY)))
    assert exposed(on_hold).is_current is Presence.NOT_KNOWN
    assert current(exposed(on_hold), TODAY) is Presence.NOT_KNOWN


def test_a_dispensed_supply_that_ran_out_lately_leaves_it_open_whether_it_is_taken() -> None:
    def ran_out(days: int) -> Presence:
        end = TODAY - timedelta(days=days)
        return exposed(treatment(interval(end - timedelta(days=89), end), kind=RecordKind.DISPENSE)).is_current

    assert ran_out(0) is Presence.YES
    assert ran_out(1) is Presence.NOT_KNOWN
    assert ran_out(60) is Presence.NOT_KNOWN
    assert ran_out(61) is Presence.NO


def test_no_treatment_is_no_use() -> None:
    found = exposed()
    assert found == Exposure(Medicine.METFORMIN)
    assert current(found, TODAY) is Presence.NO
    assert used_longer_than(found, 4, TODAY, PARAMETERS) is Presence.NO


def test_a_record_without_any_days_says_so() -> None:
    assert exposed(treatment()).uncertain == ("MedicationStatement/s1: tells of no days on which it was taken",)


def test_an_unknown_start_of_long_ago_is_not_reported() -> None:
    assert exposed(treatment(interval(None, "2015-01-01"))).unknown_start_sources == ()


def test_what_begins_today_is_taken_since_today() -> None:
    found = exposed(treatment(interval("2025-10-01", None)))
    assert found.stretches == found.possible == (Stretch(TODAY, None),)
    assert found.is_current is Presence.YES
    assert found.uncertain == ()


def test_a_stretch_that_reaches_today_has_no_end() -> None:
    found = exposed(treatment(interval("2025-06-15", "2025-10-01")))
    assert found.stretches == found.possible == (Stretch(date(2025, 6, 15), None),)


@pytest.mark.parametrize(
    ("end", "certain"), [(None, (Stretch(TODAY, None, start_is_open=True),)), ("2025-12-31", ()), ("2025-06-30", ())]
)
def test_a_start_that_may_lie_in_the_future_vouches_for_today_alone_and_only_without_an_end(
    end: str | None, certain: tuple[Stretch, ...]
) -> None:
    assert exposed(treatment(interval("2025", end))).stretches == certain


def test_a_partial_start_leaves_open_whether_it_began_before() -> None:
    found = exposed(treatment(interval("2024-09", None)))
    assert found.stretches == (Stretch(date(2024, 9, 30), None, start_is_open=True),)
    assert found.possible == (Stretch(date(2024, 9, 1), None, start_is_open=False),)


def test_use_without_a_start_may_have_lasted_for_ever() -> None:
    assert exposed(treatment(interval(None, None))).possible == (Stretch(date.min, None, start_is_open=True),)


@pytest.mark.parametrize(("seen_on", "is_open"), [("2024-01-01", True), ("2025-02-01", False)])
def test_only_a_record_of_the_first_day_leaves_open_when_a_stretch_began(seen_on: str, is_open: bool) -> None:
    begun = treatment(interval("2024-01-01", None))
    listed = treatment(interval(None, seen_on), source="MedicationStatement/s2")
    assert exposed(begun, listed).stretches == (Stretch(date(2024, 1, 1), None, start_is_open=is_open),)


def test_as_needed_use_that_is_over_is_not_current() -> None:
    found = exposed(treatment(interval("2022-01-01", "2022-06-01"), as_needed=True, is_active=False))
    assert found.is_current is Presence.NO


def test_the_last_day_of_a_stretch_belongs_to_it() -> None:
    assert current(Exposure(Medicine.METFORMIN, (Stretch(date(2025, 1, 1), TODAY),)), TODAY) is Presence.YES


@pytest.mark.parametrize(("last_seen", "sources"), [("2024-10-01", ("MedicationStatement/s1",)), ("2024-09-30", ())])
def test_an_unknown_start_is_reported_while_its_use_can_still_count(last_seen: str, sources: tuple[str, ...]) -> None:
    assert exposed(treatment(interval(None, last_seen))).unknown_start_sources == sources


def test_an_end_planned_for_this_month_leaves_nothing_in_doubt() -> None:
    assert exposed(treatment(interval("2024-01-01", "2025-10"))).uncertain == ()


def gas(*intervals: Interval, source: str = "MedicationAdministration/gas", **fields: Any) -> Treatment:
    given = treatment(*intervals)
    return replace(given, medicine=Medicine.NITROUS_OXIDE, name="nitrous oxide", source=source, **fields)


@pytest.mark.parametrize(
    ("intervals", "since"),
    [
        ([interval("2025-07-01", "2025-07-01")], "2025-07-01"),
        ([interval("2025-06-30", "2025-06-30")], None),
        ([interval("2025-07-15", None)], "2025-07-15"),
        ([interval(None, "2025-07-15")], "2025-07-15"),
        ([interval("2024-07-01", "2025-07-15"), interval("2025-01-01", "2025-01-02")], "2025-07-15"),
        ([interval(None, "2024-07-15")], None),
    ],
)
def test_nitrous_oxide_counts_for_the_months_after_it_was_last_given(
    intervals: list[Interval], since: str | None
) -> None:
    found = given_nitrous_oxide([treatment(interval("2025-01-01", None)), gas(*intervals)], TODAY, 3)
    assert [str(problem.since) for problem in found] == ([since] if since else [])


def test_nitrous_oxide_of_a_day_that_nobody_recorded_counts() -> None:
    [problem] = given_nitrous_oxide([gas(interval(None, None), is_coded=False)], TODAY, 3)
    assert (problem.since, problem.is_coded) == (None, False)
    assert (problem.kind, problem.source) == (ProblemKind.NITROUS_OXIDE, "MedicationAdministration/gas")
    assert given_nitrous_oxide([gas()], TODAY, 3) == ()
