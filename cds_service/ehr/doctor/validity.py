"""Whether resources are valid FHIR R4, with `fhir.resources` as the judge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pydantic
from fhir.resources.R4B import get_fhir_model_class

from cds_service.ehr.doctor.tally import Effect, Tally
from cds_service.ehr.patient_bundle import Json

TOPIC = "Validity"
_ADVICE = "Mend what is not valid FHIR R4 at its source: other readers than ours may refuse the whole resource."


def judge(resource: Json, tally: Tally) -> None:
    """Note a resource as valid, or each field in which it is not. What the field holds is never shown."""
    kind = str(resource["resourceType"])
    example = f"{kind}/{resource.get('id', '')}"
    try:
        get_fhir_model_class(kind).model_validate(resource)
    except pydantic.ValidationError as invalid:
        for field, why in {(_path(error), _why(error)) for error in invalid.errors(include_input=False)}:
            tally.note(TOPIC, kind, f"{field}: {why}", Effect.INVALID, example, _ADVICE)
    except (ValueError, TypeError, AttributeError, RecursionError):  # the judge itself gave up on it
        tally.note(TOPIC, kind, "cannot be read as a resource of R4", Effect.INVALID, example, _ADVICE)
    else:
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
