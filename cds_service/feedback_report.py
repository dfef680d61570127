"""What clinicians did with our cards, for whoever looks after the rules: a table, CSV and NDJSON."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.table import Column, Table
from rich.text import Text

from cds_service.knowledge.model import Knowledge
from cds_service.storage.feedback import FeedbackRecord, RuleFeedback
from cds_service.terminal import visible

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
# Where a spreadsheet begins a formula: at the start of a cell, and behind what begins a cell where lists are written
# with semicolons; also as full-width signs, and behind blanks and quotes, which some leave out.
_FORMULA = re.compile(r"(?:^|;)[\s\"']*(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")


def feedback_table(found: Sequence[RuleFeedback], knowledge: Knowledge, *, with_comments: bool = False) -> Table:
    """One row a rule. Reasons are shown in the words of the knowledge, where it has them; all else as plain text."""
    displays = {(r.code.system, r.code.code): r.code.display for r in knowledge.override_reasons.values()}
    counts_of = ("Shown", "Accepted", "Overridden", "Not answered")
    wide = (Column("Reasons", overflow="fold"), Column("Comments", overflow="fold"))
    table = Table(Column("Rule", no_wrap=True), *counts_of, *wide)
    table.caption = Text("Comments may hold patient data: keep them as you keep the record.") if with_comments else None
    for each in found:
        reasons = [f"{count} × {displays.get(key, key[1])}" for key, count in each.reasons.most_common()]
        comments = "\n".join(map(visible, each.comments)) if with_comments else str(len(each.comments) or "")
        counts = (each.shown, each.accepted, each.overridden, max(0, each.shown - each.accepted - each.overridden))
        cells = (each.rule, *map(str, counts), "\n".join(reasons), comments)
        table.add_row(*(Text(cell) for cell in cells))
    return table


def as_csv(records: Sequence[FeedbackRecord], *, with_comments: bool = False) -> str:
    """A line an item, with a head, for a spreadsheet: what it would run as a formula stands behind an apostrophe.

    What cannot be seen is a blank or a sign of it, line breaks too; NDJSON has the text as it came.
    """
    lines = io.StringIO()
    columns = (*COLUMNS, COMMENT) if with_comments else COLUMNS
    writer = csv.DictWriter(lines, columns, lineterminator="\n")
    writer.writeheader()
    for row in _rows(records, with_comments):
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return lines.getvalue()


def as_ndjson(records: Sequence[FeedbackRecord], *, with_comments: bool = False) -> str:
    """A JSON object a line, exact, and in ASCII alone so that no terminal obeys what is in it."""
    return "".join(json.dumps(row) + "\n" for row in _rows(records, with_comments))


def _rows(records: Sequence[FeedbackRecord], with_comments: bool) -> Iterator[Mapping[str, Any]]:
    for record in records:
        row = {name: getattr(record, name) for name in COLUMNS}
        row["outcome_timestamp"] = record.outcome_timestamp.isoformat()
        row["received_at"] = record.received_at.isoformat()
        yield {**row, COMMENT: record.comment} if with_comments else row


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    text = visible(" ".join(value) if isinstance(value, tuple) else str(value))
    return _FORMULA.sub(r"\g<0>'", text)
