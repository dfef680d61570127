"""What goes wrong, as the EHR is told: one table from our errors to a status and an OperationOutcome.

Each body says what, where, why and how to mend it, and never holds data of a patient. A 401 says nothing at all, so
that a stranger learns nothing; an unforeseen fault is a 500 and never an empty list of cards, which would say that the
patient was assessed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import structlog
from flask import Flask, Response, g
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from cds_service.errors import (
    IncompatibleDatabase,
    InvalidHookRequest,
    PatientDataUnavailable,
    TemporarilyUnavailable,
    UnknownService,
    UntrustedClient,
)
from cds_service.web.answer import encoded
from cds_service.web.logs import where_raised
from cds_service.web.recent_errors import field_name

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Trouble:
    """One issue of an OperationOutcome. `code` is of FHIR's issue-type value set; `path` the field at fault."""

    code: str
    text: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class ErrorAnswer:
    """A status and what to say with it."""

    status: int
    troubles: tuple[Trouble, ...]
    headers: dict[str, str] = field(default_factory=dict)


_MOST_ISSUES = 20  # an answer must not be many times as large as the body that it is about
_BY_STATUS = {
    404: Trouble("not-found", "There is nothing at this address. GET /cds-services lists the services."),
    405: Trouble("not-supported", "This address does not answer this method. Hooks and feedback are sent with POST."),
    408: Trouble("timeout", "The body did not arrive in time (B12_BODY_SECONDS). Send all of it at once."),
    413: Trouble("too-long", "The body is too large. Send the prefetch of this service's templates only, or page it."),
    415: Trouble(
        "not-supported",
        "The body must be JSON, and not compressed. Send it with Content-Type: application/json, no Content-Encoding.",
    ),
    429: Trouble("throttled", "Too many requests. Wait, and send it again."),
    503: Trouble("transient", "Too much to do now: the patient was not assessed. Wait, and send it again."),
    500: Trouble("exception", "The service failed and did not assess the patient. Its operator finds why in the log."),
}


def register_error_answers(app: Flask) -> None:
    """Answer every error of `app` with the table of this module."""
    for kind in (InvalidHookRequest, PatientDataUnavailable, TemporarilyUnavailable, UnknownService, UntrustedClient):
        app.register_error_handler(kind, _answer_ours)
    app.register_error_handler(HTTPException, answer_http)
    app.register_error_handler(Exception, _answer_fault)


def error_answer(error: Exception) -> ErrorAnswer:
    """The table."""
    match error:
        case InvalidHookRequest():
            return ErrorAnswer(400, tuple(_field_trouble(path, what) for path, what in error.problems))
        case UntrustedClient():
            return ErrorAnswer(401, (Trouble("login", "Not authorised."),), {"WWW-Authenticate": "Bearer"})
        case UnknownService():
            return ErrorAnswer(404, (Trouble("not-found", f"{error} GET /cds-services lists the services."),))
        case PatientDataUnavailable():
            return ErrorAnswer(412, tuple(_missing_trouble(key, why) for key, why in error.missing))
        case TemporarilyUnavailable():
            what = "the database is not usable" if isinstance(error, IncompatibleDatabase) else str(error)
            text = f"Not possible now: {what}. Nothing that is not stored counts as received; send it again later."
            return ErrorAnswer(503, (Trouble("transient", text),), {"Retry-After": str(error.retry_after_seconds)})
        case HTTPException() if error.code is not None:
            trouble = _BY_STATUS.get(error.code, Trouble("processing", error.name))
            headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
            return ErrorAnswer(error.code, (trouble,), headers)
    return ErrorAnswer(500, (_BY_STATUS[500],))


def operation_outcome(troubles: Iterable[Trouble]) -> dict[str, object]:
    """The troubles as a FHIR OperationOutcome: the first of them, and how many more there are."""
    told = list(troubles)
    if len(told) > _MOST_ISSUES:
        told[_MOST_ISSUES:] = [Trouble("value", f"There are {len(told) - _MOST_ISSUES} more problems of this body.")]
    issues: list[dict[str, object]] = []
    for trouble in told:
        issue: dict[str, object] = {"severity": "error", "code": trouble.code, "details": {"text": trouble.text}}
        if trouble.path:
            issue["expression"] = [trouble.path]
        issues.append(issue)
    return {"resourceType": "OperationOutcome", "issue": issues}


def _field_trouble(path: str, what: str) -> Trouble:
    code = "required" if what.startswith("is required") else "structure" if not path else "value"
    return Trouble(code, f"{path or 'The body'} {what}.", path)


def _missing_trouble(key: str, why: str) -> Trouble:
    text = (
        f"Required data are missing. {key}: {why}. Send them in the prefetch, or name a FHIR server that this service "
        "may call and a token for it."
    )
    return Trouble("processing", text, f"prefetch.{key}")


def error_body(answer: ErrorAnswer) -> bytes:
    """The JSON of an answer."""
    return encoded(operation_outcome(answer.troubles))


def _respond(answer: ErrorAnswer, where: str = "") -> Response:
    g.troubles = [(trouble.code, where or field_name(trouble.path)) for trouble in answer.troubles]
    return Response(error_body(answer), answer.status, answer.headers, content_type="application/json")


def _answer_ours(error: Exception) -> Response:
    if isinstance(error, TemporarilyUnavailable):
        _log.warning("temporarily unavailable", error=error.cause)
    return _respond(error_answer(error), _cause_of(error))


def answer_http(error: HTTPException) -> ResponseReturnValue:
    """An error of HTTP itself, as a program is told."""
    if error.code is None or error.code < 400:
        return error.get_response()
    return _respond(error_answer(error))


def _answer_fault(error: Exception) -> Response:
    # The message and the traceback's source lines may hold data of a patient: only the type and the place are noted.
    name, place = type(error).__name__, where_raised(error)
    _log.error("fault", error=name, where=place)
    return _respond(error_answer(error), f"{name} {place}")


def _cause_of(error: Exception) -> str:
    """What only the operator is told."""
    match error:
        case UntrustedClient():
            return error.reason
        case TemporarilyUnavailable():
            return error.cause
    return ""
