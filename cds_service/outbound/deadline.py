"""One deadline for all calls that a request needs, and a way to end those that will not end by themselves.

A socket's time-out is for one read: a server that sends a byte now and then never meets it. So each call tells its
deadline which socket it waits on, and when time is up the sockets are shut down, which ends the waiting threads.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from contextvars import ContextVar

from cds_service.errors import FhirServerFailed


class Deadline:
    """A moment by which all must be done. It is made by whoever waits, and shared by the threads that work for it."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._sockets: dict[int, socket.socket] = {}

    @property
    def remaining(self) -> float:
        """Seconds left; 0 when it has passed."""
        return 0.0 if self._over.is_set() else max(0.0, self._end - time.monotonic())

    def check(self) -> None:
        """Stop here if time is up.

        Raises:
            FhirServerFailed: it is.
        """
        if self.remaining <= 0:
            raise FhirServerFailed("the FHIR server did not answer in time")

    def wait(self, seconds: float) -> None:
        """Sleep, but not past the deadline, and not at all when it would be past it.

        Raises:
            FhirServerFailed: there is not so much time left.
        """
        if seconds >= self.remaining:
            raise FhirServerFailed("the FHIR server asks to be called later than there is time for")
        self._over.wait(seconds)

    def hold(self, connected: socket.socket) -> None:
        """Note the socket that this thread waits on."""
        with self._lock:
            self._sockets[threading.get_ident()] = connected
            if self._over.is_set():
                _shut_down(connected)

    def release(self) -> None:
        """This thread waits no longer, and its socket may serve another call."""
        with self._lock:
            self._sockets.pop(threading.get_ident(), None)

    def expire(self) -> None:
        """End every call that is still waiting."""
        with self._lock:
            self._over.set()
            for connected in self._sockets.values():
                _shut_down(connected)


CURRENT: ContextVar[Deadline | None] = ContextVar("deadline", default=None)


def _shut_down(connected: socket.socket) -> None:
    with contextlib.suppress(OSError):  # it was closed in between, which is what is wanted
        connected.shutdown(socket.SHUT_RDWR)
