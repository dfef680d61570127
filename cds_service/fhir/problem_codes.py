"""Which problems a concept stands for: by its codes, and without any recognised code by its name."""

from __future__ import annotations

from dataclasses import dataclass

from cds_service.facts.problems import ProblemKind
from cds_service.fhir.codings import icd_ancestry, is_possible, keys, spelling, stray_codes, texts
from cds_service.fhir.names import is_of_a_relative, name_affirmed, name_matches
from cds_service.fhir.remembered import itself, remembered
from cds_service.fhir.resources import CodeableConcept
from cds_service.knowledge.model import Code, CodeUse, ConditionKnowledge, Knowledge
from cds_service.knowledge.systems import ICD_10, ICD_10_CM, SNOMED

_LONGEST_NAME = 80
_SYSTEMS = (SNOMED, ICD_10_CM, ICD_10)
_OF_MOTHERS = (ProblemKind.BREASTFEEDING, ProblemKind.PREGNANCY)
_SCREENING = "Z13"  # ICD-10 (WHO) and ICD-10-CM: "screening for other diseases and disorders"


@dataclass(frozen=True, slots=True)
class ProblemMatch:
    """A problem that a concept stands for. `is_coded` is false where a name, or a code near to it, was all there is."""

    kind: ProblemKind
    name: str
    is_coded: bool


@dataclass(frozen=True, slots=True)
class ProblemMatches:
    """What a concept stands for, and what its listed look-alike codes say it is not."""

    matches: tuple[ProblemMatch, ...] = ()
    excluded: frozenset[ProblemKind] = frozenset()
    is_of_a_relative: bool = False


NOTHING = ProblemMatches()


@remembered(spelling)
def match_problems(concept: CodeableConcept | None, knowledge: Knowledge) -> ProblemMatches:
    """The problems that a concept stands for; one code can stand for several (E11.42), most stand for none."""
    if concept is None:
        return NOTHING
    listed = _listed(concept, knowledge)
    if listed:
        matches = [match for kind, uses in listed.items() if (match := _by_code(kind, uses, concept, knowledge))]
    else:
        matches = _by_name(concept, knowledge)
    if matches and _is_of_a_relative(concept, matches):
        return ProblemMatches(tuple(matches), is_of_a_relative=True)
    excluded = {kind for kind, uses in listed.items() if any(code.use is CodeUse.EXCLUDE for code, _ in uses)}
    return ProblemMatches(tuple(matches), frozenset(ProblemKind(kind) for kind in excluded))


def _is_of_a_relative(concept: CodeableConcept, matches: list[ProblemMatch]) -> bool:
    is_coded = any(match.is_coded for match in matches)
    is_of_a_mother = all(match.kind in _OF_MOTHERS for match in matches)
    return any(is_of_a_relative(text, is_coded=is_coded, is_of_a_mother=is_of_a_mother) for text in texts(concept))


def _listed(concept: CodeableConcept, knowledge: Knowledge) -> dict[str, list[tuple[Code, bool]]]:
    """By kind: the most specific listed code of each coding, and whether that match is more than possible.

    A code in no system that may have it is looked up in each, and is never more than possible.
    """
    found: dict[str, list[tuple[Code, bool]]] = {}
    sent = [(key, True) for key, _ in keys(concept)]
    sent += [((s, code), False) for code in stray_codes(concept) for s in _SYSTEMS if is_possible(s, code)]
    for (system, code), is_told in sent:
        ancestry, is_certain = icd_ancestry(system, code)
        seen: set[str] = set()
        for key in ancestry:
            for kind, listed in knowledge.conditions_by_code.get(key, ()):
                if kind not in seen:
                    seen.add(kind)
                    found.setdefault(kind, []).append((listed, is_certain and is_told))
    return found


def _by_code(
    kind: str, uses: list[tuple[Code, bool]], concept: CodeableConcept, knowledge: Knowledge
) -> ProblemMatch | None:
    if any(code.use is CodeUse.EXCLUDE for code, _ in uses):
        return None
    condition = knowledge.conditions[kind]
    direct = [(code, is_certain) for code, is_certain in uses if code.use is CodeUse.MATCH]
    if direct:
        return ProblemMatch(ProblemKind(kind), _name(concept, direct[0][0]), any(certain for _, certain in direct))
    if is_named(concept, condition):  # a code that stands for this among others: its words must say which
        return ProblemMatch(ProblemKind(kind), _name(concept, uses[0][0]), is_coded=False)
    return None


def _by_name(concept: CodeableConcept, knowledge: Knowledge) -> list[ProblemMatch]:
    names = texts(concept)
    if _is_screening(concept):  # what is looked for is named, and not what was found
        return []
    if not names or not any(name_matches(name, _all_names("", knowledge)) for name in names):
        return []
    return [
        ProblemMatch(ProblemKind(condition.id), _name(concept, None), is_coded=False)
        for condition in knowledge.conditions.values()
        if is_named(concept, condition) and _is_told_of(concept, condition)
    ]


def _is_screening(concept: CodeableConcept) -> bool:
    categories = (icd_ancestry(*key)[0][-1] for key, _ in keys(concept))
    return any(system in (ICD_10_CM, ICD_10) and category == _SCREENING for system, category in categories)


@remembered(itself)
def _all_names(_: str, knowledge: Knowledge) -> tuple[str, ...]:
    """One pattern for all names: most conditions of a record match none, and cost one search."""
    return tuple(name for condition in knowledge.conditions.values() for name in condition.names)


def is_named(concept: CodeableConcept, condition: ConditionKnowledge) -> bool:
    """Whether a concept bears the name of a condition, whatever must stand beside it.

    By its names first: what excludes a condition is looked for in many words, and at the few that are named.
    """
    names = texts(concept)
    is_affirmed = any(name_affirmed(name, condition.names) for name in names)
    return is_affirmed and not any(name_matches(name, condition.not_names) for name in names)


def _is_told_of(concept: CodeableConcept, condition: ConditionKnowledge) -> bool:
    """Whether the words that a condition needs stand beside its name, or are another name of the same concept."""
    if not condition.beside:
        return True
    names = texts(concept)
    named = [name for name in names if name_affirmed(name, condition.names)]
    return any(name_affirmed(name, condition.names, beside=condition.beside) for name in named) or any(
        name_affirmed(name, condition.beside) for name in names if name not in named
    )


def _name(concept: CodeableConcept, code: Code | None) -> str:
    """As the record calls it; the card layer makes it safe to show."""
    named = texts(concept)
    return (named[0] if named else code.display if code is not None else "")[:_LONGEST_NAME]
