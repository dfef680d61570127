"""How much memory the workers of `b12-cds serve` hold under steady load, and whether it grows.

Distinct patients are posted over a few connections, most of 200 resources, one in fifty of 2000, and discovery and
feedback between them. RSS counts what processes share in each of them; PSS counts it once, divided among them.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from bench.contenders import ROOT, free_port, tree, wait_for
from bench.payloads import TODAY, requests_of

_PATH = "/cds-services/b12-patient-view"
_HEADERS = {"Content-Type": "application/json"}
_SAMPLE_SECONDS = 5.0
_WARM_SHARE = 0.5  # growth is told over the second half, when what is kept by design is there
_MEBIBYTE = 1024  # of kB


@dataclass(frozen=True, slots=True)
class Sample:
    """Memory in MB after so many requests: of each process (RSS), and of all together (PSS)."""

    requests: int
    starter: float
    workers: tuple[float, ...]
    together: float


class Load:
    """A few clients that never pause."""

    def __init__(self, port: int, clients: int) -> None:
        usual, large = requests_of(200, 500), requests_of(2000, 20)
        self._bodies = [large[n // 50 % len(large)] if n % 50 == 49 else usual[n % 500] for n in range(5000)]
        self._port = port
        self._over = threading.Event()
        self._numbers = itertools.count()
        self.answered = 0
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._post, daemon=True) for _ in range(clients)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)

    def _post(self) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=60)
        while not self._over.is_set():
            number = next(self._numbers)
            cards = self._sent(connection, "POST", _PATH, self._bodies[number % len(self._bodies)]).get("cards", [])
            if number % 10 == 0:
                self._sent(connection, "GET", "/cds-services")
            if number % 10 == 5 and cards:
                item = {"card": cards[0]["uuid"], "outcome": "overridden", "outcomeTimestamp": "2025-10-01T08:00:00Z"}
                self._sent(connection, "POST", f"{_PATH}/feedback", json.dumps({"feedback": [item]}).encode())
            with self._lock:
                self.answered += 1
        connection.close()

    def _sent(
        self, connection: HTTPConnection, method: str, path: str, body: bytes | None = None
    ) -> dict[str, list[dict[str, str]]]:
        connection.request(method, path, body, _HEADERS)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{method} {path} was answered {answer.status}: {content[:300]!r}")
        told: dict[str, list[dict[str, str]]] = json.loads(content)
        return told


def memory(pid: int) -> tuple[float, float]:
    """RSS and PSS of a process, in MB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    held = {line.split()[0]: int(line.split()[1]) for line in lines}
    return held["Rss:"] / _MEBIBYTE, held["Pss:"] / _MEBIBYTE


def sampled(server: subprocess.Popen[bytes], workers: int, load: Load | None) -> Sample:
    """The memory now. Beside the workers there are the process that starts them, and a small helper of Python's."""
    starter, *others = (memory(pid) for pid in tree(server.pid))
    of_workers = sorted((rss for rss, _ in others), reverse=True)[:workers]
    return Sample(
        load.answered if load else 0, starter[0], tuple(of_workers), sum(pss for _, pss in (starter, *others))
    )


def samples(workers: int, clients: int, seconds: float) -> Iterator[Sample]:
    """One before the load, then one every few seconds."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        ours = {
            "PORT": str(port),
            "B12_WORKERS": str(workers),
            "B12_TODAY": TODAY.isoformat(),
            "B12_DATABASE_URL": f"sqlite:///{folder}/b12.sqlite3",
        }
        log = Path(folder) / "log"
        with log.open("wb") as written:
            server = subprocess.Popen(
                [sys.executable, "-m", "cds_service.cli", "serve"],
                cwd=ROOT, env=os.environ | ours, stdout=written, stderr=written,
            )  # fmt: skip
        try:
            wait_for(port, server, log)
            time.sleep(3)  # the other workers
            yield sampled(server, workers, None)
            with Load(port, clients) as load:
                end = time.monotonic() + seconds
                while time.monotonic() < end:
                    time.sleep(_SAMPLE_SECONDS)
                    yield sampled(server, workers, load)
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(60)


def main() -> None:
    """Run it, and print a row now and then, and the growth."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=300)
    chosen = parser.parse_args()
    print("| requests | RSS of each worker, MB | of their starter | PSS of all, MB |")
    print("|---|---|---|---|")
    taken = []
    for sample in samples(chosen.workers, chosen.clients, chosen.seconds):
        taken.append(sample)
        workers = ", ".join(f"{one:.0f}" for one in sample.workers)
        print(f"| {sample.requests} | {workers} | {sample.starter:.0f} | {sample.together:.0f} |", flush=True)
    half, last = taken[int(len(taken) * _WARM_SHARE)], taken[-1]
    more = last.requests - half.requests
    print(f"\nSecond half: {last.together - half.together:+.1f} MB (PSS of all) over {more} requests.")


if __name__ == "__main__":
    main()
