"""The timeline of a patient: from a hook request to the figure, and from a posted form to the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from itertools import chain, islice
from typing import Any

from markupsafe import Markup

from cds_service.assessment.assess import assess
from cds_service.errors import InvalidHookRequest
from cds_service.fhir.observations import result_dates
from cds_service.fhir.read_facts import read_facts
from cds_service.figures.draw import NARROW, WIDE, drawn_for_page
from cds_service.figures.model import Row, Timeline
from cds_service.figures.timeline import timeline
from cds_service.knowledge.model import Knowledge
from cds_service.web.answer import encoded
from cds_service.web.edge import Edge
from cds_service.web.hook_request import read_hook_request
from cds_service.web.pages.chart import patient_words
from cds_service.web.pages.html import filled
from cds_service.web.pages.playground import PlaygroundEhr, UnusableBundle
from cds_service.web.pages.sent_chart import sent_chart, view_request

HOOK = "patient-view"
_MOST_ROWS = 800


def timeline_of(request: Mapping[str, Any], knowledge: Knowledge, today: date) -> Timeline:
    """The figure of the patient of a patient-view request, from what the request holds.

    Raises:
        InvalidHookRequest: the request cannot be used.
    """
    record = read_hook_request(encoded(request), HOOK).record
    facts = read_facts(record, knowledge, today)
    return timeline(facts, assess(facts, knowledge, HOOK), knowledge, result_dates(record))


def empty_page(ehr: PlaygroundEhr) -> tuple[str, int]:
    """The page before anything is drawn: its HTML and its status."""
    return _page(ehr, "", {}), 200


def drawn_page(edge: Edge, ehr: PlaygroundEhr, read_form: Callable[[], Mapping[str, str]]) -> tuple[str, int]:
    """The page with the picture of what was sent, or with the reason why there is none."""
    story = ""
    try:
        form = read_form()
        story = form.get("story", "")
        return _page(ehr, story, _drawn(edge, ehr, form)), 200
    except UnusableBundle as problem:
        return _page(ehr, story, {"problem": str(problem)}), 400
    except InvalidHookRequest as problem:
        return _page(ehr, story, {"problem": f"This cannot be drawn: {problem}."}), 400


def refused_page(ehr: PlaygroundEhr) -> tuple[str, int]:
    """The page for a record that is larger than this service takes."""
    problem = "This record is too large to be drawn. Send the patient's results, medicines and problems only."
    return _page(ehr, "", {"problem": problem}), 413


def _page(ehr: PlaygroundEhr, story: str, shown: Mapping[str, Any]) -> str:
    return filled("timeline.html", stories=ehr.stories(), story=story, **shown)


def _drawn(edge: Edge, ehr: PlaygroundEhr, form: Mapping[str, str]) -> dict[str, Any]:
    chart = sent_chart(edge, ehr, form)
    request = view_request(chart)
    figure = timeline_of(request, edge.knowledge, edge.today())
    rows = _in_table(figure)
    anchors = {row: f"row-{number}" for number, row in enumerate(rows, 1)}
    fired = sorted({rule for row in figure.rows for rule in row.rules})
    return {
        "figure": figure,
        "person": patient_words(chart.resources, chart.patient_id),
        # Written by ElementTree, which escapes all that comes from the record.
        "wide": Markup(drawn_for_page(figure, "wide", WIDE, anchors)),  # noqa: S704
        "narrow": Markup(drawn_for_page(figure, "narrow", NARROW, anchors)),  # noqa: S704
        "rows": [(anchors[row], row) for row in rows],
        "left_out": len(figure.rows) - len(rows),
        "rules": [(rule, edge.knowledge.rules[rule].statement) for rule in fired],
    }


def _in_table(figure: Timeline) -> list[Row]:
    """All rows, in their order; of more than a page can hold those that count or were not used, then the newest."""
    matter = [row for row in figure.rows if row.rules or row.is_counted or row.remarks]
    kept = set(islice(chain(matter, figure.rows), _MOST_ROWS))
    return [row for row in figure.rows if row in kept]
