"""The pages that name the test of a promise name tests that exist, and every row of their tables names one."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [page for page in (ROOT / "docs" / "threat-model.md", ROOT / "docs" / "faults.md") if page.exists()]
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")


@cache
def functions(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def rows(text: str) -> list[str]:
    """The lines of tables, without their heads."""
    lines = text.splitlines()
    rules = {number for number, line in enumerate(lines) if re.fullmatch(r"\|[-| ]+\|", line)}
    heads = {number - 1 for number in rules}
    return [line for number, line in enumerate(lines) if line.startswith("|") and number not in rules | heads]


def problems(text: str) -> list[str]:
    untold = [f"no test: {row[:60]}" for row in rows(text) if not NAMED.search(row)]
    return untold + [
        f"{path}::{name}"
        for path, name in NAMED.findall(text)
        if not (ROOT / "tests" / path).exists() or name not in functions(ROOT / "tests" / path)
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_row_names_tests_that_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert len(rows(text)) > 10
    assert problems(text) == []


def test_a_row_without_a_test_and_a_test_that_is_gone_would_be_noticed() -> None:
    here = "test_named_tests.py::test_every_row_names_tests_that_exist"
    table = f"| threat | test |\n|---|---|\n| one | `{here}` |\n| two | none |\n| three | `{here}_not` |"

    assert problems(table) == ["no test: | two | none |", f"{here}_not"]
