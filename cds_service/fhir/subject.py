"""Whose resource it is: only the context patient's count."""

from __future__ import annotations

from cds_service.facts.patient import DataKey
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.resources import Resource


def patient_references(record: PatientRecord) -> frozenset[str]:
    """Every reference under which the context patient appears: by id, and by the `fullUrl` of the Patient entry."""
    names = {f"Patient/{record.patient_id}", record.patient_id}
    for entry in record.section(DataKey.PATIENT).entries:
        if entry.full_url and entry.resource is not None and entry.resource.id == record.patient_id:
            names.add(entry.full_url)
    return frozenset(names)


def subject_problem(resource: Resource, references: frozenset[str]) -> str:
    """Why this resource does not count for the context patient; "" when it does."""
    person = resource.subject or resource.patient
    reference = person.reference if person is not None else None
    if not reference:
        return "has no subject, so it is not known whose it is; it was not used"
    if reference in references:
        return ""
    path, _, _ = reference.partition("/_history/")
    _, is_patient, patient_id = f"/{path}".rpartition("/Patient/")
    if is_patient and f"Patient/{patient_id}" in references:
        return ""
    if not is_patient:
        return "has a subject that is not known to be this patient; it was not used"
    return "belongs to another patient; it was not used"
