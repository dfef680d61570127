"""The little Markdown that the pages need."""

from __future__ import annotations

from collections.abc import Iterable


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table; text in cells is kept from breaking it."""
    names = list(head)
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    lines += [f"| {' | '.join(cell(text) for text in row)} |" for row in rows]
    return "\n".join(lines)


def cell(text: str) -> str:
    """Text on one line, without a bar that would end the cell."""
    return " ".join(text.split()).replace("|", "\\|")


def link(text: str, target: str) -> str:
    """A link; just the text where there is nothing to link to."""
    return f"[{text}]({target})" if target else text


def page(parts: Iterable[str]) -> str:
    """Blocks one under the other, with an empty line between them."""
    return "\n\n".join(part.strip("\n") for part in parts if part.strip()) + "\n"
