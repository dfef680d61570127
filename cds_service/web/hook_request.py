"""A hook request: its body decoded, its envelope validated, every problem told with the path of its field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError

from cds_service.errors import InvalidHookRequest
from cds_service.facts.patient import DataKey
from cds_service.fhir.bundles import Reading, only_context_patient
from cds_service.fhir.prefetch import HookBody, decode_hook_body
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.retrieve import FhirAccess
from cds_service.fhir.sieve import Sieve
from cds_service.web.schemas import ORDER_HOOKS, HookRequestSchema, problems_of

EXPLAIN = "org.b12-cds.explain"
_SCHEMA = HookRequestSchema()


@dataclass(frozen=True, slots=True)
class HookRequest:
    """One hook request. `access` is None where no FHIR server was named; `readings` are the prefetch, as it came."""

    hook: str
    hook_instance: str
    user_id: str
    encounter_id: str
    record: PatientRecord
    readings: Mapping[DataKey, Reading]
    access: FhirAccess | None = None
    wants_assessment: bool = False
    draft_json: Mapping[str, bytes] | None = None


def read_hook_request(body: bytes, hook: str, sieve: Sieve | None = None) -> HookRequest:
    """Read a request to a service of `hook`; `sieve` as for `decode_hook_body`.

    Raises:
        InvalidHookRequest: with every problem, each under the path of its field.
    """
    sent = decode_hook_body(body, sieve)
    envelope, problems = _validated(sent, hook)
    if problems:
        raise InvalidHookRequest(problems)
    context, authorization = envelope["context"], envelope["fhirAuthorization"]
    server = envelope["fhirServer"]
    return HookRequest(
        hook=hook,
        hook_instance=envelope["hookInstance"],
        user_id=context["userId"],
        encounter_id=context["encounterId"] or "",
        record=_record(sent, context),
        readings=sent.readings,
        access=FhirAccess(server, authorization["access_token"] if authorization else "") if server else None,
        wants_assessment=_wants_assessment(envelope["extension"]),
        draft_json=sent.draft_json,
    )


def _validated(sent: HookBody, hook: str) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    problems = list(sent.problems)
    envelope: dict[str, Any] = {}
    try:
        envelope = _SCHEMA.load(sent.envelope)
    except ValidationError as error:
        problems.extend(problems_of(error))
    problems.extend(_hook_problems(sent, hook))
    return envelope, problems


def _hook_problems(sent: HookBody, hook: str) -> Iterator[tuple[str, str]]:
    named = sent.envelope.get("hook")
    if isinstance(named, str) and named != hook:
        yield "hook", f"must be {hook}, the hook of this service; discovery lists the service of each hook"
    has_problem = any(path.startswith("context.draftOrders") for path, _ in sent.problems)
    if hook in ORDER_HOOKS and sent.draft_json is None and not has_problem:
        yield "context.draftOrders", f"is required for {hook}: a Bundle of the draft orders, which may be empty"


def _record(sent: HookBody, context: Mapping[str, Any]) -> PatientRecord:
    patient_id = context["patientId"]
    readings = dict(sent.readings)
    if DataKey.PATIENT in readings:
        readings[DataKey.PATIENT] = only_context_patient(readings[DataKey.PATIENT], patient_id)
    selections = context["selections"] or None  # the hook asks for at least one, so an empty list selects nothing
    return PatientRecord(
        patient_id=patient_id,
        sections={key: reading.section for key, reading in readings.items()},
        drafts=sent.drafts,
        selections=None if selections is None else tuple(selections),
        issues=(*sent.issues, *(issue for reading in readings.values() for issue in reading.issues)),
    )


def _wants_assessment(extension: Any) -> bool:
    return isinstance(extension, dict) and extension.get(EXPLAIN) is True
