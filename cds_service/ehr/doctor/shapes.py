"""Units, dates, statuses and shapes, as they come."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from cds_service.ehr.doctor.tally import Effect, Tally
from cds_service.ehr.patient_bundle import Json
from cds_service.facts.dates import ClinicalDate
from cds_service.facts.patient import DataKey, PatientFacts
from cds_service.fhir.analyte_codes import match_analyte
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.resources import Quantity, Resource, resource_name
from cds_service.knowledge.model import Knowledge

UNITS, DATES, STATUSES, SHAPES = "Units of our results", "Dates", "Statuses", "Shapes"
_DATE_FIELDS = {
    "Observation": ("effectiveDateTime", "effectiveInstant", "effectivePeriod", "issued"),
    "MedicationStatement": ("effectiveDateTime", "effectivePeriod", "dateAsserted"),
    "MedicationRequest": ("authoredOn",),
    "MedicationDispense": ("whenHandedOver", "whenPrepared"),
    "MedicationAdministration": ("effectiveDateTime", "effectivePeriod"),
    "Condition": ("onsetDateTime", "onsetPeriod", "recordedDate"),
    "Procedure": ("performedDateTime", "performedPeriod"),
    "AllergyIntolerance": ("onsetDateTime", "onsetPeriod", "recordedDate"),
    "ServiceRequest": ("authoredOn",),
    "Patient": ("birthDate",),
}
_VALUES = ("valueQuantity", "valueString", "valueCodeableConcept", "valueRange", "valueBoolean", "valueInteger")
_DATE = "Send dates: when a sample was taken, a medicine ordered or begun. Without one, nothing can be said about time."
_UNIT = (
    "Send units as UCUM codes (valueQuantity.code with system http://unitsofmeasure.org), those we list or near them."
)
_STATUS = "Send a status with every resource (for problems clinicalStatus and verificationStatus)."


def note_units(record: PatientRecord, facts: PatientFacts, knowledge: Knowledge, tally: Tally) -> None:
    """Each unit of the results that are ours, by analyte, and whether a result with it was used."""
    used = {result.source for result in facts.labs}
    for resource in record.section(DataKey.LABS).resources("Observation"):
        name = resource_name(resource)
        for analyte, quantity in _measured(resource, knowledge):
            unit = quantity.code or quantity.unit or "no unit"
            effect = Effect.FINE if name in used else Effect.NOT_USED
            short = knowledge.analytes[analyte].short
            tally.note(UNITS, "Observation", f"{short} in {unit}", effect, name, "" if name in used else _UNIT)


def _measured(resource: Resource, knowledge: Knowledge) -> Iterator[tuple[str, Quantity]]:
    for holder in (resource, *(resource.component or ())):
        match = match_analyte(holder.code, knowledge)
        if match is not None and holder.value_quantity is not None:
            yield match.analyte.value, holder.value_quantity


def note_shapes(resource: Json, today: date, tally: Tally) -> None:
    """The dates, the status and the shape of one resource, concern us or not: they are the sender's habits."""
    kind = str(resource["resourceType"])
    name = f"{kind}/{resource.get('id', '')}"
    if kind in _DATE_FIELDS:
        what, effect = _date(resource, _DATE_FIELDS[kind], today)
        tally.note(DATES, kind, what, effect, name, _DATE if effect is Effect.CHECK else "")
    if kind not in ("Patient", "Medication"):
        what, effect = _status(resource, kind)
        tally.note(STATUSES, kind, what, effect, name, _STATUS if effect is Effect.CHECK else "")
    for what in _shape(resource, kind):
        tally.note(SHAPES, kind, what, Effect.SEEN, name)


def _date(resource: Json, fields: tuple[str, ...], today: date) -> tuple[str, Effect]:
    field = next((field for field in fields if resource.get(field)), None)
    if field is None:
        return "no date", Effect.CHECK
    given = resource[field]
    text = (given.get("end") or given.get("start")) if isinstance(given, dict) else given
    try:
        when = ClinicalDate.parse(text if isinstance(text, str) else "")
    except ValueError:
        return f"{field} is no date", Effect.CHECK
    if when.earliest > today:
        return f"{field} is in the future", Effect.CHECK
    precision = "a day" if when.is_exact else "a month" if when.earliest.month == when.latest.month else "a year"
    return f"{field}, {precision}", Effect.SEEN


def _status(resource: Json, kind: str) -> tuple[str, Effect]:
    if kind in ("Condition", "AllergyIntolerance"):
        parts = [_code(resource.get(name)) for name in ("clinicalStatus", "verificationStatus")]
        return " / ".join(part or "none" for part in parts), Effect.SEEN if any(parts) else Effect.CHECK
    status = resource.get("status")
    return (status, Effect.SEEN) if isinstance(status, str) and status else ("none", Effect.CHECK)


def _code(concept: Any) -> str:
    codings = concept.get("coding") if isinstance(concept, dict) else None
    first = codings[0] if isinstance(codings, list) and codings else None
    return str(first.get("code") or "") if isinstance(first, dict) else ""


def _shape(resource: Json, kind: str) -> Iterator[str]:
    if resource.get("contained"):
        yield "contained resources"
    if kind == "Observation":
        yield next((value for value in _VALUES if resource.get(value) is not None), "no value of its own")
        if resource.get("component"):
            yield "components"
    if kind.startswith("Medication") and kind != "Medication":
        yield "medicationReference" if resource.get("medicationReference") else "medicationCodeableConcept"
        yield _directions(resource)


def _directions(resource: Json) -> str:
    given = resource.get("dosageInstruction") or resource.get("dosage")
    dosage = given[0] if isinstance(given, list) and given else given
    if not isinstance(dosage, dict):
        return "no dosage"
    return "dosage with an amount" if dosage.get("doseAndRate") or dosage.get("dose") else "dosage in words only"
