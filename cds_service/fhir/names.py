"""Recognising a thing by its name: only ever "possible", and never against a word that rules it out."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=256)
def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{name})" for name in names), re.IGNORECASE)


def name_matches(text: str, names: tuple[str, ...], not_names: tuple[str, ...] = ()) -> bool:
    """Whether any of `names` is found in `text` and none of `not_names` is (regular expressions, any case)."""
    if not names or _pattern(names).search(text) is None:
        return False
    return not not_names or _pattern(not_names).search(text) is None
