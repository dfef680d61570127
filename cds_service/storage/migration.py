"""Bringing the tables to a revision: up to the newest at a start, down by hand before an older release is run again."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from cds_service.errors import IncompatibleDatabase

if TYPE_CHECKING:
    from alembic.config import Config

NOTHING = "base"  # no tables at all
_MIGRATIONS = files("cds_service.storage") / "migrations"
_LOCK = 1212  # any number, the same in each worker: they must not migrate at once
_MILLISECONDS = 60_000


@cache
def known_revisions() -> tuple[str, ...]:
    """The revisions that this release knows, oldest first; before the first of them there are no tables.

    Each is the number before the file's name: alembic, which would say the same, is heavy, and rarely needed.
    """
    names = (script.name for script in (_MIGRATIONS / "versions").iterdir() if script.name[0].isdigit())
    return (NOTHING, *sorted(name.partition("_")[0] for name in names))


def current_revision(engine: Engine) -> str:
    """The revision that the tables have; it may be one that is not known here."""
    with engine.connect() as connection:
        return _revision_of(connection)


def migrate(engine: Engine, revision: str = "") -> None:
    """Bring the tables to this revision (the newest where none is given), up or down, in one transaction.

    Raises:
        IncompatibleDatabase: the tables were made by a newer release, whose migrations are not known here.
    """
    if engine.dialect.name == "sqlite" and engine.url.database not in (None, "", ":memory:"):
        Path(str(engine.url.database)).parent.mkdir(parents=True, exist_ok=True)
    wanted = revision or known_revisions()[-1]
    if current_revision(engine) != wanted:
        _bring(engine, wanted)


def _bring(engine: Engine, wanted: str) -> None:
    from alembic import command  # a tenth of a second and ten megabytes, which few starts need

    known = known_revisions()
    config = _config()
    with engine.connect() as connection:
        _take_turn(connection)
        current = _revision_of(connection)
        if current not in known:
            raise _too_new(current, known[-1])
        config.attributes["connection"] = connection
        bring = command.downgrade if known.index(wanted) < known.index(current) else command.upgrade
        bring(config, wanted)
        connection.commit()


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


def _revision_of(connection: Connection) -> str:
    """As alembic's own table tells it."""
    if not inspect(connection).has_table("alembic_version"):
        return NOTHING
    return connection.scalar(text("SELECT version_num FROM alembic_version")) or NOTHING


def _too_new(current: str, newest: str) -> IncompatibleDatabase:
    return IncompatibleDatabase(
        f"The database has the tables of a newer release (revision {current}; this one knows up to {newest}). Nothing "
        "was changed. Run the newer release; or, to come back to this one, make a copy of the database and let the "
        f"newer release take it down first: b12-cds database migrate --to {newest} --yes",
        cause=f"tables of revision {current}",
    )


def _take_turn(connection: Connection) -> None:
    """Several workers start at once, and only one may migrate."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    elif connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {_MILLISECONDS}")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
