"""What may fall silent, and why: the classes of trials that are no fault, each with its clinical reason.

They stand in exceptions.yaml. A class names the places (a regular expression for the whole of `Corruption.field`) and
the kinds of corruption that it holds for (all where it names none), and may name the scenes that it holds for alone,
and the rules that alone may be lost in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.spec.silence.trial import Trial

PAGE = Path(__file__).with_name("exceptions.yaml")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a class of exceptions holds: `kinds`, `scenes` and `loses`, the rules that may be lost, are all where they
    are empty."""

    field: re.Pattern[str]
    kinds: frozenset[str]
    scenes: frozenset[str]
    loses: frozenset[str]

    def holds(self, trial: Trial) -> bool:
        """Whether a trial is of this place."""
        corruption = trial.corruption
        return (
            (not self.kinds or corruption.kind in self.kinds)
            and (not self.scenes or trial.scene.name in self.scenes)
            and (not self.loses or self.loses.issuperset(trial.lost))
            and self.field.fullmatch(corruption.field) is not None
        )


@dataclass(frozen=True, slots=True)
class ExceptionClass:
    """One class: what is done to the input, and why falling silent on it reassures nobody falsely; `is_open` where it
    may, and is still to be mended."""

    id: str
    title: str
    reason: str
    places: tuple[Place, ...]
    is_open: bool = False


@cache
def exception_classes() -> tuple[ExceptionClass, ...]:
    """All classes, in the order in which they are asked."""
    told: list[dict[str, Any]] = yaml.safe_load(PAGE.read_text(encoding="utf-8"))
    return tuple(
        ExceptionClass(
            one["id"],
            one["title"],
            " ".join(one["reason"].split()),
            tuple(map(_place, one["places"])),
            one.get("open", False),
        )
        for one in told
    )


def exception_of(trial: Trial, classes: Sequence[ExceptionClass]) -> ExceptionClass | None:
    """The first class that a trial falls in."""
    return next((one for one in classes if any(place.holds(trial) for place in one.places)), None)


def _place(told: dict[str, Any]) -> Place:
    kinds, scenes, loses = (frozenset(told.get(key, ())) for key in ("kinds", "scenes", "loses"))
    return Place(re.compile(told["field"]), kinds, scenes, loses)
