"""`b12-cds database`: the state of the tables, told with an exit status, and moved by hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cds_service import cli
from cds_service.storage.database import advice_on
from cds_service.storage.migration import known_revisions
from tests.databases import Database

NEWEST, BEFORE = known_revisions()[-1], known_revisions()[-2]


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    made = Database(f"sqlite:///{tmp_path}/b12.sqlite3")
    monkeypatch.setenv("B12_DATABASE_URL", made.url)
    return made


def run(*words: str) -> Result:
    return CliRunner().invoke(cli.commands, ["database", *words])


def test_tables_that_are_missing_are_told_and_made(database: Database) -> None:
    before = run()
    assert before.exit_code == 1
    assert "no tables of ours" in before.output

    assert run("migrate").exit_code == 0
    after = run()
    assert (after.exit_code, f"has revision {NEWEST}" in after.output) == (0, True)
    assert database.execute("SELECT count(*) FROM feedback") == [(0,)]


def test_going_down_deletes_and_must_be_meant(database: Database) -> None:
    run("migrate")

    refused = run("migrate", "--to", BEFORE)
    assert (refused.exit_code, "--yes" in refused.output) == (1, True)
    assert database.execute("SELECT version_num FROM alembic_version") == [(NEWEST,)]

    assert run("migrate", "--to", BEFORE, "--yes").exit_code == 0
    assert database.execute("SELECT version_num FROM alembic_version") == [(BEFORE,)]


@pytest.mark.usefixtures("database")
def test_a_revision_that_is_none_is_refused_with_those_that_are() -> None:
    told = run("migrate", "--to", "0000")

    assert told.exit_code == 2
    assert f"base, 0001, 0002, {NEWEST}" in told.output.replace("\n", " ")


def test_a_service_does_not_start_on_the_database_of_a_newer_release(database: Database) -> None:
    run("migrate")
    database.execute("UPDATE alembic_version SET version_num = '9999'")

    for words in (["serve"], ["database", "migrate"], ["feedback"]):
        done = subprocess.run(
            [sys.executable, "-m", "cds_service.cli", *words], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 12, words
        assert "newer release (revision 9999; this one knows up to" in " ".join(done.stderr.split())
        assert "Traceback" not in done.stderr
    told = run()
    assert (told.exit_code, "A newer release made it" in told.output) == (1, True)


@pytest.mark.parametrize("words", [["database", "migrate"], ["feedback"], ["feedback", "purge"]])
def test_a_disk_without_room_is_told_with_its_own_status_and_nothing_is_half_written(
    words: list[str], database: Database
) -> None:
    """No file may grow beyond 40 kB here: SQLite meets that in mid-migration, as it would meet a full disk."""
    quoted = " ".join(words)
    done = subprocess.run(
        ["/bin/bash", "-c", f"ulimit -f 40; exec {sys.executable} -m cds_service.cli {quoted}"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    told = " ".join(done.stderr.split())

    assert done.returncode == 11, told
    assert told.startswith("B12_DATABASE_URL: the database cannot be reached (")
    assert told.endswith("Nothing was half written.")
    assert database.execute("SELECT name FROM sqlite_master") == []
    assert run("migrate").exit_code == 0


@pytest.mark.parametrize(
    ("cause", "advice"),
    [
        ("OperationalError SQLITE_FULL", "make room"),
        ("DiskFull 53100", "make room"),
        ("OperationalError SQLITE_READONLY_DIRECTORY", "mend the rights"),
        ("LockNotAvailable 55P03", "try again"),
        ("PermissionError", "rights of its folder"),
        ("OperationalError", "Is it running there"),
        ("InsufficientPrivilege 42501", "grant it"),
    ],
)
def test_what_helps_follows_from_what_the_database_said(cause: str, advice: str) -> None:
    assert advice in advice_on(cause)
