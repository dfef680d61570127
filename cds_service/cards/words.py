"""Text of the record made fit for a card: hostile until shown otherwise.

A client may show `detail` as Markdown, as HTML made of it, or as raw HTML inside Markdown (the public sandbox does), so
text of the record is escaped for all of them. A summary is plain text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from cds_service.cards.card import SUMMARY_LIMIT

_MARKDOWN = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_{}[]#+!|~^"} | {"&": "&amp;", "<": "&lt;", ">": "&gt;"})
# A colon before a word may be made an emoji, a bracket "(" after "]" a link; at the beginning of a line a hyphen or a
# number makes a list, and hyphens alone are drawn as a rule; elsewhere they are what they look like.
_MARK_BY_PLACE = re.compile(r":(?=\S)|(?<=\])\(|^-(?=\s)|^[-=](?=[-=\s]+$)")
_NUMBERED = re.compile(r"^([0-9]{1,9})(?=[.)](?:\s|$))")
_NOT_PRINTABLE = re.compile(
    # controls, direction marks, signs that change their neighbours, and what nobody sees: joiners, fillers, variation
    # selectors, tags, half characters
    r"[\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202f"
    r"\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\U0001d173-\U0001d17a"
    r"\U000e0000-\U000e0fff]+"
)
# What GitHub's Markdown, and many a client in plain text, makes a link of without being asked; some look for it when
# escapes are already undone. A blank keeps it readable, and is no part of an address. What a card says before and after
# the text counts too: half an address must not be made whole by it.
_LINK_LIKE = re.compile(r"(?<=://)(?=\S|\Z)|(?i:(?<=www))(?=\.)|(?:(?<=\S)|\A)(?=@\S)|(?<=\S@)(?=\S)")
_TAG_LIKE = re.compile(r"[<>](?!=?\s?\d)")
# Most text is words and numbers alone, in which none of the above finds anything: a point stands between digits only,
# and the first word ends in no bracket.
_WORDS_ALONE = re.compile(r"(?:[A-Za-z0-9]+(?:(?:[,;]? \(?|[-/']|(?<=[0-9])\.(?=[0-9]))[A-Za-z0-9]+\)?)*)?")
_LONGEST, _LONGEST_IN_SUMMARY = 240, 120


def plain(text: str) -> str:
    """One line of plain text without control or direction marks or links; `<` and `>` only before a number."""
    return text if _WORDS_ALONE.fullmatch(text) else _unlinked(_TAG_LIKE.sub("", _visible(text)))


def escaped(text: str) -> str:
    """Text of the record inside Markdown: nothing of it is read as Markdown, HTML or a link. Long text is cut."""
    is_words = _WORDS_ALONE.fullmatch(text) is not None
    line = text if is_words else _unlinked(_visible(text))
    if len(line) > _LONGEST:
        return in_markdown(line[: _LONGEST - 1] + "…")
    return line if is_words else in_markdown(line)


def in_markdown(text: str) -> str:
    """Plain text as Markdown that shows exactly this text.

    No more is escaped than must be: some clients show Markdown as it is written.
    """
    return _NUMBERED.sub(r"\1\\", _MARK_BY_PLACE.sub(r"\\\g<0>", text.translate(_MARKDOWN)))


def _visible(text: str) -> str:
    return " ".join(_NOT_PRINTABLE.sub(" ", text).split())  # many blanks are code at the beginning of a line


def _unlinked(text: str) -> str:
    may_hold_one = "://" in text or "@" in text or "www." in text.lower()  # far quicker told than where
    return _LINK_LIKE.sub(" ", text) if may_hold_one else text


class _Filling:
    """The values of a template, each made fit for it when the template asks for it: few templates ask for all."""

    def __init__(self, values: Mapping[str, str], fit: Callable[[str], str]) -> None:
        self._values = values
        self._fit = fit

    def __getitem__(self, name: str) -> str:
        return self._fit(self._values[name])


def filled_summary(template: str, values: Mapping[str, str], said: Callable[[str], str] = str) -> str:
    """A summary of fewer than 140 characters. What is too long after filling is cut at a word, and shows that it is.

    `said` puts a value into the language of the template.
    """
    text = plain(template.format_map(_Filling(values, lambda value: plain(said(value))[:_LONGEST_IN_SUMMARY])))
    text = text[:1].upper() + text[1:]
    if len(text) < SUMMARY_LIMIT:
        return text
    return text[: SUMMARY_LIMIT - 2].rsplit(" ", 1)[0] + "…"


def filled_detail(template: str, values: Mapping[str, str], said: Callable[[str], str] = str) -> str:
    """A paragraph of Markdown of ours, with escaped text of the record in it; `said` as for a summary."""
    return template.format_map(_Filling(values, lambda value: escaped(said(value)))).strip()


def begun(text: str) -> str:
    """The text with a capital at its beginning, unless its first word is spelt with one of its own, as eGFR is."""
    return text[:1].upper() + text[1:] if text.partition(" ")[0].islower() else text
