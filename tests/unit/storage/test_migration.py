"""The tables go up and down, wholly or not at all, and what they hold goes with them."""

from __future__ import annotations

from importlib.resources import files

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect

from cds_service.errors import IncompatibleDatabase, TemporarilyUnavailable
from cds_service.storage.migration import NOTHING, known_revisions
from cds_service.storage.store import Store
from tests.databases import Database

ITEM = (
    "INSERT INTO feedback (digest, service, card, outcome, outcome_timestamp, accepted_suggestions, reason_system, "
    "reason_code, comment, received_at) VALUES ('{0}', 'b12', 'c', 'overridden', '2025-10-01', '', '', '', '{1}', "
    "'2025-10-01')"
)


def tables(database: Database) -> set[str]:
    engine = create_engine(database.url)
    found = set(inspect(engine).get_table_names())
    engine.dispose()
    return found - {"alembic_version"}


def test_the_numbers_of_the_files_are_the_revisions_that_alembic_knows_in_their_order() -> None:
    config = Config()
    config.set_main_option("script_location", str(files("cds_service.storage") / "migrations"))
    config.set_main_option("path_separator", "os")
    newest_first = ScriptDirectory.from_config(config).walk_revisions()

    assert known_revisions() == (NOTHING, *reversed([each.revision for each in newest_first]))


def test_every_revision_is_reached_from_below_and_from_above(store: Store, database: Database) -> None:
    up = known_revisions()
    for revision in (*up, *reversed(up), *up):
        store.migrate(revision)
        assert store.revision() == revision
    store.migrate(NOTHING)

    assert tables(database) == set()


def test_comments_move_into_a_table_of_their_own_and_back(store: Store, database: Database) -> None:
    store.migrate("0002")
    database.execute(ITEM.format("a", "first"))
    database.execute(ITEM.format("b", ""))
    store.migrate("0003")
    assert database.execute("SELECT feedback, comment FROM feedback_comments") == [(1, "first")]

    store.migrate("0002")
    assert database.execute("SELECT comment FROM feedback ORDER BY id") == [("first",), ("",)]


def test_a_migration_that_fails_leaves_nothing_half_made(store: Store, database: Database) -> None:
    database.execute("CREATE TABLE cards_shown (theirs INTEGER)")  # the first migration makes `feedback` before this

    with pytest.raises(TemporarilyUnavailable):
        store.prepare()

    assert tables(database) == {"cards_shown"}
    database.execute("DROP TABLE cards_shown")
    assert store.is_ready()


def test_a_database_of_a_newer_release_is_left_alone_and_says_what_to_do(store: Store, database: Database) -> None:
    store.prepare()
    database.execute("UPDATE alembic_version SET version_num = '9999'")
    older = database.store()

    with pytest.raises(IncompatibleDatabase, match=r"revision 9999; this one knows up to \d+\).*Nothing was changed"):
        older.prepare()

    assert not older.is_ready()
    assert database.execute("SELECT version_num FROM alembic_version") == [("9999",)]
    older.close()


def test_a_database_that_was_restored_empty_gets_its_tables_again(store: Store, database: Database) -> None:
    assert store.is_ready()
    for table in (*tables(database), "alembic_version"):
        database.execute(f"DROP TABLE {table}{' CASCADE' if database.is_postgresql else ''}")

    assert not store.is_ready()
    assert store.is_ready()
