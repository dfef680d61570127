"""Starting the server: granian, with as many processes as the settings say, each the application behind a front."""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
from collections.abc import Callable, Sequence
from functools import partial
from queue import SimpleQueue
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

    def __call__(self, leaving: Leaving | None = None) -> Front:
        """The front with the application behind it, and how the worker ends where that is not left to granian."""
        front = create_front(self.start.settings, make_app(self.start))
        if leaving is not None:
            leaving.hold()
            front.on_start = leaving
        return front

    def renew(self) -> None:
        """Read the files as they are now; raises as `Start.read` does, and then keeps what was there."""
        self.start = Start.read(self.start.settings)


class _Call:
    """What granian's loop waits on: a `threading.Event` that signal handlers may set, and that forgets no call.

    The lock of an Event is held for a moment as it is waited for and cleared. A signal handler that sets it in that
    moment waits for ever for the code that it has interrupted. And whoever sets it just before it is cleared is not
    heard; here, `clear` leaves it set where `is_pending` says that there is something to do.
    """

    def __init__(self, is_pending: Callable[[], bool]) -> None:
        self._is_pending = is_pending
        self._calls: SimpleQueue[None] = SimpleQueue()  # of all queues and locks, this one may be used so

    def set(self) -> None:
        self._calls.put(None)

    def clear(self) -> None:
        while not self._calls.empty():
            self._calls.get()
        if self._is_pending():
            self.set()

    def wait(self) -> None:
        """Until it is set; it stays so. For one thread, the one that clears it too."""
        self._calls.get()
        self.set()


class _CarefulServer(Server):  # type: ignore[misc, valid-type]  # granian chooses the class when it is imported
    """granian, with queues of ours for callers, and asked for new workers (SIGHUP) only where they could start.

    Left to itself, granian has each worker make its own queue: whoever waits in that of a worker that ends is then
    turned away. From ours, the next worker in its place takes them. And a signal at the wrong moment is not heard, or
    stops granian for ever.
    """

    application: Application
    listeners: list[socket.socket]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.main_loop_interrupt = _Call(self._has_to_do)

    def _has_to_do(self) -> bool:
        return bool(self.interrupt_signal or self.interrupt_children or self.reload_signal)

    def _init_shared_socket(self) -> None:
        if sys.platform == "linux" and multiprocessing.get_start_method() == "fork":
            self._ssp, self._sso = None, None
        else:  # an open file is not handed on to a worker that is no fork
            self._drop_listeners()
            super()._init_shared_socket()

    def _spawn_worker(self, idx: int, target: Any, callback_loader: Application) -> Any:
        if not self.listeners:
            return super()._spawn_worker(idx=idx, target=target, callback_loader=callback_loader)
        numbers = [listener.fileno() for listener in self.listeners]
        own = numbers.pop(idx)
        self._shd = SocketHolder(own, False, CONNECTIONS)  # type: ignore[call-arg]  # its stubs know no arguments
        in_worker = partial(_of_worker, callback_loader, own, numbers)
        return super()._spawn_worker(idx=idx, target=target, callback_loader=in_worker)

    def _drop_shared_socket(self) -> None:
        self._drop_listeners()
        super()._drop_shared_socket()

    def _drop_listeners(self) -> None:
        while self.listeners:
            self.listeners.pop().close()

    def signal_handler_interrupt(self, *args: Any, **kwargs: Any) -> None:
        # A worker has this handler from its starter until its own are there, and has begun nothing by then. It must not
        # go on: its starter, told to end, would wait for it as long as for a worker that answers somebody.
        if os.getpid() != self.pid:
            os._exit(0)
        super().signal_handler_interrupt(*args, **kwargs)

    def _reload(self, spawn_target: Any, target_loader: Any) -> None:
        try:
            self.application.renew()
        except B12Error as problem:
            structlog.get_logger().error("not started anew: the workers from before go on", error=str(problem))
            self.reload_signal = False
            self.main_loop_interrupt.clear()
            return
        super()._reload(spawn_target, target_loader)

    def _respawn_workers(self, workers: Sequence[int], *args: Any, **kwargs: Any) -> None:
        for each in workers:
            if self.interrupt_signal:  # nobody needs a new one
                return
            super()._respawn_workers([each], *args, **kwargs)

    def _stop_workers(self) -> None:
        super()._stop_workers()
        if self.interrupt_signal:  # an end that was asked for is no failure, even where a worker ended before it
            self.interrupt_children.clear()


def _of_worker(application: Application, own: int, others: Sequence[int]) -> Front:
    """What a new worker serves; called in it."""
    return application(Leaving(own, others))


def serve(start: Start, listeners: list[socket.socket]) -> None:
    """Serve on what `listen` gave until a signal ends it. Requests that have begun are answered first.

    SIGHUP puts new workers, with new knowledge, in the place of the old ones, where that can be used. A worker that
    dies is replaced; one that dies again within seconds ends the service, for whoever watches it to see.
    """
    settings = start.settings
    set_up_logs(settings.log_level)
    server = _CarefulServer(
        "b12-cds",
        address=listeners[0].getsockname()[0],
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
    server.application, server.listeners = Application(start), listeners
    server.serve(target_loader=server.application, wrap_loader=False)
