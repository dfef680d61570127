"""Finding the values that CDS Hooks forbids in answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

ASSESSMENT = "org.b12-cds.assessment"


def empties(value: Any, path: str = "") -> Iterator[str]:
    """Where `null`, "", [] or {} stands, but for `cards: []` and inside the assessment extension (Use of JSON)."""
    if path == f".extension.{ASSESSMENT}" or (path == ".cards" and value == []):
        return
    if value is None or value == "" or value == [] or value == {}:
        yield path
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from empties(member, f"{path}.{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from empties(item, f"{path}[{index}]")
