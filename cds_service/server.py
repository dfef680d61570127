"""Starting the server: granian, with as many processes as the settings say, each behind its front (asgi.py)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server import Server

from cds_service.config import Settings
from cds_service.errors import B12Error
from cds_service.web.logs import set_up_logs

# A connection is closed when it has brought no whole head for so long: after it opened, or after the last answer.
_HEAD_MILLISECONDS = 15_000
# Connections of all processes together; those beyond wait to be accepted.
_CONNECTIONS = 1024
_GRACE_SECONDS = 5


class _CarefulServer(Server):  # type: ignore[misc, valid-type]  # granian chooses the class when it is imported
    """granian, which is asked for new workers (SIGHUP) only where they could start: the old ones go on otherwise."""

    check_start: Callable[[], object]

    def signal_handler_reload(self, *args: Any, **kwargs: Any) -> None:
        try:
            self.check_start()
        except B12Error as problem:
            structlog.get_logger().error("not started anew: the workers from before go on", error=str(problem))
            return
        super().signal_handler_reload(*args, **kwargs)


def serve(settings: Settings, check_start: Callable[[], object]) -> None:
    """Serve until a signal ends it. Requests that have begun are answered first.

    SIGHUP puts new workers, with new knowledge, in the place of the old ones, where `check_start` does not raise. A
    worker that dies is replaced; one that dies again within seconds ends the service, for whoever watches it to see.
    """
    set_up_logs(settings.log_level)
    server = _CarefulServer(
        "cds_service.asgi:app",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        # HTTP/2 has its own ways to keep a server busy, and no EHR or proxy needs it here.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=_HEAD_MILLISECONDS),
        workers=settings.workers,
        respawn_failed_workers=True,
        backlog=_CONNECTIONS,
        websockets=False,
        workers_kill_timeout=round(settings.body_seconds + settings.deadline_seconds) + _GRACE_SECONDS,
    )
    server.check_start = check_start
    server.serve()
