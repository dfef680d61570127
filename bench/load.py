"""Load from this machine: one request after the other for what a request costs, and at a fixed rate for how long it
takes beside others."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
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
    """Post the bodies in turn over one connection, for so long and at least each of them once."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
    took: list[float] = []
    cpu, start = server.cpu_seconds(), time.perf_counter()
    while len(took) < len(bodies) or time.perf_counter() - start < seconds:
        took.append(_post(connection, server, service, bodies[len(took) % len(bodies)]))
    used = server.cpu_seconds() - cpu
    connection.close()
    took.sort()
    return Sample(used / len(took) * 1e3, _at(took, 0.5) * 1e3, _at(took, 0.99) * 1e3)


def at_a_rate(server: Server, service: str, bodies: Sequence[bytes], per_second: float, seconds: float) -> Sample:
    """Post at a fixed rate, however slow the answers are: a request's time runs from the moment it was due."""
    due = [number / per_second for number in range(int(per_second * seconds))]
    took: list[float] = []
    turn = iter(range(len(due)))
    lock = threading.Lock()
    cpu, start = server.cpu_seconds(), time.perf_counter()

    def work() -> None:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=60)
        while True:
            with lock:
                number = next(turn, None)
            if number is None:
                return connection.close()
            time.sleep(max(0.0, start + due[number] - time.perf_counter()))
            _post(connection, server, service, bodies[number % len(bodies)])
            took.append(time.perf_counter() - start - due[number])

    threads = [threading.Thread(target=work) for _ in range(_CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    used = server.cpu_seconds() - cpu
    took.sort()
    return Sample(used / len(took) * 1e3, _at(took, 0.5) * 1e3, _at(took, 0.99) * 1e3)


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
