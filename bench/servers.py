"""The service on other servers: what a request costs, what it holds, and who waits when callers are slow or too many.

`make bench-servers` installs them and runs this, some ten minutes. Each answers the same requests of the same patients,
for the floor (bench/floor.py) and for the service, on one worker; rounds are interleaved, and CPU time is that of the
whole process tree. Each trial has a server of its own. `--page FILE` writes the tables between the page's marks.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.contenders import ROOT, Contender, Server, serving, tree
from bench.load import Sample, measure
from bench.payloads import requests_of
from bench.run import written
from bench.soak import Call, Tally, ask, asking

LIBRARIES = ROOT / "var" / "bench" / "servers"
"""Where `make bench-servers` installs the servers that are not ours; they run with our Python and its packages."""
START, END = "<!-- what make bench-servers printed -->\n", "<!-- end of what make bench-servers printed -->\n"
SERVICE = "b12-patient-view"
SIZES = (20, 200)
SLOW_CALLERS = 64
FLOOD = 300
_PATIENCE_SECONDS = 10.0
_HEADS_WATCHED_SECONDS = 20.0
_FLOOD_SECONDS = 5.0
_ENDLESS_MB = 100
_RESTART_SECONDS = 60.0
_WORKERS = 2  # of the service that is started anew
_HEAD = f"POST /cds-services/{SERVICE} HTTP/1.1\r\nHost: cds\r\nContent-Type: application/json\r\n"


@dataclass(frozen=True, slots=True)
class Choice:
    """A server. Its command gets `{app}` and `{workers}`; `floor` and `ours` are the applications that it can run."""

    name: str
    command: tuple[str, ...]
    floor: str
    ours: str
    is_renewed: bool = True
    as_shipped: tuple[str, ...] = ()

    def contender(self, app: str, workers: int) -> Contender:
        """As it is started for one of the two."""
        command = self.as_shipped if app == self.ours and self.as_shipped else self.command
        filled = tuple(part.replace("{app}", app).replace("{workers}", str(workers)) for part in command)
        environment = {"PYTHONPATH": str(LIBRARIES), "B12_WORKERS": str(workers), "B12_LOG_LEVEL": "INFO"}
        return Contender(f"{self.name} {app}", filled, "", environment=environment)


def _python(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", *words)


_GRANIAN = ("granian", "--http", "1", "--workers", "{workers}", "--host", "127.0.0.1", "--port", "{port}")
_GUNICORN = ("gunicorn", "--workers", "{workers}", "--bind", "127.0.0.1:{port}")
_UVICORN = ("uvicorn", "--workers", "{workers}", "--host", "127.0.0.1", "--port", "{port}", "--log-level", "warning",
            "--timeout-worker-healthcheck", "60")  # fmt: skip
_WSGI = ("bench.floor:app", "cds_service.wsgi:app")
_ASGI = ("bench.fronted_floor:app", "cds_service.asgi:app")
CHOICES = (
    Choice(
        "granian ASGI, our front: as shipped",
        _python(*_GRANIAN, "--interface", "asgi", "{app}"),
        *_ASGI,
        as_shipped=_python("cds_service.cli", "serve"),
    ),
    Choice("granian WSGI", _python(*_GRANIAN, "--interface", "wsgi", "--blocking-threads", "1", "{app}"), *_WSGI),
    Choice("uvicorn, our front", _python(*_UVICORN, "--loop", "uvloop", "--http", "httptools", "{app}"), *_ASGI),
    Choice("gunicorn sync", _python(*_GUNICORN, "{app}"), *_WSGI),
    Choice("gunicorn gthread, 4 threads", _python(*_GUNICORN, "--threads", "4", "{app}"), *_WSGI),
    Choice(
        "waitress, 4 threads",
        _python("waitress", "--threads", "4", "--listen", "127.0.0.1:{port}", "{app}"),
        *_WSGI,
        is_renewed=False,
    ),
)


@dataclass(slots=True)
class Cost:
    """What requests cost on one server: samples by application and size."""

    samples: dict[tuple[str, int], list[Sample]] = field(default_factory=dict)
    memory_mb: float = 0.0

    def cpu_ms(self, app: str, size: int) -> float:
        """The median over the rounds."""
        return statistics.median(one.cpu_ms for one in self.samples[app, size])


def costs(choices: Sequence[Choice], rounds: int, seconds: float, folder: Path) -> dict[str, Cost]:
    """What each server's requests cost, by its name."""
    found = {choice.name: Cost() for choice in choices}
    bodies = {size: requests_of(size, 100) for size in SIZES}
    with ExitStack() as stack:
        running = [
            (choice, app, stack.enter_context(serving(choice.contender(app, 1), folder)))
            for choice in choices
            for app in (choice.floor, choice.ours)
        ]
        for size in SIZES:
            for _, _, server in running:
                measure(server, SERVICE, bodies[size][:10], 0.5)  # warm
            for _ in range(rounds):
                for choice, app, server in running:
                    sample = measure(server, SERVICE, bodies[size], seconds)
                    found[choice.name].samples.setdefault((app, size), []).append(sample)
        for choice, app, server in running:
            if app == choice.ours:
                found[choice.name].memory_mb = server.memory_mb()
    return found


@contextmanager
def dripping(port: int, head: str, drop: bytes) -> Iterator[list[socket.socket]]:
    """So many callers send `head` and then `drop` every half second, as long as the block runs."""
    callers = []
    for _ in range(SLOW_CALLERS):
        caller = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_SECONDS)
        caller.sendall(head.encode())
        callers.append(caller)
    is_over = threading.Event()

    def drip() -> None:
        while not is_over.wait(0.5):
            for caller in callers:
                try:
                    caller.sendall(drop)
                except OSError:
                    continue  # the server has closed it

    sender = threading.Thread(target=drip)
    sender.start()
    try:
        yield callers
    finally:
        is_over.set()
        sender.join()
        for caller in callers:
            caller.close()


def answered_beside(port: int, call: Call) -> str:
    """How long the slowest of five other callers waits, one after the other."""
    tally = Tally()
    for _ in range(5):
        ask(port, call, tally, _PATIENCE_SECONDS)
        if set(tally.counts) != {"200"}:
            return f"none in {_PATIENCE_SECONDS:.0f} s"
    return f"{max(tally.took) * 1e3:.0f} ms"


def closed_after(callers: Sequence[socket.socket]) -> str:
    """When the server had closed all these connections, if it did while they were watched."""
    began = time.monotonic()
    waiting = list(callers)
    for caller in waiting:
        caller.setblocking(False)
    while waiting and time.monotonic() - began < _HEADS_WATCHED_SECONDS:
        time.sleep(0.2)
        waiting = [caller for caller in waiting if not _is_closed(caller)]
    if waiting:
        return f"{len(waiting)} of {len(callers)} open after {_HEADS_WATCHED_SECONDS:.0f} s"
    return f"after {time.monotonic() - began:.0f} s"


def _is_closed(caller: socket.socket) -> bool:
    try:
        return caller.recv(4096) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def endless_head(server: Server) -> str:
    """What becomes of a head that does not end, after so many megabytes."""
    before = server.memory_mb()
    with socket.create_connection(("127.0.0.1", server.port), timeout=_PATIENCE_SECONDS) as caller:
        try:
            caller.sendall(f"{_HEAD}X-Endless: ".encode())
            for _ in range(_ENDLESS_MB):
                caller.sendall(b"x" * 1_000_000)
        except OSError:
            return "refused"
        time.sleep(1)
        return f"{server.memory_mb() - before:.0f} MB more held"


def flooded(port: int, call: Call) -> str:
    """What becomes of far more callers than can be answered at once."""
    tally = Tally()
    with asking(FLOOD, lambda: ask(port, call, tally)):
        time.sleep(_FLOOD_SECONDS)
    outcomes = ", ".join(f"{count} × {name}" for name, count in sorted(tally.counts.items()))
    return f"{outcomes}; {max(tally.took):.1f} s"


def renewed(server: Server, call: Call) -> str:
    """What is lost when workers are started anew (SIGHUP) while they are called."""
    tally = Tally()
    before = set(tree(server.pid)[1:])
    with asking(4, lambda: ask(server.port, call, tally)):
        time.sleep(1)
        os.kill(server.pid, signal.SIGHUP)
        end = time.monotonic() + _RESTART_SECONDS
        while len(before - set(tree(server.pid))) < _WORKERS and time.monotonic() < end:
            time.sleep(0.5)
        time.sleep(2)
    replaced = len(before - set(tree(server.pid)))
    lost = tally.counts.total() - tally.counts["200"]
    return f"{lost} of {tally.counts.total()}; {replaced} replaced"


def trials(choice: Choice, folder: Path) -> tuple[str, ...]:
    """What one server does with slow callers, with too many of them, and when it is started anew."""
    small, usual = ((f"/cds-services/{SERVICE}", requests_of(size, 1)[0]) for size in SIZES)
    alone = choice.contender(choice.ours, 1)
    with serving(alone, folder) as server, dripping(server.port, f"{_HEAD}Content-Length: 100000\r\n\r\n", b" "):
        time.sleep(1)
        bodies = answered_beside(server.port, small)
    with serving(alone, folder) as server, dripping(server.port, f"{_HEAD}X-Slow: ", b"x") as callers:
        time.sleep(1)
        heads = answered_beside(server.port, small)
        closed = closed_after(callers)
    with serving(alone, folder) as server:
        ask(server.port, small, Tally())
        endless = endless_head(server)
        flood = flooded(server.port, usual)
    if not choice.is_renewed:
        return bodies, heads, closed, endless, flood, "cannot"
    with serving(choice.contender(choice.ours, _WORKERS), folder) as server:
        ask(server.port, small, Tally())
        time.sleep(3)  # the other worker
        return bodies, heads, closed, endless, flood, renewed(server, small)


def cost_table(choices: Sequence[Choice], found: dict[str, Cost]) -> str:
    """CPU time in milliseconds, of the floor and of ours."""
    rows = ["| server | floor 20 | ours 20 | floor 200 | ours 200 | MB, all processes |", "|---|--:|--:|--:|--:|--:|"]
    for choice in choices:
        cost = found[choice.name]
        times = [f"{cost.cpu_ms(app, size):.2f}" for size in SIZES for app in (choice.floor, choice.ours)]
        rows.append(f"| {choice.name} | {' | '.join(times)} | {cost.memory_mb:.0f} |")
    return "\n".join(rows)


def trial_table(rows: Sequence[tuple[str, ...]]) -> str:
    """One row a server."""
    head = (
        f"| server | a caller beside {SLOW_CALLERS} slow bodies | beside {SLOW_CALLERS} slow heads | "
        f"these are closed | a head of {_ENDLESS_MB} MB | {FLOOD} callers at once; the longest wait | lost at SIGHUP |"
    )
    return "\n".join([head, "|---|---|---|---|---|---|---|", *(f"| {' | '.join(row)} |" for row in rows)])


def main() -> None:
    """Run it and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="the least time of a round, for each server")
    parser.add_argument("--only", default="", help="part of a server's name")
    parser.add_argument("--page", type=Path, help="the Markdown page to write the tables into")
    chosen = parser.parse_args()
    if not LIBRARIES.exists():
        raise SystemExit("The other servers are not installed: `make bench-servers` installs and runs them.")
    choices = [choice for choice in CHOICES if chosen.only in choice.name]
    with tempfile.TemporaryDirectory() as folder:
        cost = cost_table(choices, costs(choices, chosen.rounds, chosen.seconds, Path(folder)))
        print(cost, flush=True)
        rows = []
        for choice in choices:
            rows.append((choice.name, *trials(choice, Path(folder))))
            print(*rows[-1], sep=" | ", file=sys.stderr, flush=True)
    told = trial_table(rows)
    print(f"\n{told}")
    if chosen.page:
        page = chosen.page.read_text("utf-8")
        chosen.page.write_text(written(page, f"{cost}\n\n{told}", START, END), "utf-8")


if __name__ == "__main__":
    main()
