"""Names and answers that are too long to be read to their end: what may stand there is told, never passed over.

A code that is listed says what a problem or a medicine is, however long its names are; that of a result is held against
them. Any other code leaves it to the names, and what is recognised at the beginning of one leaves open what else stands
at its end.
"""

from __future__ import annotations

from collections.abc import Iterator

from cds_service.facts.patient import DataKey
from cds_service.fhir.allergies import is_cobalamin
from cds_service.fhir.analyte_codes import match_analyte
from cds_service.fhir.medication_codes import product_of_concept
from cds_service.fhir.names import is_cut
from cds_service.fhir.problem_codes import match_problems
from cds_service.fhir.resources import CodeableConcept, Component, Resource
from cds_service.knowledge.model import Knowledge


def is_cut_anywhere(key: DataKey, resource: Resource) -> bool:
    """Whether an entry has a name, or an answer, that is not read to its end."""
    return any(_has_cut_name(told) for _, told in (*_names(resource), *_answers(key, resource)))


def cut_off(key: DataKey, resource: Resource, knowledge: Knowledge) -> tuple[str, str]:
    """The field of an entry that is not read to its end, and what to say of it; two empty texts where all is read."""
    has_parts = resource.component or resource.reaction or key is DataKey.SOCIAL_HISTORY
    if not has_parts and not _has_cut_name(resource.code):
        return "", ""  # nearly always
    for field, concept in _names(resource):
        if _has_cut_name(concept) and not _is_coded(key, concept, knowledge):
            kind = resource.resource_type
            if _is_recognised(key, concept, knowledge):
                return field, f"The name of this {kind} is too long to be read to its end; its end was not used."
            return field, f"The name of this {kind} is too long to be read to its end; it was not used."
    for field, answer in _answers(key, resource):
        if _has_cut_name(answer) and not _is_coded(key, answer, knowledge):
            return field, "This answer is too long to be read to its end; its end was not used."
    return "", ""


def _has_cut_name(concept: CodeableConcept | None) -> bool:
    if concept is None:
        return False
    return is_cut(concept.text) or any(is_cut(coding.display) for coding in concept.coding or ())


def _names(resource: Resource) -> Iterator[tuple[str, CodeableConcept | None]]:
    yield "code", resource.code
    for index, component in enumerate(resource.component or ()):
        yield f"component[{index}].code", component.code
    for index, reaction in enumerate(resource.reaction or ()):
        yield f"reaction[{index}].substance", reaction.substance


def _answers(key: DataKey, resource: Resource) -> Iterator[tuple[str, CodeableConcept | None]]:
    """What a social history answers: there it may be the answer that says what the patient eats."""
    if key is DataKey.SOCIAL_HISTORY:
        yield _answer(resource, "")
        for index, component in enumerate(resource.component or ()):
            yield _answer(component, f"component[{index}].")


def _answer(part: Resource | Component, path: str) -> tuple[str, CodeableConcept | None]:
    if part.value_codeable_concept is None and part.value_string:
        return f"{path}valueString", CodeableConcept(text=part.value_string)
    return f"{path}valueCodeableConcept", part.value_codeable_concept


def _is_coded(key: DataKey, concept: CodeableConcept | None, knowledge: Knowledge) -> bool:
    """Whether a code that is listed says what it is."""
    if key is DataKey.LABS:
        return False  # its name may contradict it
    if key is DataKey.ALLERGIES and is_cobalamin(concept, knowledge) is not None:
        return True  # by its name, too: there is one allergy that is looked for
    problems = match_problems(concept, knowledge)
    if problems.excluded or any(match.is_coded for match in problems.matches):
        return True
    return key is DataKey.PROCEDURES and any(held.is_coded for held in product_of_concept(concept, knowledge).held)


def _is_recognised(key: DataKey, concept: CodeableConcept | None, knowledge: Knowledge) -> bool:
    if key is DataKey.LABS:
        return match_analyte(concept, knowledge) is not None
    return bool(match_problems(concept, knowledge).matches)
