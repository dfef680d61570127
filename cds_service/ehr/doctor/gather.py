"""One patient's whole record from a FHIR server: wider than our templates ask, to see what they would miss."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import quote

from cds_service.ehr.belonging import references
from cds_service.ehr.doctor.tally import Effect, Tally
from cds_service.ehr.fhir_server import FhirServer
from cds_service.ehr.patient_bundle import Json, PatientBundle
from cds_service.errors import AccessRefused, FhirRefused

TYPES = (
    "Observation",
    "MedicationStatement",
    "MedicationRequest",
    "MedicationDispense",
    "MedicationAdministration",
    "Condition",
    "Procedure",
    "AllergyIntolerance",
    "ServiceRequest",
)
_MOST_MEDICATIONS = 100


def gathered(server: FhirServer, patient: Json, tally: Tally) -> PatientBundle:
    """All of the patient's resources of the types that we read; what could not be had is noted."""
    patient_id = str(patient["id"])
    found = [patient]
    for kind in TYPES:
        try:
            found += _of_type(server, kind, patient_id)
        except (FhirRefused, AccessRefused) as refused:
            advice = f"Let {kind} be searched by patient: without it, what it holds is not known to us."
            tally.note("Access", kind, f"the search failed: {refused}", Effect.NOT_USED, "", advice)
    return PatientBundle(patient_id, (*found, *_medications(server, found, tally)))


def _of_type(server: FhirServer, kind: str, patient_id: str) -> list[Json]:
    found = server.search(f"{kind}?patient={quote(patient_id, safe='')}&_count=200")
    return [one for one in found if one.get("resourceType") == kind and isinstance(one.get("id"), str)]


def _medications(server: FhirServer, resources: Iterable[Json], tally: Tally) -> Iterator[Json]:
    named = dict.fromkeys(
        reference.removeprefix(f"{server.base}/") for one in resources for reference in references(one)
    )
    wanted = [name for name in named if name.startswith("Medication/") and name.count("/") == 1]
    for name in wanted[:_MOST_MEDICATIONS]:
        try:
            medication = server.read(*name.split("/"))
        except (FhirRefused, AccessRefused) as refused:
            advice = "Let Medication be read: an order that only refers to one is not understood without it."
            tally.note("Access", "Medication", f"the read failed: {refused}", Effect.NOT_USED, name, advice)
            continue
        if medication is not None:
            yield medication
