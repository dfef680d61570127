"""Timelines of patients of a few resources, read with the packaged knowledge on the day of the builders."""

from __future__ import annotations

from datetime import date

from cds_service.assessment.assess import assess
from cds_service.fhir.observations import result_dates
from cds_service.fhir.read_facts import read_facts
from cds_service.fhir.record import PatientRecord
from cds_service.figures.model import Panel, Row, Timeline
from cds_service.figures.timeline import timeline
from cds_service.knowledge.model import Knowledge
from tests.builders import TODAY

B12, MCV, HAEMOGLOBIN = "2132-9", "787-2", "718-7"
B12_IN_PMOL = "14685-2"


def timeline_of(record: PatientRecord, knowledge: Knowledge, today: date = TODAY) -> Timeline:
    """The figure of a record."""
    facts = read_facts(record, knowledge, today)
    return timeline(facts, assess(facts, knowledge), knowledge, result_dates(record))


def panel(figure: Timeline, title: str, index: int = 0) -> Panel:
    """The panel whose title begins so; of several the one of this place."""
    return [each for each in figure.panels if each.title.startswith(title)][index]


def rows_of(figure: Timeline, source: str) -> list[Row]:
    """The rows that a resource is the source of."""
    return [row for row in figure.rows if source in row.source]
