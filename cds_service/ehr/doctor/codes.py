"""Which codes of a record we know, which things we know by their name only, and which not at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cds_service.ehr.doctor.tally import Effect, Tally
from cds_service.facts.patient import DataKey
from cds_service.fhir.analyte_codes import match_analyte
from cds_service.fhir.medication_codes import product_of_concept
from cds_service.fhir.problem_codes import match_problems
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.resources import CodeableConcept, Resource, resource_name
from cds_service.fhir.test_orders import ordered_tests
from cds_service.knowledge.model import Knowledge
from cds_service.knowledge.systems import SHORT_NAMES, canonical_system

BY_NAME = "Known by name only"
UNKNOWN = "Codes not known to us"
SYSTEMS = "Code systems"
_MAP = "Give the things that we know by name only a standard code beside the local one (results: LOINC)."
_LIST = "Add the standard codes that we know by their name only to our knowledge files, once a clinician agrees."
_STANDARD = frozenset(SHORT_NAMES.values())
_CHECK = "Look through the codes that are not known to us: one that should be ours belongs into a knowledge file."


def note_codes(record: PatientRecord, knowledge: Knowledge, tally: Tally) -> None:
    """Note every coded thing of the record."""
    for resource in _resources(record):
        for concept in _concepts(resource):
            name = resource_name(resource)
            _note_systems(resource, concept, name, tally)
            by_code, by_name = _is_known(resource, concept, knowledge)
            if by_name and not by_code:
                _note_by_name(resource, concept, name, tally)
            elif not by_code:
                for told in _told(concept):
                    tally.note(UNKNOWN, resource.resource_type or "", told, Effect.CHECK, name, _CHECK)


def _resources(record: PatientRecord) -> Iterator[Resource]:
    """Each resource once: an Observation may stand in two sections."""
    seen: set[str] = set()
    for key in DataKey:
        for entry in record.section(key).entries:
            resource = entry.resource
            if resource is not None and resource_name(resource) not in seen:
                seen.add(resource_name(resource))
                yield resource


def _concepts(resource: Resource) -> Iterable[CodeableConcept]:
    found = [resource.code, resource.medication_codeable_concept]
    found += [component.code for component in resource.component or ()]
    return [concept for concept in found if concept is not None]


def _is_known(resource: Resource, concept: CodeableConcept, knowledge: Knowledge) -> tuple[bool, bool]:
    """Whether a code of it is one of ours, and whether it is known by its name."""
    kind = resource.resource_type or ""
    if kind == "Observation":
        match = match_analyte(concept, knowledge)
        listed = _any_coding(concept, set(knowledge.analytes_by_code))
        return listed, match is not None
    if kind == "ServiceRequest":
        listed = _any_coding(concept, set(knowledge.tests_by_code))
        return listed, bool(ordered_tests(concept, knowledge))
    if kind.startswith("Medication"):
        held = product_of_concept(concept, knowledge).held
        return any(one.is_coded for one in held), bool(held)
    problems = match_problems(concept, knowledge)
    return bool(problems.excluded) or any(match.is_coded for match in problems.matches), bool(problems.matches)


def _any_coding(concept: CodeableConcept, listed: set[tuple[str, str]]) -> bool:
    codings = concept.coding or ()
    return any((canonical_system(coding.system), (coding.code or "").strip()) in listed for coding in codings)


def _note_by_name(resource: Resource, concept: CodeableConcept, name: str, tally: Tally) -> None:
    kind = resource.resource_type or ""
    told = next(iter(_told(concept)), "")
    systems = {canonical_system(coding.system) for coding in concept.coding or () if coding.code}
    advice = _LIST if systems & _STANDARD else _MAP
    if kind == "Observation":  # our query names each code that it asks for
        lost = f"{told}: our query for results asks by LOINC code and does not find it"
        tally.note(BY_NAME, kind, lost, Effect.NOT_USED, name, advice)
    else:
        tally.note(BY_NAME, kind, told, Effect.WITH_CARE, name, advice)


def _told(concept: CodeableConcept) -> list[str]:
    """Each coding as it came, or the text where there is none."""
    codings = [coding for coding in concept.coding or () if coding.code]
    if not codings:
        return [f"text only: {concept.text[:60]}" if concept.text else "neither code nor text"]
    return [
        f"{coding.system or 'no system'}|{coding.code} {coding.display or concept.text or ''}".strip()
        for coding in codings
    ]


def _note_systems(resource: Resource, concept: CodeableConcept, name: str, tally: Tally) -> None:
    kind = resource.resource_type or ""
    systems = {coding.system or "no system" for coding in concept.coding or () if coding.code}
    for system in systems or {"no code, text only" if concept.text else "neither code nor text"}:
        tally.note(SYSTEMS, kind, system, Effect.SEEN, name)
