"""The database itself: how it is opened, brought up to date, and made to keep what it was told to keep."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from cds_service.errors import InvalidSettings

_BUSY_MILLISECONDS = 2000
_MIGRATION_LOCK = 1212  # any number, the same in each worker: they must not migrate at once


def opened(url: str) -> Engine:
    """The engine for this address; nothing is connected yet.

    Raises:
        InvalidSettings: it is no database address, or its driver is not installed.
    """
    try:
        parsed = make_url(url)
        engine = create_engine(parsed, pool_pre_ping=not url.startswith("sqlite"))
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise InvalidSettings(
            "B12_DATABASE_URL: is not a database address that can be used here. Write sqlite:///path/to/file, or "
            "postgresql+psycopg://user@host/name with the extra 'postgres' installed."
        ) from error
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:
    """Readers and one writer at a time, and a writer waits for its turn instead of failing."""
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


@contextlib.contextmanager
def durable(engine: Engine) -> Iterator[Connection]:
    """A connection whose commits are on the disk when they return: what is acknowledged outlives a power cut."""
    with engine.connect() as connection:
        _synchronise(connection, "FULL")
        try:
            yield connection
        finally:
            _synchronise(connection, "NORMAL")


def _synchronise(connection: Connection, how: str) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA synchronous = {how}")
        connection.commit()


def migrate(engine: Engine) -> None:
    """Create the tables, or bring them up to date."""
    if engine.dialect.name == "sqlite" and engine.url.database not in (None, "", ":memory:"):
        Path(str(engine.url.database)).parent.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", str(files("cds_service.storage") / "migrations"))
    config.set_main_option("path_separator", "os")
    with engine.connect() as connection:
        _take_turn(connection)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


def _take_turn(connection: Connection) -> None:
    """Several workers start at once, and only one may migrate."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    elif connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})")
