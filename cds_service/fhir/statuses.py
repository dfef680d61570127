"""Statuses that are a CodeableConcept in R4 and a plain code in earlier releases."""

from __future__ import annotations

from cds_service.fhir.resources import CodeableConcept

WITHDRAWN_OR_PLANNED = ("entered-in-error", "cancelled", "registered")
"""Statuses of an Observation that tells of nothing, as its sender says."""


def status_code(status: CodeableConcept | str | None) -> str:
    """A status as its bare code, lower case; "" where there is none."""
    if status is None:
        return ""
    if isinstance(status, str):
        return status.strip().lower()
    codes = [(coding.code or "").strip().lower() for coding in status.coding or ()]
    return next((code for code in codes if code), (status.text or "").strip().lower())
