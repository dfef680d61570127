"""Laboratory results of nothing that concerns us, told by the JSON of their code before they are decoded.

An EHR that sends a whole record sends thousands of results, and nearly all are of other things. The bytes of a code
that has been read once, and names none of our analytes, tell the next result that carries it: that one is passed over
without being decoded. It still counts as given, and a result that does not say what it is of never passes for one.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from cds_service.fhir.analyte_codes import match_analyte
from cds_service.fhir.codings import words_of
from cds_service.fhir.left_out import says_something
from cds_service.fhir.pregnancy_status import asks_about_pregnancy
from cds_service.fhir.remembered import MOST_ANSWERS
from cds_service.fhir.resources import CodeableConcept, Resource
from cds_service.fhir.smallest_first import largest_read
from cds_service.knowledge.model import Knowledge

LONGEST: Final = 800
"""Bytes of a code's JSON; one that is longer is not kept."""
MOST_WORDS: Final = 250
"""Characters of a code's words; one that has more is not kept: `reading_limit` counts each of those."""
MOST_NAMED: Final = 200_000
"""The same of all different codes of one answer, and A_NAME for each: more than a thousand tests with long names."""
A_NAME: Final = 30
"""Characters that a code counts as beside its words, which are held against every pattern, however short."""


class _Outline(Struct, gc=False, rename="camel"):
    """What of an Observation decides whether the rest is looked at."""

    resource_type: str | None = None
    code: Raw | UnsetType = UNSET
    component: Raw | UnsetType = UNSET
    contained: Raw | UnsetType = UNSET


_OUTLINE = msgspec.json.Decoder(_Outline)
_CONCEPT = msgspec.json.Decoder(CodeableConcept | None)


@dataclass(frozen=True, slots=True)
class Sieve:
    """Which results to pass over, for one knowledge. What it has learnt depends on no patient, and is bounded."""

    knowledge: Knowledge = field(repr=False)
    of_others: set[bytes] = field(default_factory=set, init=False, repr=False)
    """Codes, as they are spelled, that are known to name none of our analytes: their results are passed over."""
    _of_ours: set[bytes] = field(default_factory=set, init=False, repr=False)

    def spelled_code(self, resource: Raw) -> bytes | None:
        """The JSON of the code of an Observation that its code alone may tell of; None of anything else.

        Raises:
            msgspec.ValidationError: it is no object, or its type no text.
        """
        outline = _OUTLINE.decode(resource)
        if (
            outline.code is not UNSET
            and outline.component is UNSET
            and outline.contained is UNSET
            and outline.resource_type == "Observation"
        ):
            return bytes(outline.code)
        return None

    def learn(self, code: bytes, resource: Resource) -> int:
        """Remember of a code, as it is spelled, whether the result that carries it names none of our analytes.

        Returns how much was read for it.
        """
        return self._learn(code, resource.code)

    def learn_of_misfit(self, code: bytes) -> int:
        """The same of a result that does not fit otherwise, so that what was met before never changes what is told of
        it: a result that is none of ours is passed over, whatever else is wrong with it."""
        try:
            return self._learn(code, _CONCEPT.decode(code))
        except msgspec.ValidationError:
            return 0

    def _learn(self, code: bytes, concept: CodeableConcept | None) -> int:
        if code in self._of_ours or len(code) > LONGEST or (words := words_of(concept)) > MOST_WORDS:
            return 0  # before its name is read, which is dear where it is long
        is_ours = match_analyte(concept, self.knowledge) is not None or asks_about_pregnancy(concept)
        is_of_others = not is_ours and says_something(concept)
        learnt = self.of_others if is_of_others else self._of_ours
        if len(learnt) >= MOST_ANSWERS:
            learnt.clear()
        learnt.add(code)
        return A_NAME + words


def longest_named(met: Collection[bytes]) -> int | None:
    """How many characters of words a code of one answer may have to be read, where its different codes have more than
    MOST_NAMED (None: all are). The shortest are read, so that it depends on what was sent alone; of one size all, or
    none. Those that have more than MOST_WORDS are counted with the other texts (`reading_limit`).
    """
    if len(met) * (A_NAME + MOST_WORDS) <= MOST_NAMED or sum(map(len, met)) + A_NAME * len(met) <= MOST_NAMED:
        return None  # nearly always
    longest = largest_read([A_NAME + words for words in map(_words_of, met) if words], MOST_NAMED)
    return None if longest is None else longest - A_NAME


def _words_of(code: bytes) -> int:
    try:
        words = words_of(_CONCEPT.decode(code))
    except msgspec.ValidationError:
        return 0  # its result cannot be read, and counts as text
    return words if words <= MOST_WORDS else 0
