"""Examining a service, and telling what came of it: a table for people, JSON for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from cds_service.conformance.check import Outcome, Result, results
from cds_service.conformance.checks import CHECKS
from cds_service.conformance.client import Client, base_of
from cds_service.conformance.requirements import read_requirements
from cds_service.conformance.visit import SANDBOX, visit

__all__ = ["SANDBOX", "as_json", "as_table", "conforms", "examine"]


def examine(url: str, token: str = "", origin: str = SANDBOX) -> list[Result]:
    """Put every check to the CDS service at `url`. It is sent a synthetic patient, and feedback on its cards.

    Raises:
        ServiceUnreachable: nothing answers there.
    """
    return results(visit(Client(base_of(url), token), origin), CHECKS, read_requirements())


def conforms(found: Sequence[Result]) -> bool:
    """Whether no mandatory requirement was found broken."""
    return not any(result.breaks_conformance for result in found)


def as_table(found: Sequence[Result], url: str) -> Table:
    """One row a check, the broken ones first; what a service says of itself is shown as text, never as markup."""
    judged = [result for result in found if result.outcome is not Outcome.NOT_APPLICABLE]
    table = Table("What should hold", "Weight", "Outcome", "Requirements", title=url, title_justify="left")
    for result in sorted(judged, key=lambda each: each.outcome is Outcome.PASSED):
        said = Text("\n").join([Text(result.title), *(Text(f"  {each}", "dim") for each in result.problems)])
        numbers = " ".join(name.removeprefix("CDSH-") for name in result.verifies)
        table.add_row(said, Text(result.weight), Text(result.outcome, _style(result)), Text(numbers))
    reasons = Counter(result.problems[0] for result in found if result.outcome is Outcome.NOT_APPLICABLE)
    table.caption = Text("\n".join(f"{count} not judged: {reason}" for reason, count in reasons.items()))
    table.caption_justify = "left"
    return table


def _style(result: Result) -> str:
    if result.outcome is Outcome.PASSED:
        return "green"
    return "bold red" if result.breaks_conformance else "yellow"


def as_json(found: Sequence[Result], url: str) -> dict[str, Any]:
    """The same for programs."""
    return {
        "url": url,
        "conforms": conforms(found),
        "checks": [
            {
                "title": result.title,
                "requirements": list(result.verifies),
                "weight": result.weight.value,
                "outcome": result.outcome.value,
                "problems": list(result.problems),
            }
            for result in found
        ],
    }
