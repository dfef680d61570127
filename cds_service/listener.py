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
from collections.abc import Sequence
from typing import Final

from cds_service.config import Settings
from cds_service.errors import InvalidSettings

CONNECTIONS: Final = 1024
"""So many may wait to be taken, in each queue."""
# Between taking no more connections and ending: in it, whoever has just connected sends the head of a request.
_DOOR_SECONDS = 0.5


def listen(settings: Settings) -> list[socket.socket]:
    """Sockets that listen on HOST and PORT, one for each worker; nobody else listens there from then on.

    Raises InvalidSettings where that cannot be: most often because an earlier start still has the port.
    """
    host, port = settings.host.strip("[]"), settings.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # Alone at first: several may share a port, and so might an earlier start without anybody noticing.
        with socket.create_server((host, port), family=family) as alone:
            address = alone.getsockname()
        return [
            socket.create_server(address, family=family, backlog=CONNECTIONS, reuse_port=True)
            for _ in range(settings.workers)
        ]
    except (OSError, UnicodeError) as error:  # the latter where it cannot be a host's name
        raise InvalidSettings(_why_not(error, settings)) from error


def _why_not(error: OSError | UnicodeError, settings: Settings) -> str:
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return (
            f"PORT: {settings.port} is in use at {settings.host}: address already in use. Stop the process that has it "
            "(an earlier start of this service?), or choose another PORT."
        )
    if number == errno.EACCES:
        return f"PORT: {settings.port} may not be used by this user. Choose a PORT above 1023."
    return f"HOST: {settings.host!r} is no address of this machine ({error}). 127.0.0.1 or 0.0.0.0 will do."


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

    def __call__(self) -> None:
        """From now on SIGTERM ends the worker so; called in the event loop, when granian has its own handlers."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._shut_the_door)

    def _shut_the_door(self) -> None:
        if self._is_leaving:
            return  # granian must not be told again and again: from the third time on it waits for ever
        self._is_leaving = True
        loop = asyncio.get_running_loop()
        if self._is_listening():
            os.dup2(self._empty.fileno(), self._own)  # granian goes on asking that number, and finds nobody
            loop.call_later(_DOOR_SECONDS, self._end)
        else:
            self._end()

    def _is_listening(self) -> bool:
        """Not once SIGINT has ended it: the number may then be that of another file."""
        try:
            return os.path.samestat(os.fstat(self._own), self._listener)
        except OSError:
            return False

    def _end(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)
