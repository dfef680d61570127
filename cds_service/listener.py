"""Where the service listens: a queue of callers for each place of a worker, which outlives the worker that is in it.

The kernel deals connections out among the queues, so that a caller's few lasting connections do not all come to one
worker. The starter holds them all.
"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final

from cds_service.config import Settings
from cds_service.errors import InvalidSettings

CONNECTIONS: Final = 1024
"""So many may wait to be taken, in each queue; so many may be open in all workers together (granian's `backlog`)."""
# Between taking no more connections and ending: in it, whoever has just connected sends the head of a request.
_DOOR_SECONDS = 0.5


def listen(settings: Settings) -> list[socket.socket]:
    """Sockets that listen on HOST and PORT, one for each worker; a later start of this service finds the port taken.

    Raises InvalidSettings where that cannot be: most often because an earlier start still has the port.
    """
    host, port = settings.host.strip("[]"), settings.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # Alone at first: several may share a port, and so might an earlier start without anybody noticing.
        with _listener((host, port), family, is_alone=True) as alone:
            address = alone.getsockname()
        return [_listener(address, family) for _ in range(settings.workers)]
    except (OSError, UnicodeError) as error:  # the latter where it cannot be a host's name
        raise InvalidSettings(_why_not(error, settings)) from error


def _listener(address: Any, family: socket.AddressFamily, is_alone: bool = False) -> socket.socket:
    made = socket.create_server(
        address,
        family=family,
        backlog=CONNECTIONS,
        reuse_port=not is_alone,
        dualstack_ipv6=family == socket.AF_INET6 and socket.has_dualstack_ipv6(),  # `::` is IPv4 too
    )
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # no part of an answer waits for the one before
    return made


def _why_not(error: OSError | UnicodeError, settings: Settings) -> str:
    number, said = getattr(error, "errno", None), str(error).partition(" (while attempting")[0]
    if number == errno.EADDRINUSE:
        return (
            f"PORT: {settings.port} is in use at {settings.host}: address already in use. Stop the process that has it "
            "(an earlier start of this service?), or choose another PORT."
        )
    if number == errno.EACCES:
        return f"PORT: {settings.port} may not be used by this user. Choose a PORT above 1023."
    is_unknown = number is None or number < 0  # getaddrinfo's numbers are below zero
    if is_unknown or number in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return f"HOST: {settings.host!r} is no address of this machine ({said}). 127.0.0.1 or 0.0.0.0 will do."
    return f"HOST, PORT: nothing can listen at {settings.host}:{settings.port} ({said})."


class Leaving:
    """How a worker ends: it takes no more connections, and a moment later lets granian end it.

    granian by itself closes a connection that it took just before the signal, and of which it has read nothing yet.
    `own` is the number of the listener that the next worker in this place takes from; those of the `others` are closed,
    as nobody here takes from them.
    """

    def __init__(self, own: int, others: Sequence[int] = ()) -> None:
        for number in others:
            os.close(number)
        self._own = own
        self._listener = os.fstat(own)
        self._is_leaving = False
        # Made now, as there may be no file left to open when the worker ends. Linux finds it a name that nobody knows.
        self._empty = socket.socket(socket.AF_UNIX)
        self._empty.bind("")
        self._empty.listen()
        self._empty.setblocking(False)

    def hold(self) -> None:
        """SIGTERM waits until the event loop runs: it passes over what comes before."""
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def __call__(self, answer_last: Callable[[], None]) -> None:
        """From now on SIGTERM ends the worker so; called in the event loop, before it lets anybody in.

        `answer_last` is called when it begins: whoever is answered from then on is told to connect anew.
        """
        loop = asyncio.get_running_loop()
        loop.remove_signal_handler(signal.SIGTERM)  # granian's
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})  # if it has come, this is the end
        # No handler of the loop: granian stops it once more, and uvloop passes over what comes while it is stopped.
        signal.signal(signal.SIGTERM, lambda *_: loop.call_soon_threadsafe(self._shut_the_door, answer_last))

    def _shut_the_door(self, answer_last: Callable[[], None]) -> None:
        # Once only, and not where SIGINT has ended it: granian waits for ever where it is told three times.
        if self._is_leaving or not self._is_listening():
            return
        self._is_leaving = True
        answer_last()
        os.dup2(self._empty.fileno(), self._own)  # granian goes on asking that number, and finds nobody
        asyncio.get_running_loop().call_later(_DOOR_SECONDS, os.kill, os.getpid(), signal.SIGINT)

    def _is_listening(self) -> bool:
        """Whether the number is still that of the listener, and not that of another file by now."""
        try:
            return os.path.samestat(os.fstat(self._own), self._listener)
        except OSError:
            return False
