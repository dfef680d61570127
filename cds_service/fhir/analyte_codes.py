"""Which analyte an Observation is a result of: by its codes, and only without any standard code by its name."""

from __future__ import annotations

from dataclasses import dataclass

from cds_service.facts.labs import Analyte
from cds_service.fhir.codings import is_possible, keys, spelling, texts
from cds_service.fhir.names import name_matches
from cds_service.fhir.remembered import remembered
from cds_service.fhir.resources import CodeableConcept
from cds_service.fhir.unusable import quoted
from cds_service.knowledge.model import AnalyteKnowledge, Code, CodeUse, Knowledge
from cds_service.knowledge.systems import LOINC, SNOMED

# What decides on treatment must be certain: a result of these that its name alone tells of is shown, and not counted.
BY_CODE_ONLY = (Analyte.TOTAL_B12, Analyte.ACTIVE_B12, Analyte.MMA, Analyte.HOMOCYSTEINE)
_TOLD_WHERE_CODED_OTHERWISE = (*BY_CODE_ONLY, Analyte.INTRINSIC_FACTOR_ANTIBODY)


@dataclass(frozen=True, slots=True)
class AnalyteMatch:
    """The analyte, the code that told (None: the name did), and whether a listed code vouches for it.

    `doubt` says why it cannot be used although it is recognised; "" when it can. `is_coded_otherwise`: it is called
    so, and its code is none that is known for it.
    """

    analyte: Analyte
    code: Code | None
    is_coded: bool
    doubt: str = ""
    is_coded_otherwise: bool = False


@remembered(spelling)
def match_analyte(concept: CodeableConcept | None, knowledge: Knowledge) -> AnalyteMatch | None:
    """The analyte that a code names; None when it names none of ours, or a look-alike that is listed as such.

    This is asked of every Observation, and most are none of ours: those cost one look-up.
    """
    if concept is None:
        return None
    found: list[tuple[str, Code]] = []
    other_code = ""
    for (system, code), _ in keys(concept):
        listed = knowledge.analytes_by_code.get((system, code))
        if listed is not None:
            found.append(listed)
        elif system in (SNOMED, LOINC) and is_possible(system, code):
            other_code = code  # of something else; a code with a slip in it says nothing
    if found:
        return _by_code(found, concept, knowledge)
    return _contradicted(concept, other_code, knowledge) if other_code else _by_name(concept, knowledge)


def _contradicted(concept: CodeableConcept, other_code: str, knowledge: Knowledge) -> AnalyteMatch | None:
    """What is called one of ours, and coded as something else. Where it would decide on treatment, neither is believed.
    Of the others the code is: haemoglobin and its like are measured in many ways that we do not list."""
    names = texts(concept)
    for analyte in map(knowledge.analytes.get, _TOLD_WHERE_CODED_OTHERWISE):
        if analyte is not None and _is_called(names, analyte):
            doubt = f"it is called {analyte.short}, and its code {quoted(other_code)} is none that is known for it"
            return AnalyteMatch(Analyte(analyte.id), None, False, doubt, is_coded_otherwise=True)
    return None


def _by_code(found: list[tuple[str, Code]], concept: CodeableConcept, knowledge: Knowledge) -> AnalyteMatch | None:
    if any(code.use is CodeUse.EXCLUDE for _, code in found):
        return None
    analyte, code = min(found, key=lambda listed: (listed[1].use is not CodeUse.MATCH, listed[0], listed[1].code))
    others = sorted({other for other, _ in found} - {analyte})
    doubt = ""
    if others:
        titles = " and ".join(knowledge.analytes[name].short for name in [analyte, *others])
        doubt = f"its codes stand for different things ({titles})"
    elif _is_called_otherwise(texts(concept), knowledge.analytes[analyte], knowledge):
        doubt = f"its code {quoted(code.code)} is for {knowledge.analytes[analyte].short}, and its name is not"
    return AnalyteMatch(Analyte(analyte), code, code.use is CodeUse.MATCH, doubt)


def _is_called_otherwise(names: list[str], analyte: AnalyteKnowledge, knowledge: Knowledge) -> bool:
    """Whether a name rules the analyte out, or is another analyte's while none is this one's.

    Public data hold 14685-2, a vitamin B12 code, labelled as magnesium and as reticulocytes.
    """
    if any(name_matches(name, analyte.not_names) for name in names):
        return True
    if any(name_matches(name, analyte.names) for name in names):
        return False
    others = [other for other in knowledge.analytes.values() if other.id != analyte.id]
    return any(name_matches(name, other.names, other.not_names) for name in names for other in others)


def _by_name(concept: CodeableConcept, knowledge: Knowledge) -> AnalyteMatch | None:
    names = texts(concept)
    if not names or not any(name_matches(name, _all_names(knowledge)) for name in names):
        return None
    found = [analyte for analyte in knowledge.analytes.values() if _is_called(names, analyte)]
    if not found:
        return None
    found.sort(key=lambda analyte: analyte.id)
    titles = " and ".join(analyte.short for analyte in found)
    doubt = f"its name fits more than one thing ({titles}), and it has no standard code" if len(found) > 1 else ""
    return AnalyteMatch(Analyte(found[0].id), None, False, doubt)


def _is_called(names: list[str], analyte: AnalyteKnowledge) -> bool:
    return any(name_matches(name, analyte.names) for name in names) and not any(
        name_matches(name, analyte.not_names) for name in names
    )


def _all_names(knowledge: Knowledge) -> tuple[str, ...]:
    """One pattern for all: a record with local codes only holds thousands of results, and few are ours."""
    return tuple(name for analyte in knowledge.analytes.values() for name in analyte.names)
