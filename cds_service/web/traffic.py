"""What happens around every request: its body read to the end, a line in the log, headers that fit patient data."""

from __future__ import annotations

import contextlib
import time
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from flask import Flask, Response, g, request
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

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
    app.before_request(_reading(edge.settings.max_body_bytes))
    app.before_request(admit)
    app.before_request(limit)
    app.before_request(_check_content)
    app.after_request(_logging(edge.knowledge.version))
    app.after_request(_noting_errors(edge))


def _reading(max_body_bytes: int) -> Callable[[], None]:
    def read() -> None:
        g.began = request.environ.get(RECEIVED) or time.perf_counter()
        g.request_id = str(uuid.uuid4())
        g.body = _drained(max_body_bytes)

    return read


def _check_content() -> None:
    if request.method != "POST" or request.routing_exception is not None:
        return
    # A body is never unpacked: a few kilobytes can unpack to gigabytes, and no client needs to send it so.
    is_packed = request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity")
    if is_packed or (not request.is_json and not is_expected_form()):
        raise UnsupportedMediaType


def _drained(max_body_bytes: int) -> bytes:
    """The body, read to its end: a server that answers earlier breaks the connection under its caller.

    Raises:
        RequestEntityTooLarge: it is larger than allowed; the rest was read and thrown away, up to a bound.
    """
    whole: bytes | None = request.environ.get(WHOLE)
    if whole is not None:
        if len(whole) > max_body_bytes:
            raise RequestEntityTooLarge
        return whole
    body = bytearray()
    seen = 0
    while piece := request.stream.read(_CHUNK):
        seen += len(piece)
        if seen <= max_body_bytes:
            body += piece
        elif seen > _DRAINED_AT_MOST * max_body_bytes:
            break
    if seen > max_body_bytes:
        raise RequestEntityTooLarge
    return bytes(body)


def _logging(knowledge_version: str) -> Callable[[Response], Response]:
    def finish(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.request_id
        if request.method == "POST":
            response.headers["Cache-Control"] = "no-store"
        with contextlib.suppress(OSError, ValueError):  # a log that is full or closed costs nobody an answer
            _log.info("answered", knowledge=knowledge_version, **_told(response))
        return response

    return finish


def _noting_errors(edge: Edge) -> Callable[[Response], Response]:
    def note(response: Response) -> Response:
        if response.status_code >= _FIRST_ERROR:
            route = f"{request.method} {request.url_rule.rule}" if request.url_rule is not None else NO_ROUTE
            troubles = g.get("troubles", [("", "")])
            kinds = [ErrorKind(response.status_code, code, where, route) for code, where in troubles]
            edge.errors.note(kinds, edge.now())
        return response

    return note


def _told(response: Response) -> dict[str, Any]:
    cards = g.get("cards", ())
    return {
        "request": g.request_id,
        "client": g.caller.client if "caller" in g else "",
        "service": g.get("service", ""),
        "status": response.status_code,
        "milliseconds": round((time.perf_counter() - g.began) * 1000, 2),
        "cards": len(cards),
        "rules": sorted({rule for card in cards for rule in card.trace.rules}),
        "items": g.get("items", 0),
    }
