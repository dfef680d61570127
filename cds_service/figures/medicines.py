"""Medicines as bars: solid where the record vouches for use, hatched where it only may have been."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta

from cds_service.assessment.exposure import exposure
from cds_service.assessment.picture import Picture
from cds_service.facts.treatments import Exposure, Medicine, RecordKind, Stretch, Treatment
from cds_service.figures.model import Bar, Lane, Row
from cds_service.figures.reliance import Reliance
from cds_service.figures.words import shown

_DAY = timedelta(days=1)
_MOST_NAMED = 3
_MOST_STRETCHES = 100
_CERTAIN = "taken"
_POSSIBLE = "may have been taken"
_COVERED = "an injection goes on to count as treatment"


def lanes(picture: Picture, relied: Reliance) -> tuple[tuple[Lane, ...], tuple[Row, ...]]:
    """A lane for each medicine class of the record, and a row for each of its stretches, doses and doubts."""
    made: list[Lane] = []
    rows: list[Row] = []
    for medicine in Medicine:
        ours = [t for t in picture.facts.treatments if t.medicine is medicine]
        if ours:
            lane, told = _Class(picture, relied, medicine, ours).lane()
            made.append(lane)
            rows += told
    return tuple(made), tuple(rows)


class _Class:
    """All treatments with one medicine class, on their way to a lane."""

    def __init__(self, picture: Picture, relied: Reliance, medicine: Medicine, ours: Sequence[Treatment]) -> None:
        self.picture = picture
        self.relied = relied
        self.medicine = medicine
        self.ours = ours
        self.today = picture.today
        self.title = picture.knowledge.medicines[medicine].title

    def lane(self) -> tuple[Lane, list[Row]]:
        certain, possible, left_out = self._stretches()
        doses = tuple(self._doses())
        days_of_doses = {day for day, _row in doses}  # they are drawn as such, and need no bar of a day's width
        bars = [self._bar(s, _CERTAIN) for s in certain if s.start != s.end or s.start not in days_of_doses]
        bars += [self._bar(stretch, _POSSIBLE) for stretch in possible]
        if self.medicine is Medicine.B12:
            course = self.picture.therapy.course.possible[-_MOST_STRETCHES:]
            bars += [self._bar(s, _COVERED) for s in without(course, (*certain, *possible), self.today)]
        rows = [bar.row for bar in bars] + [row for _day, row in doses] + list(self._doubts())
        if left_out:
            rows.append(Row(date.min, "", self.title, "not listed", remarks=(f"{left_out} earlier stretches of use",)))
        return Lane(self.title, _listed(t.name for t in self.ours), tuple(bars), doses), rows

    def _stretches(self) -> tuple[Sequence[Stretch], Sequence[Stretch], int]:
        """Certain use, use that is possible beyond it, and how many earlier stretches of either are left out."""
        all_certain = self._use([t for t in self.ours if t.is_coded]).stretches
        certain = all_certain[-_MOST_STRETCHES:]
        left_out = len(all_certain) - len(certain)
        since = certain[0].start if left_out else date.min
        # What the rules do not count may still have been taken: as needed, in a pack, or under a name that may mean it.
        allowed = [replace(t, as_needed=False, is_eradication_pack=False) for t in self.ours]
        all_possible = [s for s in self._use(allowed).possible if s.start >= since]
        possible = all_possible[-_MOST_STRETCHES:]
        left_out += len(all_possible) - len(possible)
        return certain, tuple(without(possible, certain, self.today)), left_out

    def _use(self, treatments: Iterable[Treatment]) -> Exposure:
        return exposure(treatments, self.medicine, self.today, self.picture.parameters)

    def _bar(self, stretch: Stretch, how: str) -> Bar:
        start = None if stretch.start == date.min else stretch.start
        since = "unknown" if start is None else f"{'before ' if stretch.start_is_open else ''}{start}"
        until = "now" if stretch.end is None else str(stretch.end)
        of_then = [t for t in self.ours if _touches(t, stretch, self.today)]
        sources = self.picture.therapy.course.sources if how == _COVERED else (t.source for t in of_then)
        row = Row(
            order=stretch.end or self.today,
            when=f"{since} to {until}",
            what=self.title,
            value=how,
            remarks=tuple(filter(None, (_listed(t.name for t in of_then), _listed(map(_dose_words, of_then))))),
            rules=tuple(dict.fromkeys(rule for t in of_then for rule in self.relied.rules(t.source))),
            source=_listed(sources),
        )
        return Bar(start, stretch.end, how == _CERTAIN, row)

    def _doses(self) -> Iterator[tuple[date, Row]]:
        for treatment in self.ours:
            if treatment.kind is not RecordKind.ADMINISTRATION:
                continue
            for interval in treatment.intervals:
                if interval.start is not None and interval.start.earliest <= self.today:
                    yield interval.start.latest, self._dose_row(treatment, str(interval.start), interval.start.latest)

    def _dose_row(self, treatment: Treatment, when: str, day: date) -> Row:
        return Row(
            order=day,
            when=when,
            what=self.title,
            value="given",
            remarks=(shown(treatment.name),),
            rules=self.relied.rules(treatment.source),
            source=shown(treatment.source),
        )

    def _doubts(self) -> Iterator[Row]:
        for doubt in self._use(self.ours).uncertain:
            source, _, what = doubt.partition(": ")
            yield Row(self.today, "", self.title, "uncertain", remarks=(shown(what, 200),), source=shown(source))


def without(stretches: Iterable[Stretch], taken: Sequence[Stretch], today: date) -> Iterator[Stretch]:
    """The parts of `stretches` that lie in none of `taken`."""
    held = sorted((s.start, s.end or today) for s in taken)
    for stretch in stretches:
        start, is_open = stretch.start, stretch.start_is_open
        last = stretch.end or today
        for begins, ends in held:
            if ends < start or begins > last:
                continue
            if begins > start:
                yield Stretch(start, begins - _DAY, is_open)
            start, is_open = ends + _DAY, False
        if start <= last:
            yield Stretch(start, stretch.end, is_open)


def _touches(treatment: Treatment, stretch: Stretch, today: date) -> bool:
    last = stretch.end or today
    return any(
        (interval.start is None or interval.start.earliest <= last)
        and (interval.end is None or interval.end.latest >= stretch.start)
        for interval in treatment.intervals
    )


def _dose_words(treatment: Treatment) -> str:
    mg = treatment.dose.mg_per_day
    return "" if mg is None else f"{mg.normalize():f} mg a day"


def _listed(texts: Iterable[str]) -> str:
    """The different ones, and how many more there are."""
    kept = list({text.casefold(): text for text in map(shown, texts) if text}.values())
    more = f" and {len(kept) - _MOST_NAMED} more" if len(kept) > _MOST_NAMED else ""
    return ", ".join(kept[:_MOST_NAMED]) + more
