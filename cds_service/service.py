"""A CDS service: its entry in discovery, and how it answers a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cds_service.assessment.outcome import Assessment
from cds_service.cards.card import Card
from cds_service.facts.patient import DataKey
from cds_service.fhir.hook_call import HookCall
from cds_service.fhir.record import PatientRecord

__all__ = ["CdsService", "HookAnswer", "HookCall"]


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
