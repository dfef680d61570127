"""What tests of every kind share: data that may be absent, knowledge, and the service in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from cds_service.knowledge.model import Knowledge
    from cds_service.service import CdsService

ROOT = Path(__file__).resolve().parent.parent
STORY_DAY = "2025-10-01"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Any:
    """With B12_REQUIRE_ALL set, what a machine lacks is a failure: there, everything is meant to be present."""
    report = yield
    if os.environ.get("B12_REQUIRE_ALL") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped although B12_REQUIRE_ALL is set: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of reference data that is not part of the repository."""
    folder = os.environ.get("B12_SHARED_DIR")
    if not folder:
        pytest.skip("B12_SHARED_DIR is not set")
    return Path(folder)


@pytest.fixture(scope="session")
def knowledge() -> Knowledge:
    """The packaged knowledge."""
    from cds_service.knowledge.loader import load  # here, so that a fault in it fails only the tests that need it

    return load()


@pytest.fixture(scope="session")
def offered(knowledge: Knowledge) -> tuple[CdsService, ...]:
    """The services, as composed for production."""
    from cds_service.composition import services

    return services(knowledge)


@pytest.fixture(scope="session")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running service, started as `b12-cds serve` starts it, on the day of the stories."""
    folder = tmp_path_factory.mktemp("service")
    port = _free_port()
    settings = {
        "PORT": str(port),
        "B12_TODAY": STORY_DAY,
        "B12_WORKERS": "1",
        "B12_DATABASE_URL": f"sqlite:///{folder}/b12.sqlite3",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "cds_service.cli", "serve"],
            cwd=ROOT,
            env=os.environ | settings,
            stdout=log,
            stderr=log,
        )
        try:
            _wait_until_served(port, process, folder / "log")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _wait_until_served(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail(f"The service did not start: {log.read_text()[-2000:]}")
