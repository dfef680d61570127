"""A CDS service: its entry in discovery, and how it answers a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from cds_service.assessment.outcome import Assessment
from cds_service.cards.card import Card
from cds_service.facts.patient import DataKey
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


@dataclass(frozen=True, slots=True)
class HookAnswer:
    """The cards, and the assessment behind them (None where nothing needed assessing)."""

    cards: tuple[Card, ...]
    assessment: Assessment | None = None


@dataclass(frozen=True, slots=True)
class CdsService:
    """Discovery entry and behaviour. `required` keys end in 412 when neither given nor fetchable."""

    id: str
    hook: str
    title: str
    description: str
    usage_requirements: str
    prefetch: Mapping[DataKey, str]
    required: tuple[DataKey, ...]
    respond: Callable[[HookCall], HookAnswer]
    concerns_us: Callable[[PatientRecord], bool] = lambda _record: True
