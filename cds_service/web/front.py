"""The front of a worker process: it receives a request as a whole, within a time, before the application is called.

An ASGI application around the WSGI one. A body that trickles in waits in the event loop, where it costs a little memory
and nobody else's turn; what is whole goes to one of a few threads. So a sender who is slow, or who means harm, ends in
a 408, and more work than can be done in time is refused with a 503 instead of piling up.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog

from cds_service.web.wsgi_call import Headers, Scope, called, environ_of

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Refuse = Callable[[int, Scope], tuple[Headers, bytes]]
"""Headers and body of a refusal with this status, made without the application."""
Answer = tuple[int, Headers, bytes]

OPERATIONS: Final = frozenset({"/health", "/healthz", "/ready", "/readyz"})
"""What whoever runs the service asks: answered beside all other work, so that load does not look like death."""
_DRAINED_AT_MOST: Final = 8  # times the largest body allowed; whoever sends more is cut off
_LARGEST_AT_ONCE: Final = 16  # so many of the largest bodies may be held in memory together
_TIMEOUT, _BUSY = 408, 503
_DIGITS: Final = 20  # of a length; whoever announces more sends less
_LENGTHS: Final = frozenset({b"content-length", b"transfer-encoding"})
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Limits:
    """`threads` work at once and `waiting` requests may wait for one of them, none for longer than `wait_seconds`."""

    max_body_bytes: int
    body_seconds: float = 10.0
    threads: int = 4
    waiting: int = 64
    wait_seconds: float = 3.0


class _Gone(Exception):
    """The caller hung up before the request was whole."""


class Front:
    """An ASGI application: of one process and one event loop.

    `on_start` is called in the loop before the first request, with `answer_last`, for whoever decides when that is.
    """

    def __init__(self, application: WSGIApplication, limits: Limits, refuse: Refuse) -> None:
        self._application = application
        self._limits = limits
        self._refuse = refuse
        self._workers = ThreadPoolExecutor(limits.threads, thread_name_prefix="request")
        self._operations = ThreadPoolExecutor(1, thread_name_prefix="operations")
        self._in_hand = 0
        self._bytes_held = 0
        self._is_last = False
        self.on_start: Callable[[Callable[[], None]], None] = lambda _: None

    def answer_last(self) -> None:
        """From now on each answer says that no other comes on its connection, as the process is to end."""
        self._is_last = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or follow the life of the process."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            kind = (await receive())["type"]
            if kind == "lifespan.startup":
                self.on_start(self.answer_last)
            if kind == "lifespan.shutdown":
                self._workers.shutdown()
                self._operations.shutdown()
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        pieces: list[bytes] = []
        try:
            answer = await self._received_and_answered(scope, receive, pieces)
        except _Gone:
            _log.info("caller hung up")
            return
        finally:
            self._bytes_held -= sum(map(len, pieces))
        headers = [*answer[1], (b"connection", b"close")] if self._is_last else answer[1]
        await send({"type": "http.response.start", "status": answer[0], "headers": headers})
        await send({"type": "http.response.body", "body": answer[2]})

    async def _received_and_answered(self, scope: Scope, receive: Receive, pieces: list[bytes]) -> Answer:
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                has_room = await self._receive(receive, _announced(scope), pieces)
        except TimeoutError:
            return self._refusal(_TIMEOUT, scope)
        pieces[:] = [b"".join(pieces)]  # once in memory, not twice, for as long as the answer takes
        answer = await self._answered(scope, pieces[0]) if has_room else None
        return answer or self._refusal(_BUSY, scope)

    async def _receive(self, receive: Receive, announced: int | None, pieces: list[bytes]) -> bool:
        """Read to the end, keeping at most one byte more than is allowed: the application says what is too large.

        Tells whether there was room for it. What there is no room for is read too, and thrown away: who answers
        earlier breaks the connection under its caller. Where the length was announced, nobody asks for more after it:
        to hear from the server that nothing follows costs as much as a small body.
        """
        seen, has_room = 0, True
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Gone
            piece = message.get("body", b"")
            if has_room:
                has_room = self._keep(piece, seen, pieces)
            seen += len(piece)
            is_end = seen == announced or not message.get("more_body")
            if is_end or seen > _DRAINED_AT_MOST * self._limits.max_body_bytes:
                return has_room

    def _keep(self, piece: bytes, seen: int, pieces: list[bytes]) -> bool:
        kept = piece[: max(0, self._limits.max_body_bytes + 1 - seen)]
        if self._bytes_held + len(kept) > _LARGEST_AT_ONCE * self._limits.max_body_bytes:
            self._bytes_held -= sum(map(len, pieces))
            pieces.clear()
            return False
        self._bytes_held += len(kept)
        if kept:
            pieces.append(kept)
        return True

    async def _answered(self, scope: Scope, body: bytes) -> Answer | None:
        """The application's answer; None where it has too much to do."""
        is_operation = scope["path"] in OPERATIONS
        if not is_operation and self._in_hand >= self._limits.threads + self._limits.waiting:
            return None
        received = time.perf_counter()

        def work() -> Answer | None:
            if time.perf_counter() - received > self._limits.wait_seconds:
                return None  # who asked has given up by now, and others wait
            return called(self._application, environ_of(scope, body, received))

        executor: Executor = self._operations if is_operation else self._workers
        self._in_hand += not is_operation
        try:
            return await asyncio.get_running_loop().run_in_executor(executor, work)
        finally:
            self._in_hand -= not is_operation

    def _refusal(self, status: int, scope: Scope) -> Answer:
        headers, body = self._refuse(status, scope)
        return status, headers, body


def _announced(scope: Scope) -> int | None:
    """How long the body is, where a Content-Length alone says so (RFC 9112, 6.3)."""
    said = [value for name, value in scope["headers"] if name in _LENGTHS]
    return int(said[0]) if len(said) == 1 and len(said[0]) < _DIGITS and said[0].isdigit() else None
