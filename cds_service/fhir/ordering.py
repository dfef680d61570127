"""Putting what was read in one order, so that the order in which it was sent never shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

_Thing = TypeVar("_Thing")


def in_order(
    things: Iterable[_Thing], place: Callable[[_Thing], tuple[Any, ...]], whole: Callable[[_Thing], Any] = repr
) -> list[_Thing]:
    """Each thing once, sorted by `place`, which is quickly told and nearly always differs; those of one by `whole`."""
    places: dict[tuple[Any, ...], list[_Thing]] = {}
    for thing in things:
        places.setdefault(place(thing), []).append(thing)
    ordered: list[_Thing] = []
    for _, same in sorted(places.items(), key=lambda item: item[0]):
        ordered += same if len(same) == 1 else sorted(dict.fromkeys(same), key=whole)
    return ordered
