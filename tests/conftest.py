"""What tests of every kind share: data that may be absent, knowledge, and the service in a process of its own."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from sqlalchemy import URL, make_url
from sqlalchemy.exc import OperationalError

from tests.conformance.server import running
from tests.databases import Database, run

if TYPE_CHECKING:
    from cds_service.knowledge.model import Knowledge
    from cds_service.service import CdsService

ROOT = Path(__file__).resolve().parent.parent
STARTED = ROOT / "var" / "postgres" / "url"  # where tests/postgres/server writes it


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Any:
    """With B12_REQUIRE_ALL set, what a machine lacks is a failure: there, everything is meant to be present."""
    report = yield
    if os.environ.get("B12_REQUIRE_ALL") and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped although B12_REQUIRE_ALL is set: {report.longrepr}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Where everything is meant to be present, the time of each folder of tests is told."""
    if not os.environ.get("B12_REQUIRE_ALL"):
        return
    seconds: Counter[str] = Counter()
    for report in chain.from_iterable(terminalreporter.stats.values()):
        if isinstance(report, pytest.TestReport):
            place = Path(report.nodeid.partition("::")[0])
            seconds["/".join(place.parts[:2])] += report.duration
    for place, taken in sorted(seconds.items()):
        terminalreporter.write_line(f"{taken:6.0f} s  {place}")


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
    with running(tmp_path_factory.mktemp("service"), B12_WORKERS="1", B12_LOG_LEVEL="INFO") as service:
        yield service.url


@pytest.fixture(scope="session")
def postgresql() -> URL:
    """The address of a PostgreSQL server in which databases may be made."""
    address = os.environ.get("B12_TEST_POSTGRES_URL") or (STARTED.read_text().strip() if STARTED.exists() else "")
    if not address:
        pytest.skip("no PostgreSQL: start one with make postgres, or name one in B12_TEST_POSTGRES_URL")
    url = make_url(address)
    try:
        run(url, "SELECT 1")
    except OperationalError as error:
        pytest.skip(f"PostgreSQL does not answer at {url.host}:{url.port}: {type(error.orig).__name__}")
    return url


@pytest.fixture
def postgresql_database(postgresql: URL) -> Iterator[Database]:
    name = f"b12_{uuid4().hex}"
    run(postgresql, f"CREATE DATABASE {name}")
    yield Database(postgresql.set(database=name).render_as_string(hide_password=False))
    run(postgresql, f"DROP DATABASE {name} WITH (FORCE)")
