"""Answering a hook: read, complete, check that what is required is there, assess, and note what is shown."""

from __future__ import annotations

import dataclasses

import structlog

from cds_service.cards.card import Card
from cds_service.errors import PatientDataUnavailable, TemporarilyUnavailable
from cds_service.facts.patient import Availability, DataKey
from cds_service.fhir.record import PatientRecord, Section
from cds_service.service import CdsService, HookAnswer, HookCall
from cds_service.storage.store import CardShown
from cds_service.web.answer import answer_json, encoded
from cds_service.web.edge import Caller, Edge
from cds_service.web.hook_request import HookRequest, read_hook_request

_NOTHING_TO_SAY = encoded({"cards": []})
_ABSENT = (Availability.NOT_GIVEN, Availability.FAILED)
_log = structlog.get_logger()


def answer_hook(edge: Edge, caller: Caller, service: CdsService, body: bytes) -> tuple[bytes, tuple[Card, ...]]:
    """The answer's JSON, and the cards in it, to a caller who may ask this service.

    Raises:
        InvalidHookRequest: the body cannot be used.
        PatientDataUnavailable: what the service requires was neither given nor could be fetched.
    """
    request = read_hook_request(body, service.hook, edge.sieve)
    if not request.wants_assessment and not service.concerns_us(request.record):
        return _NOTHING_TO_SAY, ()
    record = caller.retriever.complete(request.record, service.prefetch, request.readings, request.access)
    record = _with_never_sent(record, caller.never_sent)
    _check_required(record, service)
    answer = service.respond(_call(edge, caller, request, record))
    _note_cards(edge, service, answer)
    return encoded(answer_json(answer, with_assessment=request.wants_assessment)), answer.cards


def _call(edge: Edge, caller: Caller, request: HookRequest, record: PatientRecord) -> HookCall:
    return HookCall(
        hook=request.hook,
        user_id=request.user_id,
        record=record,
        today=edge.today(),
        wants_assessment=request.wants_assessment,
        draft_json=request.draft_json,
        encounter_id=request.encounter_id,
        one_action=caller.one_action,
    )


def _with_never_sent(record: PatientRecord, never_sent: tuple[str, ...]) -> PatientRecord:
    """Keys that this site cannot send are not gaps to tell a clinician of at every patient."""
    absent = [key for key in map(DataKey, never_sent) if record.section(key).availability is Availability.NOT_GIVEN]
    if not absent:
        return record
    section = Section(Availability.NEVER_SENT, note="is never sent by this site")
    return dataclasses.replace(record, sections={**record.sections, **dict.fromkeys(absent, section)})


def _check_required(record: PatientRecord, service: CdsService) -> None:
    sections = {key: record.section(key) for key in service.required}
    missing = [(key.value, section.note) for key, section in sections.items() if section.availability in _ABSENT]
    if missing:
        raise PatientDataUnavailable(missing)


def _note_cards(edge: Edge, service: CdsService, answer: HookAnswer) -> None:
    """Note which cards are shown. A clinician's answer does not wait for, or fail with, our own book-keeping."""
    if not answer.cards:
        return
    shown = [
        CardShown(
            card=card.uuid,
            service=service.id,
            rules=card.trace.rules,
            indicator=card.indicator.value,
            knowledge_version=card.trace.knowledge_version,
            suggestions=tuple(suggestion.uuid for suggestion in card.suggestions),
        )
        for card in answer.cards
    ]
    try:
        edge.store.record_cards(shown, edge.now())
    except TemporarilyUnavailable as away:
        edge.counts["cards not noted"] += len(shown)
        _log.warning("cards not noted", service=service.id, items=edge.counts["cards not noted"], error=away.cause)
