"""What a check is: a sentence, the requirements it verifies, and a look at one visit that yields problems."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cds_service.conformance.requirements import Requirement, Weight
from cds_service.conformance.visit import Visit

_MOST_PROBLEMS = 20
Look = Callable[[Visit], Iterator[str]]


class NotApplicable(Exception):
    """The service shows nothing that this check could judge; the message says what it lacks."""


class Outcome(StrEnum):
    """What came of a check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Check:
    """`title` says what should hold."""

    title: str
    verifies: tuple[str, ...]
    look: Look


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one check; `weight` is that of its weightiest requirement."""

    title: str
    verifies: tuple[str, ...]
    weight: Weight
    outcome: Outcome
    problems: tuple[str, ...] = ()

    @property
    def breaks_conformance(self) -> bool:
        """Whether a mandatory requirement does not hold."""
        return self.outcome is Outcome.FAILED and self.weight is Weight.MANDATORY


def check(title: str, *verifies: str) -> Callable[[Look], Check]:
    """Make a check of a function; `verifies` are ids of requirements.csv, without their CDSH-."""
    return lambda look: Check(title, tuple(f"CDSH-{number}" for number in verifies), look)


def results(visit: Visit, checks: Sequence[Check], requirements: Mapping[str, Requirement]) -> list[Result]:
    """Every check, done."""
    return [_result(visit, one, requirements) for one in checks]


def _result(visit: Visit, one: Check, requirements: Mapping[str, Requirement]) -> Result:
    weights = {requirements[name].weight for name in one.verifies}
    weight = next(weight for weight in Weight if weight in weights)
    try:
        problems = tuple(dict.fromkeys(one.look(visit)))
    except NotApplicable as nothing:
        return Result(one.title, one.verifies, weight, Outcome.NOT_APPLICABLE, (str(nothing),))
    more = len(problems) - _MOST_PROBLEMS
    told = (*problems[:_MOST_PROBLEMS], f"…and {more} more") if more > 0 else problems
    return Result(one.title, one.verifies, weight, Outcome.FAILED if told else Outcome.PASSED, told)
