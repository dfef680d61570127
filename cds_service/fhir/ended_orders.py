"""Orders that the drafts of a request end: EHRs send a stop among them, and the record shows the order as it was."""

from __future__ import annotations

from collections.abc import Mapping

from cds_service.fhir.record import PatientRecord
from cds_service.fhir.resources import Resource, resource_name
from cds_service.fhir.statuses import status_of

_WITHDRAWN = frozenset({"entered-in-error", "cancelled", "stopped", "completed", "revoked"})


def is_withdrawn(draft: Resource) -> bool:
    """Whether a draft orders nothing: it ends an order, or was given up."""
    return status_of(draft) in _WITHDRAWN


def ended_by_drafts(record: PatientRecord) -> Mapping[str, str]:
    """The orders that drafts of this request end: their `Type/id`, and the status they are given."""
    drafted = [entry.resource for entry in record.drafts if entry.resource is not None]
    return {resource_name(draft): status_of(draft) for draft in drafted if draft.id and is_withdrawn(draft)}
