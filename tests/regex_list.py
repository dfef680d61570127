"""Every regular expression of the service, as JSON: `python -m tests.regex_list`, in a process of its own.

Those that are compiled are noted while the service is loaded with its knowledge and answers once; those that are
written where they are used are read from the source.
"""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import re
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import FrameType
from typing import Any

ROOTS = ("cds_service", "hooks")
ROOT = Path(__file__).resolve().parents[1]
_FUNCTIONS = frozenset({"match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"})
_MEMBERS = _FUNCTIONS | {"pattern", "flags"}
_compile = re.compile


def noted(found: dict[tuple[str, int], tuple[str, int]]) -> Any:
    """A `re.compile` that notes module and line of what is ours, also where marshmallow's validators compile it."""

    def compiled(pattern: Any, flags: Any = 0) -> Any:
        made = _compile(pattern, flags)
        frame: FrameType | None = sys._getframe(1)
        if frame is not None and frame.f_globals.get("__name__") == "marshmallow.validate":
            frame = frame.f_back
        name = str(frame.f_globals.get("__name__", "")) if frame is not None else ""
        if frame is not None and name.partition(".")[0] in ROOTS and isinstance(pattern, str):
            found.setdefault((pattern, made.flags & ~re.UNICODE), (name, frame.f_lineno))
        return made

    return compiled


def modules() -> Iterator[str]:
    """All modules but those that start something when they are imported."""
    for root in ROOTS:
        package = importlib.import_module(root)
        for module in pkgutil.walk_packages(package.__path__, f"{root}."):
            last = module.name.rpartition(".")[2]
            if last not in ("__main__", "wsgi", "asgi") and ".migrations" not in module.name:
                yield module.name


def methods(module: str) -> dict[int, set[str]]:
    """How the pattern that is assigned at each line of a module is used there; nothing where that cannot be seen."""
    tree = _tree(module)
    used: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            used.setdefault(node.value.id, set()).add(node.attr)
    at: dict[int, set[str]] = {}
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(target, ast.Name):
            continue
        seen = used.get(target.id, set())
        times = sum(isinstance(each, ast.Name) and each.id == target.id for each in ast.walk(tree))
        if seen and seen <= _MEMBERS and isinstance(node.value, ast.Call) and times == 1 + _uses(tree, target.id):
            at |= dict.fromkeys(range(node.lineno, (node.end_lineno or node.lineno) + 1), seen & _FUNCTIONS)
    return at


def _uses(tree: ast.Module, name: str) -> int:
    return sum(
        isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name
        for node in ast.walk(tree)
    )


def written(module: str) -> Iterator[tuple[str | None, int, str]]:
    """(pattern, line, function) of each `re.sub("...", ...)`; None for a pattern that is not written there."""
    for node in ast.walk(_tree(module)):
        match node:
            case ast.Call(ast.Attribute(ast.Name("re"), function), [first, *_]) if function in _FUNCTIONS:
                text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else None
                yield text, node.lineno, function


def _tree(module: str) -> ast.Module:
    path = ROOT / module.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return ast.parse(file.read_text(encoding="utf-8"))


def main() -> None:
    """Print them."""
    found: dict[tuple[str, int], tuple[str, int]] = {}
    re.compile = noted(found)  # type: ignore[assignment]
    names = list(modules())
    for name in names:
        importlib.import_module(name)
    _answer_once()
    lines: list[dict[str, Any]] = []
    for (pattern, flags), (name, line) in found.items():
        how = sorted(methods(name).get(line, ())) or ["search"]
        lines.append({"pattern": pattern, "flags": flags, "module": name, "line": line, "methods": how})
    for name in names:
        for text, line, function in written(name):
            lines.append({"pattern": text, "flags": 0, "module": name, "line": line, "methods": [function]})
    sys.stdout.write(json.dumps(lines))


def _answer_once() -> None:
    """Some are compiled when they are first used."""
    from cds_service.composition import services
    from cds_service.knowledge.loader import load
    from cds_service.offline import answered

    knowledge = load()
    offered = services(knowledge)
    for file in sorted((ROOT / "fixtures").glob("*/*.request.json")):
        answered(json.loads(file.read_text(encoding="utf-8")), offered, knowledge, date(2025, 10, 1))


if __name__ == "__main__":
    main()
