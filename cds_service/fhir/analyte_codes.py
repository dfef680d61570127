"""Which analyte an Observation is a result of: by its codes, and only without any standard code by its name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cds_service.facts.labs import Analyte
from cds_service.fhir.codings import is_possible, keys, spelling, texts
from cds_service.fhir.names import name_matches
from cds_service.fhir.remembered import itself, remembered
from cds_service.fhir.resources import CodeableConcept
from cds_service.fhir.unusable import quoted
from cds_service.knowledge.model import AnalyteKnowledge, Code, CodeUse, Knowledge
from cds_service.knowledge.systems import LOINC, SNOMED

# What decides on treatment must be certain: a result of these that its name alone tells of is shown, and not counted.
BY_CODE_ONLY = (Analyte.TOTAL_B12, Analyte.ACTIVE_B12, Analyte.MMA, Analyte.HOMOCYSTEINE)
DECIDING = (*BY_CODE_ONLY, Analyte.INTRINSIC_FACTOR_ANTIBODY)


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


def is_look_alike(key: tuple[str, str], knowledge: Knowledge) -> bool:
    """Whether a code, by its (system, code), is listed as one that is easily taken for one of ours."""
    listed = knowledge.analytes_by_code.get(key)
    return listed is not None and listed[1].use is CodeUse.EXCLUDE


@remembered(spelling)
def match_analyte(concept: CodeableConcept | None, knowledge: Knowledge) -> AnalyteMatch | None:
    """The analyte that a code names; None when it names none of ours, or is that of a listed look-alike and nothing in
    its name says otherwise.

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


def _contradicted(
    concept: CodeableConcept, other_code: str, knowledge: Knowledge, stands_for: str = ""
) -> AnalyteMatch | None:
    """What is called one of ours, and coded as something else. Where it would decide on treatment, neither is believed.
    Of the others the code is: haemoglobin and its like are measured in many ways that we do not list."""
    for analyte in _plainly_called(texts(concept), knowledge):
        short, code = knowledge.analytes[analyte].short, quoted(other_code)
        doubt = f"it is called {short}, and its code {code} is none that is known for it"
        if stands_for:
            doubt = f"it is called {short}, and its code {code} is for something else ({stands_for})"
        return AnalyteMatch(analyte, None, False, doubt, is_coded_otherwise=True)
    return None


def _plainly_called(names: list[str], knowledge: Knowledge) -> Iterator[Analyte]:
    """The analytes that decide on treatment and that one of the names taken alone is for: who reads "Vitamin B12" in a
    record may not see that another name of the same result goes on with "in Urine"."""
    for analyte in DECIDING:
        known = knowledge.analytes.get(analyte)
        if known is not None and any(name_matches(name, known.names, known.not_names) for name in names):
            yield analyte


def _by_code(found: list[tuple[str, Code]], concept: CodeableConcept, knowledge: Knowledge) -> AnalyteMatch | None:
    look_alikes = sorted(
        {_in_short(code.display): code.code for _, code in found if code.use is CodeUse.EXCLUDE}.items()
    )
    found = [(analyte, code) for analyte, code in found if code.use is not CodeUse.EXCLUDE]
    if not found:
        stands_for, other_code = look_alikes[0]
        return _contradicted(concept, other_code, knowledge, stands_for)
    name, code = min(found, key=lambda listed: (listed[1].use is not CodeUse.MATCH, listed[0], listed[1].code))
    analyte, short = Analyte(name), knowledge.analytes[name].short
    others = [knowledge.analytes[other].short for other in sorted({other for other, _ in found} - {name})]
    others += [stands_for for stands_for, _ in look_alikes]
    doubt = ""
    if others:
        doubt = f"its codes stand for different things ({' and '.join([short, *others])})"
        of_all = [a for a in map(Analyte, sorted({other for other, _ in found})) if a in DECIDING]
        analyte = min(of_all, key=DECIDING.index, default=analyte)  # the one that decides more
    elif _is_called_otherwise(names := texts(concept), knowledge.analytes[name], knowledge):
        doubt = f"its code {quoted(code.code)} is for {short}, and its name is not"
        of_both = [a for a in (analyte, *_plainly_called(names, knowledge)) if a in DECIDING]
        analyte = min(of_both, key=DECIDING.index, default=analyte)  # the one that decides more
    return AnalyteMatch(analyte, code, code.use is CodeUse.MATCH, doubt)


def _in_short(display: str) -> str:
    """Of a LOINC name in parts what is measured and in what ("Cobalamins:MCnc:Pt:Urine:Qn" is "Cobalamins, Urine"),
    with what is told of it where that is no quantity; any other display as it is."""
    component, *axes = display.split(":")
    if len(axes) < 4:
        return display
    kind, _time, specimen, scale = axes[:4]
    return f"{component}, {specimen}" if scale == "Qn" else f"{component}, {specimen}, {kind}"


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
    if not names or not any(name_matches(name, _all_names("", knowledge)) for name in names):
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


@remembered(itself)
def _all_names(_: str, knowledge: Knowledge) -> tuple[str, ...]:
    """One pattern for all: a record with local codes only holds thousands of results, and few are ours."""
    return tuple(name for analyte in knowledge.analytes.values() for name in analyte.names)
