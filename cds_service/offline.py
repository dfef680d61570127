"""Answering a hook request without a server: what the command line and the stories' promises need."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from cds_service.errors import PatientDataUnavailable, UnknownService
from cds_service.facts.patient import Availability
from cds_service.fhir.hook_call import HookCall
from cds_service.service import CdsService
from cds_service.web.answer import answer_json, encoded
from cds_service.web.hook_request import HookRequest, read_hook_request

_ABSENT = (Availability.NOT_GIVEN, Availability.FAILED)


def answered(request: Mapping[str, Any], services: Sequence[CdsService], today: date) -> dict[str, Any]:
    """The answer to a hook request, with the assessment, as the first service of its hook gives it on `today`.

    Nothing is fetched from a FHIR server: what the request does not hold is not known.

    Raises:
        InvalidHookRequest: the request cannot be used.
        PatientDataUnavailable: data that this service cannot do without are not in the request.
        UnknownService: no service answers this hook.
    """
    service = next((service for service in services if service.hook == request.get("hook")), None)
    if service is None:
        hooks = ", ".join(service.hook for service in services)
        raise UnknownService(f"No service answers the hook {request.get('hook')!r:.40}; these are answered: {hooks}.")
    read = read_hook_request(json.dumps(request).encode(), service.hook)
    _check_required(read, service)
    answer = service.respond(_call(read, today))
    told: dict[str, Any] = json.loads(encoded(answer_json(answer, with_assessment=True)))
    return told


def _check_required(read: HookRequest, service: CdsService) -> None:
    sections = {key: read.record.section(key) for key in service.required}
    missing = [(key.value, section.note) for key, section in sections.items() if section.availability in _ABSENT]
    if missing:
        raise PatientDataUnavailable(missing)


def _call(read: HookRequest, today: date) -> HookCall:
    return HookCall(
        hook=read.hook,
        user_id=read.user_id,
        record=read.record,
        today=today,
        wants_assessment=True,
        draft_json=read.draft_json,
        encounter_id=read.encounter_id,
    )
