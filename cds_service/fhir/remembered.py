"""Answers kept for texts that come again and again.

Records call most things by the same few thousand codes and names, and what those mean depends on the knowledge alone.
Each is worked out once. What is kept is bounded, depends on no patient, and holds no long texts.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import wraps
from typing import Any, TypeVar

from cds_service.knowledge.model import Knowledge

MOST_ANSWERS = 4096
LONGEST = 600  # characters of all texts together; what is longer is read each time
_Asked = TypeVar("_Asked")
_Answer = TypeVar("_Answer")


def remembered(
    spelling: Callable[[_Asked], Hashable | None],
) -> Callable[[Callable[[_Asked, Knowledge], _Answer]], Callable[[_Asked, Knowledge], _Answer]]:
    """Keeps the answers of a pure function of something and the knowledge, which must not be changeable.

    `spelling` is all that the answer can depend on beside the knowledge; None where it is too long to be kept.
    Answers hold for one knowledge, the very same object, and all are dropped when there are too many.
    """

    def decorate(read: Callable[[_Asked, Knowledge], _Answer]) -> Callable[[_Asked, Knowledge], _Answer]:
        kept: tuple[Knowledge | None, dict[Hashable, _Answer]] = (None, {})

        @wraps(read)
        def answer(asked: _Asked, knowledge: Knowledge) -> _Answer:
            nonlocal kept
            spelled = spelling(asked)
            if spelled is None:
                return read(asked, knowledge)
            known, answers = kept
            if known is not knowledge:
                answers = {}
                kept = (knowledge, answers)
            try:
                return answers[spelled]
            except KeyError:
                found = read(asked, knowledge)
            if len(answers) >= MOST_ANSWERS:
                answers.clear()
            answers[spelled] = found
            return found

        return answer

    return decorate


def itself(asked: Any) -> Hashable:
    """The spelling of what is short and hashable, such as the id of a rule."""
    spelled: Hashable = asked
    return spelled
