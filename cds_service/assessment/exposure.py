"""How long a medicine has been taken: one timeline made of everything that the record tells of it.

Two timelines are kept. The certain one counts only days on which the record vouches for use; the possible one also
counts what it leaves open (an unknown beginning, a stop whose day was not recorded, a partial date). Where only the
possible one is long enough, the answer is "not known": never a no, and never a guess (clinical-guidelines 7.11).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from cds_service.facts.dates import add_months
from cds_service.facts.presence import Presence
from cds_service.facts.problems import Problem, ProblemKind
from cds_service.facts.treatments import Exposure, Interval, Medicine, RecordKind, Stretch, Treatment
from cds_service.knowledge.model import Parameters

_DAY = timedelta(days=1)


def exposure(treatments: Iterable[Treatment], medicine: Medicine, today: date, parameters: Parameters) -> Exposure:
    """Merge all treatments with one medicine class into one timeline.

    Overlaps are merged, gaps of up to `parameters.exposure_gap_days` joined, and a switch within the class (one PPI
    for another) carries on. Eradication packs do not count; as-needed use is told of but never counted as continuous;
    a medicine recognised by its name alone counts, and is said to be so. The order of the input is irrelevant.
    A stretch that reaches today has no end: what comes after today is not known, whatever was planned.
    """
    ours = [t for t in treatments if t.medicine is medicine and not t.is_eradication_pack]
    if not ours:
        return Exposure(medicine)
    counted = [t for t in ours if not t.as_needed]
    intervals = [interval for treatment in counted for interval in treatment.intervals]
    gap = timedelta(days=parameters.exposure_gap_days)
    recent_from = add_months(today, -parameters.exposure_lookback_months)
    stretches = _merged([s for i in intervals if (s := _certain(i, today)) is not None], gap)
    possible = _merged([s for i in intervals if (s := _possible(i, today)) is not None], gap)
    return Exposure(
        medicine=medicine,
        stretches=stretches,
        is_current=_is_current(ours, stretches, possible, today, gap),
        uncertain=tuple(sorted({note for t in ours for note in _doubts(t, today)})),
        sources=tuple(sorted({t.source for t in ours})),
        names=tuple(sorted({t.name for t in ours})),
        unknown_start_sources=tuple(sorted({t.source for t in counted if _start_is_unknown(t, recent_from)})),
        possible=possible,
    )


def used_longer_than(exposure: Exposure, months: int, today: date, parameters: Parameters) -> Presence:
    """Whether it was taken without a break for more than `months` calendar months, now or until recently.

    Strictly more: from 1 October to 1 October is not more than twelve months. A stretch that is over counts when it
    ended within `parameters.exposure_lookback_months`. NOT_KNOWN where use may have lasted that long.
    """

    def any_long(stretches: Iterable[Stretch]) -> bool:
        return any(
            _last_day(s, today) > add_months(s.start, months)
            and add_months(_last_day(s, today), parameters.exposure_lookback_months) >= today
            for s in stretches
        )

    if any_long(exposure.stretches):
        return Presence.YES
    return Presence.NOT_KNOWN if any_long(exposure.possible) else Presence.NO


def taken_lately(exposure: Exposure, today: date, parameters: Parameters) -> bool:
    """Whether the record vouches for use today, or at most as long ago as the gaps that are joined."""
    gap = timedelta(days=parameters.exposure_gap_days)
    return any(_continues(stretch.end, today, gap) for stretch in exposure.stretches)


def given_nitrous_oxide(treatments: Iterable[Treatment], today: date, months: int) -> tuple[Problem, ...]:
    """Nitrous oxide that was given as a medicine within `months`: what it does to B12 does not ask who gave it."""
    found = []
    for treatment in treatments:
        if treatment.medicine is not Medicine.NITROUS_OXIDE:
            continue
        days = [i.end or i.start for i in treatment.intervals]
        last = max((day for day in days if day is not None), key=lambda day: day.order, default=None)
        is_open = any(i.start is None and i.end is None for i in treatment.intervals)
        if is_open or (last is not None and add_months(last.latest, months) >= today):
            found.append(Problem(ProblemKind.NITROUS_OXIDE, treatment.name, treatment.source, last, treatment.is_coded))
    return tuple(found)


def current(exposure: Exposure, today: date) -> Presence:
    """Whether it is taken today: YES where the record vouches for it, NOT_KNOWN where it leaves it open."""
    if any(_covers(stretch, today) for stretch in exposure.stretches):
        return Presence.YES
    return Presence.NOT_KNOWN if any(_covers(stretch, today) for stretch in exposure.possible) else Presence.NO


@dataclass(slots=True)
class _Open:
    """A stretch that is still being merged."""

    start: date
    end: date | None
    start_is_open: bool


def _certain(interval: Interval, today: date) -> Stretch | None:
    """The days that an interval vouches for; None where it vouches for none up to today."""
    start, end = interval.start, interval.end
    ends = None if end is None or end.earliest >= today else end.earliest
    if start is None:
        day = today if ends is None else ends  # taken on that day at least, and it is not known since when
        return Stretch(day, ends, start_is_open=True)
    if start.earliest > today:
        return None
    if start.latest > today:
        # A partial date that reaches beyond today ("2025"): in use now if it goes on, and begun we know not which day.
        return Stretch(today, None, start_is_open=True) if end is None else None
    if ends is not None and ends < start.latest:
        return None
    return Stretch(start.latest, ends, start_is_open=start.earliest < start.latest)


def _possible(interval: Interval, today: date) -> Stretch | None:
    """The longest that an interval may have lasted; None where it lies wholly in the future or contradicts itself."""
    begins = date.min if interval.start is None else interval.start.earliest
    if begins > today:
        return None
    ends = None if interval.end is None or interval.end.latest >= today else interval.end.latest
    if ends is not None and ends < begins:
        return None
    return Stretch(begins, ends, start_is_open=interval.start is None)


def _merged(stretches: Iterable[Stretch], gap: timedelta) -> tuple[Stretch, ...]:
    merged: list[_Open] = []
    for stretch in sorted(stretches, key=lambda s: (s.start, s.end or date.max, s.start_is_open)):
        last = merged[-1] if merged else None
        if last is None or not _continues(last.end, stretch.start, gap):
            merged.append(_Open(stretch.start, stretch.end, stretch.start_is_open))
            continue
        if stretch.start == last.start:
            last.start_is_open = last.start_is_open or stretch.start_is_open
        if last.end is not None:
            last.end = None if stretch.end is None else max(last.end, stretch.end)
    return tuple(Stretch(s.start, s.end, s.start_is_open) for s in merged)


def _continues(end: date | None, start: date, gap: timedelta) -> bool:
    return end is None or start - end - _DAY <= gap


def _is_current(
    treatments: Sequence[Treatment],
    stretches: tuple[Stretch, ...],
    possible: tuple[Stretch, ...],
    today: date,
    gap: timedelta,
) -> Presence:
    if any(_covers(stretch, today) for stretch in stretches):
        return Presence.YES
    may_be = any(_covers(stretch, today) for stretch in possible)
    if may_be or any(t.as_needed and t.is_active for t in treatments):
        return Presence.NOT_KNOWN
    # A supply that ran out days ago may be stretched, or renewed elsewhere: within the gap that we would join, no "no".
    return Presence.NOT_KNOWN if any(_ran_out_lately(t, today, gap) for t in treatments) else Presence.NO


def _ran_out_lately(treatment: Treatment, today: date, gap: timedelta) -> bool:
    if treatment.kind is not RecordKind.DISPENSE or treatment.as_needed:
        return False
    return any(i.end is not None and today - gap <= i.end.latest < today for i in treatment.intervals)


def _covers(stretch: Stretch, day: date) -> bool:
    return stretch.start <= day and (stretch.end is None or day <= stretch.end)


def _last_day(stretch: Stretch, today: date) -> date:
    return today if stretch.end is None else stretch.end


def _start_is_unknown(treatment: Treatment, recent_from: date) -> bool:
    """No beginning is recorded, and the use is recent enough for that to matter."""
    return any(
        interval.start is None and (interval.end is None or interval.end.latest >= recent_from)
        for interval in treatment.intervals
    )


def _doubts(treatment: Treatment, today: date) -> Iterator[str]:
    """In words for a clinician, what about this record could not be counted as certain."""
    source = treatment.source
    if treatment.as_needed:
        yield f"{source}: taken only when needed, so not counted as continuous use"
        return
    if not treatment.is_coded:
        yield f"{source}: recognised by its name only"
    for interval in treatment.intervals:
        if interval.start is None:
            yield f"{source}: it is not recorded when it began"
        elif interval.start.earliest > today:
            yield f"{source}: begins in the future, so it does not count yet"
        elif not interval.start.is_exact:
            yield f"{source}: the day it began is not known, only {interval.start}"
        if interval.end is not None and not interval.end.is_exact and interval.end.earliest < today:
            yield f"{source}: it is not recorded until when it was taken"
    if not treatment.intervals:
        yield f"{source}: tells of no days on which it was taken"
