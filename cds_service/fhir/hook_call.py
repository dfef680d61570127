"""One hook request, decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from cds_service.fhir.record import PatientRecord


@dataclass(frozen=True, slots=True)
class HookCall:
    """One hook request, decoded: what is known of the patient and what the clinician is doing.

    `wants_assessment`: the caller asked for the explanation. `draft_json` holds each drafted resource as it was sent,
    by `Type/id`, for suggestions that update it. `one_action` marks clients that take one action per suggestion.
    """

    hook: str
    user_id: str
    record: PatientRecord
    today: date
    wants_assessment: bool = False
    draft_json: Mapping[str, bytes] | None = None
    encounter_id: str = ""
    one_action: bool = False
