"""Starting the server: granian, with as many processes as the settings say, each the application behind a front."""

from __future__ import annotations

import multiprocessing
import socket
import sys
from typing import Any

import structlog
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.net import SocketHolder  # type: ignore[attr-defined]  # its stubs leave that out
from granian.server import Server

from cds_service.application import Start, make_app
from cds_service.errors import B12Error
from cds_service.listener import CONNECTIONS, Leaving
from cds_service.web import create_front
from cds_service.web.front import Front
from cds_service.web.logs import set_up_logs

# A connection is closed when it has brought no whole head for so long: after it opened, or after the last answer.
_HEAD_MILLISECONDS = 15_000
_GRACE_SECONDS = 5


class Application:
    """Called in a new worker, it makes what that worker serves: of the start that holds at that time.

    So all workers have the same knowledge, also one that comes in the place of a dead one while files are being edited.
    """

    def __init__(self, start: Start) -> None:
        self.start = start
        self.shared: int | None = None

    def __call__(self) -> Front:
        """The front with the application behind it."""
        front = create_front(self.start.settings, make_app(self.start))
        if self.shared is not None:
            front.on_start = Leaving(self.shared)
        return front

    def renew(self) -> None:
        """Read the files as they are now; raises as `Start.read` does, and then keeps what was there."""
        self.start = Start.read(self.start.settings)


class _CarefulServer(Server):  # type: ignore[misc, valid-type]  # granian chooses the class when it is imported
    """granian, on one listener for all workers, and asked for new ones (SIGHUP) only where they could start.

    Left to itself, granian gives each worker a listener of its own: whoever has been put into the queue of a worker
    that ends is then turned away. From a common queue another worker takes them.
    """

    application: Application
    listener: socket.socket

    def _init_shared_socket(self) -> None:
        if sys.platform == "linux" and multiprocessing.get_start_method() == "fork":
            self.application.shared = self.listener.fileno()
            shared = SocketHolder(self.application.shared, False, CONNECTIONS)  # type: ignore[call-arg]
            self._ssp, self._sso, self._shd = None, None, shared
        else:  # an open file is not handed on to a worker that is no fork
            self.listener.close()
            super()._init_shared_socket()

    def _drop_shared_socket(self) -> None:
        self.listener.close()
        super()._drop_shared_socket()

    def signal_handler_reload(self, *args: Any, **kwargs: Any) -> None:
        try:
            self.application.renew()
        except B12Error as problem:
            structlog.get_logger().error("not started anew: the workers from before go on", error=str(problem))
            return
        super().signal_handler_reload(*args, **kwargs)


def serve(start: Start, listener: socket.socket) -> None:
    """Serve on what `listen` gave until a signal ends it. Requests that have begun are answered first.

    SIGHUP puts new workers, with new knowledge, in the place of the old ones, where that can be used. A worker that
    dies is replaced; one that dies again within seconds ends the service, for whoever watches it to see.
    """
    settings = start.settings
    set_up_logs(settings.log_level)
    server = _CarefulServer(
        "b12-cds",
        address=listener.getsockname()[0],
        port=settings.port,
        interface=Interfaces.ASGI,
        # HTTP/2 has its own ways to keep a server busy, and no EHR or proxy needs it here.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=_HEAD_MILLISECONDS),
        workers=settings.workers,
        respawn_failed_workers=True,
        backlog=CONNECTIONS,
        websockets=False,
        workers_kill_timeout=round(settings.body_seconds + settings.deadline_seconds) + _GRACE_SECONDS,
    )
    server.application, server.listener = Application(start), listener
    server.serve(target_loader=server.application, wrap_loader=False)
