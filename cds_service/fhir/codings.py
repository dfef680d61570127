"""Codings as senders write them, made comparable: one spelling for each code system and for each code.

The systems are the standards' own (FHIR R4 terminology, "Using code systems"); what a code means stays in the
knowledge files. What cannot be matched with certainty matches nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from cds_service.fhir.check_digits import is_loinc, is_loinc_part, is_snomed
from cds_service.fhir.resources import CodeableConcept, Coding
from cds_service.fhir.sig_text import LONGEST
from cds_service.knowledge.systems import ICD_10, ICD_10_CM, ICD_10_PCS, LOINC, SNOMED, canonical_system

_LOCAL = {
    "http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-diagnosis-icd10": ICD_10_CM,
    "http://mimic.mit.edu/fhir/mimic/CodeSystem/mimic-procedure-icd10": ICD_10_PCS,
}
# National modifications share the WHO's categories, but not surely every subdivision: a match is only possible.
_NATIONAL_ICD_10 = re.compile(r"icd-?10-?(gm|am|ca|nl|se|fi|no|dk|ch)\b")
_LOCAL_ICD_10 = re.compile(r"icd[-_]?10(?![^/]*(?:proc|pcs))[^/]*$")
_LONGEST_SYSTEM = 200  # what is longer is no code system, and must not fill the caches
_LONGEST_CODE = 40
_ICD_SYSTEMS = frozenset({ICD_10, ICD_10_CM})
_ICD_10_CODE = re.compile(r"([A-Z][0-9][0-9A-Z])\.?([0-9A-Z]{0,4})$")


def standard_system(system: str) -> str:
    """The URI that the knowledge files use for a code system, whichever of its spellings a sender chose.

    A system that is not known is given back as it came, without blanks.
    """
    return _LOCAL.get(system) or (canonical_system(system) if len(system) <= _LONGEST_SYSTEM else system)


def _resembled_icd_10(system: str) -> str:
    """The ICD-10 that a national or a local code system is made after; "" for any other system, and for ICD-9."""
    lowered = system.lower()
    if _NATIONAL_ICD_10.search(lowered):
        return ICD_10
    return ICD_10_CM if _LOCAL_ICD_10.search(lowered) else ""


def keys(concept: CodeableConcept | None) -> Iterator[tuple[tuple[str, str], Coding]]:
    """Each usable coding of a concept with its (system, code) as the knowledge files spell them."""
    if concept is None or not concept.coding:
        return
    for coding in concept.coding:
        system, code = coding.system, coding.code
        if system and code and len(system) <= _LONGEST_SYSTEM and len(code) <= _LONGEST_CODE:
            yield (standard_system(system), code.strip()), coding


def has_meaning(coding: Coding) -> bool:
    """Whether a coding tells its reader something: a code that its system may have, in a system that is named."""
    system, code = standard_system(coding.system or ""), (coding.code or "").strip()
    if not (system and code and system.isascii() and code.isascii() and code.isprintable()):
        return False
    return len(system) <= _LONGEST_SYSTEM and is_possible(system, code)


def stray_codes(concept: CodeableConcept) -> Iterator[str]:
    """Codes in no system that may have them: it is missing, garbled, or another's."""
    for coding in concept.coding or ():
        if coding.code and len(coding.code) <= _LONGEST_CODE and not has_meaning(coding):
            yield coding.code.strip()


def is_possible(system: str, code: str) -> bool:
    """Whether a standard's check digit allows the code; codes of other systems are taken as they come."""
    if system == LOINC:
        return is_loinc(code) or is_loinc_part(code)
    return is_snomed(code) if system == SNOMED else True


def spelling(concept: CodeableConcept | None) -> tuple[str | None, ...]:
    """All that a concept says, to keep what it means under."""
    if concept is None:
        return ()
    spelled = [concept.text]
    for coding in concept.coding or ():
        spelled += (coding.system, coding.code, coding.display)
    return tuple(spelled)


_A_CODING = 2  # no more than its JSON has characters


def words_of(concept: CodeableConcept | None) -> int:
    """How many characters of words a concept has that are to be read, with a little for each coding."""
    if concept is None:
        return 0
    size = length_read(concept.text)
    for coding in concept.coding or ():
        size += _A_CODING + length_read(coding.display or coding.code)
    return size


def length_read(text: str | None) -> int:
    """How much of a text is read at most: as much as of directions, of which more is read than of a name."""
    length = len(text) if text is not None else 0
    return length if length < LONGEST else LONGEST


@lru_cache(maxsize=4096)
def icd_ancestry(system: str, code: str) -> tuple[tuple[tuple[str, str], ...], bool]:
    """The keys to look a diagnosis up by, most specific first, and whether a match is more than possible.

    ICD-10 is a strict tree, so a listed category speaks for every code below it: Z3A stands for Z3A.20. Codes are
    matched with and without the dot (E1142), only within ICD-10; ICD-9's V and E codes look alike and mean other
    things, so an ICD-9 system never gets here. For any other system the key is the coding itself.
    """
    standard = system if system in _ICD_SYSTEMS else _resembled_icd_10(system)
    if not standard or system == ICD_10_PCS:
        return ((system, code),), True
    found = _ICD_10_CODE.match(code.upper().rstrip("*+†"))
    if found is None:
        return ((system, code),), True
    category, detail = found.groups()
    shorter = [f"{category}.{detail[:length]}" for length in range(len(detail), 0, -1)]
    return tuple((standard, key) for key in (*shorter, category)), system in _ICD_SYSTEMS


def texts(concept: CodeableConcept | None) -> list[str]:
    """What a concept is called, each name once: its text and the displays of its codings."""
    if concept is None:
        return []
    named = [concept.text or "", *(coding.display or "" for coding in concept.coding or ())]
    return [name for name in dict.fromkeys(named) if is_word(name)]


def is_word(text: str | None) -> bool:
    """Whether a name says anything: blanks and signs alone do not."""
    return text is not None and (text[:1].isalnum() or any(map(str.isalnum, text)))
