"""Answers kept for texts that come again and again.

Records call most things by the same few thousand codes, names and units, and what those mean depends on the knowledge
alone. Each is worked out once. What is kept is bounded, depends on no patient, and holds no long texts.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import wraps
from typing import Any, TypeVar

MOST_ANSWERS = 4096
LONGEST = 800  # characters of a spelling as printed; what is longer is read each time
_Asked = TypeVar("_Asked")
_Known = TypeVar("_Known")
_Answer = TypeVar("_Answer")


def remembered(
    spelling: Callable[[_Asked], Hashable],
) -> Callable[[Callable[[_Asked, _Known], _Answer]], Callable[[_Asked, _Known], _Answer]]:
    """Keeps the answers of a pure function of something asked and something known; they must not be changeable.

    `spelling` is all of what is asked that the answer can depend on; None: it is not kept. What is known (the
    knowledge, or one analyte of it) counts by identity: an answer holds for the very object that it was worked out
    with.
    """

    def decorate(read: Callable[[_Asked, _Known], _Answer]) -> Callable[[_Asked, _Known], _Answer]:
        kept: dict[Hashable, tuple[_Known, _Answer]] = {}

        @wraps(read)
        def answer(asked: _Asked, known: _Known) -> _Answer:
            spelled = spelling(asked)
            if spelled is None:
                return read(asked, known)
            found = kept.get(spelled)
            if found is not None and found[0] is known:
                return found[1]
            made = read(asked, known)
            if is_kept(spelled):
                if len(kept) >= MOST_ANSWERS:
                    kept.clear()
                kept[spelled] = (known, made)
            return made

        return answer

    return decorate


def is_kept(spelled: Hashable) -> bool:
    """Whether what is spelled so is short enough that its answer is kept."""
    return len(repr(spelled)) <= LONGEST


def itself(asked: Any) -> Hashable:
    """The spelling of what is hashable and short, such as the id of a rule."""
    spelled: Hashable = asked
    return spelled
