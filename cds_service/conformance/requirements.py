"""What CDS Hooks asks for, in our reading (requirements.csv), and where each point is shown to hold."""

from __future__ import annotations

import ast
import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cds_service.errors import B12Error

TABLE = Path(__file__).with_name("requirements.csv")
_MANDATORY = ("SHALL", "SHALL NOT", "REQUIRED")
_ADVISED = ("SHOULD", "SHOULD NOT", "RECOMMENDED", "CONDITIONAL")


class Weight(StrEnum):
    """How much a requirement weighs: whoever breaks a mandatory one does not conform."""

    MANDATORY = "SHALL"
    ADVISED = "SHOULD"
    OPEN = "MAY"


class How(StrEnum):
    """How we know that a requirement holds."""

    TESTED = "tested"
    BY_DESIGN = "by design"
    NOT_APPLICABLE = "not applicable"


class InvalidRequirements(B12Error):
    """requirements.csv cannot be used; the message names the row and what is wrong."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One row. `level` is the specification's word, or "practice" for what experience adds."""

    id: str
    level: str
    text: str
    source: str
    link: str
    concerns: str
    how: How
    reason: str

    @property
    def weight(self) -> Weight:
        """The three weights that a verdict needs."""
        if self.level in _MANDATORY:
            return Weight.MANDATORY
        return Weight.ADVISED if self.level in _ADVISED else Weight.OPEN


def read_requirements(table: Path = TABLE) -> dict[str, Requirement]:
    """The requirements by id, in the order of the file.

    Raises:
        InvalidRequirements: a row is not whole, or an id stands twice.
    """
    found: dict[str, Requirement] = {}
    with table.open(encoding="utf-8", newline="") as rows:
        for row in csv.DictReader(rows, strict=True):
            requirement = _requirement(row)
            if requirement.id in found:
                raise InvalidRequirements(f"{requirement.id} stands twice in {table.name}.")
            found[requirement.id] = requirement
    return found


def marked_tests(folder: Path) -> dict[str, tuple[Path, ...]]:
    """The test files that say, with `@pytest.mark.verifies("CDSH-n")`, which requirement they prove."""
    found: dict[str, set[Path]] = {}
    for path in folder.rglob("test_*.py"):
        for requirement in _marks(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault(requirement, set()).add(path.relative_to(folder))
    return {requirement: tuple(sorted(paths)) for requirement, paths in found.items()}


def gaps(requirements: Mapping[str, Requirement], tests: Mapping[str, Sequence[Path]]) -> list[str]:
    """What does not fit: a test for no requirement, "tested" without a test, anything else without a reason."""
    strangers = sorted(set(tests) - set(requirements))
    return [
        *(f"{name}: a test verifies it, but requirements.csv does not know it" for name in strangers),
        *(
            f"{each.id}: is said to be tested, and no test verifies it"
            for each in requirements.values()
            if each.how is How.TESTED and each.id not in tests
        ),
        *(
            f"{each.id}: is {each.how} and needs a reason"
            for each in requirements.values()
            if each.how is not How.TESTED and not each.reason
        ),
    ]


def _requirement(row: Mapping[str, str | None]) -> Requirement:
    name = row.get("id") or "a row without an id"
    values = {field: (row.get(field) or "").strip() for field in Requirement.__dataclass_fields__}
    empty = [field for field, value in values.items() if not value and field != "reason"]
    if empty or None in row:
        raise InvalidRequirements(f"{name}: {', '.join(empty) or 'there are too many columns'}")
    if values["how"] not in tuple(How):
        raise InvalidRequirements(f"{name}: how is {values['how']!r}; write {', '.join(How)}")
    if values["level"] not in (*_MANDATORY, *_ADVISED, "MAY", "OPTIONAL", "practice"):
        raise InvalidRequirements(f"{name}: level is {values['level']!r}")
    how = How(values.pop("how"))
    return Requirement(how=how, **values)


def _marks(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "verifies":
            yield from _texts(node.args)


def _texts(nodes: Iterable[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
