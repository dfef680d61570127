"""Directions as people type them, brought to one spelling: lower case, digits, no dots in abbreviations."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Final

LONGEST: Final = 500
"""Characters of directions; what is longer is no sig but a note, and is not read."""

_WORDS = {
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
    "ten": "10",
    "eleven": "11",
    "twelve": "12",
    "once": "1 times",
    "twice": "2 times",
    "thrice": "3 times",
}
_FRACTIONS = str.maketrans({"½": " 1/2", "¼": " 1/4", "¾": " 3/4", "⅓": " 1/3", "⅔": " 2/3"})
_SIGNS = str.maketrans({"µ": "u", "μ": "u", "–": "-", "—": "-", "−": "-", "×": "x", "\u00a0": " ", "\t": " ", "’": "'"})
_NOUN = r"(?:tab|cap|pill|spray|lozenge|sachet|softgel|gumm|dose|ml)"

_By = str | Callable[[re.Match[str]], str]
_SPELLINGS: tuple[tuple[str, _By], ...] = (
    (r"\\n|[\r\n]+", " ; "),
    (r"<[^<>]*>", " "),  # markup from web forms holds no dose
    (r"\bp\.?\s?r\.?\s?n\b\.?", "prn"),
    (r"\b[a-z](?:\.[a-z])+\b\.?", lambda found: found.group().replace(".", "") + " "),
    (r"(?<=\d)(?=(?:mg|mcg|ug|ml|g|tab|cap|x)\b)", " "),
    (r"(?<![\d.])\.(?=\d)", "0."),
    (r"\bb[ -](?=\d{1,2}\b)", "b"),  # "vitamin B 12" holds no number
    (r"(\d)\s*\([a-z-]+\)", r"\1"),  # "30 (thirty) days"
    (r"\b(every|each|q|for|x)\s*(\d{1,2})/(7|52|12)\b", lambda found: _shorthand(found)),
    (r"\b(?:mwf|m/w/f|m-w-f)\b", "mon wed fri"),
    (r"\bonce (?:only|now)\b", "single dose"),
    (r"\b(" + "|".join(_WORDS) + r")\b", lambda found: _WORDS[found.group(1)]),
    (r"\b(\d+) and (?:an? |1[ -])?half\b", r"\1.5"),
    (r"\b(?:a |1[ -])?half (?:of )?(?:an? |1 )?(?=" + _NOUN + ")", "0.5 "),
    (r"\bhalf an?\b", "0.5"),
    (r"\b(?:an?) (?=" + _NOUN + ")", "1 "),
    (r"\b(\d+) (\d)/(\d)\b", lambda found: _mixed(found)),
    (r"(?<![\d/])(\d)/(\d)(?![\d/])(?=\s*(?:-|to|or)?\s*\d*\s*(?:an? )?" + _NOUN + ")", lambda found: _ratio(found)),
    (r"(?<=\d) an? (?=" + _NOUN + ")", " "),
    (r"\b(\d{1,3}) (000)\b", r"\1\2"),
    (r"\b([1-9]\d{0,2}),(\d{3})\b(?!,)", r"\1\2"),
    (r"(?<=\d),(?=\d)", "."),
    (r"\(s\)", "s"),
    (
        r"\b(\d+(?:\.\d+)?(?: ?(?:-|or|to) ?\d+(?:\.\d+)?)?) to be (?:taken|swallowed|chewed|dissolved|used|given)\b",
        r"take \1",
    ),
    (r"(\d) ?(mg|mcg|ug|g|ml) ?(?:-|to|or) ?(?=\d+(?:\.\d+)? ?\2\b)", r"\1-"),
    (r"\b(\d) days? (?:a|per|each|every) week\b", r"\1 times a week"),
    (r" {2,}", " "),
)
_STEPS = tuple((re.compile(pattern), by) for pattern, by in _SPELLINGS)


# No dose, strength or day has so many digits; the patterns of numbers would be tried at each of them.
_LONG_NUMBER = re.compile(r"\d{13,}")


def is_too_long(text: str) -> bool:
    """Whether this is longer than directions are, with fractions in digits: a sign for one becomes four."""
    return len(text) > LONGEST or len(text.translate(_FRACTIONS)) > LONGEST


def has_long_number(text: str) -> bool:
    """Whether the text holds a number that is too long to be one of ours."""
    return _LONG_NUMBER.search(text) is not None


def plain(text: str) -> str:
    """The text in the one spelling that the readers of directions expect; a sign stands for a number too long."""
    text = _LONG_NUMBER.sub(" # ", text[:LONGEST].translate(_FRACTIONS)[:LONGEST]).translate(_SIGNS).lower()
    for pattern, by in _STEPS:
        text = pattern.sub(by, text)
    return text.strip()


def number(text: str) -> Fraction:
    """A number as `plain` leaves it."""
    return Fraction(text)


_AMBIGUOUS = re.compile(
    r"(?<![\d.,])[1-9]\d{0,2}\.\d{3}(?![\d.])\s*(?:mg|mcg|ug|micro|g\b)"  # one in London, a thousand in Berlin
    r"|(?:^|\s),\d"  # ",4 mg": four, or four tenths
)


def is_ambiguous(text: str) -> bool:
    """Whether a number can be read in two ways, as `1.000 mg` and `,4 mg` can."""
    return _AMBIGUOUS.search(text) is not None


def _shorthand(found: re.Match[str]) -> str:
    """The British `3/12`: three months; `/52` are weeks and `/7` days."""
    unit = {"7": "days", "52": "weeks", "12": "months"}[found.group(3)]
    return f"{found.group(1)} {found.group(2)} {unit}"


def _mixed(found: re.Match[str]) -> str:
    whole, top, bottom = (int(part) for part in found.groups())
    return found.group() if bottom == 0 else _decimal(whole + Fraction(top, bottom))


def _ratio(found: re.Match[str]) -> str:
    top, bottom = (int(part) for part in found.groups())
    return found.group() if bottom == 0 else _decimal(Fraction(top, bottom))


def _decimal(value: Fraction) -> str:
    return f"{float(value):.6g}"
