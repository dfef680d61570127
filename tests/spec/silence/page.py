"""docs/never-silent.md: what a whole run counted, and the classes of exceptions with their reasons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.spec.silence.exceptions import exception_classes
from tests.spec.silence.tally import Tally

PAGE = Path(__file__).resolve().parents[3] / "docs" / "never-silent.md"
_HEAD = """\
# Never a false reassurance

`make silence` takes every request of the stories and vignettes that yields a card, and spoils it: each field, list,
resource, prefetch key and fetch, one at a time, in each of the ways in which senders are wrong: missing, null, empty,
of another type, garbled, mistyped, padded, another unit, code, system, date or patient, endless, repeated, cut off,
answered with an error. Each time the answer must be the same cards, a louder card, a card that says what could not be
told, or an error. A milder card, no card, or a status of "unlikely" in its place is a fault, unless a class below holds
it. This page is what the last whole run printed; the tests try a sample each time.
"""


def page(tally: Tally) -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_counts(tally), "", *_classes(tally), ""])


def reasons() -> Iterator[str]:
    """The part of the page that the exceptions' file alone makes: a heading and a reason for each class."""
    for one in exception_classes():
        yield f"### {one.title}\n\n{one.reason}"


def _counts(tally: Tally) -> Iterable[str]:
    yield "## What was tried"
    yield ""
    yield "| requests | with a card | trials |"
    yield "|---|---|---|"
    for source, count in tally.scenes.items():
        yield f"| {source} | {count} | {tally.tried[source]:,} |"
    yield f"| all | {tally.scenes.total()} | {tally.tried.total():,} |"
    yield ""
    yield "| what came of it | trials |"
    yield "|---|---|"
    for verdict, count in tally.verdicts.most_common():
        yield f"| {verdict} | {count:,} |"
    yield ""
    yield f"Of the last, {tally.exceptions.total():,} are exceptions and {len(tally.faults):,} are faults."


def _classes(tally: Tally) -> Iterable[str]:
    yield "## Exceptions"
    for one, text in zip(exception_classes(), reasons(), strict=True):
        yield ""
        yield f"{text}\n\nTrials: {tally.exceptions[one.id]:,}."
