"""The service in processes of its own, as `b12-cds serve` starts it, with its log and its database at hand."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[2]
STORY_DAY = "2025-10-01"


@dataclass(frozen=True)
class Running:
    """A running service."""

    url: str
    log: Path
    database: Path
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """As a power cut would: no signal handler runs, in none of its processes."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(20)


OURS = (sys.executable, "-m", "cds_service.cli")


@contextmanager
def running(folder: Path, command: Sequence[str] = OURS, started_in: Path = ROOT, **settings: str) -> Iterator[Running]:
    """A service whose files are in `folder`; it is ended with the block, if it still runs."""
    port = free_port()
    database = folder / "b12.sqlite3"
    env = {
        "PORT": str(port),
        "B12_TODAY": STORY_DAY,
        "B12_LOG_LEVEL": "DEBUG",
        "B12_DATABASE_URL": f"sqlite:///{database}",
        **settings,
    }
    with (folder / "log").open("ab") as log:
        words = [*command, "serve"]
        process = subprocess.Popen(
            words, cwd=started_in, env=os.environ | env, stdout=log, stderr=log, start_new_session=True
        )
    try:
        _wait_until_served(port, process, folder / "log")
        yield Running(f"http://127.0.0.1:{port}", folder / "log", database, process)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(20)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait_until_served(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until a worker answers: whoever connects before that only waits."""
    end = time.monotonic() + 60
    while time.monotonic() < end and process.poll() is None:
        with suppress(requests.RequestException):
            if requests.get(f"http://127.0.0.1:{port}/health", timeout=20).ok:
                return
        time.sleep(0.1)
    raise AssertionError(f"The service did not start: {log.read_text()[-2000:]}")
