"""Units as people write them, made comparable: one spelling for each, and nothing guessed."""

from __future__ import annotations

_SAME_SIGN = str.maketrans({"µ": "u", "μ": "u", "²": "2", " ": "", "\u00a0": "", "[": "", "]": "", "{": "", "}": ""})


def normalised(unit: str) -> str:
    """The spelling that the knowledge files list: lower case, `u` for either micro sign, no blanks or brackets.

    `µmol/L` (U+00B5), `μmol/L` (U+03BC) and `umol/l` all become `umol/l`. Look-alike letters of other alphabets are
    left as they are, so that they match nothing and are reported instead of read.
    """
    return unit.translate(_SAME_SIGN).lower()
