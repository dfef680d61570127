"""What the front of a worker answers itself, without the application: the same shape, headers and log line."""

from __future__ import annotations

import uuid

import structlog
from flask import Flask
from werkzeug.exceptions import HTTPException, RequestTimeout, ServiceUnavailable

from cds_service.web.cors import cors_headers
from cds_service.web.edge import Edge
from cds_service.web.errors import error_answer, error_body
from cds_service.web.front import Refuse
from cds_service.web.headers import SAFE
from cds_service.web.recent_errors import ErrorKind
from cds_service.web.wsgi_call import Headers, Scope

_RETRY_SECONDS = 2
_BEFORE_ANY_ROUTE = "Before any address was looked at"
_log = structlog.get_logger()


def refusals(app: Flask, edge: Edge) -> Refuse:
    """What makes a refusal with a status."""

    def refuse(status: int, scope: Scope) -> tuple[Headers, bytes]:
        answer = error_answer(_error(status))
        request_id = str(uuid.uuid4())
        _log.warning("refused", request=request_id, status=status)
        edge.errors.note([ErrorKind(status, answer.troubles[0].code, "", _BEFORE_ANY_ROUTE)], edge.now())
        origin = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"), "")
        headers = {
            "Content-Type": "application/json",
            **SAFE,
            "X-Request-Id": request_id,
            "Connection": "close",
            **answer.headers,
            **dict(cors_headers(app, edge.settings, origin)),
        }
        return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()], error_body(answer)

    return refuse


def _error(status: int) -> HTTPException:
    if status == RequestTimeout.code:
        return RequestTimeout()
    return ServiceUnavailable(retry_after=_RETRY_SECONDS)
