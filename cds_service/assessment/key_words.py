"""What a clinician calls each kind of data that we ask an EHR for."""

from __future__ import annotations

from collections.abc import Mapping

from cds_service.facts.patient import DataKey

KEY_WORDS: Mapping[DataKey, str] = {
    DataKey.PATIENT: "patient",
    DataKey.LABS: "laboratory results",
    DataKey.MEDICATION_STATEMENTS: "medication statements",
    DataKey.MEDICATION_REQUESTS: "prescriptions",
    DataKey.MEDICATION_DISPENSES: "dispensed medicines",
    DataKey.MEDICATION_ADMINISTRATIONS: "administered medicines",
    DataKey.CONDITIONS: "problem list",
    DataKey.PROCEDURES: "procedures",
    DataKey.ALLERGIES: "allergies",
    DataKey.SERVICE_REQUESTS: "test orders",
    DataKey.SOCIAL_HISTORY: "social history",
}
