"""Laboratory remarks that stand in place of a result, and which of them may be shown."""

from __future__ import annotations

import re

from cds_service.fhir.unusable import quoted

# A remark can hold anything, a name too. It is quoted only when every word of it is one of a laboratory's own.
_LABORATORY_WORD = re.compile(
    r"h(?:a)?emoly(?:s|z)(?:ed|is)|lip(?:a)?emic|icteric|clot(?:ted)?|specimen|sample|insufficient|quantity|volume|qns"
    r"|repeat(?:ed)?|please|see|comments?|notes?|below|report(?:ed)?|pending|to|follow|not|done|performed|available"
    r"|received|test(?:ed)?|cancell?ed|invalid|error|contaminated|unsuitable|rejected|lost|leaked|wrong|tube|old|too"
    r"|(?:un|mis)label?led|unable|no|result|equivocal|borderline|indeterminate|inconclusive|abnormal|grossly|slightly"
    r"|moderately|the|for|and|was|is|in|of|na|tnp|tba|trace|refused|pg|ng|ug|mg|ml|dl|[pnu]mol|[a-z]"
)
_WORD = re.compile(r"[^\W\d_]+")


def remark(text: str) -> str:
    """A text result for a sentence: quoted when it is numbers and laboratory words, otherwise only called words."""
    words = _WORD.findall(text.lower())
    if not text.strip():
        return "(empty)"
    if all(_LABORATORY_WORD.fullmatch(word) for word in words):
        return quoted(text)
    return "(not repeated here)"
