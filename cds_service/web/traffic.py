"""What happens around every request: its body read to the end, a line in the log, headers that fit patient data."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from flask import Flask, Request, Response, g, request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from cds_service.web.current import current
from cds_service.web.edge import Edge
from cds_service.web.forms import is_expected_form
from cds_service.web.recent_errors import NO_ROUTE, ErrorKind
from cds_service.web.wsgi_call import RECEIVED, WHOLE

_CHUNK = 64 * 1024
_DRAINED_AT_MOST = 8  # times the largest body allowed; whoever sends more is cut off
_FIRST_ERROR = 400
_log = structlog.get_logger()


def watch_traffic(app: Flask, edge: Edge, admit: Callable[[], None], limit: Callable[[], None]) -> None:
    """Read bodies before, and log and label answers after, whatever the routes do.

    `admit` asks who calls, and `limit` whether they may again. A body is read to its end before, and looked at only
    after.
    """
    app.before_request(_beginning(edge.settings.max_body_bytes, admit, limit))
    app.after_request(_finishing(edge))


def _beginning(max_body_bytes: int, admit: Callable[[], None], limit: Callable[[], None]) -> Callable[[], None]:
    def begin() -> None:
        sent, noted = current(request), current(g)
        noted.began = sent.environ.get(RECEIVED) or time.perf_counter()
        noted.request_id = str(uuid.uuid4())
        noted.body = _drained(sent, max_body_bytes)
        admit()
        limit()
        _check_content(sent)

    return begin


def _check_content(sent: Request) -> None:
    if sent.method != "POST" or sent.routing_exception is not None:
        return
    # A body is never unpacked: a few kilobytes can unpack to gigabytes, and no client needs to send it so.
    is_packed = sent.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity")
    if is_packed or (not sent.is_json and not is_expected_form()):
        raise UnsupportedMediaType


def _drained(sent: Request, max_body_bytes: int) -> bytes:
    """The body, read to its end: a server that answers earlier breaks the connection under its caller.

    Raises:
        RequestEntityTooLarge: it is larger than allowed; the rest was read and thrown away, up to a bound.
    """
    whole: bytes | None = sent.environ.get(WHOLE)
    if whole is not None:
        if len(whole) > max_body_bytes:
            raise RequestEntityTooLarge
        return whole
    body = bytearray()
    seen = 0
    while piece := sent.stream.read(_CHUNK):
        seen += len(piece)
        if seen <= max_body_bytes:
            body += piece
        elif seen > _DRAINED_AT_MOST * max_body_bytes:
            break
    if seen > max_body_bytes:
        raise RequestEntityTooLarge
    return bytes(body)


def _finishing(edge: Edge) -> Callable[[Response], Response]:
    knowledge_version = edge.knowledge.version

    def finish(response: Response) -> Response:
        sent, noted = current(request), current(g)
        if response.status_code >= _FIRST_ERROR:
            _note_errors(edge, response.status_code, sent, noted)
        response.headers["X-Request-Id"] = noted.request_id
        if sent.method == "POST":
            response.headers["Cache-Control"] = "no-store"
        with contextlib.suppress(OSError, ValueError):  # a log that is full or closed costs nobody an answer
            _log.info("answered", knowledge=knowledge_version, **_told(response.status_code, noted))
        return response

    return finish


def _note_errors(edge: Edge, status: int, sent: Request, noted: Any) -> None:
    route = f"{sent.method} {sent.url_rule.rule}" if sent.url_rule is not None else NO_ROUTE
    troubles = noted.get("troubles", [("", "")])
    edge.errors.note([ErrorKind(status, code, where, route) for code, where in troubles], edge.now())


def _told(status: int, noted: Any) -> dict[str, Any]:
    cards = noted.get("cards", ())
    caller = noted.get("caller")
    return {
        "request": noted.request_id,
        "client": caller.client if caller is not None else "",
        "service": noted.get("service", ""),
        "status": status,
        "milliseconds": round((time.perf_counter() - noted.began) * 1000, 2),
        "cards": len(cards),
        "rules": sorted({rule for card in cards for rule in card.trace.rules}),
        "items": noted.get("items", 0),
    }
