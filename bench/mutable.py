"""A copy of the working tree in which mutmut can change every function (`make mutants`).

mutmut passes over a function that has a decorator, and so would never change a `cached_property`, of which the
patient's picture is made. In the copy a decorator is applied below its function instead, which is the same to Python:

    @cached_property                        def age(self) -> int: ...
    def age(self) -> int: ...      becomes  age = cached_property(age)

A copy is also not disturbed by work that goes on in the tree.
"""

from __future__ import annotations

import ast
import shutil
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("cds_service", "docs", "fixtures", "hooks", "tests")
_LEFT = {"staticmethod", "classmethod"}  # mutmut changes these


def main() -> None:
    """Make the copy in the folder that is named, in place of an older one; what mutmut found in that stays."""
    target = Path(sys.argv[1])
    target.mkdir(exist_ok=True)
    shutil.copy2(ROOT / "pyproject.toml", target)
    for folder in FOLDERS:
        shutil.rmtree(target / folder, ignore_errors=True)
        shutil.copytree(ROOT / folder, target / folder, ignore=shutil.ignore_patterns("__pycache__"))
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["mutmut"]
    for module in sorted(target.glob("cds_service/**/*.py")):
        if any(fnmatch(str(module.relative_to(target)), pattern) for pattern in settings["only_mutate"]):
            module.write_text(undecorated(module.read_text("utf-8")), "utf-8")


def undecorated(source: str) -> str:
    """The same module with its decorators applied below the functions."""
    lines = source.split("\n")
    for function in sorted(_decorated(ast.parse(source)), key=lambda function: function.lineno, reverse=True):
        indent = " " * function.col_offset
        applied = [
            f"{indent}{function.name} = {ast.unparse(decorator)}({function.name})"
            for decorator in reversed(function.decorator_list)
        ]
        assert function.end_lineno is not None  # ast.parse always tells it
        lines[function.end_lineno : function.end_lineno] = applied
        del lines[function.decorator_list[0].lineno - 1 : function.lineno - 1]
    return "\n".join(lines)


def _decorated(module: ast.Module) -> Iterator[ast.FunctionDef]:
    """Functions and methods with decorators that mutmut does not know; nested ones belong to the function around."""
    bodies = [module.body, *(node.body for node in module.body if isinstance(node, ast.ClassDef))]
    for node in (node for body in bodies for node in body):
        applied = {ast.unparse(d) for d in node.decorator_list} if isinstance(node, ast.FunctionDef) else set()
        if isinstance(node, ast.FunctionDef) and applied and not applied & _LEFT:
            yield node


if __name__ == "__main__":
    main()
