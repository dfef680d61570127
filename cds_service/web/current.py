"""What Flask's `g` and `request` stand for: each use of a stand-in looks for the request of its thread anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from werkzeug.local import LocalProxy

_T = TypeVar("_T")


def current(stand_in: _T) -> _T:
    """The object itself, of the request that is being answered; to be used within it only."""
    proxy = cast("LocalProxy[_T]", stand_in)  # Flask types it as what it stands for
    return proxy._get_current_object()
