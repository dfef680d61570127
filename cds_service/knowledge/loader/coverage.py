"""That each row of the article's coverage names things that exist."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from cds_service.knowledge.model import AnalyteKnowledge, ArticleStatement, Scale
from cds_service.knowledge.schemas.base import did_you_mean

_NAMED = ("rules", "regimens", "parameters", "tests", "conditions", "medicines")
_NUMBERS = frozenset(field.name for field in fields(Scale)) - {"unit", "property", "units"}


def coverage_problems(
    path: str, statements: Mapping[str, ArticleStatement], things: Mapping[str, Mapping[str, Any]]
) -> Iterator[str]:
    """Every name that a row has and no file, and every line that two rows speak for. `things`: by kind, then path."""
    known = {kind: sorted(thing.id for thing in things.get(kind, {}).values()) for kind in _NAMED}
    known["limits"] = sorted(_limits(things.get("analytes", {})))
    taken: dict[int, str] = {}
    for statement in statements.values():
        for kind, names in known.items():
            yield from _unknown(f"{path}: {statement.id}.{kind}", getattr(statement, kind), names)
        yield from _unknown(f"{path}: {statement.id}.told", [told.rule for told in statement.told], known["rules"])
        for line in statement.lines:
            other = taken.setdefault(line, statement.id)
            if other != statement.id:
                yield f"{path}: {statement.id}.lines: {other} speaks for line {line} too; keep it in one of the two"


def _unknown(at: str, found: list[str] | tuple[str, ...], names: list[str]) -> Iterator[str]:
    for name in found:
        if name not in names:
            yield f"{at}: there is no {name!r}; {did_you_mean(name, names)}"


def _limits(analytes: Mapping[str, AnalyteKnowledge]) -> Iterator[str]:
    for analyte in analytes.values():
        for name in _NUMBERS:
            if any(getattr(scale, name) is not None for scale in analyte.scales):
                yield f"{analyte.id}.{name}"
