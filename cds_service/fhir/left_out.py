"""What was sent and could not be used, where it may concern us: its key is then not complete, whatever else it has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from cds_service.facts.patient import ANYTHING, DATA_KEYS, Availability, DataIssue, DataKey
from cds_service.facts.problems import ProblemKind
from cds_service.fhir.allergies import is_cobalamin
from cds_service.fhir.analyte_codes import match_analyte
from cds_service.fhir.codings import has_meaning, is_word, texts
from cds_service.fhir.cut_names import cut_off, is_cut_anywhere
from cds_service.fhir.medication_codes import Product, product_of_concept
from cds_service.fhir.medication_reader import MedicationReader
from cds_service.fhir.problem_codes import match_problems
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.resources import CodeableConcept, Resource, resource_name
from cds_service.fhir.statuses import status_code, status_of
from cds_service.knowledge.model import Knowledge

_KEY_OF = {
    "Condition": DataKey.CONDITIONS,
    "Procedure": DataKey.PROCEDURES,
    "AllergyIntolerance": DataKey.ALLERGIES,
    "MedicationStatement": DataKey.MEDICATION_STATEMENTS,
    "MedicationRequest": DataKey.MEDICATION_REQUESTS,
    "MedicationDispense": DataKey.MEDICATION_DISPENSES,
    "MedicationAdministration": DataKey.MEDICATION_ADMINISTRATIONS,
}
_MEDICATIONS = frozenset(
    {
        DataKey.MEDICATION_STATEMENTS,
        DataKey.MEDICATION_REQUESTS,
        DataKey.MEDICATION_DISPENSES,
        DataKey.MEDICATION_ADMINISTRATIONS,
    }
)
_NAMED_BY_CODE = (
    (DataKey.LABS, "Observation"),
    (DataKey.CONDITIONS, "Condition"),
    (DataKey.PROCEDURES, "Procedure"),
    (DataKey.ALLERGIES, "AllergyIntolerance"),
    (DataKey.SOCIAL_HISTORY, "Observation"),
)
MOST_UNREAD: Final = 2_000
"""Entries of one answer that could not be used and are told one by one; of more, only how many they are."""
_WITHDRAWN = frozenset({"entered-in-error", "cancelled", "registered", "refuted", "not-done"})
_OVER = frozenset({"resolved", "inactive", "remission"})


def nameless(record: PatientRecord, knowledge: Knowledge) -> dict[DataKey, list[DataIssue]]:
    """Entries that do not say what they are, or say it at more length than is read, by key: each may be the one that
    matters."""
    found: dict[DataKey, list[DataIssue]] = {}
    for key, kind in _NAMED_BY_CODE:
        for entry in record.section(key).entries:
            resource = entry.resource
            if resource is None or resource.resource_type != kind:
                continue
            if not _says_all(resource) and not _is_told_within(resource):
                field, sentence = "code", f"This {kind} does not say what it is; it was not used."
            else:
                field, sentence = cut_off(key, resource, knowledge)
            if sentence and not _is_withdrawn_or_over(resource):
                found.setdefault(key, []).append(DataIssue(resource_name(resource), field, sentence, ANYTHING))
    return found


def unread(record: PatientRecord, knowledge: Knowledge) -> dict[DataKey, list[DataIssue]]:
    """Entries that could not be used, by key, each with what it may matter to: "" where it says what it is, and is
    none of ours."""
    found: dict[DataKey, list[DataIssue]] = {}
    lost = {key: record.section(key).unread for key in DATA_KEYS}
    for key in [key for key in DATA_KEYS if len(lost[key]) > MOST_UNREAD]:
        sentence = f"{len(lost.pop(key))} entries of this answer could not be used, for one reason or another."
        found[key] = [DataIssue(key, "entry", sentence, ANYTHING)]
    resources = (entry.resource for entries in lost.values() for entry in entries)
    reader = MedicationReader(record, knowledge, resources)  # one for all: it looks through the whole record
    for key, entries in lost.items():
        for entry in entries:
            about = _may_be(key, entry.resource, reader, knowledge) if entry.resource is not None else ANYTHING
            found.setdefault(key, []).extend(replace(issue, matters_to=about) for issue in entry.issues)
    return found


def _may_be(key: DataKey, resource: Resource, reader: MedicationReader, knowledge: Knowledge) -> str:
    """What an entry that cannot be used may matter to; it is looked at as what its key asks for."""
    if key in _MEDICATIONS:
        return _medicine(reader.product_of(resource))
    if key is DataKey.SERVICE_REQUESTS:
        return ""  # an order that is not seen silences nothing
    if key is DataKey.PATIENT or not _names_itself(resource):
        return ANYTHING
    inside = (resource.contained or ()) if key is DataKey.LABS else ()
    parts = [part.code for part in (resource, *(resource.component or ()), *inside)]
    about = _recognised(key, resource, parts, knowledge)
    return about or (ANYTHING if is_cut_anywhere(key, resource) else "")


def _recognised(key: DataKey, resource: Resource, parts: list[CodeableConcept | None], knowledge: Knowledge) -> str:
    """The same, of what is recognised by its code or its name; "" where nothing of ours is."""
    if key is DataKey.LABS:
        return next((found.analyte.value for part in parts if (found := match_analyte(part, knowledge))), "")
    if key is DataKey.ALLERGIES:
        substances = [reaction.substance for reaction in resource.reaction or ()]
        is_ours = any(is_cobalamin(part, knowledge) is not None for part in (*parts, *substances))
        return ProblemKind.COBALAMIN_ALLERGY.value if is_ours else ""
    told = CodeableConcept(text=resource.value_string) if resource.value_string else resource.value_codeable_concept
    problems = [match.kind.value for part in (*parts, told) for match in match_problems(part, knowledge).matches]
    if key is DataKey.PROCEDURES and not problems:
        return _medicine(product_of_concept(resource.code, knowledge))
    return next(iter(problems), "")


def _medicine(product: Product) -> str:
    """What a record of a medicine matters to."""
    if product.held and not product.problem:
        return product.held[0].medicine.value
    return ANYTHING if product.problem or not product.name else ""


def availabilities(
    record: PatientRecord, unnamed: Iterable[DataKey], issues: Iterable[DataIssue]
) -> Iterator[tuple[DataKey, Availability]]:
    """How much of each key we hold; one of which something was left out that may concern us is not complete.

    `unnamed` are the keys with an entry that does not say what it is. A laboratory result that was left out says on
    its own what it is of, so the others still count as complete.
    """
    lacking = set(unnamed) | {key for issue in issues if (key := _key_of(issue)) is not None}
    for key in DATA_KEYS:
        held = record.section(key).availability
        yield key, Availability.INCOMPLETE if held is Availability.COMPLETE and key in lacking else held


def _key_of(issue: DataIssue) -> DataKey | None:
    if not issue.matters_to or issue.used_with_care:
        return None
    kind = issue.resource.partition("/")[0]
    if kind == "Observation" and issue.matters_to in _KINDS:
        return DataKey.SOCIAL_HISTORY
    return _KEY_OF.get(kind)


_KINDS = frozenset(kind.value for kind in ProblemKind)


def says_something(concept: CodeableConcept | None) -> bool:
    """Whether a concept has a name, or a code that its system may have. Asked of every entry, so the usual is first."""
    if concept is None:
        return False
    if is_word(concept.text):
        return True
    return bool(texts(concept)) or any(has_meaning(coding) for coding in concept.coding or ())


def _says_all(resource: Resource) -> bool:
    """Whether a resource says what it is of, and each of its components does."""
    if not says_something(resource.code):
        return False
    return not resource.component or all(says_something(one.code) for one in resource.component)


def _names_itself(resource: Resource) -> bool:
    return says_something(resource.code) or _is_told_within(resource)


def _is_withdrawn_or_over(resource: Resource) -> bool:
    """A problem that is over may be a lasting cause, such as a resected stomach, whose entry was closed."""
    statuses = status_of(resource), status_code(resource.verification_status)
    if any(status in _WITHDRAWN for status in statuses):
        return True
    return resource.resource_type != "Condition" and status_code(resource.clinical_status) in _OVER


def _is_told_within(resource: Resource) -> bool:
    """Whether it is told elsewhere in the resource what it is: by its components, or by its reactions."""
    if resource.component:
        return all(says_something(component.code) for component in resource.component)
    return any(says_something(reaction.substance) for reaction in resource.reaction or ())
