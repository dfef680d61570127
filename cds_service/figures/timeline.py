"""The vitamin B12 timeline of one patient, as a figure: what to draw, over which time, and what it does not show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

from cds_service.assessment.outcome import Assessment, Status
from cds_service.assessment.picture import Picture
from cds_service.facts.dates import ClinicalDate, add_months
from cds_service.facts.labs import Analyte
from cds_service.facts.patient import Availability, DataIssue, DataKey, PatientFacts
from cds_service.figures.events import events
from cds_service.figures.medicines import lanes
from cds_service.figures.model import Event, Lane, Mark, Panel, Row, Timeline
from cds_service.figures.reliance import reliance
from cds_service.figures.results import DRAWN, panels, result_rows, unused_rows
from cds_service.figures.words import shown
from cds_service.knowledge.model import Knowledge

_YEARS = 15  # of a long record, as many are drawn as can still be read
_LEAST_MONTHS = 12
_MARGIN = 0.02
_UNREAD = {
    Availability.INCOMPLETE: "not complete",
    Availability.FAILED: "could not be read",
    Availability.NOT_GIVEN: "not sent",
    Availability.NEVER_SENT: "never sent by this site",
}
_MOST_NAMED = 6
_STATUS = {
    Status.DEFICIENT: "deficient",
    Status.FUNCTIONAL: "functional deficiency",
    Status.INDETERMINATE: "indeterminate",
    Status.UNLIKELY: "deficiency unlikely",
    Status.UNKNOWN: "unknown",
    Status.NOT_APPLICABLE: "not applicable",
}


def timeline(
    facts: PatientFacts, assessment: Assessment, knowledge: Knowledge, dates: Mapping[str, ClinicalDate]
) -> Timeline:
    """The figure. `dates` are those of the result resources, by `Type/id`: of what could not be used, too."""
    picture = Picture(facts, knowledge)
    relied = reliance(assessment, picture)
    results = result_rows(facts, knowledge, relied)
    unused = unused_rows(facts, knowledge, dates)
    drawn = panels(results, unused, dates, knowledge, None if picture.is_child else picture.limits_for)
    medicines, medicine_rows = lanes(picture, relied)
    happened, event_rows = events(picture, assessment, relied)
    first, last = _window(drawn, medicines, happened, facts.today)
    rows = {*results.values(), *unused.values(), *medicine_rows, *event_rows, *_other_issues(facts.issues, knowledge)}
    return Timeline(
        patient=shown(f"Patient/{facts.patient_id}"),
        headline=f"Vitamin B12 status: {_STATUS[assessment.status]}",
        today=facts.today,
        first=first,
        last=last,
        panels=drawn,
        lanes=medicines,
        events=happened,
        notes=tuple(_notes(picture, drawn, medicines, event_rows, first)),
        rows=tuple(sorted(rows, key=lambda row: (-row.order.toordinal(), row.what, row.value, row.source, row.when))),
        knowledge_version=assessment.knowledge_version,
    )


def _window(
    drawn: Sequence[Panel], medicines: Sequence[Lane], happened: Sequence[Event], today: date
) -> tuple[date, date]:
    """All that there is, but not more than can be read; what the assessment rests on is in it however old it is."""
    marks = [mark for panel in drawn for mark in panel.marks]
    starts = [mark.when.earliest for mark in marks] + [event.when.earliest for event in happened]
    starts += [bar.start for lane in medicines for bar in lane.bars if bar.start is not None]
    relied_on = [m.when.earliest for m in marks if m.row.is_counted or m.row.rules]
    horizon = min([add_months(today, -12 * _YEARS), *relied_on])
    first = min([add_months(today, -_LEAST_MONTHS), *(day for day in starts if horizon <= day)])
    ahead = [event.when.latest for event in happened if event.is_ahead]
    last = max([today, *(day for day in ahead if day <= add_months(today, _LEAST_MONTHS))])
    margin = timedelta(days=max(7, round((last - first).days * _MARGIN)))
    return first - margin, last + margin


def _notes(
    picture: Picture, drawn: Sequence[Panel], medicines: Sequence[Lane], happened: Iterable[Row], first: date
) -> Iterator[str]:
    yield from _not_known(picture)
    if not picture.in_scope:
        yield "The rules for adults do not apply to this patient."
    if picture.is_child:
        yield "The guideline's limits are for adults, so none are drawn."
    yield from _without_results(picture)
    marks = [mark for panel in drawn for mark in panel.marks]
    yield from _left_of(marks, medicines, first)
    undated = sorted({row.what for row in happened if row.when == "no date"})
    if undated:
        yield f"Without a date, so in the table only: {_listed(undated)}."
    if any(medicines):
        gap = picture.parameters.exposure_gap_days
        yield f"Gaps of up to {gap} days in a medicine are joined, as the rules count them."


def _not_known(picture: Picture) -> Iterator[str]:
    told: dict[str, list[str]] = {}
    for key in DataKey:
        availability = picture.facts.available(key)
        if availability is not Availability.COMPLETE:
            told.setdefault(_UNREAD[availability], []).append(key.value)
    for why, keys in told.items():
        yield f"Not known, as {why}: {', '.join(keys)}. What is missing here may exist."


def _without_results(picture: Picture) -> Iterator[str]:
    held = {result.analyte for result in picture.facts.labs}
    analytes = picture.knowledge.analytes
    absent = [analytes[analyte].short for analyte in DRAWN if analyte not in held]
    if absent:
        yield f"No usable result of: {', '.join(absent)}."
    others = [analytes[analyte].short for analyte in Analyte if analyte in held and analyte not in DRAWN]
    if others:
        yield f"In the table only: {', '.join(others)}."


def _left_of(marks: Iterable[Mark], medicines: Iterable[Lane], first: date) -> Iterator[str]:
    earlier = sum(mark.when.latest < first for mark in marks)
    earlier += sum(day < first for lane in medicines for day, _row in lane.doses)
    if earlier:
        yield f"Older than what is drawn, so in the table only: {earlier} results or doses before {first}."


def _other_issues(issues: Iterable[DataIssue], knowledge: Knowledge) -> Iterator[Row]:
    """What else of the record could not be used, or only with care: of medicines, problems and the patient."""
    keys = frozenset(DataKey)
    for issue in issues:
        if issue.matters_to not in knowledge.analytes and issue.resource not in keys:
            what = "Used with care" if issue.used_with_care else "Not used"
            why = (shown(issue.issue, 300),)
            yield Row(date.min, "", what, shown(issue.field, 60), remarks=why, source=shown(issue.resource))


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
