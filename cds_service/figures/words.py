"""Text of the record made fit for a picture: printable, one line, and no longer than there is room for."""

from __future__ import annotations

import re
import unicodedata

from cds_service.cards.words import plain

LONGEST = 90
_NO_CHARACTERS = re.compile(r"[\ufdd0-\ufdef\ufffe\uffff]|[\U0001fffe-\U0010ffff](?<=[\ufffe\uffff])")
_BOLD = 1.12
_NARROW = frozenset("fijlrtI.,:;'|!()[]/ -·")
_WIDE = frozenset("mwMW@%")


def shown(text: str, longest: int = LONGEST) -> str:
    """The text on one line without what nobody sees, cut where it is too long, and saying so."""
    line = _NO_CHARACTERS.sub(" ", plain(text[: longest * 4])).strip()
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def width(text: str, size: float, is_bold: bool = False) -> float:
    """About how wide a text is drawn; a little too wide rather than too narrow, as the reader's font is not known."""
    return sum(_em(sign) for sign in text) * size * (_BOLD if is_bold else 1)


def broken(text: str, size: float, room: float) -> list[str]:
    """The text in as many lines as the room asks for, broken between words."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and width(longer, size) > room:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def fitted(text: str, size: float, room: float) -> str:
    """As much of the text as the room holds."""
    if width(text, size) <= room:
        return text
    kept, used = [], _em("…") * size
    for sign in text:
        used += _em(sign) * size
        if used > room:
            break
        kept.append(sign)
    return "".join(kept).rstrip() + "…" if kept else ""


def _em(sign: str) -> float:
    if sign in _NARROW:
        return 0.36
    if sign in _WIDE or sign.isupper():
        return 0.78
    return 1.05 if unicodedata.east_asian_width(sign) in "WF" else 0.6
