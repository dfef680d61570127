"""Moving a patient's story in time, so that a Bundle written for one day can be played on another."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

_DATE = re.compile(r"(?P<date>[12]\d{3}(?:-\d{2}(?:-\d{2})?)?)(?P<time>T[0-9:.]+(?:Z|[+-]\d{2}:\d{2}))?")
_ENDINGS = ("date", "datetime", "start", "end", "on", "issued", "handedover", "prepared", "authored", "recorded")


def moved(node: Any, by: timedelta) -> Any:
    """`node` with every FHIR date in it moved; a year or a month is moved as its first day and stays as vague."""
    if isinstance(node, list):
        return [moved(part, by) for part in node]
    if not isinstance(node, dict):
        return node
    return {
        key: _moved_date(value, by) if isinstance(value, str) and key.lower().endswith(_ENDINGS) else moved(value, by)
        for key, value in node.items()
    }


def _moved_date(text: str, by: timedelta) -> str:
    found = _DATE.fullmatch(text)
    if found is None:
        return text
    try:
        day = date.fromisoformat((found["date"] + "-01-01")[:10])
    except ValueError:
        return text  # no such day: what is wrong in the data stays wrong
    return (day + by).isoformat()[: len(found["date"])] + (found["time"] or "")
