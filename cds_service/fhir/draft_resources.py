"""The resources that suggestions propose: templates, made and validated once, then filled for one patient at a time.

What is filled in per call (the patient, the user, the encounter, the reasons) is checked here; all else is validated
before the service starts (`problems_of`), so that a call does not pay for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Any

from cds_service.fhir.r4b import faults_of
from cds_service.knowledge.model import Code, DosageStep, Knowledge, Regimen, TestKnowledge

UCUM = "http://unitsofmeasure.org"
Template = tuple[str, dict[str, Any]]
"""A knowledge file, and the resource that comes of it."""
_REFERENCE = re.compile(r"(?P<type>[A-Z][A-Za-z]{1,63})/[A-Za-z0-9\-.]{1,64}")
_REASON_TYPES = ("Condition", "Observation")
_REQUESTER_TYPES = ("Practitioner", "PractitionerRole")
_PLACEHOLDER = "Patient/placeholder"
# FHIR R4 example value set servicerequest-category
_LABORATORY = Code("http://snomed.info/sct", "108252007", "Laboratory procedure")


def draft_service_request(
    test: TestKnowledge,
    patient_id: str,
    today: date,
    user_id: str = "",
    encounter_id: str = "",
    reasons: Sequence[str] = (),
) -> dict[str, Any]:
    """A draft order for one laboratory test (FHIR R4 ServiceRequest)."""
    return _filled(_service_request(test.order, test.title), patient_id, today, user_id, encounter_id, reasons)


def draft_medication_request(
    regimen: Regimen,
    patient_id: str,
    today: date,
    user_id: str = "",
    encounter_id: str = "",
    reasons: Sequence[str] = (),
) -> dict[str, Any]:
    """A draft prescription of one regimen, the whole course in sequenced dosage instructions (MedicationRequest)."""
    return _filled(_medication_request(regimen), patient_id, today, user_id, encounter_id, reasons)


def product_and_dosage(regimen: Regimen) -> dict[str, Any]:
    """The regimen's product, dosage and supply, for a draft that is changed to it."""
    template = _medication_request(regimen)
    return {name: template[name] for name in ("medicationCodeableConcept", "dosageInstruction", "dispenseRequest")}


def templates(knowledge: Knowledge) -> list[Template]:
    """All that can ever be proposed. It is made here and kept, so that no request waits for it."""
    made = [(f"tests/{test.id}.yaml", _service_request(test.order, test.title)) for test in knowledge.tests.values()]
    regimens = dict.fromkeys(knowledge.regimens.values())
    return made + [(f"regimens/{regimen.id}.yaml", _medication_request(regimen)) for regimen in regimens]


def problems_of(made: Sequence[Template]) -> list[str]:
    """What is not valid FHIR of templates: file, field, and how to mend it."""
    return [
        f"{file}: its {template['resourceType']} is not valid FHIR: {'.'.join(map(str, fault['loc']))} cannot be used; "
        "mend the value that goes there"
        for file, template in made
        for fault in faults_of(template)
    ]


def _filled(
    template: dict[str, Any], patient_id: str, today: date, user_id: str, encounter_id: str, reasons: Sequence[str]
) -> dict[str, Any]:
    # What is nested stays shared with the template: only whole members are set, here and by whoever is given it.
    resource = {
        **template,
        "subject": {"reference": f"Patient/{patient_id}"},
        "authoredOn": today.isoformat(),
    }
    user = _REFERENCE.fullmatch(user_id)
    if user is not None and user["type"] in _REQUESTER_TYPES:
        resource["requester"] = {"reference": user_id}
    if encounter_id and _REFERENCE.fullmatch(f"Encounter/{encounter_id}"):
        resource["encounter"] = {"reference": f"Encounter/{encounter_id}"}
    references = [{"reference": reason} for reason in dict.fromkeys(reasons) if _may_be_reason(reason)]
    if references:
        resource["reasonReference"] = references
    return resource


def _may_be_reason(reference: str) -> bool:
    found = _REFERENCE.fullmatch(reference)
    return found is not None and found["type"] in _REASON_TYPES


@lru_cache(maxsize=128)
def _service_request(order: Code, title: str) -> dict[str, Any]:
    return _pruned(
        {
            "resourceType": "ServiceRequest",
            "status": "draft",
            "intent": "order",
            "category": [{"coding": [_coding(_LABORATORY)]}],
            "code": {"coding": [_coding(order)], "text": title},
            "subject": {"reference": _PLACEHOLDER},
        },
    )


@lru_cache(maxsize=128)
def _medication_request(regimen: Regimen) -> dict[str, Any]:
    return _pruned(
        {
            "resourceType": "MedicationRequest",
            "status": "draft",
            "intent": "order",
            "medicationCodeableConcept": {"coding": [_coding(regimen.medicine)], "text": regimen.medicine_text},
            "subject": {"reference": _PLACEHOLDER},
            "dosageInstruction": [_dosage(regimen, step, n) for n, step in enumerate(regimen.steps, 1)],
            "dispenseRequest": {
                "numberOfRepeatsAllowed": regimen.repeats,
                "quantity": {"value": _number(regimen.quantity), "unit": regimen.quantity_unit},
                "expectedSupplyDuration": {
                    "value": regimen.supply_days,
                    "unit": "days",
                    "system": UCUM,
                    "code": "d",
                },
            },
        },
    )


def _dosage(regimen: Regimen, step: DosageStep, sequence: int) -> dict[str, Any]:
    repeat: dict[str, Any] = {"frequency": step.frequency, "period": step.period, "periodUnit": step.period_unit}
    if step.for_days is not None:
        repeat["boundsDuration"] = {"value": step.for_days, "unit": "days", "system": UCUM, "code": "d"}
    return {
        "sequence": sequence,
        "text": step.text,
        "timing": {"repeat": repeat},
        "route": {"coding": [_coding(regimen.route)], "text": regimen.route_text},
        "doseAndRate": [
            {
                "doseQuantity": {
                    "value": _number(step.dose),
                    "unit": step.dose_unit,
                    "system": UCUM,
                    "code": step.dose_code,
                }
            }
        ],
    }


def _coding(code: Code) -> dict[str, str]:
    return {"system": code.system, "code": code.code, "display": code.display}


def _number(value: Any) -> int | float:
    """JSON has no decimals of its own; whole amounts stay whole."""
    return int(value) if value == int(value) else float(value)


def _pruned(resource: dict[str, Any]) -> dict[str, Any]:
    pruned: dict[str, Any] = without_empties(resource)
    return pruned


def without_empties(value: Any) -> Any:
    """JSON of a resource without empty members, which an answer may not hold (CDS Hooks 2.0.1, "Use of JSON").

    A list keeps its places, which FHIR pairs with `_name` lists.
    """
    if isinstance(value, dict):
        members = ((name, without_empties(member)) for name, member in value.items())
        return {name: member for name, member in members if member not in (None, "", [], {})}
    return [without_empties(item) for item in value] if isinstance(value, list) else value
