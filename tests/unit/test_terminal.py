"""What is printed on a terminal: our own styles act, and nothing of a text from elsewhere does."""

from __future__ import annotations

import io
import re

import pytest
from rich.markdown import Markdown
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cds_service.terminal import Terminal, visible

EVIL = "a\x1b]0;mine\x07b\x1b[2J\x9b31mc\u202ed\u2066e\x00f\x08g\x7fh"
_STYLES = re.compile(r"\x1b\[[0-9;]*m")


def table(text: str) -> Table:
    made = Table("Head")
    made.add_row(Text(text, style="red"))
    return made


@pytest.mark.parametrize(
    "renderable",
    [Text(EVIL, style="bold"), EVIL, table(EVIL), Panel(Text(EVIL), title=EVIL), Markdown(f"**{EVIL}**")],
    ids=["text", "str", "table", "panel", "markdown"],
)
def test_no_text_acts_on_the_terminal(renderable: Text | str | Table | Panel | Markdown) -> None:
    out = io.StringIO()
    Terminal(file=out, force_terminal=True, color_system="standard", width=100).print(renderable)
    shown = _STYLES.sub("", out.getvalue())

    assert {sign for sign in shown if not sign.isprintable()} <= {"\n"}
    assert "mine" in shown


def test_its_own_styles_are_printed() -> None:
    out = io.StringIO()
    Terminal(file=out, force_terminal=True, color_system="standard").print(Text("red", style="red"))

    assert out.getvalue() == "\x1b[31mred\x1b[0m\n"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain süß 🙂 שלום", "plain süß 🙂 שלום"),
        ("a\nb\tc\rd\u2028e\u00a0f", "a b c d e f"),
        ("\x1b[2J", "\N{REPLACEMENT CHARACTER}[2J"),
        ("\u202egnp", "\N{REPLACEMENT CHARACTER}gnp"),
        ("", ""),
    ],
)
def test_every_character_can_be_seen(text: str, seen: str) -> None:
    assert visible(text) == seen
