"""Who is timed: each answers the same requests, on one worker process of its own, on the same machine."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from bench.payloads import TODAY
from cds_service.ehr.client_token import Client, ClientKey

ROOT = Path(__file__).resolve().parent.parent
HEALTHCHAIN = ROOT / "var" / "bench" / "healthchain" / "bin" / "python"
"""The Python of HealthChain's own environment (`make bench` makes it): its pins are not ours."""
ISSUER = "https://ehr.example.org"
_TICKS = os.sysconf("SC_CLK_TCK")
_START_SECONDS = 120
_END_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Contender:
    """A server to start. `command` gets `{port}`; `prefix` stands before `/cds-services`; `notes` go into the page.

    One that `is_slow` answers a tenth of the patients a round.
    """

    name: str
    command: tuple[str, ...]
    notes: str
    prefix: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    signs: bool = False
    is_slow: bool = False


def _granian(interface: str, target: str, *more: str) -> tuple[str, ...]:
    """The server that we ship with, as `b12-cds serve` starts it; WSGI contenders work on one thread."""
    threads = ("--blocking-threads", "1") if interface == "wsgi" else ()
    command = (sys.executable, "-m", "granian", "--interface", interface, "--workers", "1", "--http", "1", *threads)
    return (*command, *more, "--host", "127.0.0.1", "--port", "{port}", target)


FLOOR = Contender("only parsed", _granian("wsgi", "bench.floor:app"), "a Flask view that parses the body with orjson")
FRONTED_FLOOR = Contender(
    "only parsed, same front",
    _granian("asgi", "bench.fronted_floor:app"),
    "the same view on our own server: behind the front that receives whole requests, which ours stand behind too",
)
ANSWERED = Contender("answered", _granian("asgi", "bench.unstored:app"), "ours, without its record of the cards shown")
NOTED = Contender("answered and noted", _granian("asgi", "cds_service.asgi:app"), "ours, cards noted in SQLite")
SIGNED = Contender(
    "answered, noted and signed",
    _granian("asgi", "cds_service.asgi:app"),
    "ours, each call with a JWT (ES384) whose `jti` is stored before the answer",
    environment={"B12_TRUST": "required"},
    signs=True,
)
VALIDATED = Contender(
    "validated",
    _granian("wsgi", "bench.validating:app"),
    "a Flask view that validates each Bundle with fhir.resources (a tenth of the patients a round)",
    is_slow=True,
)
HEALTHCHAIN_DICTS = Contender(
    "HealthChain",
    (str(HEALTHCHAIN), "-m", "uvicorn", "--host", "127.0.0.1", "--port", "{port}", "--log-level", "warning",
     "--app-dir", "bench", "healthchain_app:app"),
    "HealthChain 0.16.1 on uvicorn with uvloop and httptools: a handler that does nothing",
    prefix="/cds",
)  # fmt: skip


def contenders() -> tuple[Contender, ...]:
    """All that can be started here."""
    peers = (HEALTHCHAIN_DICTS,) if HEALTHCHAIN.exists() else ()
    return (FLOOR, FRONTED_FLOOR, ANSWERED, NOTED, SIGNED, VALIDATED, *peers)


@dataclass(slots=True)
class Server:
    """A running contender. `ready_seconds` passed from its start to its first answer."""

    contender: Contender
    port: int
    pid: int
    ready_seconds: float
    client: Client | None = None

    def path(self, service: str) -> str:
        """Where this contender answers calls of a service."""
        return f"{self.contender.prefix}/cds-services/{service}"

    def headers(self, service: str) -> dict[str, str]:
        """Of one request; a signed one has a token of its own."""
        headers = {"Content-Type": "application/json"}
        if self.client is not None:
            audience = f"http://127.0.0.1:{self.port}{self.path(service)}"
            headers["Authorization"] = f"Bearer {self.client.token(audience, datetime.now(UTC))}"
        return headers

    def cpu_seconds(self) -> float:
        """CPU time so far, of the process and all its descendants."""
        return sum(_cpu_ticks(pid) for pid in tree(self.pid)) / _TICKS

    def memory_mb(self) -> float:
        """Proportional resident memory of the process and all its descendants."""
        return sum(_pss_kb(pid) for pid in tree(self.pid)) / 1024


@contextmanager
def serving(contender: Contender, folder: Path) -> Iterator[Server]:
    """A contender, started; ended with the context."""
    port = free_port()
    name = f"{contender.name.replace(' ', '-')}-{port}"
    client = Client(ClientKey.new(), ISSUER) if contender.signs else None
    environment = os.environ | {
        "B12_TODAY": TODAY.isoformat(),
        "B12_DATABASE_URL": f"sqlite:///{folder}/{name}.sqlite3",
        "B12_TRUST": "open",
        "PORT": str(port),
        **contender.environment,
    }
    if client is not None:
        environment |= _trusting(client, folder / f"{name}.yaml", port)
    command = [part.format(port=port) for part in contender.command]
    with (folder / f"{name}.log").open("wb") as log:
        began = time.monotonic()
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            wait_for(port, process, Path(log.name))
            yield Server(contender, port, process.pid, time.monotonic() - began, client)
        finally:
            _ended(process)


def _ended(process: subprocess.Popen[bytes]) -> None:
    """End it, and all that it started where it does not end by itself."""
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        for pid in tree(process.pid):
            os.kill(pid, signal.SIGKILL)
        process.wait()


def _trusting(client: Client, path: Path, port: int) -> dict[str, str]:
    listed = {"id": "bench", "issuer": client.issuer, "keys": [client.key.public_jwk()]}
    services = ["b12-patient-view", "b12-order-select", "b12-order-sign"]
    path.write_text(json.dumps({"clients": [{**listed, "services": services}]}), encoding="utf-8")  # JSON is YAML
    return {"B12_CLIENTS": str(path), "B12_EXTERNAL_URL": f"http://127.0.0.1:{port}"}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return once something answers there; end with the log's last words where the process ended first."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError, HTTPException):
            connection = HTTPConnection("127.0.0.1", port, timeout=_START_SECONDS)
            connection.request("GET", "/health")
            connection.getresponse().read()
            connection.close()
            return
        time.sleep(0.02)
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


def _pss_kb(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
