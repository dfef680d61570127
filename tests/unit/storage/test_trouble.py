"""A database that is full, locked, killed or silent: nothing is acknowledged that is not kept, and it heals."""

from __future__ import annotations

import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import URL, event

from cds_service.errors import TemporarilyUnavailable
from cds_service.storage.store import CardShown, Feedback, Store
from tests.databases import Database, run

NOW = datetime(2025, 10, 1, 9, 30, tzinfo=UTC)
ITEM = Feedback("b12", "card-1", "overridden", NOW, reason_code="later", comment="Not today")
CARD = CardShown("card-1", "b12", ("B12-DX-01",), "warning", "v1")


@contextmanager
def listening(store: Store, name: str, act: Any) -> Iterator[None]:
    """To one store alone: SQLAlchemy asks every later engine for listeners if ever its class had one."""
    event.listen(store._engine, name, act)
    try:
        yield
    finally:
        event.remove(store._engine, name, act)


@contextmanager
def full(database: Database, store: Store) -> Iterator[None]:
    """The disk is full: SQLite is held to its size, and PostgreSQL answers as it does then."""
    if database.is_postgresql:
        database.execute(
            "CREATE FUNCTION full_disk() RETURNS trigger AS "
            "$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$ LANGUAGE plpgsql"
        )
        for table in ("feedback", "cards_shown", "seen_jti"):
            act = f"BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION full_disk()"
            database.execute(f"CREATE TRIGGER full_disk {act}")
        yield
        database.execute("DROP FUNCTION full_disk CASCADE")
        return

    def hold(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")  # never below what is there

    with listening(store, "checkout", hold):
        yield


def test_where_the_disk_is_full_nothing_is_acknowledged_and_later_all_is_kept(database: Database) -> None:
    store = database.store()
    store.prepare()
    long = "x" * 20_000  # more than what is left of the last page
    item = Feedback("b12", "card-1", "overridden", NOW, comment=long)
    card = CardShown("card-1", "b12", ("B12-DX-01",), "info", "v1", suggestions=(long,))
    store.close()

    with full(database, store):
        with pytest.raises(TemporarilyUnavailable, match="1 of 1") as feedback:
            store.record_feedback([item], NOW)
        with pytest.raises(TemporarilyUnavailable) as cards:
            store.record_cards([card], NOW)
    store.close()

    assert {feedback.value.cause, cards.value.cause} == {
        "DiskFull 53100" if database.is_postgresql else "OperationalError SQLITE_FULL"
    }
    assert (store.count_feedback(), store.count_cards()) == (0, 0)
    assert database.execute("SELECT count(*) FROM feedback_comments") == [(0,)]
    store.record_feedback([item], NOW)
    assert store.count_feedback() == 1
    store.close()


def test_the_same_item_from_many_at_once_is_kept_once_and_acknowledged_to_all(database: Database) -> None:
    stores = [database.store() for _ in range(4)]
    failures: list[Exception] = []
    start = threading.Barrier(len(stores))
    others = [Feedback("b12", f"card-{number}", "overridden", NOW) for number in range(10)]

    def write(store: Store) -> None:
        start.wait(10)
        try:
            store.record_feedback([ITEM, *others], NOW)
            store.record_cards([CardShown(str(uuid4()), "b12", ("R",), "info", "v") for _ in range(10)], NOW)
        except TemporarilyUnavailable as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert failures == []
    assert (stores[0].count_feedback(), stores[0].count_cards()) == (11, 40)
    for store in stores:
        store.close()


def test_a_database_that_somebody_holds_is_not_ready_until_it_is_let_go(sqlite_database: Database) -> None:
    store = sqlite_database.store()
    assert store.is_ready()
    other = sqlite3.connect(sqlite_database.url.removeprefix("sqlite:///"))
    other.execute("BEGIN EXCLUSIVE")

    assert not store.is_ready()

    other.rollback()
    other.close()
    assert store.is_ready()
    store.close()


def test_a_server_that_only_lets_read_is_not_ready(postgresql: URL, postgresql_database: Database) -> None:
    store = postgresql_database.store()
    store.prepare()
    ((name,),) = postgresql_database.execute("SELECT current_database()")
    postgresql_database.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    store.close()

    with pytest.raises(TemporarilyUnavailable) as trouble:
        store.check()
    assert trouble.value.cause == "ReadOnlySqlTransaction 25006"
    with pytest.raises(TemporarilyUnavailable):
        store.record_feedback([ITEM], NOW)

    run(postgresql, f"ALTER DATABASE {name} RESET default_transaction_read_only")
    store.close()
    store.record_feedback([ITEM], NOW)
    assert store.count_feedback() == 1
    store.close()


def test_a_connection_that_is_killed_within_a_transaction_keeps_nothing_of_it(postgresql_database: Database) -> None:
    store = postgresql_database.store()
    store.prepare()

    def kill(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO feedback "):
            event.remove(store._engine, "after_cursor_execute", kill)
            postgresql_database.kill_connections()

    event.listen(store._engine, "after_cursor_execute", kill)
    with pytest.raises(TemporarilyUnavailable, match="1 of 1 feedback items") as trouble:
        store.record_feedback([ITEM], NOW)

    assert trouble.value.cause == "AdminShutdown 57P01"
    assert postgresql_database.execute("SELECT count(*) FROM feedback") == [(0,)]
    store.record_feedback([ITEM], NOW)
    assert [(record.card, record.comment) for record in store.feedback_history()] == [("card-1", "Not today")]
    store.close()


def test_connections_that_died_in_the_pool_are_replaced_before_anybody_notices(postgresql_database: Database) -> None:
    store = postgresql_database.store()
    store.prepare()
    postgresql_database.kill_connections()

    assert store.use_token("issuer", "1", NOW + timedelta(minutes=5), NOW)
    postgresql_database.kill_connections()
    store.record_cards([CARD], NOW)
    postgresql_database.kill_connections()
    store.record_feedback([ITEM], NOW)
    assert (store.count_tokens(), store.count_cards(), store.count_feedback()) == (1, 1, 1)
    store.close()


def test_a_server_that_accepts_and_never_answers_holds_nobody_for_long() -> None:
    pytest.importorskip("psycopg")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = Store(f"postgresql+psycopg://b12@127.0.0.1:{silent.getsockname()[1]}/b12")
        assert not store.is_ready()  # the test would hang otherwise
        store.close()


def test_a_lock_that_somebody_keeps_holds_nobody_for_ever(postgresql_database: Database) -> None:
    url = f"{postgresql_database.url}?options=-c%20lock_timeout%3D200"
    store = Store(url)
    store.prepare()
    holder = postgresql_database.store()
    with holder._engine.connect() as connection:
        connection.exec_driver_sql("LOCK TABLE seen_jti IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(TemporarilyUnavailable) as trouble:
            store.use_token("issuer", "1", NOW + timedelta(minutes=5), NOW)
    assert trouble.value.cause == "LockNotAvailable 55P03"
    store.close()
    holder.close()


def test_cards_are_not_noted_anew_at_every_answer_while_the_database_is_away(database: Database) -> None:
    store = database.store()
    store.prepare()
    database.execute("ALTER TABLE cards_shown RENAME TO away")
    with pytest.raises(TemporarilyUnavailable, match="could not be noted"):
        store.record_cards([CARD], NOW)
    database.execute("ALTER TABLE away RENAME TO cards_shown")

    with pytest.raises(TemporarilyUnavailable, match="a moment ago"):
        store.record_cards([CARD], NOW + timedelta(seconds=4))
    store.record_cards([CARD], NOW + timedelta(seconds=5))
    assert store.count_cards() == 1
    store.close()


@pytest.mark.parametrize("text", ["'; DROP TABLE feedback; --", "é" * 200, "%s %(x)s :x"])
def test_hostile_text_is_kept_as_it_came_and_never_run(text: str, database: Database) -> None:
    store = database.store()
    item = Feedback("b12", text, "overridden", NOW, reason_code="r", comment=text)
    store.record_feedback([item], NOW)

    assert [(record.card, record.comment) for record in store.feedback_history()] == [(text, text)]
    store.close()
