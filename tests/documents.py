"""What the README and docs/ tell to type: their fenced blocks, and one command after the other out of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
LANGUAGES = frozenset({"sh", "json", "yaml", "text", "console", "mermaid"})
"""`sh` is run; `text` right after it is what that prints. `console` shows commands and answers, on one page only."""

_FENCE = re.compile(r"(?ms)^(?P<ticks>`{3,})(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=ticks)[ ]*$")
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
_NEEDS = re.compile(r"# Needs (?P<what>.+)\.")
_ENDS_WITH = re.compile(r"\s+# ends with (?P<status>\d+)$")


@dataclass(frozen=True)
class Fence:
    """A fenced block of a page; `line` is where its text begins."""

    page: Path
    line: int
    language: str
    text: str


@dataclass(frozen=True)
class Command:
    """One command. `needs` is what our tests have not ("" where they run it); `prints` are lines that it prints."""

    page: Path
    line: int
    text: str
    needs: str = ""
    status: int = 0
    prints: list[str] = field(default_factory=list)

    @property
    def where(self) -> str:
        """The page and the line, as editors open them."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def fences(page: Path) -> list[Fence]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Fence(page, text.count("\n", 0, found.start("text")) + 1, found["language"].strip(), found["text"])
        for found in _FENCE.finditer(text)
    ]


def inline(page: Path) -> list[str]:
    """What stands between single backticks."""
    return _INLINE.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))


def commands(page: Path) -> list[Command]:
    """Every command of a page's `sh` blocks, in order, each with the lines that the page says it prints.

    `# Needs Docker.` as the first line of a block marks all its commands, and `# ends with 10` after one is its exit
    status: both are there for the reader too.
    """
    found: list[Command] = []
    after: Fence | None = None
    for fence in fences(page):
        if fence.language == "sh":
            found += _of_block(fence)
        elif fence.language == "text" and after is not None and after.language == "sh":
            found[-1].prints.extend(line for line in fence.text.splitlines() if line.strip() not in ("", "…"))
        after = fence
    return found


def _of_block(fence: Fence) -> Iterator[Command]:
    needs = ""
    whole, begun = "", 0
    for number, line in enumerate(fence.text.splitlines(), fence.line):
        if not whole and (marked := _NEEDS.fullmatch(line)):
            needs = marked["what"]
            continue
        if not whole and (not line.strip() or line.startswith("#")):
            continue
        begun = begun if whole else number
        whole += line.removesuffix("\\")
        if line.endswith("\\"):
            continue
        status = _ENDS_WITH.search(whole)
        yield Command(fence.page, begun, _ENDS_WITH.sub("", whole), needs, int(status["status"]) if status else 0)
        whole = ""
    assert not whole, f"{fence.page.name}:{begun}: the block ends within a command"
