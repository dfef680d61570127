"""The sentences that the code puts together, gathered from it, so that a language can give its own for each.

Gathered are the texts that reach a card: those of the rules, of the cards, and of the reading of records. A text is one
that holds more than one word, or is the label of a fact. `knowledge/sentences.yaml` is written from here, and held.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent.parent
_PLACES = {
    "rules": ("assessment/*.py", "assessment/rules/*.py"),
    "cards": ("cards/compose.py", "cards/suggest.py"),
    "records": ("fhir/*.py",),
}
# What is read rather than said, and what engineers are told in errors and not clinicians on cards.
_NOT_SAID = frozenset(
    {
        "dosage_text.py",
        "draft_resources.py",
        "result_text.py",
        "result_words.py",
        "sig_text.py",
        "templates.py",
        "prefetch.py",
        "tolerant.py",
        "retrieve.py",
        "bundles.py",
    }
)
_SOURCE, _NUMBER = "{0}: ", re.compile(r"\{(\d)\}")
_LEFT_OUT = "; it was not used"
_OPENING = """# The sentences that the code puts together and a card may show; {0}, {1} are filled in.
# Made from the code by `make rule-book`, never edited. A language gives its own words for each of them in
# languages/<language>/sentences.yaml, as `"the English words": "its own"`; a site may do so for English (en) too.
"""


def sentences_page() -> str:
    """`knowledge/sentences.yaml`."""
    lines = [_OPENING]
    for place, patterns in _PLACES.items():
        lines.append(f"{place}:")
        lines += [f"  - {_quoted(text)}" for text in _gathered(patterns)]
    return "\n".join(lines).replace("\n\n", "\n") + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _gathered(patterns: tuple[str, ...]) -> list[str]:
    found: set[str] = set()
    for pattern in patterns:
        for path in PACKAGE.glob(pattern):
            if path.name not in _NOT_SAID:
                found |= set(_texts(ast.parse(path.read_text(encoding="utf-8"))))
    return sorted(found)


def _texts(tree: ast.Module) -> Iterator[str]:
    passed_over = {id(node) for node in _passed_over(tree)}
    for node in _walk(tree, passed_over):
        if isinstance(node, ast.JoinedStr):
            yield from _of_template(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_said(node.value):
            yield _bare(_escaped(node.value))
            if _LEFT_OUT in node.value:  # a card may tell the reason alone
                yield node.value.partition(_LEFT_OUT)[0]
        elif isinstance(node, ast.Call) and _name(node.func) in ("FactUsed", "say") and node.args:
            yield from _label(node.args[0])
        elif isinstance(node, ast.keyword) and node.arg == "label":
            yield from _label(node.value)
        elif isinstance(node, ast.IfExp):
            yield from _remark(node)
        elif isinstance(node, ast.AnnAssign | ast.Assign) and isinstance(node.value, ast.Dict):
            yield from _words_of_keys(node)


def _walk(node: ast.AST, passed_over: set[int]) -> Iterator[ast.AST]:
    """Every node but the insides of texts that are filled in, which `_of_template` looks at."""
    for child in ast.iter_child_nodes(node):
        if id(child) in passed_over:
            continue
        yield child
        if not isinstance(child, ast.JoinedStr):
            yield from _walk(child, passed_over)
        else:
            for part in child.values:
                if isinstance(part, ast.FormattedValue):
                    yield from _walk(part, passed_over)


def _passed_over(tree: ast.Module) -> Iterator[ast.AST]:
    """Docstrings, patterns, comparisons, how a number is printed, and what an exception tells an engineer."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value
        elif isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            yield node.format_spec
        elif isinstance(node, ast.Compare) or _reads_a_pattern(node) or _raises_an_error(node):
            yield node


def _reads_a_pattern(node: ast.AST) -> bool:
    """A method of a pattern or a text, not the function of the same name (`dataclasses.replace`)."""
    methods = ("compile", "finditer", "match", "split", "replace")
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in methods


def _raises_an_error(node: ast.AST) -> bool:
    """`Unusable` is no error of ours: its words are what a card says of a result."""
    return isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and _name(node.exc.func) != "Unusable"


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_said(text: str) -> bool:
    """More than one word, and no pattern, address or table."""
    plain = text.strip()
    return " " in plain and any(c.isalpha() for c in plain) and not any(sign in plain for sign in ("(?", "\\", "|-"))


def _of_template(node: ast.JoinedStr) -> Iterator[str]:
    text, blanks = "", 0
    for part in node.values:
        if isinstance(part, ast.Constant):
            text += _escaped(str(part.value))
        else:
            text += f"{{{blanks}}}"
            blanks += 1
            if isinstance(part, ast.FormattedValue) and isinstance(part.value, ast.IfExp):
                yield from _label(part.value.body)
                yield from _label(part.value.orelse)
    own = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
    if any(c.isalpha() for c in own) and (" " in own.strip() or own[:1] == " " or own[-1:] == " "):
        yield _bare(text)


def _label(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.strip():
        yield node.value.strip()


def _remark(node: ast.IfExp) -> Iterator[str]:
    """`"preliminary" if … else ""`: a remark of one word, or none."""
    body, other = node.body, node.orelse
    if isinstance(body, ast.Constant) and isinstance(other, ast.Constant) and other.value == "":
        yield from (text for text in _label(body) if text.isalpha())


def _words_of_keys(node: ast.Assign | ast.AnnAssign) -> Iterator[str]:
    target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
    if _name(target).endswith("_WORDS") and isinstance(node.value, ast.Dict):
        for value in node.value.values:
            yield from _label(value)


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _bare(text: str) -> str:
    """Without the blanks and brackets by which it is joined to what stands before it."""
    plain = text.strip()
    if text.startswith(" (") and plain.endswith(")"):
        return plain[1:-1]
    if plain.startswith(_SOURCE):  # "Condition/1: …": a card tells the doubt without the record
        return _NUMBER.sub(lambda blank: f"{{{int(blank[1]) - 1}}}", plain.removeprefix(_SOURCE))
    return plain
