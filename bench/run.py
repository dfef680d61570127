"""Times the service against the floor of bench/floor.py, on the same server and the same requests.

The service is timed twice, without and with its record of the cards shown. Rounds of all three are interleaved, each
over the same distinct patients. CPU time is that of the server's whole process tree, so that the load, which comes from
this machine too, is not in it. Read the ratios; the times belong to the machine.
"""

from __future__ import annotations

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from bench.payloads import TODAY, requests_of

ROOT = Path(__file__).resolve().parent.parent
PATH = "/cds-services/b12-patient-view"
FLOOR = "only parsed"
CONTENDERS = {
    FLOOR: ("wsgi", "bench.floor:app"),
    "answered": ("asgi", "bench.unstored:app"),
    "answered and noted": ("asgi", "cds_service.asgi:app"),
}
_TICKS = os.sysconf("SC_CLK_TCK")
_HEADERS = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one contender, per request."""

    cpu_ms: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Server:
    """A running contender."""

    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """CPU time so far, of the process and all its descendants."""
        return sum(_cpu_ticks(pid) for pid in tree(self.pid)) / _TICKS


@contextmanager
def serving(interface: str, target: str, folder: Path) -> Iterator[Server]:
    """A contender on granian, one worker: the floor on one blocking thread, ours behind their front."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", interface, "--workers", "1", "--http", "1"]
    command += ["--blocking-threads", "1"] if interface == "wsgi" else []
    database = f"sqlite:///{folder}/{target.partition(':')[0]}.sqlite3"
    environment = os.environ | {"B12_TODAY": TODAY.isoformat(), "B12_DATABASE_URL": database, "B12_TRUST": "open"}
    with (folder / f"{port}.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port), target],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            wait_for(port, process, Path(log.name))
            yield Server(port, process.pid)
        finally:
            process.terminate()
            process.wait(20)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once something listens there; end with the log's last words where the process ended first."""
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise SystemExit(f"The server did not start:\n{log.read_text()[-2000:]}")


def tree(pid: int) -> list[int]:
    """The process and all its descendants."""
    found = [pid]
    for parent in found:
        for task in Path(f"/proc/{parent}/task").glob("*/children"):
            found += map(int, task.read_text().split())
    return found


def _cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])  # utime and stime


def measure(server: Server, bodies: Sequence[bytes], seconds: float) -> Sample:
    """Post the bodies in turn over one connection, for so long and at least each of them once."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    took: list[float] = []
    cpu, start = server.cpu_seconds(), time.perf_counter()
    while len(took) < len(bodies) or time.perf_counter() - start < seconds:
        began = time.perf_counter()
        connection.request("POST", PATH, bodies[len(took) % len(bodies)], _HEADERS)
        answer = connection.getresponse()
        answer.read()
        took.append(time.perf_counter() - began)
        if answer.status != 200:
            raise SystemExit(f"The server on port {server.port} answered {answer.status}")
    used = server.cpu_seconds() - cpu
    connection.close()
    took.sort()
    return Sample(used / len(took) * 1e3, took[len(took) // 2] * 1e3, took[int(len(took) * 0.99)] * 1e3)


def compare(size: int, patients: int, rounds: int, seconds: float, servers: dict[str, Server]) -> Iterator[str]:
    """The rows of one size: medians, and the ratio of CPU time to the floor's with its spread over the rounds."""
    bodies = requests_of(size, patients)
    samples: dict[str, list[Sample]] = {name: [] for name in servers}
    for server in servers.values():
        measure(server, bodies, 0.5)  # warm
    names = list(servers)
    for number in range(rounds):
        for place in range(len(names)):
            name = names[(place + number) % len(names)]
            samples[name].append(measure(servers[name], bodies, seconds))
    for name, taken in samples.items():
        ratios = [ours.cpu_ms / floor.cpu_ms for ours, floor in zip(taken, samples[FLOOR], strict=True)]
        cpu, p50, p99 = (
            statistics.median(getattr(sample, field) for sample in taken) for field in ("cpu_ms", "p50_ms", "p99_ms")
        )
        ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})" if name != FLOOR else "1"
        yield f"| {size} | {name} | {cpu:.3f} | {ratio} | {p50:.2f} | {p99:.2f} |"


def main() -> None:
    """Run it and print a row for each size and contender."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[20, 200, 2000], help="resources a request")
    parser.add_argument("--patients", type=int, default=100, help="distinct patients a size")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5, help="the least time of a round, for each contender")
    chosen = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = {name: stack.enter_context(serving(*target, folder)) for name, target in CONTENDERS.items()}
        print("| resources | request | CPU ms | of the floor | p50 ms | p99 ms |")
        print("|---|---|---|---|---|---|")
        for size in chosen.sizes:
            for row in compare(size, chosen.patients, chosen.rounds, chosen.seconds, servers):
                print(row, flush=True)


if __name__ == "__main__":
    main()
