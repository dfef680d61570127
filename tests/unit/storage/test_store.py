"""The store acknowledges only what is written, and keeps no patient."""

from __future__ import annotations

import dataclasses
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from cds_service.errors import InvalidSettings, TemporarilyUnavailable
from cds_service.storage.database import opened
from cds_service.storage.models import Base
from cds_service.storage.store import CardShown, Feedback, Store
from tests.databases import Database

NOW = datetime(2025, 10, 1, 9, 30, tzinfo=UTC)
ACCEPTED = Feedback("b12-patient-view", "card-1", "accepted", NOW, accepted_suggestions=("s-1",))
OVERRIDDEN = Feedback("b12-patient-view", "card-2", "overridden", NOW, reason_system="urn:x", reason_code="later")


def test_nothing_is_opened_before_it_is_needed(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/var/b12.sqlite3")
    assert list(tmp_path.iterdir()) == []

    assert store.is_ready()
    assert (tmp_path / "var" / "b12.sqlite3").exists()
    store.close()


def test_feedback_is_written_with_what_the_clinician_chose(database: Database, store: Store) -> None:
    store.record_feedback([ACCEPTED, OVERRIDDEN], NOW)

    assert database.execute("SELECT card, outcome, accepted_suggestions, reason_code FROM feedback ORDER BY card") == [
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


def test_one_item_that_cannot_be_written_never_loses_the_others(database: Database, store: Store) -> None:
    store.prepare()
    refuse_the_first_card(database)

    with pytest.raises(TemporarilyUnavailable, match="1 of 2 feedback items"):
        store.record_feedback([ACCEPTED, OVERRIDDEN], NOW)

    assert database.execute("SELECT card FROM feedback") == [("card-2",)]


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


def test_cards_shown_are_noted_without_any_patient(database: Database, store: Store) -> None:
    card = CardShown("c-1", "b12-patient-view", ("B12-DX-01", "B12-RX-01"), "warning", "abc123", ("s-1", "s-2"))
    store.record_cards([card], NOW)

    assert not [column.name for column in Base.metadata.tables["cards_shown"].columns if "patient" in column.name]
    assert database.execute("SELECT card, rules, indicator, knowledge_version, suggestions FROM cards_shown") == [
        ("c-1", "B12-DX-01 B12-RX-01", "warning", "abc123", "s-1 s-2")
    ]
    assert store.count_cards() == 1


def test_cards_that_cannot_be_noted_are_told_and_not_half_written(store: Store) -> None:
    card = CardShown("c-1", "s", ("B12-DX-01",), "info", "v")

    with pytest.raises(TemporarilyUnavailable, match="could not be noted"):
        store.record_cards([card, card], NOW)

    assert store.count_cards() == 0


def test_workers_that_start_at_once_migrate_once(database: Database) -> None:
    stores = [database.store() for _ in range(4)]
    ready: list[bool] = []
    threads = [threading.Thread(target=lambda s=store: ready.append(s.is_ready())) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.close()

    assert ready == [True] * 4


def test_the_migrations_make_exactly_what_the_models_say(database: Database, store: Store) -> None:
    store.prepare()
    engine = create_engine(database.url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()


def test_sqlite_lets_readers_read_while_one_writes(sqlite_database: Database) -> None:
    store = sqlite_database.store()
    store.prepare()

    assert sqlite_database.execute("PRAGMA journal_mode") == [("wal",)]
    store.close()


@pytest.mark.parametrize("url", ["nonsense", "nosuchdb://x/y", "sqlite:/one-slash"])
def test_an_address_that_is_none_is_refused_at_start(url: str) -> None:
    with pytest.raises(InvalidSettings, match="B12_DATABASE_URL"):
        Store(url)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_an_address_as_hosting_services_write_it_is_understood(scheme: str) -> None:
    pytest.importorskip("psycopg")
    assert opened(f"{scheme}://b12:secret@db.example.org/b12").driver == "psycopg"  # pragma: allowlist secret


def refuse_the_first_card(database: Database) -> None:
    """Somebody's trigger, which the store knows nothing of."""
    if database.is_postgresql:
        database.execute(
            "CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$ LANGUAGE plpgsql"
        )
        act = "FOR EACH ROW WHEN (NEW.card = 'card-1') EXECUTE FUNCTION refuse()"
    else:
        act = "WHEN NEW.card = 'card-1' BEGIN SELECT RAISE(ABORT, 'refused'); END"
    database.execute(f"CREATE TRIGGER refuse BEFORE INSERT ON feedback {act}")
