"""Whether resources are valid FHIR R4, with fhir.resources as the judge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cds_service.ehr.doctor.tally import Effect, Tally
from cds_service.ehr.patient_bundle import Json
from cds_service.fhir.r4b import faults_of

TOPIC = "Validity"
_ADVICE = "Mend what is not valid FHIR R4 at its source: other readers than ours may refuse the whole resource."


def judge(resource: Json, tally: Tally) -> None:
    """Note a resource as valid, or each field in which it is not. What the field holds is never shown."""
    kind = str(resource["resourceType"])
    example = f"{kind}/{resource.get('id', '')}"
    try:
        faults = faults_of(resource)
    except (ValueError, TypeError, AttributeError, RecursionError):  # the judge itself gave up on it
        tally.note(TOPIC, kind, "cannot be read as a resource of R4", Effect.INVALID, example, _ADVICE)
        return
    for field, why in {(_path(fault), _why(fault)) for fault in faults}:
        tally.note(TOPIC, kind, f"{field}: {why}", Effect.INVALID, example, _ADVICE)
    if not faults:
        tally.note(TOPIC, kind, "valid", Effect.SEEN, example)


def _path(error: Mapping[str, Any]) -> str:
    """`code.coding[].system`: where in a list it is makes no difference to what must be mended."""
    path = ""
    for part in error.get("loc", ()):
        path += "[]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path or "the resource"


def _why(error: Mapping[str, Any]) -> str:
    match error.get("type"):
        case "missing":
            return "is required and missing"
        case "extra_forbidden":
            return "is no field of R4 here"
        case "value_error":
            return str(error.get("msg", "")).removeprefix("Value error, ").partition("\n")[0].rstrip(".")
        case other:
            return f"has the wrong shape ({other})"
