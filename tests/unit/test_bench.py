"""What `make bench` writes: its tables between the marks of the page, and a plot that a browser can draw."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench import contenders
from bench.contenders import Contender, Server, serving, tree
from bench.fronted_floor import app as fronted_floor
from bench.load import Sample
from bench.plot import plot
from bench.run import END, START, Row, written
from bench.start import until_ready


def test_the_tables_take_the_place_of_those_before_and_the_rest_of_the_page_stays() -> None:
    page = f"# Title\n{START}old\n{END}## After\n"
    once = written(page, "| new |")

    assert once == f"# Title\n{START}\n| new |\n{END}## After\n"
    assert written(once, "| new |") == once


def test_a_page_without_the_marks_is_left_alone() -> None:
    with pytest.raises(ValueError, match="lacks the marks"):
        written("# Title\n", "| new |")


def test_a_row_tells_the_middle_ratio_and_its_spread() -> None:
    row = Row("200", "ours", Sample(cpu_ms=0.5, p50_ms=1, p99_ms=2), (0.4, 0.6, 0.5)).markdown()

    assert row == "| 200 | ours | 0.500 | 0.50 (0.40 to 0.60) | 2000 | 1.00 | 2.00 |"


def test_the_plot_has_a_line_for_each_contender_and_names_them_apart() -> None:
    cost = {
        (name, size): size * times for name, times in (("a", 0.01), ("b", 0.0101), ("<c>", 1)) for size in (20, 200)
    }
    drawn = ET.fromstring(plot(cost))  # noqa: S314 - our own plot
    names = [text for text in drawn.iter("{http://www.w3.org/2000/svg}text") if text.get("class") == "name"]
    heights = sorted(float(name.get("y", "")) for name in names)

    assert {name.text for name in names} == {"a", "b", "<c>"}
    assert all(later - earlier >= 16 for earlier, later in pairwise(heights))
    assert len(list(drawn.iter("{http://www.w3.org/2000/svg}path"))) == 3


def test_the_floor_behind_the_front_answers_as_the_floor_does() -> None:
    sent: list[dict[str, Any]] = []
    scope = {
        "type": "http", "method": "POST", "path": "/cds-services/any", "raw_path": b"/cds-services/any",
        "query_string": b"", "http_version": "1.1", "scheme": "http",
        "headers": [(b"content-type", b"application/json")],
    }  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b'{"hook": "patient-view"}'}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    with ThreadPoolExecutor(1) as apart:  # the browser tests leave a loop running in this thread
        apart.submit(lambda: asyncio.run(fronted_floor(scope, receive, send))).result()

    assert (sent[0]["status"], sent[1]["body"]) == (200, b'{"cards":[]}')


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="only Linux tells a process's children")
def test_a_server_that_does_not_end_is_ended_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contenders, "_END_SECONDS", 0.5)
    stubborn = (
        "import os, signal, sys, time; from http.server import HTTPServer, SimpleHTTPRequestHandler as Any; "
        "signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "os.fork() and HTTPServer(('127.0.0.1', int(sys.argv[1])), Any).serve_forever(); time.sleep(60)"
    )
    with serving(Contender("stubborn", (sys.executable, "-c", stubborn, "{port}"), ""), tmp_path) as server:
        started = tree(server.pid)
        assert len(started) == 2

    last = time.monotonic() + 10  # the kernel takes a moment to end what was killed
    while (living := [pid for pid in started if _lives(pid)]) and time.monotonic() < last:
        time.sleep(0.05)
    assert living == []


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_start_is_timed_until_the_service_says_that_it_is_ready() -> None:
    answers = iter((503, 503, 200))

    class Starting(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(next(answers))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Starting) as service:
        threading.Thread(target=service.serve_forever, daemon=True).start()
        seconds = until_ready(Server(contenders.NOTED, service.server_port, 0, ready_seconds=1.0))
        service.shutdown()

    assert next(answers, None) is None
    assert 1.02 < seconds < 6
