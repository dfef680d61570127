"""The database itself: how it is opened, and made to keep what it was told to keep."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from cds_service.errors import InvalidSettings

_BUSY_MILLISECONDS = 2000
# A database that does not answer must not hold a worker: a clinician waits for it.
_CONNECT_SECONDS = 2
_SILENCE_MILLISECONDS = 5000
_STATEMENT_MILLISECONDS = 5000


def opened(url: str) -> Engine:
    """The engine for this address; nothing is connected yet.

    Raises:
        InvalidSettings: it is no database address, or its driver is not installed.
    """
    try:
        return _engine(make_url(url))
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise InvalidSettings(
            "B12_DATABASE_URL: is not a database address that can be used here. Write sqlite:///path/to/file, or "
            "postgresql+psycopg://user@host/name with the extra 'postgres' installed."
        ) from error


def _engine(url: URL) -> Engine:
    if url.drivername in ("postgres", "postgresql"):  # as hosting services write it; there is one driver here
        url = url.set(drivername="postgresql+psycopg")
    backend = url.get_backend_name()
    if backend == "postgresql":
        limits = {"connect_timeout": _CONNECT_SECONDS, "tcp_user_timeout": _SILENCE_MILLISECONDS}
        given = {name: value for name, value in limits.items() if name not in url.query}
        engine = create_engine(url, pool_pre_ping=True, pool_timeout=_CONNECT_SECONDS, connect_args=given)
        event.listen(engine, "connect", _set_up_postgresql)
        return engine
    engine = create_engine(url)
    if backend == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
    return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:
    """Readers and one writer at a time, and a writer waits for its turn instead of failing."""
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_MILLISECONDS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


def _set_up_postgresql(connection: Any, _record: object) -> None:
    """What is acknowledged is on the disk, whatever the server's default is; and no statement waits for ever."""
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = on")
        cursor.execute(f"SET statement_timeout = {_STATEMENT_MILLISECONDS}")
    connection.commit()


def cause_of(error: Exception) -> str:
    """What the database said, for the log: the driver's name for it and its code, and never what was to be stored."""
    original = getattr(error, "orig", None) or error
    code = getattr(original, "sqlstate", None) or getattr(original, "sqlite_errorname", None)
    return " ".join(filter(None, (type(original).__name__, code)))


_ADVICE: Final = (
    (("SQLITE_FULL", "53100"), "The disk is full: make room. Nothing was half written."),
    (("SQLITE_IOERR",), "The disk cannot be written: is it full? Nothing was half written."),
    (("SQLITE_BUSY", "SQLITE_LOCKED", "55P03"), "Another process holds it: try again when that is done."),
    (("SQLITE_READONLY", "25006"), "It may only be read: mend the rights of its file and folder, or name the primary."),
    (("SQLITE_CANTOPEN", "PermissionError"), "It cannot be opened: look at the path, and the rights of its folder."),
    (("SQLITE_NOTADB", "SQLITE_CORRUPT"), "The file is no SQLite database, or a damaged one: restore a copy."),
    (("42501",), "This user may not make or write its tables: grant it."),
)
# A server that is not there and one that does not let us in look alike: the driver gives no code for either.
_NO_ADVICE: Final = "Is it running there, and are address, name, user and password right?"


def advice_on(cause: str) -> str:
    """What whoever runs the service can do about a cause, as `cause_of` names it."""
    names = cause.split()
    found = (told for starts, told in _ADVICE if any(name.startswith(starts) for name in names))
    return next(found, _NO_ADVICE)


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
