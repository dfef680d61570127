"""What clinicians did with our cards, for whoever looks after the rules: a table, CSV and NDJSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Column, Table
from rich.text import Text

from cds_service.knowledge.model import Knowledge
from cds_service.storage.feedback import FeedbackRecord, RuleFeedback

COLUMNS = (
    "service",
    "card",
    "rules",
    "indicator",
    "knowledge_version",
    "outcome",
    "is_latest",
    "outcome_timestamp",
    "received_at",
    "accepted_suggestions",
    "reason_system",
    "reason_code",
)
COMMENT = "comment_possible_patient_data"
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def feedback_table(found: Sequence[RuleFeedback], knowledge: Knowledge, *, with_comments: bool = False) -> Table:
    """One row a rule. Reasons are shown in the words of the knowledge, where it has them; all else as plain text."""
    displays = {(r.code.system, r.code.code): r.code.display for r in knowledge.override_reasons.values()}
    counts_of = ("Shown", "Accepted", "Overridden", "Not answered")
    table = Table(Column("Rule", no_wrap=True), *counts_of, Column("Reasons", overflow="fold"), "Comments")
    for each in found:
        reasons = [f"{count} × {displays.get(key, key[1])}" for key, count in each.reasons.most_common()]
        comments = "\n".join(each.comments) if with_comments else str(len(each.comments) or "")
        counts = (each.shown, each.accepted, each.overridden, max(0, each.shown - each.accepted - each.overridden))
        cells = (each.rule, *map(str, counts), "\n".join(reasons), comments)
        table.add_row(*(Text(cell) for cell in cells))
    return table


def as_csv(records: Sequence[FeedbackRecord], *, with_comments: bool = False) -> str:
    """A line an item, with a head. A cell that a spreadsheet would run as a formula is quoted with an apostrophe."""
    lines = io.StringIO()
    columns = (*COLUMNS, COMMENT) if with_comments else COLUMNS
    writer = csv.DictWriter(lines, columns, lineterminator="\n")
    writer.writeheader()
    for row in _rows(records, with_comments):
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return lines.getvalue()


def as_ndjson(records: Sequence[FeedbackRecord], *, with_comments: bool = False) -> str:
    """A JSON object a line."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in _rows(records, with_comments))


def _rows(records: Sequence[FeedbackRecord], with_comments: bool) -> Iterator[Mapping[str, Any]]:
    for record in records:
        row = {name: getattr(record, name) for name in COLUMNS}
        row["outcome_timestamp"] = record.outcome_timestamp.isoformat()
        row["received_at"] = record.received_at.isoformat()
        yield {**row, COMMENT: record.comment} if with_comments else row


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = " ".join(value) if isinstance(value, tuple) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
