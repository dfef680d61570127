"""Starting the server: granian, with as many processes as the settings say, each behind its front (asgi.py)."""

from __future__ import annotations

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server import Server

from cds_service.config import Settings

# A connection is closed when it has brought no whole head for so long: after it opened, or after the last answer.
_HEAD_MILLISECONDS = 15_000
# Connections of all processes together; those beyond wait to be accepted.
_CONNECTIONS = 1024
_GRACE_SECONDS = 5


def serve(settings: Settings) -> None:
    """Serve until a signal ends it. Requests that have begun are answered first."""
    Server(
        "cds_service.asgi:app",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        # HTTP/2 has its own ways to keep a server busy, and no EHR or proxy needs it here.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=_HEAD_MILLISECONDS),
        workers=settings.workers,
        backlog=_CONNECTIONS,
        websockets=False,
        workers_kill_timeout=round(settings.body_seconds + settings.deadline_seconds) + _GRACE_SECONDS,
    ).serve()
