"""What happened, or is due: problems and operations, tests that were ordered, and the follow-up."""

from __future__ import annotations

from collections.abc import Iterator

from cds_service.assessment.outcome import Assessment
from cds_service.assessment.picture import Picture
from cds_service.assessment.rules.monitoring import follow_up_from
from cds_service.facts.dates import ClinicalDate
from cds_service.facts.problems import Problem
from cds_service.figures.model import Event, Row
from cds_service.figures.reliance import Reliance
from cds_service.figures.words import shown

_FOLLOW_UP = "B12-MON-01"


def events(picture: Picture, assessment: Assessment, relied: Reliance) -> tuple[tuple[Event, ...], tuple[Row, ...]]:
    """The events that have a date, oldest first, and a row for each, those without a date too."""
    found = [*_problems(picture, relied), *_orders(picture)]
    follow_up = _follow_up(picture, assessment)
    if follow_up is not None:
        found.append(follow_up)
    dated = [Event(when, label, row, when.earliest > picture.today) for when, label, row in found if when is not None]
    return tuple(sorted(dated, key=lambda e: (e.when.order, e.label))), tuple(row for _when, _label, row in found)


_Found = tuple[ClinicalDate | None, str, Row]


def _problems(picture: Picture, relied: Reliance) -> Iterator[_Found]:
    for problem in picture.facts.problems:
        title = picture.knowledge.conditions[problem.kind].title
        yield problem.since, title if problem.is_coded else f"{title} (possible)", _problem_row(problem, title, relied)


def _problem_row(problem: Problem, title: str, relied: Reliance) -> Row:
    name = shown(problem.name)
    return Row(
        order=problem.since.latest if problem.since else ClinicalDate.parse("0001").earliest,
        when=str(problem.since) if problem.since else "no date",
        what=title,
        value="" if name.casefold() == title.casefold() else name,
        remarks=() if problem.is_coded else ("recognised by its name only",),
        rules=relied.rules(problem.source),
        source=shown(problem.source),
    )


def _orders(picture: Picture) -> Iterator[_Found]:
    for order in picture.facts.test_orders:
        if order.ordered is None:
            continue
        title = f"Ordered: {picture.knowledge.tests[order.test].title}"
        yield order.ordered, title, Row(order.ordered.latest, str(order.ordered), title, "", source=shown(order.source))


def _follow_up(picture: Picture, assessment: Assessment) -> _Found | None:
    """The review of a treatment: from when on where it lies ahead, and that it is due where the rule says so."""
    first = follow_up_from(picture)
    is_due = any(finding.rule == _FOLLOW_UP for finding in assessment.fired)
    if first is None or not (is_due or first > picture.today):
        return None
    when = ClinicalDate.on(first)
    label = f"Follow-up due since {first}" if is_due else f"Follow-up from {first}"
    row = Row(
        order=first,
        when=str(first),
        what="Follow-up of vitamin B12 treatment",
        value="due" if is_due else "ahead",
        rules=(_FOLLOW_UP,) if is_due else (),
    )
    return when, label, row
