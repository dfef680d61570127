"""What `make bench-servers` concludes from slow callers and from samples; the run itself is part of no test."""

from __future__ import annotations

import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench import servers
from bench.load import Sample
from bench.servers import CHOICES, Choice, Cost, answered_beside, closed_after, cost_table, dripping, trial_table

CALL = ("/cds-services/any", b"{}")
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"


@contextmanager
def server(turn_away_after: float = 60, *, answers: bool = True) -> Iterator[int]:
    """Answers a request that is there as a whole, and turns others away after so many seconds; each has a thread."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=128)

    def serve(caller: socket.socket) -> None:
        came, end = b"", time.monotonic() + turn_away_after
        caller.settimeout(0.05)
        with caller:
            while time.monotonic() < end:
                try:
                    piece = caller.recv(4096)
                except TimeoutError:
                    continue
                except OSError:
                    return
                if not piece:
                    return
                came += piece
                if answers and came.endswith(b"{}"):
                    caller.sendall(ANSWER)
                    return

    def accept() -> None:
        while True:
            try:
                caller, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(caller,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def test_how_long_another_caller_waits_is_told_and_that_none_was_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "_PATIENCE_SECONDS", 0.3)
    with server() as port:
        assert re.fullmatch(r"\d+ ms", answered_beside(port, CALL))
    with server(answers=False) as port:
        assert answered_beside(port, CALL) == "none in 0 s"


def test_that_slow_callers_are_turned_away_is_told_and_that_they_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "SLOW_CALLERS", 3)
    monkeypatch.setattr(servers, "_HEADS_WATCHED_SECONDS", 3.0)
    with server(turn_away_after=0.5) as port, dripping(port, "POST / HTTP/1.1\r\nX: ", b"x") as callers:
        assert re.fullmatch(r"after [012] s", closed_after(callers))
    monkeypatch.setattr(servers, "_HEADS_WATCHED_SECONDS", 0.5)
    with server() as port, dripping(port, "POST / HTTP/1.1\r\nX: ", b"x") as callers:
        assert closed_after(callers) == "3 of 3 open after 0 s"


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: choice.name)
def test_each_server_is_started_as_a_module_of_our_python_with_all_of_its_places_filled(choice: Choice) -> None:
    for app in (choice.floor, choice.ours):
        contender = choice.contender(app, 2)
        left = {place for word in contender.command for place in re.findall(r"{\w*}", word)}

        assert contender.command[:2] == (sys.executable, "-m")
        assert left <= {"{port}"}
        assert contender.environment["B12_WORKERS"] == "2"


def test_the_tables_tell_medians_and_one_row_a_server() -> None:
    choice = CHOICES[0]
    cost = Cost(memory_mb=99.6)
    for place, app in enumerate((choice.floor, choice.ours)):
        for size in servers.SIZES:
            cost.samples[app, size] = [Sample(size * (place + 1) * times, 1, 1) for times in (0.01, 0.02, 9)]

    assert cost_table([choice], {choice.name: cost}).splitlines()[-1] == (
        f"| {choice.name} | 0.40 | 0.80 | 4.00 | 8.00 | 100 |"
    )
    assert trial_table([("a", "1 ms", "2 ms", "after 14 s", "refused", "3 × 200", "0 of 9")]).splitlines()[-1] == (
        "| a | 1 ms | 2 ms | after 14 s | refused | 3 × 200 | 0 of 9 |"
    )
