"""docs/never-silent.md: what a whole run counted, and the classes of exceptions with their reasons."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.spec.silence.exceptions import exception_classes
from tests.spec.silence.tally import Tally

PAGE = Path(__file__).resolve().parents[3] / "docs" / "never-silent.md"
_HEAD = """\
# Never a false reassurance

`make silence` takes every request of the stories and vignettes that yields a card, and of the cases in the folder that
`B12_SHARED_DIR` names, and spoils it: each field, list, resource, prefetch key and fetch, one at a time, in each of the
ways in which senders are wrong: missing, null, empty, of another type, garbled, mistyped, padded, another unit, code,
system, date or patient, the code of a look-alike, endless, behind more words than are read, repeated, cut off, answered
with an error. Each time the answer must be the same cards, a louder card, a card that says what could not be told, or
an error. A milder card, no card, or a status of "unlikely" in its place is a fault, unless a class below holds it. The
tests try a sample each time, and fail for any other fault. A whole run writes its counts into this page.
"""


def page(tally: Tally, every: int = 1) -> str:
    """The whole page, from a run of each `every`th trial."""
    return "\n".join([_HEAD, *_counts(tally, every), "", *_classes(tally), ""])


def reasons(*, is_open: bool) -> Iterator[tuple[str, str]]:
    """The id of each class, and the part of the page that the exceptions' file alone makes: heading and reason."""
    for one in exception_classes():
        if one.is_open is is_open:
            yield one.id, f"### {one.title}\n\n{one.reason}"


def _counts(tally: Tally, every: int) -> Iterable[str]:
    yield "## What was tried"
    yield ""
    yield "Every trial." if every == 1 else f"One trial in {every}."
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
    yield f"{tally.exceptions.total():,} trials fell in a class below, and {len(tally.faults):,} in none."


def _classes(tally: Tally) -> Iterable[str]:
    for heading, is_open in (("Exceptions, each with its reason", False), ("Known faults, still to be mended", True)):
        classes = list(reasons(is_open=is_open))
        if classes:
            yield f"## {heading}\n"
        for name, text in classes:
            yield f"{text}\n\nTrials: {tally.exceptions[name]:,}.\n"
