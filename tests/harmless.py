"""What a card may never do with a text of the record: markup, links and signs that nobody sees.

Read as the most permissive client reads it: HTML goes through, and tables and struck-out text are known.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
# What GitHub's Markdown makes a link of, and what makers of clients use for it look for in text without escapes.
AUTOLINK = re.compile(r"(?i)(?:https?|ftp)://[-.\w]|www\.[-.\w]|[-.\w+]+@[-\w]+\.[-.\w]")
_ACTIVE = ("html_inline", "html_block", "image", "code_inline", "fence", "code_block", "hr")


def check_harmless(card: dict[str, Any], addresses: Collection[str]) -> None:
    """Fail where a card holds anything active; `addresses` are the links that are the service's own."""
    labels = [s["label"] for s in card.get("suggestions", [])]
    labels += [action["description"] for s in card.get("suggestions", []) for action in s["actions"]]
    for line in (card["summary"], *labels):
        assert not [sign for sign in line if is_unseen(sign)], line
        assert not re.search(r"<[a-zA-Z/!?]", line), line
        assert not AUTOLINK.search(line), line
    for token in _tokens(READER.parse(card.get("detail", ""))):
        assert token.type not in _ACTIVE
        assert not token.type.startswith("heading")
        if token.type == "link_open":
            assert token.attrs["href"] in addresses
        if token.type == "text":
            assert not AUTOLINK.search(token.content), token.content
            assert not [sign for sign in token.content if is_unseen(sign)], token.content


def is_unseen(sign: str) -> bool:
    """Whether a sign is shown as nothing, or changes how others are shown."""
    return unicodedata.category(sign) in ("Cc", "Cf", "Cs") or sign in "\u2028\u2029\u3164\uffa0\u115f\u1160"


def _tokens(read: list[Token]) -> Iterator[Token]:
    for token in read:
        yield token
        if token.children:
            yield from _joined(token.children)


def _joined(children: list[Token]) -> Iterator[Token]:
    """Neighbouring texts are one where they are shown, whatever escapes stood between them."""
    held = ""
    for child in children:
        if child.type in ("text", "text_special"):
            held += child.content
            continue
        yield Token("text", "", 0, content=held)
        held = ""
        yield child
    yield Token("text", "", 0, content=held)
