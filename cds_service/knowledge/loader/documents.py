"""YAML as knowledge needs it: numbers exact, a key once, and nothing turned into something its author did not write.

YAML 1.1 reads `no` as false, `12:30` as 750 and `1.10` as a binary float. Here `no` and `12:30` stay text and `1.10`
becomes Decimal("1.10").
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

import yaml

_TAG = "tag:yaml.org,2002:"
_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]*)$")
_DECIMAL = re.compile(r"[-+]?[0-9]+\.[0-9]+$")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}$")
_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml is ten times as fast


class UnreadableDocument(Exception):
    """The text is no YAML that we read; the message says where, why and how to mend it."""


def parse(text: str) -> object:
    """The document as dict, list, str, int, Decimal, bool, date and None.

    Raises:
        UnreadableDocument: broken YAML, a key given twice, a key that is no text, an alias, no such day, or nested
            too deeply.
    """
    try:
        return _parsed(text)
    except RecursionError as error:
        raise UnreadableDocument("is nested too deeply; write fewer levels") from error


def _parsed(text: str) -> object:
    try:
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        at = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise UnreadableDocument(f"{at}is not YAML: {error.problem or error.context}; mend the line") from error
    except yaml.YAMLError as error:  # such as a character that YAML does not allow
        raise UnreadableDocument(f"is not YAML: {str(error).splitlines()[0]}; save it as UTF-8 text") from error
    return None if node is None else _value(node, set())


def _value(node: yaml.Node, seen: set[int]) -> object:
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if id(node) in seen:
        raise _problem(node, "has an alias (*name)", "write the value out in each place")
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, seen)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, seen) for item in node.value]
    raise _problem(node, f"has a node {node.tag} that is not known", "use mappings, lists and plain values")


def _mapping(node: yaml.MappingNode, seen: set[int]) -> dict[str, object]:
    values: dict[str, object] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise _problem(key_node, "has a key that is no text", "write a word before the colon")
        key: str = key_node.value
        if key in values:
            raise _problem(key_node, f"the key {key!r} is given twice", "keep one of them")
        values[key] = _value(value_node, seen)
    return values


def _scalar(node: yaml.ScalarNode) -> object:
    text: str = node.value
    kind = str(node.tag).removeprefix(_TAG)
    if kind == "int" and _WHOLE.match(text):
        return int(text)
    if kind == "float" and _DECIMAL.match(text):
        return Decimal(text)
    if kind == "bool" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if kind == "null":
        return None
    if kind == "timestamp" and _DAY.match(text):
        try:
            return date.fromisoformat(text)
        except ValueError as error:
            raise _problem(node, f"{text} is no day of the calendar", "write YYYY-MM-DD") from error
    return text


def _problem(node: yaml.Node, what: str, mend: str) -> UnreadableDocument:
    return UnreadableDocument(f"line {node.start_mark.line + 1}: {what}; {mend}")
