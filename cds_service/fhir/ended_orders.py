"""Orders that the drafts of a request end or pause: EHRs send that among them, and the record shows what was before."""

from __future__ import annotations

from collections.abc import Mapping

from cds_service.fhir.record import PatientRecord
from cds_service.fhir.resources import Resource, resource_name
from cds_service.fhir.statuses import status_of

ON_HOLD = "on-hold"
_WITHDRAWN = frozenset({"entered-in-error", "cancelled", "stopped", "completed", "revoked"})


def is_withdrawn(draft: Resource) -> bool:
    """Whether a draft orders nothing: it ends an order, or was given up."""
    return status_of(draft) in _WITHDRAWN


def is_on_hold(draft: Resource) -> bool:
    """Whether a draft pauses an order, or is one that waits to be released."""
    return status_of(draft) == ON_HOLD


def ended_by_drafts(record: PatientRecord) -> Mapping[str, str]:
    """The orders that drafts of this request end or put on hold: their `Type/id`, and the status they are given."""
    drafted = [entry.resource for entry in record.drafts if entry.resource is not None]
    ended = (draft for draft in drafted if is_withdrawn(draft) or is_on_hold(draft))
    return {resource_name(draft): status_of(draft) for draft in ended if draft.id}
