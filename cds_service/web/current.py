"""What Flask's `g` and `request` stand for: each use of a stand-in looks for the request of its thread anew."""

from __future__ import annotations

from typing import TypeVar

_T = TypeVar("_T")


def current(stand_in: _T) -> _T:
    """The object itself, of the request that is being answered; to be used within it only."""
    found: _T = stand_in._get_current_object()  # type: ignore[attr-defined]  # to types, it is what it stands for
    return found
