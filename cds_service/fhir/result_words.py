"""What a laboratory says of a result in words or flags: "High", "NEG", "not detected"."""

from __future__ import annotations

from collections.abc import Iterable

from cds_service.facts.labs import Finding
from cds_service.fhir.resources import CodeableConcept, Component, Resource

# HL7 v3 ObservationInterpretation; v2 table 0078 uses the same letters.
_FLAGS = {
    "H": Finding.HIGH,
    "HH": Finding.HIGH,
    "HU": Finding.HIGH,
    "HX": Finding.HIGH,
    ">": Finding.HIGH,
    "L": Finding.LOW,
    "LL": Finding.LOW,
    "LU": Finding.LOW,
    "LX": Finding.LOW,
    "<": Finding.LOW,
    "N": Finding.NORMAL,
    "POS": Finding.POSITIVE,
    "DET": Finding.POSITIVE,
    "RR": Finding.POSITIVE,
    "WR": Finding.POSITIVE,
    "NEG": Finding.NEGATIVE,
    "ND": Finding.NEGATIVE,
    "NR": Finding.NEGATIVE,
}
_FLAG_SYSTEMS = ("ObservationInterpretation", "v2-0078", "/v2/0078", "2.16.840.1.113883.5.83")
# SNOMED CT qualifier values that laboratories send as the value itself.
_QUALIFIERS = {
    "10828004": Finding.POSITIVE,  # Positive
    "260385009": Finding.NEGATIVE,  # Negative
    "260373001": Finding.POSITIVE,  # Detected
    "260415000": Finding.NEGATIVE,  # Not detected
    "52101004": Finding.POSITIVE,  # Present
    "2667000": Finding.NEGATIVE,  # Absent
    "75540009": Finding.HIGH,  # High
    "62482003": Finding.LOW,  # Low
    "17621005": Finding.NORMAL,  # Normal
}
_PHRASES = {
    phrase: finding
    for finding, phrases in {
        Finding.HIGH: (
            "h", "hh", "high", "elevated", "raised", "increased", "above range", "above normal", "very high",
            "above reference range", "abnormally high", "critically high", "critical high", "significantly high",
            "above high normal", "above upper panic limits",
        ),
        Finding.LOW: (
            "l", "ll", "low", "reduced", "decreased", "deficient", "below range", "below normal", "very low",
            "below reference range", "abnormally low", "critically low", "critical low", "significantly low",
            "below low normal", "below lower panic limits",
        ),
        Finding.NORMAL: (
            "normal", "wnl", "within normal limits", "within range", "within reference range", "in range",
            "within normal range", "normal range",
        ),
        Finding.POSITIVE: (
            "pos", "positive", "detected", "present", "reactive", "strongly positive", "strong positive",
            "weakly positive", "weak positive", "+", "++", "+++", "1+", "2+", "3+", "4+", "seen", "noted", "observed",
            "few", "few seen", "rare", "occasional", "occasional seen", "some", "moderate", "many", "numerous",
        ),
        Finding.NEGATIVE: (
            "neg", "negative", "absent", "not detected", "none detected", "not present", "non-reactive",
            "nonreactive", "non reactive", "undetectable", "undetected", "none", "none seen", "none present",
            "not seen", "not observed", "none observed", "no seen", "no present", "no observed", "nil",
        ),
    }.items()
    for phrase in phrases
}  # fmt: skip


def interpretations(holder: Resource | Component) -> list[CodeableConcept]:
    """The laboratory's own flags; one alone is tolerated where a list belongs."""
    flags = holder.interpretation
    if flags is None:
        return []
    return [flags] if isinstance(flags, CodeableConcept) else flags


def finding_in_words(text: str) -> Finding | None:
    """The finding that a text states and nothing else; None for any other text."""
    plain = " ".join(text.lower().removesuffix("(qualifier value)").split())
    return _PHRASES.get(plain.strip(" .*()[]"))


def finding_of(concepts: Iterable[CodeableConcept]) -> Finding | None:
    """The one finding that flags or coded values state; None where there is none, or where they contradict."""
    found = {finding for concept in concepts for finding in _findings(concept)}
    return found.pop() if len(found) == 1 else None


def are_contradictory(concepts: Iterable[CodeableConcept]) -> bool:
    """Whether flags or coded values state more than one finding."""
    return len({finding for concept in concepts for finding in _findings(concept)}) > 1


def _findings(concept: CodeableConcept) -> Iterable[Finding]:
    stated = []
    for coding in concept.coding or ():
        system, code = coding.system or "", (coding.code or "").strip()
        if not code:
            pass  # a system alone states nothing
        elif any(name in system for name in _FLAG_SYSTEMS) or not system:
            stated.append(_FLAGS.get(code.upper()))
        elif "snomed.info" in system:
            stated.append(_QUALIFIERS.get(code))
        if coding.display:
            stated.append(finding_in_words(coding.display))
    if concept.text:
        stated.append(finding_in_words(concept.text))
    return [finding for finding in stated if finding is not None]
