"""What `make mutants` rests on: a copy that can be changed everywhere, and reasons that are of today's code."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

from bench.mutable import undecorated
from bench.mutants import PAGE, faults, measured, page, reasons
from bench.mutate import Statements

DECORATED = '''\
from functools import cache, cached_property


class Picture:
    @staticmethod
    def plain(): ...

    @cached_property
    def age(self):
        """Kept: \\n"""
        return [60]

    after = 1


@cache
@cache
def first():
    return object()
'''


def test_a_decorator_is_applied_below_its_function() -> None:
    changed = undecorated(DECORATED)
    decorated = {
        node.name: [ast.unparse(decorator) for decorator in node.decorator_list]
        for node in ast.walk(ast.parse(changed))
        if isinstance(node, ast.FunctionDef)
    }
    assert decorated == {"plain": ["staticmethod"], "age": [], "first": []}
    names: dict[str, type] = {}
    exec(changed, names)  # noqa: S102 - the text above
    patient = names["Picture"]()
    assert patient.age is patient.age
    assert names["first"]() is names["first"]()


@pytest.mark.parametrize("function", sorted({function for function, _ in reasons()}))
def test_a_reason_for_a_change_that_stands_is_of_a_function_that_there_is(function: str) -> None:
    parts = function.split(".")
    depth = next(n for n in range(len(parts), 0, -1) if _is_module(".".join(parts[:n])))
    found: object = importlib.import_module(".".join(parts[:depth]))
    for name in parts[depth:]:
        found = getattr(found, name)


def _is_module(name: str) -> bool:
    try:
        return importlib.import_module(name) is not None
    except ModuleNotFoundError:
        return False


def test_every_reason_says_something_and_stands_once() -> None:
    assert all(len(why) > 20 for why in reasons().values())


def test_every_change_that_stands_is_explained_and_every_module_is_tested_well_enough() -> None:
    assert list(faults(measured(), reasons())) == []


def test_the_page_is_made_of_what_was_found() -> None:
    assert PAGE.read_text("utf-8") == page(measured(), reasons())


WRITTEN = '''\
def x_read__mutmut_orig(first, last=None):
    """Says what it is for."""
    if (
        first is None
        or last is None
    ):
        return 1
    match first:
        case "a":
            return 2
    return sum(
        n for n in last
    )


def x_read__mutmut_1(first, last=1):
    """Says what it is for."""
    if (
        first is None
        or last is None
    ):
        return 1
    match first:
        case "a":
            return 2
    return sum(
        n for n in last
    )


def x_read__mutmut_2(first, last=None):
    """Says what it is for."""
    if (
        first is None
        and last is None
    ):
        return 1
    match first:
        case "a":
            return 2
    return sum(
        n for n in last
    )


def x_read__mutmut_3(first, last=None):
    """Says what it is for."""
    if (
        first is None
        or last is None
    ):
        return 1
    match first:
        case "XXaXX":
            return 2
    return sum(
        n for n in last
    )


def x_read__mutmut_4(first, last=None):
    """Says what it is for."""
    if (
        first is None
        or last is None
    ):
        return 1
    match first:
        case "a":
            return 2
    return sum(
    )
'''


@pytest.mark.parametrize(
    ("change", "lines"), [(1, range(2, 14)), (2, range(3, 7)), (3, range(8, 9)), (4, range(11, 14))]
)
def test_a_change_is_run_by_the_tests_that_come_to_its_statement(tmp_path: Path, change: int, lines: range) -> None:
    module = tmp_path / "read.py"
    module.write_text(WRITTEN, "utf-8")
    assert Statements(module).changed_by(f"read.x_read__mutmut_{change}") == lines
