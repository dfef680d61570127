"""By which way a medicine enters the body, as far as it matters for vitamin B12."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from cds_service.facts.treatments import Route
from cds_service.fhir.resources import CodeableConcept

# SNOMED CT and EDQM route codes, beside their displays.
_CODES = {
    "26643006": Route.ORAL,  # Oral route
    "37839007": Route.ORAL,  # Sublingual route: swallowed in the end, and dosed like tablets
    "54471007": Route.ORAL,  # Buccal route
    "127492001": Route.ORAL,  # Nasogastric route
    "78421000": Route.PARENTERAL,  # Intramuscular route
    "34206005": Route.PARENTERAL,  # Subcutaneous route
    "47625008": Route.PARENTERAL,  # Intravenous route
    "46713006": Route.NASAL,  # Nasal route
    "20053000": Route.ORAL,  # EDQM: Oral use
    "20035000": Route.PARENTERAL,  # EDQM: Intramuscular use
    "20066000": Route.PARENTERAL,  # EDQM: Subcutaneous use
    "20045000": Route.PARENTERAL,  # EDQM: Intravenous use
    "20049000": Route.NASAL,  # EDQM: Nasal use
}
_LONGEST_KEPT = 600  # what is longer is read each time
_WORDS = (
    (
        Route.PARENTERAL,
        re.compile(
            r"\b(?:im|i\.m\.?|s\.c\.?|sc|sq|subq|subcut\w*|sub-?cutan\w*|iv|i\.v\.?|ivp|intra-?muscular\w*|intra-?venous\w*"
            r"|parenteral\w*|inject\w*)(?![\w])"
        ),
    ),
    (Route.NASAL, re.compile(r"\b(?:intra-?nasal\w*|nasal\w*|nostrils?|per nose)\b")),
    (
        Route.ORAL,
        re.compile(
            r"\b(?:po|p\.o\.?|oral|orally|per os|by mouth|per oral|sublingual\w*|sl|buccal|nasogastric|ng|peg|swallow)"
            r"(?![\w])"
        ),
    ),
)
_FORM_WORDS = (
    (
        Route.PARENTERAL,
        re.compile(r"\b(?:inject\w*|ampoules?|ampules?|vials?|prefilled|syringes?|inj|soln? for inj\w*)\b"),
    ),
    (Route.NASAL, re.compile(r"\bnasal\b")),
    (
        Route.ORAL,
        re.compile(
            r"\b(?:oral|tab|tabs|tablets?|cap|caps|capsules?|caplets?|pills?|lozenges?|chewable|gumm\w+|sublingual)\b"
        ),
    ),
)


def read_route(concept: CodeableConcept | None) -> Route:
    """The route of a coded or written route; NOT_KNOWN where none is given, or one that does not matter here."""
    if concept is None:
        return Route.NOT_KNOWN
    for coding in concept.coding or ():
        if coding.code and coding.code.strip() in _CODES:
            return _CODES[coding.code.strip()]
    written = [text for c in concept.coding or () for text in (c.display, c.code) if text]
    return route_in_words([*written, concept.text or ""])


def route_in_words(texts: Iterable[str]) -> Route:
    """The one route that the words of directions name ("1 mg IM monthly"); NOT_KNOWN for none or for two."""
    words = _joined(texts)
    return _spoken(words) if len(words) <= _LONGEST_KEPT else _only(_WORDS, words)


def route_of_form(texts: Iterable[str]) -> Route:
    """The route that a product's name implies ("tablet", "injectable solution")."""
    return _only(_FORM_WORDS, _joined(texts))


@lru_cache(maxsize=2048)
def _spoken(words: str) -> Route:
    return _only(_WORDS, words)


def _joined(texts: Iterable[str]) -> str:
    return " ; ".join([text[:300].lower() for text in texts])


def _only(table: Iterable[tuple[Route, re.Pattern[str]]], words: str) -> Route:
    found = [route for route, pattern in table if pattern.search(words)]
    return found[0] if len(found) == 1 else Route.NOT_KNOWN
