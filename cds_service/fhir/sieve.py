"""Laboratory results of nothing that concerns us, told by the JSON of their code before they are decoded.

An EHR that sends a whole record sends thousands of results, and nearly all are of other things. The bytes of a code
that has been read once, and names none of our analytes, tell the next result that carries it: that one is passed over
without being decoded. It still counts as given, and a result that does not say what it is of never passes for one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from cds_service.fhir.analyte_codes import match_analyte
from cds_service.fhir.codings import words_of
from cds_service.fhir.left_out import says_something
from cds_service.fhir.remembered import MOST_ANSWERS
from cds_service.fhir.resources import Resource
from cds_service.knowledge.model import Knowledge

LONGEST: Final = 800
"""Bytes of a code's JSON; one that is longer is not kept."""
MOST_WORDS: Final = 250
"""Characters of a code's words; one that has more is not kept: `reading_limit` counts each of those."""


class _Outline(Struct, gc=False, rename="camel"):
    """What of an Observation decides whether the rest is looked at."""

    resource_type: str | None = None
    code: Raw | UnsetType = UNSET
    component: Raw | UnsetType = UNSET
    contained: Raw | UnsetType = UNSET


_OUTLINE = msgspec.json.Decoder(_Outline)


@dataclass(frozen=True, slots=True)
class Sieve:
    """Which results to pass over, for one knowledge. What it has learnt depends on no patient, and is bounded."""

    knowledge: Knowledge = field(repr=False)
    _of_others: set[bytes] = field(default_factory=set, init=False, repr=False)

    def passes_over(self, resource: Raw) -> bool:
        """Whether this is an Observation whose code is known to name none of our analytes.

        Raises:
            msgspec.ValidationError: it is no object, or its type no text.
        """
        outline = _OUTLINE.decode(resource)
        return (
            outline.code is not UNSET
            and outline.component is UNSET
            and outline.contained is UNSET
            and outline.resource_type == "Observation"
            and bytes(outline.code) in self._of_others
        )

    def learn(self, sent: Raw, resource: Resource) -> None:
        """Remember the code of a result that was decoded, where it names none of our analytes."""
        if resource.resource_type != "Observation" or resource.component is not None:
            return
        if words_of(resource.code) > MOST_WORDS:
            return
        code = _OUTLINE.decode(sent).code
        if code is UNSET or len(spelled := bytes(code)) > LONGEST:
            return  # before its name is read, which is dear where it is long
        if match_analyte(resource.code, self.knowledge) is not None or not says_something(resource.code):
            return
        if len(self._of_others) >= MOST_ANSWERS:
            self._of_others.clear()
        self._of_others.add(spelled)
