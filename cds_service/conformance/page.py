"""docs/conformance.md, made from requirements.csv and the marks of the tests: `python -m cds_service.conformance`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from cds_service.conformance.requirements import How, Requirement, Weight, gaps, marked_tests, read_requirements

PAGE = Path("docs/conformance.md")
TESTS = Path("tests")
_HEAD = """# Conformance

What CDS Hooks asks for, in our own reading, and how we know that it holds. Made from
[requirements.csv](../cds_service/conformance/requirements.csv) and the marks of the tests by `make rule-book`.

The target is CDS Hooks 2.0.1, with those elements of 3.0 that a 2.0.1 client can ignore. A *practice* is no requirement
of the specification but what experience with EHRs adds. `b12-cds conformance URL` asks any running service, ours or
another's, and names the requirements that it breaks.
"""


def page(root: Path) -> tuple[str, list[str]]:
    """The page, and what is open: a requirement that is neither tested nor explained."""
    requirements = read_requirements()
    tests = marked_tests(root / TESTS)
    rows = [_row(requirement, tests.get(requirement.id, ())) for requirement in requirements.values()]
    table = ["| id | level | of whom | what | how we know |", "|---|---|---|---|---|", *rows]
    return "\n".join([_HEAD, *_counts(requirements, tests), "", *table, ""]), gaps(requirements, tests)


def check(root: Path) -> list[str]:
    """What is open or stale, each with what to do."""
    text, problems = page(root)
    path = root / PAGE
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        problems.append(f"{PAGE.as_posix()}: is not as the data say; run `make rule-book` and commit it")
    return problems


def write(root: Path) -> None:
    """Write the page anew."""
    (root / PAGE).write_text(page(root)[0], encoding="utf-8")


def _counts(requirements: Mapping[str, Requirement], tests: Mapping[str, Sequence[Path]]) -> list[str]:
    lines = ["| weight | tested | by design | not applicable | open |", "|---|---|---|---|---|"]
    for weight in Weight:
        ours = {each.id: each for each in requirements.values() if each.weight is weight}
        by_how = [sum(each.how is how for each in ours.values()) for how in How]
        is_open = len(gaps(ours, {name: paths for name, paths in tests.items() if name in ours}))
        lines.append(f"| {weight} | {' | '.join(map(str, by_how))} | {is_open} |")
    return lines


def _row(requirement: Requirement, tests: Sequence[Path]) -> str:
    what = f"{requirement.text} ([{requirement.source}]({requirement.link}))"
    known = _links(tests) if requirement.how is How.TESTED else f"{requirement.how}: {requirement.reason}"
    if requirement.how is How.TESTED and not tests:
        known = "**open**"
    cells = (requirement.id, requirement.level, requirement.concerns, what, known)
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def _links(tests: Sequence[Path]) -> str:
    base = Path(os.path.relpath(TESTS, PAGE.parent))
    return ", ".join(f"[{path.stem}]({(base / path).as_posix()})" for path in tests)
