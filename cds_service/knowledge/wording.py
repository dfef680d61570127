"""What the code says, in the language of the site.

The code names each sentence by its English words, with {0}, {1} for what is filled in, and `sentences.yaml` lists them
all. A language gives its own words for each (`languages/<language>/sentences.yaml`); where there are none, the English
ones stand. Sentences are made where no language is known (a unit that is refused, a doubt about a date), so that a card
also looks up the finished ones: `said` finds which template made it, and says the parts too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property

_BLANK = re.compile(r"\{\d\}")
_LEAST_LETTERS = 2  # "{0} and {1}" alone would match any sentence: what is shorter is only said by name
_AND = "; "
_JOINTS = (": ", ", ")
_REMARK = re.compile(r"(?P<thing>[^()]+) \((?P<remark>.+)\)")


class Wording:
    """The words of one language by their English template."""

    def __init__(self, told: Mapping[str, str] | None = None) -> None:
        self._told: Mapping[str, str] = told or {}

    def say(self, template: str, *parts: object) -> str:
        """The sentence of this template, filled in."""
        return self._told.get(template, template).format(*parts)

    def said(self, sentence: str) -> str:
        """A finished English sentence in this language; what is none of ours, such as a name, stays as it is."""
        if not self._told or not sentence:
            return sentence
        found = self._whole(sentence)
        return found if found is not None else self._in_parts(sentence)

    def _whole(self, sentence: str) -> str | None:
        for text in (sentence, sentence[:1].upper() + sentence[1:]):
            if text in self._told:
                words = self._told[text]
                return words if text is sentence else words[:1].lower() + words[1:]
        several = len(_outer_parts(sentence)) > 1
        for pattern, words in self._patterns:
            if several and _AND not in pattern.pattern.replace("\\ ", " "):
                continue  # two sentences are no blank of one
            match = pattern.fullmatch(sentence)
            if match is not None:
                return words.format(*(self.said(part) for part in match.groups()))
        return None

    def _in_parts(self, sentence: str) -> str:
        parts = _outer_parts(sentence)
        if len(parts) > 1:
            return _AND.join(self.said(part) for part in parts)
        remark = _REMARK.fullmatch(sentence)
        if remark is not None:
            return f"{self.said(remark['thing'])} ({self.said(remark['remark'])})"
        for joint in _JOINTS:
            first, found, rest = sentence.partition(joint)
            if found:  # the rest may be one sentence with the joint in it
                return f"{self.said(first)}{joint}{self.said(rest)}"
        return f"{self.said(sentence[:-1])}." if sentence.endswith(".") else sentence

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        """Each template with blanks, the one with most words of its own first."""
        found = []
        for template, words in self._told.items():
            own = _BLANK.split(template)
            letters = sum(char.isalpha() for part in own for char in part)
            if len(own) > 1 and letters >= _LEAST_LETTERS and template not in _BY_NAME_ONLY:
                found.append((letters, re.compile("(.+?)".join(map(re.escape, own)), re.DOTALL), words))
        return [(pattern, words) for _letters, pattern, words in sorted(found, key=lambda row: -row[0])]


def _outer_parts(sentence: str) -> list[str]:
    """The sentences that a semicolon joins, outside of brackets."""
    parts, depth = [""], 0
    for piece in re.split(r"(; |[()])", sentence):
        if piece == _AND and depth == 0:
            parts.append("")
            continue
        depth += (piece == "(") - (piece == ")")
        parts[-1] += piece
    return parts


_BY_NAME_ONLY = frozenset({"{0} and {1}"})
