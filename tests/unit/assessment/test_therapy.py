"""Vitamin B12 therapy: what is therapeutic, since when, when it has lapsed, and what was drawn on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cds_service.assessment.exposure import Exposure
from cds_service.assessment.therapy import is_therapeutic, read_therapy
from cds_service.facts.dates import ClinicalDate
from cds_service.facts.presence import Presence
from cds_service.facts.treatments import DailyDose, Interval, Medicine, RecordKind, Route, Treatment
from cds_service.fhir.medication_times import Now
from cds_service.fhir.medication_times import halted as halted_intervals
from cds_service.knowledge.loader import load

PARAMETERS = load().parameters
TODAY = date(2025, 10, 1)


def _b12(
    start: date | None = date(2025, 7, 1),
    end: date | None = None,
    *,
    mg: str | None = "2",
    per_unit: str | None = None,
    route: Route = Route.ORAL,
    kind: RecordKind = RecordKind.REQUEST,
    as_needed: bool = False,
) -> Treatment:
    interval = Interval(
        ClinicalDate.on(start) if start is not None else None, ClinicalDate.on(end) if end is not None else None
    )
    return Treatment(
        Medicine.B12,
        "vitamin B12",
        f"{kind}/{start}",
        kind,
        (interval,),
        dose=DailyDose(Decimal(mg) if mg is not None else None),
        dose_mg=Decimal(per_unit) if per_unit is not None else None,
        route=route,
        as_needed=as_needed,
        is_active=end is None,
    )


def _injections(*days: date) -> list[Treatment]:
    return [_b12(day, day, mg=None, route=Route.PARENTERAL, kind=RecordKind.ADMINISTRATION) for day in days]


@pytest.mark.parametrize(
    ("treatment", "therapeutic"),
    [
        (_b12(mg="0.5"), Presence.YES),
        (_b12(mg="0.499"), Presence.NO),
        (_b12(mg="0.006"), Presence.NO),
        (_b12(mg=None), Presence.NOT_KNOWN),
        (_b12(mg=None, per_unit="0.006"), Presence.NO),
        (_b12(mg=None, per_unit="0.5"), Presence.NOT_KNOWN),
        (_b12(mg=None, route=Route.PARENTERAL), Presence.YES),
        (_b12(mg="0.033", route=Route.PARENTERAL), Presence.YES),
        (_b12(mg=None, route=Route.NASAL), Presence.NOT_KNOWN),
    ],
)
def test_half_a_milligram_a_day_or_any_injection_is_therapeutic(treatment: Treatment, therapeutic: Presence) -> None:
    assert is_therapeutic(treatment, PARAMETERS) is therapeutic


def test_no_b12_is_no_therapy() -> None:
    therapy = read_therapy([], TODAY, PARAMETERS)
    assert therapy.is_current is Presence.NO
    assert not therapy.was_ever
    assert therapy.current_since is None
    assert therapy.ended is None
    assert not therapy.covers(ClinicalDate.on(TODAY))
    other = replace(_b12(), medicine=Medicine.METFORMIN)
    when_needed = replace(read_therapy([_b12(as_needed=True)], TODAY, PARAMETERS), too_little=())
    assert therapy == read_therapy([other], TODAY, PARAMETERS) == replace(when_needed, course=Exposure(Medicine.B12))


def test_another_medicine_and_use_when_needed_are_no_therapy() -> None:
    when_needed = read_therapy([_b12(as_needed=True)], TODAY, PARAMETERS)
    assert when_needed.is_current is Presence.NO


def test_a_course_that_goes_on_is_current_since_its_first_day() -> None:
    therapy = read_therapy([_b12()], TODAY, PARAMETERS)
    assert therapy.is_current is Presence.YES
    assert therapy.current_since == date(2025, 7, 1)
    assert therapy.is_oral_only


def test_a_dose_that_cannot_be_told_leaves_therapy_open() -> None:
    therapy = read_therapy([_b12(mg=None)], TODAY, PARAMETERS)
    assert therapy.is_current is Presence.NOT_KNOWN
    assert not therapy.was_ever


def test_monthly_injections_lapse_a_grace_after_the_next_was_due() -> None:
    monthly = [date(2025, 3, 10), date(2025, 4, 9), date(2025, 5, 9)]
    due = monthly[-1] + timedelta(days=30)
    grace = timedelta(days=PARAMETERS.injection_grace_days)
    assert read_therapy(_injections(*monthly), due + grace, PARAMETERS).is_current is Presence.YES
    lapsed = read_therapy(_injections(*monthly), due + grace + timedelta(days=1), PARAMETERS)
    assert lapsed.is_current is Presence.NO
    assert lapsed.ended == due + grace


def test_one_injection_is_taken_for_one_of_a_long_interval() -> None:
    given = date(2025, 6, 1)
    cover = timedelta(days=PARAMETERS.injection_cover_days + PARAMETERS.injection_grace_days)
    assert read_therapy(_injections(given), given + cover, PARAMETERS).is_current is Presence.YES
    assert read_therapy(_injections(given), given + cover + timedelta(days=1), PARAMETERS).is_current is Presence.NO


@pytest.mark.parametrize(("days_ago", "current"), [(122, Presence.YES), (123, Presence.NO)])
def test_an_injection_that_was_ordered_once_counts_as_long_as_one_that_was_given(
    days_ago: int, current: Presence
) -> None:
    day = TODAY - timedelta(days=days_ago)
    ordered = replace(_b12(day, day, mg=None, route=Route.PARENTERAL), is_single=True)
    for treatments in ([ordered], _injections(day)):
        assert read_therapy(treatments, TODAY, PARAMETERS).is_current is current
    therapy = read_therapy([ordered], TODAY, PARAMETERS)
    assert (therapy.injected, therapy.ordered_once) == ((), (day,))


def test_the_interval_between_injections_is_never_taken_for_longer_than_the_longest_usual() -> None:
    rare = [date(2023, 1, 1), date(2024, 6, 1)]
    cover = timedelta(days=PARAMETERS.injection_cover_days + PARAMETERS.injection_grace_days)
    assert read_therapy(_injections(*rare), rare[-1] + cover + timedelta(days=1), PARAMETERS).is_current is Presence.NO


def test_two_injections_on_one_day_are_no_interval() -> None:
    given = date(2025, 6, 1)
    therapy = read_therapy(_injections(given, given), given + timedelta(days=100), PARAMETERS)
    assert therapy.is_current is Presence.YES


def test_a_sample_of_the_first_day_is_before_therapy_and_of_the_next_day_on_it() -> None:
    therapy = read_therapy([_b12()], TODAY, PARAMETERS)
    assert not therapy.covers(ClinicalDate.on(date(2025, 7, 1)))
    assert therapy.covers(ClinicalDate.on(date(2025, 7, 2)))
    assert therapy.covers(ClinicalDate.parse("2025"))


def test_after_a_course_samples_stay_undiagnostic_for_the_washout() -> None:
    therapy = read_therapy([_b12(date(2023, 1, 1), date(2023, 6, 1))], TODAY, PARAMETERS)
    assert therapy.ended == date(2023, 6, 1)
    assert therapy.covers(ClinicalDate.on(date(2024, 6, 1)))
    assert not therapy.covers(ClinicalDate.on(date(2024, 6, 2)))


def test_a_course_of_unknown_beginning_covers_every_sample() -> None:
    therapy = read_therapy([_b12(None)], TODAY, PARAMETERS)
    assert therapy.is_current is Presence.YES
    assert therapy.current_since is None
    assert therapy.covers(ClinicalDate.on(date(2001, 1, 1)))


def test_tablets_beside_injections_are_not_oral_only() -> None:
    both = [_b12(), _b12(date(2025, 6, 1), route=Route.PARENTERAL)]
    assert not read_therapy(both, TODAY, PARAMETERS).is_oral_only


def _given(taken: ClinicalDate | None, **fields: Any) -> Treatment:
    """One injection of a day as it was recorded."""
    return replace(_injections(TODAY)[0], intervals=(Interval(taken, taken),), **fields)


@pytest.mark.parametrize(("days_ago", "current"), [(122, Presence.NOT_KNOWN), (123, Presence.NO)])
def test_b12_of_unknown_route_given_on_a_day_may_last_as_long_as_an_injection(days_ago: int, current: Presence) -> None:
    unknown = {"route": Route.NOT_KNOWN, "is_active": False}
    given = _given(ClinicalDate.on(TODAY - timedelta(days=days_ago)), **unknown)
    assert read_therapy([given], TODAY, PARAMETERS).is_current is current
    ordered = replace(given, kind=RecordKind.REQUEST)
    assert read_therapy([ordered], TODAY, PARAMETERS).is_current is Presence.NO


def test_how_far_injections_lie_apart_is_read_from_the_last_three_gaps() -> None:
    days = [100, 190, 280, 290, 300]  # gaps of 90, 90, 10 and 10 days, the newest first
    injections = _injections(*(TODAY - timedelta(days=day) for day in days))
    assert read_therapy(injections, TODAY, PARAMETERS).is_current is Presence.YES


def test_an_order_of_injections_that_ended_has_a_grace_and_no_interval() -> None:
    def ended(days_ago: int) -> Presence:
        order = _b12(end=TODAY - timedelta(days=days_ago), mg=None, route=Route.PARENTERAL)
        return read_therapy([order], TODAY, PARAMETERS).is_current

    assert (ended(30), ended(31)) == (Presence.YES, Presence.NO)


@pytest.mark.parametrize("days_ago", [0, 1, 16, 30])
def test_injections_that_were_stopped_or_paused_are_never_certainly_current(days_ago: int) -> None:
    last = TODAY - timedelta(days=days_ago)
    order = _b12(last, last, mg=None, route=Route.PARENTERAL)
    halted = replace(order, is_halted=True, intervals=halted_intervals(order.intervals, Now(TODAY, 60)))
    assert read_therapy([order], TODAY, PARAMETERS).is_current is Presence.YES
    assert read_therapy([halted], TODAY, PARAMETERS).is_current is Presence.NOT_KNOWN


def test_injections_that_were_stopped_may_last_as_long_as_others() -> None:
    over = _b12(TODAY - timedelta(days=40), TODAY - timedelta(days=31), mg=None, route=Route.PARENTERAL)
    assert read_therapy([replace(over, is_halted=True)], TODAY, PARAMETERS).is_current is Presence.NO


def test_an_injection_that_was_broken_off_shows_no_interval_and_no_day_on_which_one_was_given() -> None:
    given, broken_off = _injections(TODAY - timedelta(days=120), TODAY - timedelta(days=110))
    therapy = read_therapy([given, replace(broken_off, is_halted=True)], TODAY, PARAMETERS)
    assert therapy.injected == (TODAY - timedelta(days=120),)
    assert therapy.is_current is Presence.YES  # the gap of ten days, of which one was never given, is no interval
    alone = read_therapy([replace(broken_off, is_halted=True)], TODAY, PARAMETERS)
    assert (alone.injected, alone.is_current) == ((), Presence.NOT_KNOWN)


def test_stopped_injections_do_not_hide_that_others_are_given() -> None:
    stopped = replace(_b12(end=TODAY - timedelta(days=5), route=Route.PARENTERAL), is_halted=True)
    given = _injections(TODAY - timedelta(days=10))
    assert read_therapy([stopped, *given], TODAY, PARAMETERS).is_current is Presence.YES


def test_an_injection_of_a_day_that_is_not_known_may_still_last() -> None:
    assert read_therapy([_given(ClinicalDate.parse("2025"))], TODAY, PARAMETERS).is_current is Presence.NOT_KNOWN


def test_an_injection_counts_from_its_day() -> None:
    therapy = read_therapy(_injections(date(2025, 9, 1)), TODAY, PARAMETERS)
    assert (therapy.current_since, therapy.last_taken) == (date(2025, 9, 1), date(2025, 9, 1))


def test_a_course_that_is_over_is_not_current_since_any_day_and_one_without_days_was_last_taken_on_none() -> None:
    over = read_therapy([_b12(end=date(2025, 8, 1))], TODAY, PARAMETERS)
    assert (over.current_since, over.ended) == (None, date(2025, 8, 1))
    assert read_therapy([replace(_b12(), intervals=())], TODAY, PARAMETERS).last_taken is None


@pytest.mark.parametrize(("day", "after"), [(date(2025, 7, 31), True), (date(2025, 8, 1), False)])
def test_b12_was_taken_after_a_day_that_is_before_its_last(day: date, after: bool) -> None:
    assert read_therapy([_b12(end=date(2025, 8, 1))], TODAY, PARAMETERS).was_taken_after(day) is after
    assert read_therapy([_b12()], TODAY, PARAMETERS).was_taken_after(day)


def test_a_sample_of_the_year_in_which_therapy_began_may_have_been_drawn_on_it() -> None:
    since_2024 = replace(_b12(), intervals=(Interval(ClinicalDate.parse("2024"), None),))
    assert read_therapy([since_2024], TODAY, PARAMETERS).covers(ClinicalDate.parse("2024-06-01"))


@pytest.mark.parametrize(
    ("since", "until", "may_cover"),
    [
        ("2025-01-01", "2025-05-31", True),
        (None, None, True),
        ("2025-07-01", None, False),  # blood is drawn first
        ("2025-06-30", None, True),
        ("2024-01-01", "2024-02-01", False),
        ("2024-01-01", "2024-07-01", True),  # the last day on which it may still show
        ("2024-01-01", "2024-06-30", False),
    ],
)
def test_a_sample_may_have_been_drawn_on_b12_of_unknown_dose(
    since: str | None, until: str | None, may_cover: bool
) -> None:
    interval = Interval(ClinicalDate.parse(since) if since else None, ClinicalDate.parse(until) if until else None)
    unknown = Treatment(Medicine.B12, "b12", "MedicationStatement/1", RecordKind.STATEMENT, (interval,))
    therapy = read_therapy([unknown], TODAY, PARAMETERS)

    assert therapy.doubtful == (unknown,)
    assert therapy.may_cover(ClinicalDate.parse("2025-07-01")) is may_cover
    assert not read_therapy([], TODAY, PARAMETERS).may_cover(ClinicalDate.parse("2025-07-01"))


def _planned(days: int) -> Treatment:
    return replace(_b12(TODAY + timedelta(days=days)), is_active=False, is_planned=True)


def test_what_is_yet_to_begin_is_planned_and_neither_taken_nor_over() -> None:
    therapy = read_therapy([_planned(5), _planned(2)], TODAY, PARAMETERS)
    assert (therapy.is_current, therapy.was_ever, therapy.ended) == (Presence.NO, False, None)
    assert therapy.starts == ClinicalDate.on(TODAY + timedelta(days=2))
    assert not therapy.was_taken_after(date(2025, 1, 1))
    assert read_therapy([_b12()], TODAY, PARAMETERS).starts is None


def test_a_new_order_does_not_hide_what_was_taken_before_it() -> None:
    therapy = read_therapy([_b12(end=date(2025, 8, 1)), _planned(2)], TODAY, PARAMETERS)
    assert (therapy.ended, therapy.was_ever, len(therapy.planned)) == (date(2025, 8, 1), True, 1)


@pytest.mark.parametrize("fields", [{"dose": DailyDose(Decimal("0.1"))}, {"as_needed": True}, {"is_planned": False}])
def test_too_little_and_what_is_on_hold_are_not_planned(fields: dict[str, Any]) -> None:
    assert read_therapy([_planned(2)], TODAY, PARAMETERS).planned
    assert not read_therapy([replace(_planned(2), **fields)], TODAY, PARAMETERS).planned


def _handed_over(last: date, **fields: Any) -> Treatment:
    return replace(_b12(date(2025, 1, 1), last, kind=RecordKind.DISPENSE), **fields)


@pytest.mark.parametrize(("days_ago", "lately"), [(0, False), (1, True), (30, True), (31, False)])
def test_a_supply_ran_out_lately_as_long_as_the_next_may_be_late(days_ago: int, lately: bool) -> None:
    last = TODAY - timedelta(days=days_ago)
    assert read_therapy([_handed_over(last)], TODAY, PARAMETERS).ran_out_lately is lately
    for other in (_handed_over(last, is_halted=True), _handed_over(last, kind=RecordKind.REQUEST)):
        assert not read_therapy([other], TODAY, PARAMETERS).ran_out_lately


def test_a_supply_of_unknown_dose_did_not_run_out_but_was_taken() -> None:
    therapy = read_therapy([_handed_over(date(2025, 5, 29), dose=DailyDose(None))], TODAY, PARAMETERS)
    assert not therapy.ran_out_lately
    assert (therapy.was_taken_after(date(2025, 5, 28)), therapy.was_taken_after(date(2025, 5, 29))) == (True, False)


def test_what_is_planned_of_unknown_dose_was_not_taken() -> None:
    planned = replace(_planned(3), dose=DailyDose(None))
    assert not read_therapy([planned], TODAY, PARAMETERS).was_taken_after(date(2025, 1, 1))
