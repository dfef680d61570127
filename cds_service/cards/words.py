"""Text of the record made fit for a card: hostile until shown otherwise.

A client may show `detail` as Markdown, as HTML made of it, or as raw HTML inside Markdown (the public sandbox does), so
text of the record is escaped for all of them. A summary is plain text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from cds_service.cards.card import SUMMARY_LIMIT

_MARKDOWN = str.maketrans(
    {sign: f"\\{sign}" for sign in "\\`*_{}[]()#+!|~^:"} | {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
)
_NOT_PRINTABLE = re.compile(
    # controls, direction marks, and what nobody sees: joiners, variation selectors, tags, halves of characters
    r"[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufe00-\ufe0f\ufeff"
    r"\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]+"
)
_TAG_LIKE = re.compile(r"[<>](?!=?\s?\d)")
_LONGEST = 120


def plain(text: str) -> str:
    """One line of plain text without control or direction marks; `<` and `>` only before a number."""
    return _TAG_LIKE.sub("", _NOT_PRINTABLE.sub(" ", text)).strip()


def escaped(text: str) -> str:
    """Text of the record inside Markdown: nothing of it is read as Markdown or HTML. Long text is cut."""
    line = _NOT_PRINTABLE.sub(" ", text).strip()
    if len(line) > _LONGEST:
        line = line[: _LONGEST - 1] + "…"
    return line.translate(_MARKDOWN)


def filled_summary(template: str, values: Mapping[str, str]) -> str:
    """A summary of fewer than 140 characters. What is too long after filling is cut at a word, and shows that it is."""
    text = plain(template.format_map({key: plain(value)[:_LONGEST] for key, value in values.items()}))
    text = text[:1].upper() + text[1:]
    if len(text) < SUMMARY_LIMIT:
        return text
    return text[: SUMMARY_LIMIT - 2].rsplit(" ", 1)[0] + "…"


def filled_detail(template: str, values: Mapping[str, str]) -> str:
    """A paragraph of Markdown of ours, with escaped text of the record in it."""
    return template.format_map({key: escaped(value) for key, value in values.items()}).strip()
