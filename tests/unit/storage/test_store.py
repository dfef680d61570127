"""The store acknowledges only what is written, and keeps no patient."""

from __future__ import annotations

import dataclasses
import sqlite3
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from cds_service.errors import InvalidSettings, TemporarilyUnavailable
from cds_service.storage.models import Base
from cds_service.storage.store import CardShown, Feedback, Store

NOW = datetime(2025, 10, 1, 9, 30, tzinfo=UTC)
ACCEPTED = Feedback("b12-patient-view", "card-1", "accepted", NOW, accepted_suggestions=("s-1",))
OVERRIDDEN = Feedback("b12-patient-view", "card-2", "overridden", NOW, reason_system="urn:x", reason_code="later")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "b12.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    made = Store(f"sqlite:///{path}")
    yield made
    made.close()


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def test_nothing_is_opened_before_it_is_needed(path: Path, store: Store) -> None:
    assert not path.parent.exists()

    assert store.is_ready()
    assert path.exists()


def test_feedback_is_written_with_what_the_clinician_chose(path: Path, store: Store) -> None:
    store.record_feedback([ACCEPTED, OVERRIDDEN], NOW)

    assert rows(path, "SELECT card, outcome, accepted_suggestions, reason_code FROM feedback ORDER BY card") == [
        ("card-1", "accepted", "s-1", ""),
        ("card-2", "overridden", "", "later"),
    ]


def test_a_batch_that_is_sent_again_is_not_counted_twice(store: Store) -> None:
    store.record_feedback([ACCEPTED, OVERRIDDEN], NOW)
    store.record_feedback([ACCEPTED, OVERRIDDEN], NOW)

    assert store.count_feedback() == 2


def test_a_second_opinion_on_the_same_card_is_kept_beside_the_first(store: Store) -> None:
    store.record_feedback([ACCEPTED, dataclasses.replace(ACCEPTED, outcome="overridden")], NOW)

    assert store.count_feedback("b12-patient-view") == 2
    assert store.count_feedback("another-service") == 0


def test_one_item_that_cannot_be_written_never_loses_the_others(path: Path, store: Store) -> None:
    store.prepare()
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON feedback WHEN NEW.card = 'card-1' "
        "BEGIN SELECT RAISE(ABORT, 'refused'); END"
    )
    connection.commit()
    connection.close()

    with pytest.raises(TemporarilyUnavailable, match="1 of 2 feedback items"):
        store.record_feedback([ACCEPTED, OVERRIDDEN], NOW)

    assert rows(path, "SELECT card FROM feedback") == [("card-2",)]


def test_an_unreachable_database_acknowledges_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    store = Store(f"sqlite:///{tmp_path}/file/b12.sqlite3")

    assert not store.is_ready()
    with pytest.raises(TemporarilyUnavailable, match="cannot be reached"):
        store.record_feedback([ACCEPTED], NOW)


def test_a_database_that_comes_back_is_used_again(tmp_path: Path) -> None:
    blocking = tmp_path / "var"
    blocking.write_text("in the way")
    store = Store(f"sqlite:///{blocking}/b12.sqlite3")
    assert not store.is_ready()

    blocking.unlink()

    store.record_feedback([ACCEPTED], NOW)
    assert store.count_feedback() == 1
    store.close()


def test_a_database_that_can_only_be_read_is_not_ready(path: Path, store: Store) -> None:
    assert store.is_ready()
    other = sqlite3.connect(path)
    other.execute("BEGIN EXCLUSIVE")

    assert not store.is_ready()

    other.rollback()
    other.close()
    assert store.is_ready()


def test_cards_shown_are_noted_without_any_patient(path: Path, store: Store) -> None:
    card = CardShown("c-1", "b12-patient-view", ("B12-DX-01", "B12-RX-01"), "warning", "abc123", ("s-1", "s-2"))
    store.record_cards([card], NOW)

    columns = [row[1] for row in rows(path, "PRAGMA table_info(cards_shown)")]
    assert not [name for name in columns if "patient" in str(name)]
    assert rows(path, "SELECT card, rules, indicator, knowledge_version, suggestions FROM cards_shown") == [
        ("c-1", "B12-DX-01 B12-RX-01", "warning", "abc123", "s-1 s-2")
    ]
    assert store.count_cards() == 1


def test_cards_that_cannot_be_noted_are_told_and_not_half_written(store: Store) -> None:
    card = CardShown("c-1", "s", ("B12-DX-01",), "info", "v")

    with pytest.raises(TemporarilyUnavailable, match="could not be noted"):
        store.record_cards([card, card], NOW)

    assert store.count_cards() == 0


def test_workers_that_start_at_once_migrate_once(path: Path) -> None:
    stores = [Store(f"sqlite:///{path}") for _ in range(4)]
    ready: list[bool] = []
    threads = [threading.Thread(target=lambda s=store: ready.append(s.is_ready())) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.close()

    assert ready == [True] * 4


def test_the_migrations_make_exactly_what_the_models_say(path: Path, store: Store) -> None:
    store.prepare()
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()


def test_sqlite_lets_readers_read_while_one_writes(path: Path, store: Store) -> None:
    store.prepare()

    assert rows(path, "PRAGMA journal_mode") == [("wal",)]


@pytest.mark.parametrize("url", ["nonsense", "nosuchdb://x/y", "sqlite:/one-slash"])
def test_an_address_that_is_none_is_refused_at_start(url: str) -> None:
    with pytest.raises(InvalidSettings, match="B12_DATABASE_URL"):
        Store(url)
