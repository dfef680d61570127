"""What was sent and could not be used, where it may concern us: its key is then not complete, whatever else it has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cds_service.facts.patient import ANYTHING, Availability, DataIssue, DataKey
from cds_service.facts.problems import ProblemKind
from cds_service.fhir.codings import has_meaning, texts
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.resources import CodeableConcept, Resource, resource_name
from cds_service.fhir.statuses import status_code

_KEY_OF = {
    "Condition": DataKey.CONDITIONS,
    "Procedure": DataKey.PROCEDURES,
    "AllergyIntolerance": DataKey.ALLERGIES,
    "MedicationStatement": DataKey.MEDICATION_STATEMENTS,
    "MedicationRequest": DataKey.MEDICATION_REQUESTS,
    "MedicationDispense": DataKey.MEDICATION_DISPENSES,
    "MedicationAdministration": DataKey.MEDICATION_ADMINISTRATIONS,
}
_NAMED_BY_CODE = (
    (DataKey.LABS, "Observation"),
    (DataKey.CONDITIONS, "Condition"),
    (DataKey.PROCEDURES, "Procedure"),
    (DataKey.ALLERGIES, "AllergyIntolerance"),
    (DataKey.SOCIAL_HISTORY, "Observation"),
)
_WITHDRAWN = frozenset({"entered-in-error", "cancelled", "registered", "refuted", "not-done"})
_OVER = frozenset({"resolved", "inactive", "remission"})


def nameless(record: PatientRecord) -> dict[DataKey, list[DataIssue]]:
    """Entries that do not say what they are, by key: each may be the one that matters."""
    found: dict[DataKey, list[DataIssue]] = {}
    for key, kind in _NAMED_BY_CODE:
        for entry in record.section(key).entries:
            resource = entry.resource
            if resource is None or resource.resource_type != kind or says_something(resource.code):
                continue
            if not _needs_no_code(resource):
                sentence = f"This {kind} does not say what it is; it was not used."
                found.setdefault(key, []).append(DataIssue(resource_name(resource), "code", sentence, ANYTHING))
    return found


def availabilities(
    record: PatientRecord, unnamed: Iterable[DataKey], issues: Iterable[DataIssue]
) -> Iterator[tuple[DataKey, Availability]]:
    """How much of each key we hold; one of which something was left out that may concern us is not complete.

    A laboratory result that was left out says on its own what it is of, so the others still count as complete.
    """
    lacking = set(unnamed) | {key for issue in issues if (key := _key_of(issue)) is not None}
    for key in DataKey:
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
    if concept.text and concept.text.strip():
        return True
    return bool(texts(concept)) or any(has_meaning(coding) for coding in concept.coding or ())


def _needs_no_code(resource: Resource) -> bool:
    """What is withdrawn or over, or is told elsewhere in the resource: by its components, or by its reactions."""
    statuses = (resource.status or "").strip().lower(), status_code(resource.verification_status)
    if any(status in _WITHDRAWN for status in statuses) or status_code(resource.clinical_status) in _OVER:
        return True
    if resource.component:
        return any(says_something(component.code) for component in resource.component)
    return any(says_something(reaction.substance) for reaction in resource.reaction or ())
