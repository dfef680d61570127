"""The status of a resource, however it is written; some are a CodeableConcept in R4 and a code in earlier releases."""

from __future__ import annotations

from cds_service.fhir.resources import CodeableConcept, Resource

WITHDRAWN_OR_PLANNED = ("entered-in-error", "cancelled", "registered")
"""Statuses of an Observation that tells of nothing, as its sender says."""


def status_of(resource: Resource) -> str:
    """The status in the standard's spelling: senders add blanks and capitals ("entered-in-error ")."""
    return (resource.status or "").strip().lower()


def status_code(status: CodeableConcept | str | None) -> str:
    """A status as its bare code, lower case; "" where there is none."""
    if status is None:
        return ""
    if isinstance(status, str):
        return status.strip().lower()
    for coding in status.coding or ():
        code = (coding.code or "").strip().lower()
        if code:
            return code
    return (status.text or "").strip().lower()
