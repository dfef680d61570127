"""Load from this machine: as fast as a few callers can for what a request costs, one caller for how long it takes by
itself, and a fixed rate for how long it takes beside others."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from http.client import HTTPConnection

from bench.contenders import Server

_CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one contender, per request."""

    cpu_ms: float
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        """Requests that one processor core answers in a second."""
        return 1000 / self.cpu_ms


def measure(server: Server, service: str, bodies: Sequence[bytes], seconds: float) -> Sample:
    """Post the bodies in turn, for so long and at least each of them once: one caller, then several at once.

    CPU time is that under several callers. A server with one caller falls asleep and wakes up between its requests,
    which costs some servers more than a small request.
    """
    alone = _sample(*_posted(server, service, bodies, _for(seconds, len(bodies)), 1))
    together = _sample(*_posted(server, service, bodies, _for(seconds, len(bodies)), _CONNECTIONS))
    return replace(alone, cpu_ms=together.cpu_ms)


def at_a_rate(server: Server, service: str, bodies: Sequence[bytes], per_second: float, seconds: float) -> Sample:
    """Post at a fixed rate, however slow the answers are: a request's time runs from the moment it was due."""
    return _sample(*_posted(server, service, bodies, range(int(per_second * seconds)), _CONNECTIONS, per_second))


def _posted(
    server: Server,
    service: str,
    bodies: Sequence[bytes],
    numbers: Iterable[int],
    callers: int,
    per_second: float | None = None,
) -> tuple[float, list[float]]:
    """Post the bodies of these numbers: the CPU seconds that they took in all, and how long each took."""
    turn, lock = iter(numbers), threading.Lock()
    cpu, start = server.cpu_seconds(), time.perf_counter()

    def work(_: int) -> list[float]:
        took: list[float] = []
        with closing(HTTPConnection("127.0.0.1", server.port, timeout=60)) as connection:
            while True:
                with lock:
                    number = next(turn, None)
                if number is None:
                    return took
                due = start + number / per_second if per_second else None
                if due is not None:
                    time.sleep(max(0.0, due - time.perf_counter()))
                alone = _post(connection, server, service, bodies[number % len(bodies)])
                took.append(alone if due is None else time.perf_counter() - due)

    with ThreadPoolExecutor(callers) as pool:
        took = [one for of_caller in pool.map(work, range(callers)) for one in of_caller]
    return server.cpu_seconds() - cpu, took


def _for(seconds: float, at_least: int) -> Iterator[int]:
    start = time.perf_counter()
    for number in itertools.count():
        if number >= at_least and time.perf_counter() - start >= seconds:
            return
        yield number


def _sample(cpu_seconds: float, took: Sequence[float]) -> Sample:
    ordered = sorted(took)
    return Sample(cpu_seconds / len(ordered) * 1e3, _at(ordered, 0.5) * 1e3, _at(ordered, 0.99) * 1e3)


def _post(connection: HTTPConnection, server: Server, service: str, body: bytes) -> float:
    headers = server.headers(service)
    began = time.perf_counter()
    connection.request("POST", server.path(service), body, headers)
    answer = connection.getresponse()
    said = answer.read()
    took = time.perf_counter() - began
    if answer.status != 200:
        raise SystemExit(f"{server.contender.name} answered {answer.status}: {said[:300].decode(errors='replace')}")
    return took


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
