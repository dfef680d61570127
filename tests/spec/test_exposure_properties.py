"""What must always hold of exposure, whatever the records are."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cds_service.assessment.exposure import current, exposure, used_longer_than
from cds_service.facts.dates import ClinicalDate
from cds_service.facts.presence import Presence
from cds_service.facts.treatments import Exposure, Interval, Medicine, RecordKind, Stretch, Treatment
from tests.builders import TODAY
from tests.medication_builders import PARAMETERS

_FIRST, _LAST = date(2019, 1, 1), date(2026, 12, 31)
_RANK = {Presence.NO: 0, Presence.NOT_KNOWN: 1, Presence.YES: 2}


@st.composite
def clinical_dates(draw: st.DrawFn) -> ClinicalDate:
    first = draw(st.dates(_FIRST, _LAST))
    return ClinicalDate(first, first + timedelta(days=draw(st.sampled_from([0, 0, 0, 30, 364]))))


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    start = draw(st.none() | clinical_dates())
    end = draw(st.none() | clinical_dates())
    if start is not None and end is not None and end.latest < start.earliest:
        start, end = end, start
    return Interval(start, end)


@st.composite
def treatments(draw: st.DrawFn) -> Treatment:
    return Treatment(
        medicine=draw(st.sampled_from([Medicine.METFORMIN, Medicine.METFORMIN, Medicine.PPI])),
        name=draw(st.sampled_from(["a", "b"])),
        source=f"MedicationStatement/{draw(st.integers(0, 9))}",
        kind=draw(st.sampled_from(list(RecordKind))),
        intervals=tuple(draw(st.lists(intervals(), max_size=3))),
        as_needed=draw(st.sampled_from([False, False, True])),
        is_coded=draw(st.booleans()),
    )


records = st.lists(treatments(), max_size=6)


def exposed(given_records: list[Treatment]) -> Exposure:
    return exposure(given_records, Medicine.METFORMIN, TODAY, PARAMETERS)


def days(stretches: tuple[Stretch, ...]) -> set[date]:
    return {
        date.fromordinal(day)
        for s in stretches
        for day in range(max(s.start, _FIRST).toordinal(), (s.end or TODAY).toordinal() + 1)
    }


def rank(found: Exposure, months: int = 4) -> int:
    return _RANK[used_longer_than(found, months, TODAY, PARAMETERS)]


@given(st.lists(treatments(), max_size=6).flatmap(lambda found: st.tuples(st.just(found), st.permutations(found))))
def test_the_order_of_records_is_irrelevant(pair: tuple[list[Treatment], list[Treatment]]) -> None:
    assert exposed(pair[0]) == exposed(pair[1])


@given(records, treatments())
def test_one_more_record_never_shortens_exposure(found: list[Treatment], more: Treatment) -> None:
    before, after = exposed(found), exposed([*found, more])
    assert days(before.stretches) <= days(after.stretches)
    assert days(before.possible) <= days(after.possible)
    assert rank(before) <= rank(after)
    assert rank(before, 12) <= rank(after, 12)


@given(records, clinical_dates(), st.integers(1, 400))
def test_a_longer_supply_never_shortens_exposure(found: list[Treatment], start: ClinicalDate, length: int) -> None:
    def supplied(for_days: int) -> Treatment:
        end = ClinicalDate(start.earliest + timedelta(days=for_days), start.latest + timedelta(days=for_days))
        return Treatment(Medicine.METFORMIN, "m", "MedicationDispense/d", RecordKind.DISPENSE, (Interval(start, end),))

    short, long = exposed([*found, supplied(length)]), exposed([*found, supplied(length + 30)])
    assert days(short.stretches) <= days(long.stretches)
    assert rank(short) <= rank(long)


@given(records, st.dates(_FIRST, TODAY), st.integers(2, 600), st.data())
def test_splitting_an_interval_in_two_changes_nothing(
    found: list[Treatment], start: date, length: int, data: st.DataObject
) -> None:
    end = start + timedelta(days=length)
    cut = start + timedelta(days=data.draw(st.integers(0, length - 1)))
    whole = Treatment(
        Medicine.METFORMIN,
        "m",
        "MedicationStatement/x",
        RecordKind.STATEMENT,
        (Interval(ClinicalDate.on(start), ClinicalDate.on(end)),),
    )
    halves = replace(
        whole,
        intervals=(
            Interval(ClinicalDate.on(start), ClinicalDate.on(cut)),
            Interval(ClinicalDate.on(cut + timedelta(days=1)), ClinicalDate.on(end)),
        ),
    )
    one, two = exposed([*found, whole]), exposed([*found, halves])
    assert (one.stretches, one.possible, one.is_current) == (two.stretches, two.possible, two.is_current)


@given(records, treatments())
def test_an_unrelated_medicine_changes_nothing(found: list[Treatment], other: Treatment) -> None:
    assert exposed([*found, replace(other, medicine=Medicine.H2_BLOCKER)]) == exposed(found)


@given(records)
def test_stretches_are_apart_in_order_and_not_in_the_future(found: list[Treatment]) -> None:
    stretches = exposed(found).stretches
    for stretch in stretches:
        assert stretch.start <= TODAY
        assert stretch.end is None or stretch.start <= stretch.end < TODAY
    for earlier, later in pairwise(stretches):
        assert earlier.end is not None
        assert (later.start - earlier.end).days - 1 > PARAMETERS.exposure_gap_days


@given(records)
def test_what_is_certain_is_possible(found: list[Treatment]) -> None:
    seen = exposed(found)
    assert days(seen.stretches) <= days(seen.possible)


@given(records)
def test_more_months_are_never_easier_to_reach(found: list[Treatment]) -> None:
    seen = exposed(found)
    assert rank(seen, 12) <= rank(seen, 4)


@given(records)
def test_what_the_timeline_says_of_today_is_never_denied(found: list[Treatment]) -> None:
    seen = exposed(found)
    assert _RANK[seen.is_current] >= _RANK[current(seen, TODAY)]
