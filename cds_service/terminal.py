"""The terminal of the command line, on which text from elsewhere is shown and can do nothing.

What a clinician, an EHR or another service wrote may hold escape sequences, which retitle a window, rewrite lines that
are already shown or fill the clipboard, and direction marks, which turn a sentence round.
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

_STANDS_FOR_IT = "\N{REPLACEMENT CHARACTER}"


class Terminal(Console):
    """A console that prints what cannot be seen as a sign of it; only line breaks and its own styles do something."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The parts that are printed."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=_lines(segment.text))


def visible(text: str) -> str:
    """One line of the text in which every character can be seen: blanks are plain, the rest is a sign of it."""
    return "".join(sign if sign.isprintable() else " " if sign.isspace() else _STANDS_FOR_IT for sign in text)


def _lines(text: str) -> str:
    return text if text.isprintable() else "\n".join(map(visible, text.split("\n")))
