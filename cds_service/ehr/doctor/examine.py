"""The whole examination of one record, and its report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cds_service.ehr.doctor import codes, reading, shapes, validity
from cds_service.ehr.doctor.tally import GRAVE, Row, Tally
from cds_service.ehr.patient_bundle import PatientBundle
from cds_service.knowledge.model import Knowledge

_TOPICS = (
    "Access",
    "Used",
    reading.TOPIC,
    codes.BY_NAME,
    shapes.UNITS,
    validity.TOPIC,
    codes.UNKNOWN,
    codes.SYSTEMS,
    shapes.DATES,
    shapes.STATUSES,
    shapes.SHAPES,
)


def examine(bundle: PatientBundle, knowledge: Knowledge, today: date, tally: Tally) -> None:
    """Note all there is to say about a record."""
    for resource in bundle.resources:
        validity.judge(resource, tally)
        shapes.note_shapes(resource, today, tally)
    record, facts = reading.read_as_a_request(bundle, knowledge, today)
    reading.note_used(facts, tally)
    reading.note_issues(facts, tally)
    codes.note_codes(record, knowledge, tally)
    shapes.note_units(record, facts, knowledge, tally)


def as_json(tally: Tally) -> dict[str, Any]:
    """The report for a program."""
    rows = [asdict(row) for topic in _TOPICS for row in tally.rows(topic)]
    return {"healthy": tally.is_healthy, "rows": rows, "toDo": tally.advice()}


def report(tally: Tally, top: int) -> RenderableType:
    """The report for a person: a table a topic, of its `top` rows, and at the end what to do."""
    tables = [_table(topic, tally.rows(topic), top) for topic in _TOPICS if tally.rows(topic)]
    return Group(*tables, *_what_to_do(tally))


def _table(topic: str, rows: list[Row], top: int) -> RenderableType:
    table = Table(title=topic, title_justify="left", title_style="bold")
    for heading in ("Type", "What", "How many", "For us", "Example"):
        table.add_column(heading, overflow="fold")
    for row in rows[:top]:
        style = "red" if row.effect in GRAVE else ""
        table.add_row(
            *map(Text, (row.resource_type, row.what, str(row.count))), Text(row.effect, style), Text(row.example)
        )
    more = len(rows) - top
    return Group(table, Text(f"and {more} more (--top {len(rows)})", style="dim")) if more > 0 else table


def _what_to_do(tally: Tally) -> Iterator[RenderableType]:
    advice = tally.advice()
    yield Text("\nWhat to do", style="bold")
    if not advice:
        yield Text("Nothing: all that concerns us in this record was used.", style="green")
    for number, line in enumerate(advice, 1):
        yield Text(f"{number}. {line}")
