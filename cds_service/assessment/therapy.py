"""Vitamin B12 therapy: whether the patient is on a therapeutic dose, since when, and what was drawn on it.

Therapeutic is a daily dose by mouth of at least the configured amount, or any injection (clinical-guidelines 5 and 8):
the few micrograms in a multivitamin are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from statistics import median_low

from cds_service.assessment.exposure import exposure
from cds_service.facts.dates import ClinicalDate, add_months, later
from cds_service.facts.orders import DraftContent
from cds_service.facts.presence import Presence
from cds_service.facts.treatments import GIVEN_ON_A_DAY, Exposure, Interval, Medicine, RecordKind, Route, Treatment
from cds_service.knowledge.model import Parameters


@dataclass(frozen=True, slots=True)
class Therapy:
    """B12 therapy over time. `doubtful` are B12 medicines whose dose could not be told, `too_little` those that are
    certainly below a therapeutic dose or taken only when needed. `injected` are the days on which a record says that
    an injection was given, oldest first, `ordered_once` those of orders for a single one.
    `planned` is therapeutic B12 that is on record and yet to begin.
    `ran_out_lately`: a supply that was handed over ran out, and not so long ago that it is overdue.
    """

    course: Exposure
    treatments: tuple[Treatment, ...]
    doubtful: tuple[Treatment, ...]
    too_little: tuple[Treatment, ...]
    is_current: Presence
    is_oral_only: bool
    washout_months: int
    injected: tuple[date, ...] = ()
    ordered_once: tuple[date, ...] = ()
    planned: tuple[Treatment, ...] = ()
    ran_out_lately: bool = False

    @property
    def current_since(self) -> date | None:
        """First day of the present course; None when there is none, or its beginning is not known."""
        if self.is_current is not Presence.YES or not self.course.stretches:
            return None
        last = self.course.stretches[-1]
        return None if last.start_is_open else last.start

    @property
    def ended(self) -> date | None:
        """Last day of the last course when it is over."""
        if self.is_current is not Presence.NO or not self.course.stretches:
            return None
        return self.course.stretches[-1].end

    @property
    def last_taken(self) -> date | None:
        """The last day up to which a record vouches for it, without the time that an injection goes on to count."""
        ends = [i.end or i.start for t in self.treatments for i in t.intervals]
        return max((day.earliest for day in ends if day is not None), default=None)

    @property
    def last_product(self) -> str:
        """What the record that vouches for the last of those days calls what was taken; "" where there is none."""
        last = self.last_taken
        for treatment in self.treatments:
            for interval in treatment.intervals:
                day = interval.end or interval.start
                if last is not None and day is not None and day.earliest == last:
                    return treatment.name
        return ""

    @property
    def days_before_last(self) -> int:
        """How many days before the last dose that was given on a day another was; 0 where that tells of no interval."""
        if len(self.injected) < 2 or self.injected[-1] != self.last_taken:
            return 0
        gap = (self.injected[-1] - self.injected[-2]).days
        return gap if gap > 1 else 0

    @property
    def last_injection(self) -> Treatment | None:
        """The injections that were, or are, given last; None without any, or where two forms of cobalamin were."""
        injected = [t for t in self.treatments if t.route is Route.PARENTERAL and t.intervals]
        days = [max(i.end.earliest if i.end is not None else date.max for i in t.intervals) for t in injected]
        last = max(days, default=None)
        newest = [t for t, day in zip(injected, days, strict=True) if day == last]
        return newest[0] if newest and len({t.form for t in newest}) == 1 else None

    @property
    def was_ever(self) -> bool:
        """Whether any therapeutic B12 was ever recorded as begun."""
        return bool(self.treatments)

    @property
    def starts(self) -> ClinicalDate | None:
        """When planned therapy begins: the first of its days; None where none is planned."""
        return first_start(self.planned)

    def was_taken_after(self, day: date) -> bool:
        """Whether any B12 that is, or may be, therapeutic was, or may have been, taken after this day."""
        taken = (*self.treatments, *(t for t in self.doubtful if not t.is_planned))
        ends = [interval.end for treatment in taken for interval in treatment.intervals]
        return any(end is None or end.latest > day for end in ends)

    def covers(self, taken: ClinicalDate) -> bool:
        """Whether a sample was, or may have been, drawn on therapy or within the washout after it.

        Such a sample is not diagnostic and rules nothing out (clinical-guidelines 7.8). The day therapy began still
        counts as before it: blood is drawn first.
        """
        return self._covers(taken, self.washout_months)

    def is_taken_on(self, taken: ClinicalDate) -> bool:
        """Whether a sample was, or may have been, drawn while therapy went on. After it a level may still be too high,
        and a metabolite too low; neither can be wrong in the other direction."""
        return self._covers(taken, 0)

    def _covers(self, taken: ClinicalDate, months_after: int) -> bool:
        if self.course.unknown_start_sources:
            return True
        for stretch in self.course.stretches:
            begins = date.min if stretch.start_is_open else stretch.start
            ends = date.max if stretch.end is None else add_months(stretch.end, months_after)
            if begins < taken.latest and taken.earliest <= ends:
                return True
        return False

    def may_cover(self, taken: ClinicalDate) -> bool:
        """Whether a sample may have been drawn on, or soon after, B12 of a dose or route that is not known."""
        return any(
            (i.start is None or i.start.earliest < taken.latest)
            and (i.end is None or taken.earliest <= add_months(i.end.latest, self.washout_months))
            for t in self.doubtful
            for i in t.intervals
        )


def is_therapeutic(b12: Treatment | DraftContent, parameters: Parameters) -> Presence:
    """Whether B12 that is taken or drafted is a treatment, which what is taken only when needed is not.

    NOT_KNOWN where its dose cannot be told, or its directions speak of not taking it.
    """
    if b12.as_needed:
        return Presence.NO
    if b12.route is Route.PARENTERAL:
        is_halted = isinstance(b12, Treatment) and b12.is_halted
        return Presence.NOT_KNOWN if b12.is_doubted and not is_halted else Presence.YES
    if b12.dose.mg_per_day is not None:
        enough = b12.dose.mg_per_day >= parameters.therapeutic_oral_mg
        return Presence.YES if enough else Presence.NO
    if b12.dose_mg is not None and b12.dose_mg < parameters.therapeutic_oral_mg:
        return Presence.NO
    return Presence.NOT_KNOWN


def read_therapy(treatments: Sequence[Treatment], today: date, parameters: Parameters) -> Therapy:
    """All B12 treatments as one course of therapy."""
    all_b12 = [t for t in treatments if t.medicine is Medicine.B12]
    if not all_b12:
        return Therapy(Exposure(Medicine.B12), (), (), (), Presence.NO, False, parameters.washout_months)
    enough = [t for t in all_b12 if is_therapeutic(t, parameters) is Presence.YES]
    therapeutic = [t for t in enough if not _begins_after(t, today)]
    doubtful = tuple(t for t in all_b12 if is_therapeutic(t, parameters) is Presence.NOT_KNOWN)
    course = exposure(_with_cover(therapeutic, parameters), Medicine.B12, today, parameters)
    current = course.is_current
    if current is Presence.NO and _may_be_current(doubtful, today, parameters):
        current = Presence.NOT_KNOWN
    running = [t for t in therapeutic if t.is_active] or therapeutic
    return Therapy(
        course=course,
        treatments=tuple(therapeutic),
        doubtful=doubtful,
        too_little=tuple(t for t in all_b12 if is_therapeutic(t, parameters) is Presence.NO),
        is_current=current,
        is_oral_only=bool(running) and all(t.route is not Route.PARENTERAL for t in running),
        washout_months=parameters.washout_months,
        injected=_given_days(t for t in therapeutic if not t.is_halted),
        ordered_once=_starts(t for t in therapeutic if t.is_single and t.route is Route.PARENTERAL),
        planned=tuple(t for t in enough if t.is_planned),
        ran_out_lately=any(_ran_out_lately(t, today, parameters) for t in therapeutic),
    )


def first_start(treatments: Iterable[Treatment]) -> ClinicalDate | None:
    """The first day on which any of them begins; None where that is not known of any."""
    starts = [i.start for t in treatments for i in t.intervals if i.start is not None]
    return min(starts, key=lambda day: day.earliest, default=None)


def _begins_after(treatment: Treatment, today: date) -> bool:
    """Whether nothing of it has begun."""
    starts = [i.start for i in treatment.intervals]
    return bool(starts) and all(start is not None and start.earliest > today for start in starts)


def _ran_out_lately(treatment: Treatment, today: date, parameters: Parameters) -> bool:
    """Whether it is a supply that ended at most as many days ago as the next may be late."""
    if treatment.kind is not RecordKind.DISPENSE or treatment.is_halted:
        return False
    late = timedelta(days=parameters.injection_grace_days)
    return any(i.end is not None and today - late <= i.end.earliest < today for i in treatment.intervals)


def _may_be_current(doubtful: Iterable[Treatment], today: date, parameters: Parameters) -> bool:
    """Whether B12 of a dose or route that is not known is taken now, was so by its status, or was given so lately that
    it may still last."""
    cover = timedelta(days=parameters.injection_cover_days + parameters.injection_grace_days)
    return any(
        t.is_active
        or (t.is_doubted and any(i.end is not None and today - i.end.latest <= cover for i in t.intervals))
        or (t.kind in GIVEN_ON_A_DAY and any(today - day <= cover for day in _given_days([t])))
        for t in doubtful
    )


def _given_days(treatments: Iterable[Treatment]) -> tuple[date, ...]:
    """The days on which something was given, each once."""
    return _starts(t for t in treatments if t.kind in GIVEN_ON_A_DAY)


def _starts(treatments: Iterable[Treatment]) -> tuple[date, ...]:
    return tuple(sorted({i.start.latest for t in treatments for i in t.intervals if i.start is not None}))


def _with_cover(treatments: Sequence[Treatment], parameters: Parameters) -> list[Treatment]:
    """Injections given on a day count until the next one is due, and a grace after that (clinical-guidelines 8.2).

    How far apart they are given is read from the last gaps, and is at most the longest usual interval; a single
    injection is taken for one of a long interval, so that a patient on three-monthly injections is not called lapsed.
    One that was ordered once counts as if it had been given then, though nothing tells whether it was.
    """
    given = _given_days(t for t in treatments if not t.is_halted)
    gaps = [(later - earlier).days for earlier, later in pairwise(given)][-3:]
    usual = min(median_low(gaps), parameters.injection_cover_days) if gaps else parameters.injection_cover_days
    cover = timedelta(days=usual + parameters.injection_grace_days)
    grace = timedelta(days=parameters.injection_grace_days)
    return [_covered(t, cover if t.kind in GIVEN_ON_A_DAY or t.is_single else grace) for t in treatments]


def _covered(treatment: Treatment, cover: timedelta) -> Treatment:
    if treatment.route is not Route.PARENTERAL:
        return treatment
    certain = timedelta(0) if treatment.is_halted else cover  # what was stopped or paused is perhaps no longer given
    return replace(treatment, intervals=tuple(_extended(treatment.intervals, certain, cover)))


def _extended(intervals: Iterable[Interval], certain: timedelta, possible: timedelta) -> Iterable[Interval]:
    for interval in intervals:
        if interval.end is None:
            yield interval
        else:
            yield Interval(
                interval.start,
                ClinicalDate(later(interval.end.earliest, certain), later(interval.end.latest, possible)),
            )
