"""Tests that are positive or negative, such as antibodies: words, a coded value, yes or no, or a number.

Arbitrary units of different assays share no limit, so a number tells only by the laboratory's own flag or range; none
is none in all of them.
"""

from __future__ import annotations

import re

from cds_service.facts.labs import Comparator, Finding
from cds_service.facts.units import normalised
from cds_service.fhir.names import LONGEST_TEXT, name_matches, without_names
from cds_service.fhir.resources import Component, Quantity, Resource
from cds_service.fhir.result_text import parse_comparator
from cds_service.fhir.result_units import is_measurable
from cds_service.fhir.result_words import are_contradictory, finding_in_words, finding_of, interpretations
from cds_service.fhir.unusable import Unusable
from cds_service.knowledge.model import AnalyteKnowledge

_RAISED = (Finding.POSITIVE, Finding.HIGH)


def read_finding(holder: Resource | Component, analyte: AnalyteKnowledge) -> Finding:
    """What the laboratory found.

    Raises:
        Unusable: it does not say, or says two things.
    """
    stated = (_stated(holder, analyte), finding_of(interpretations(holder)))
    told = [finding for finding in stated if finding is not None]
    by_range = _by_own_range(holder)
    if by_range is not None:
        told.append(by_range)
    if not told:
        raise Unusable("value", "it does not say whether it is positive or negative")
    if len({finding in _RAISED for finding in told}) > 1:
        raise Unusable("interpretation", "the laboratory's value, flag and range contradict each other")
    return told[0]


def _stated(holder: Resource | Component, analyte: AnalyteKnowledge) -> Finding | None:
    if holder.value_codeable_concept is not None:
        if are_contradictory([holder.value_codeable_concept]):
            raise Unusable("valueCodeableConcept", "its codings and text contradict each other")
        told = finding_of([holder.value_codeable_concept])
        return told or _beside_its_name(holder.value_codeable_concept.text or "", analyte)
    if holder.value_string is not None:
        return finding_in_words(holder.value_string) or _beside_its_name(holder.value_string, analyte)
    if isinstance(holder, Resource) and holder.value_boolean is not None:
        return Finding.POSITIVE if holder.value_boolean else Finding.NEGATIVE
    return None


def _beside_its_name(text: str, analyte: AnalyteKnowledge) -> Finding | None:
    """What a text states that names the test as well: "Hypersegmented neutrophils: none seen"."""
    if len(text) > LONGEST_TEXT or not name_matches(text, analyte.names):
        return None
    return finding_in_words(re.sub(r"[:=;,-]", " ", without_names(text, analyte.names)))


def _by_own_range(holder: Resource | Component) -> Finding | None:
    """A number against the upper end of the one range beside it, in the same unit; None where that does not settle."""
    quantity, ranges = holder.value_quantity, holder.reference_range or []
    if quantity is None or quantity.value is None or not is_measurable(quantity.value) or quantity.value < 0:
        return None
    if quantity.value == 0 and not quantity.comparator:
        return Finding.NEGATIVE
    high = ranges[0].high if len(ranges) == 1 else None
    if high is None or high.value is None or not is_measurable(high.value) or high.value <= 0:
        return None
    if _unit(quantity) != _unit(high):
        return None
    try:
        comparator = parse_comparator(quantity.comparator or "")
    except ValueError:
        return None
    if comparator in (Comparator.BELOW, Comparator.AT_MOST):
        return Finding.NORMAL if quantity.value <= high.value else None
    if comparator is not None:
        return Finding.HIGH if quantity.value > high.value else None
    return Finding.HIGH if quantity.value > high.value else Finding.NORMAL


def _unit(quantity: Quantity) -> str:
    return normalised((quantity.code or "").strip() or (quantity.unit or ""))
