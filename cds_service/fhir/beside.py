"""Whether a name stands beside a word that it needs: "allergy to cobalt", and not "lactose intolerance, takes B12"."""

from __future__ import annotations

import re
from typing import Final

_SENTENCE: Final = re.compile(r"[.;]")
# In English, German, Spanish, French, Italian and Portuguese, Danish, Norwegian and Swedish, and Dutch: "and", "with".
_PART: Final = re.compile(
    r"[,:()\[\]]| [-\u2013] |\b(?:and|with|und|mit|y|con|et|avec|e|com|og|och|med|met)\b"
    r"|(?=\b(?:tak(?:es?|ing)|needs?)\b)"
)
_ALONE_BEFORE: Final = re.compile(r"\W*(?:(?:vit\w*|the|oral|injected|la|el|das|il|o)\W+)*\w*")
_ALONE_AFTER: Final = re.compile(r"\w*\W*")


def is_beside(text: str, start: int, end: int, words: re.Pattern[str]) -> bool:
    """Whether one of `words` says something of the name at `start` to `end` of a text.

    It does in the same part of a sentence, and anywhere in the sentence where the name is a part alone: in a list
    ("allergy to nickel, cobalt"), behind a colon, or before brackets.
    """
    before, after = _SENTENCE.split(text[:start])[-1], _SENTENCE.split(text[end:], maxsplit=1)[0]
    part_before, part_after = _PART.split(before)[-1], _PART.split(after, maxsplit=1)[0]
    if words.search(part_before) or words.search(part_after):
        return True
    is_alone = _ALONE_BEFORE.fullmatch(part_before) is not None and _ALONE_AFTER.fullmatch(part_after) is not None
    return is_alone and bool(words.search(before) or words.search(after))
