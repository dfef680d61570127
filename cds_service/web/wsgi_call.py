"""Calling a WSGI application with a request that is there as a whole: ASGI's scope as an environ (PEP 3333)."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable, MutableMapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

Scope = MutableMapping[str, Any]
"""What ASGI 3 says of a request."""
Headers = list[tuple[bytes, bytes]]

RECEIVED: Final = "b12_cds.received"
"""The environ's key for the moment (time.perf_counter) at which the request was there as a whole."""
WHOLE: Final = "b12_cds.body"
"""The environ's key for the body, where it has been received as a whole and need not be read from the input."""
_WITHOUT_PREFIX = frozenset({"CONTENT_TYPE", "CONTENT_LENGTH"})
_SAME_FOR_ALL: Final = {
    "SCRIPT_NAME": "",
    "wsgi.version": (1, 0),
    "wsgi.input_terminated": True,
    "wsgi.multithread": True,
    "wsgi.multiprocess": True,
    "wsgi.run_once": False,
}


def called(application: WSGIApplication, environ: dict[str, Any]) -> tuple[int, Headers, bytes]:
    """The whole answer: status, headers and body."""
    started: list[tuple[str, list[tuple[str, str]]]] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Any:
        del exc_info  # nothing has been sent yet, so that a second call may always replace the first
        started.append((status, headers))
        return None

    parts: Iterable[bytes] = application(environ, start_response)
    try:
        body = b"".join(parts)
    finally:
        if hasattr(parts, "close"):
            parts.close()
    status, headers = started[-1]
    return int(status[:3]), [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers], body


def environ_of(scope: Scope, body: bytes, received: float) -> dict[str, Any]:
    """The environ of a request. A name with an underscore is left out: it would pass for the one with a hyphen."""
    server, client = scope.get("server") or ("", 0), scope.get("client") or ("", 0)
    environ: dict[str, Any] = _SAME_FOR_ALL | {
        "REQUEST_METHOD": scope["method"],
        "PATH_INFO": unquote_to_bytes(scope["raw_path"]).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": client[0],
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.errors": sys.stderr,
        "wsgi.input": io.BytesIO(body),
        RECEIVED: received,
        WHOLE: body,
    }
    for raw_name, raw_value in scope["headers"]:
        if b"_" in raw_name or raw_name == b"transfer-encoding":
            continue
        name = raw_name.decode("latin-1").upper().replace("-", "_")
        key = name if name in _WITHOUT_PREFIX else f"HTTP_{name}"
        value = raw_value.decode("latin-1")
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    if body:
        environ["CONTENT_LENGTH"] = str(len(body))
    return environ
