"""Three-valued truth for clinical questions: unknown is a value, never a no."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Presence(StrEnum):
    """Whether something is so: yes, no, or not known from what we were given."""

    YES = "yes"
    NO = "no"
    NOT_KNOWN = "not-known"

    @classmethod
    def any_of(cls, answers: Iterable[Presence]) -> Presence:
        """YES if any is; otherwise NOT_KNOWN if any is; otherwise NO."""
        seen = set(answers)
        if cls.YES in seen:
            return cls.YES
        return cls.NOT_KNOWN if cls.NOT_KNOWN in seen else cls.NO
