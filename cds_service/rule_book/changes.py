"""What differs between two sets of knowledge files, value by value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cds_service.knowledge.loader.documents import parse
from cds_service.rule_book.markdown import page, table

_NAMES = (("system", "code"), ("name",), ("unit",), ("id", "at"), ("id",), ("rule", "words"), ("text",))


@dataclass(frozen=True, slots=True)
class Change:
    """One value of one file. `old` or `new` is "" where one side has not got it."""

    file: str
    at: str
    old: str
    new: str


def changes(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> list[Change]:
    """Every value that differs, by file; items of a list are told apart by what names them, not by where they stand.

    Raises:
        UnreadableDocument: a file is no YAML that we read. Knowledge that was loaded has none.
    """
    found: list[Change] = []
    for file in sorted(old.keys() | new.keys()):
        if old.get(file) != new.get(file):
            before, after = (parse(files[file].decode("utf-8")) if file in files else None for files in (old, new))
            found += [Change(file, at, was, now) for at, was, now in _between(before, after, "")]
    return found


def changed_by_site(ours: Mapping[str, bytes], site: Mapping[str, bytes]) -> str:
    """The chapter of a site's rule book on what its own files change."""
    rows = [(change.file, change.at, change.old or "–", change.new or "–") for change in changes(ours, site)]
    told = table(("file", "what", "ours", "this site"), rows) if rows else "Nothing: every value is as it ships."
    return page(["## Changed by this site", told])


def _between(old: object, new: object, at: str) -> Iterator[tuple[str, str, str]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _between(old.get(key), new.get(key), f"{at}.{key}" if at else str(key))
    elif isinstance(old, list) and isinstance(new, list):
        yield from _between(_by_name(old), _by_name(new), at)
    elif old != new:
        yield at, _told(old), _told(new)


def _by_name(items: list[object]) -> dict[str, object]:
    named: dict[str, object] = {}
    for item in items:
        name = _name(item)
        while name in named:
            name += "'"
        named[name] = item
    return named


def _name(item: object) -> str:
    if isinstance(item, Mapping):
        for keys in _NAMES:
            if all(key in item for key in keys):
                return " ".join(str(item[key]) for key in keys)
    return _told(item)


def _told(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_told(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(_told(item) for item in value)
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
