"""Looking into JSON that may be of any shape, without falling over it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit


def objects(holder: Any, member: str) -> list[dict[str, Any]]:
    """The objects in the list `member` of `holder`; nothing where either is something else."""
    found = holder.get(member) if isinstance(holder, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def text(value: Any) -> str:
    """The text, or "" where it is none."""
    return value if isinstance(value, str) else ""


def short(value: Any) -> str:
    """A value as a problem may quote it."""
    quoted = repr(value)
    return quoted if len(quoted) <= 60 else f"{quoted[:59]}…"


def is_absolute(url: Any) -> bool:
    """Whether this is an absolute http or https URL."""
    try:
        address = urlsplit(text(url))
    except ValueError:
        return False
    return address.scheme in ("http", "https") and bool(address.hostname)


def empties(value: Any, path: str = "") -> Iterator[str]:
    """Where null, "", [] or {} stands in an answer, but for an empty list of cards or services.

    FHIR keeps the places of a list with null, where its partner of name `_…` has something to say.
    """
    if (value == [] and path in ("cards", "services")) or (value is None and ".resource." in path and path[-1] == "]"):
        return
    if value is None or value == "" or value == [] or value == {}:
        yield path or "the body"
    elif isinstance(value, dict):
        for name, member in value.items():
            yield from empties(member, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from empties(item, f"{path}[{index}]")


def extensions(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each member named `extension` of CDS Hooks itself; FHIR's own extensions are inside of resources."""
    if isinstance(value, dict):
        for name, member in value.items():
            where = f"{path}.{name}" if path else str(name)
            if name == "extension":
                yield where, member
            elif name != "resource":
                yield from extensions(member, where)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from extensions(item, f"{path}[{index}]")
