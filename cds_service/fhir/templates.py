"""The prefetch templates: what we ask an EHR for, inside the query subset of CDS Hooks 2.0.1."""

from __future__ import annotations

from cds_service.facts.patient import DataKey
from cds_service.knowledge.model import CodeUse, Knowledge

_LOINC = "http://loinc.org"
_PATIENT = "patient={{context.patientId}}"


def prefetch_templates(knowledge: Knowledge) -> dict[DataKey, str]:
    """A template for each key. Results are asked for by code, newest first and bounded, never all Observations."""
    codes = sorted(
        f"{code.system}|{code.code}"
        for analyte in knowledge.analytes.values()
        for code in analyte.codes
        if code.system == _LOINC and code.use is not CodeUse.EXCLUDE
    )
    return {
        DataKey.PATIENT: "Patient/{{context.patientId}}",
        DataKey.LABS: f"Observation?{_PATIENT}&code={','.join(codes)}&_sort=-date&_count=200",
        DataKey.MEDICATION_STATEMENTS: f"MedicationStatement?{_PATIENT}&_count=200",
        DataKey.MEDICATION_REQUESTS: f"MedicationRequest?{_PATIENT}&_count=200",
        DataKey.MEDICATION_DISPENSES: f"MedicationDispense?{_PATIENT}&_count=200",
        DataKey.MEDICATION_ADMINISTRATIONS: f"MedicationAdministration?{_PATIENT}&_count=200",
        DataKey.CONDITIONS: f"Condition?{_PATIENT}&_count=500",
        DataKey.PROCEDURES: f"Procedure?{_PATIENT}&_count=200",
        DataKey.ALLERGIES: f"AllergyIntolerance?{_PATIENT}&_count=100",
        DataKey.SERVICE_REQUESTS: f"ServiceRequest?{_PATIENT}&_sort=-authored&_count=100",
        DataKey.SOCIAL_HISTORY: f"Observation?{_PATIENT}&category=social-history&_sort=-date&_count=100",
    }
