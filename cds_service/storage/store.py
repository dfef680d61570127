"""The store: feedback is acknowledged only when it is written; cards shown are noted where that is possible."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import ColumnElement, Connection, Engine, create_engine, delete, event, func, insert, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.orm import Session

from cds_service.errors import InvalidSettings, TemporarilyUnavailable
from cds_service.storage.models import Base, CardShownRow, FeedbackRow, SeenJtiRow

_BUSY_MILLISECONDS = 2000
_PURGE_EVERY = timedelta(minutes=1)
# Machines' clocks differ: what one of them holds to have expired, another must still know.
_KEPT_AFTER_EXPIRY = timedelta(minutes=5)
_MIGRATION_LOCK = 1212  # any number, the same in each worker: they must not migrate at once


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a clinician did with one card. `accepted_suggestions` are suggestion uuids; empty texts are not known."""

    service: str
    card: str
    outcome: str
    outcome_timestamp: datetime
    accepted_suggestions: tuple[str, ...] = ()
    reason_system: str = ""
    reason_code: str = ""
    comment: str = ""

    @property
    def digest(self) -> str:
        """The same for the same content and for nothing else."""
        return hashlib.sha256(repr(astuple(self)).encode("utf-8", "backslashreplace")).hexdigest()


@dataclass(frozen=True, slots=True)
class CardShown:
    """One card that an answer carries."""

    card: str
    service: str
    rules: tuple[str, ...]
    indicator: str
    knowledge_version: str
    suggestions: tuple[str, ...] = ()


class Store:
    """A database, opened and migrated when it is first needed, so that discovery works without it."""

    def __init__(self, url: str) -> None:
        """Nothing is opened yet.

        Raises:
            InvalidSettings: `url` is no database address, or its driver is not installed.
        """
        self._engine = _engine(url)
        self._lock = threading.Lock()
        self._is_migrated = False
        self._purged_at: datetime | None = None

    def prepare(self) -> None:
        """Create or migrate the tables, once.

        Raises:
            TemporarilyUnavailable: the database cannot be reached.
        """
        if self._is_migrated:
            return
        with self._lock:
            try:
                _migrate(self._engine)
            except (SQLAlchemyError, OSError) as error:
                raise TemporarilyUnavailable("the database cannot be reached") from error
            self._is_migrated = True

    def is_ready(self) -> bool:
        """Whether the database can be used now."""
        try:
            self.prepare()
            with self._engine.connect() as connection:
                connection.execute(text("SELECT 1"))
        except (SQLAlchemyError, TemporarilyUnavailable):
            return False
        return True

    def record_feedback(self, items: Sequence[Feedback], received_at: datetime) -> None:
        """Write each item in a transaction of its own; one that is stored already counts as written.

        Raises:
            TemporarilyUnavailable: at least one item is not stored. Sending all again is safe.
        """
        self.prepare()
        failures = [self._write_feedback(item, received_at) for item in items].count(False)
        if failures:
            raise TemporarilyUnavailable(f"{failures} of {len(items)} feedback items could not be stored")

    def record_cards(self, cards: Iterable[CardShown], shown_at: datetime) -> None:
        """Note which cards an answer carries.

        Raises:
            TemporarilyUnavailable: they could not be noted.
        """
        self.prepare()
        rows = [
            {
                "card": card.card,
                "service": card.service,
                "rules": " ".join(card.rules),
                "indicator": card.indicator,
                "knowledge_version": card.knowledge_version,
                "suggestions": " ".join(card.suggestions),
                "shown_at": shown_at.astimezone(UTC),
            }
            for card in cards
        ]
        if not rows:
            return
        try:
            with self._engine.begin() as connection:  # without the ORM's session: this stands in a clinician's way
                connection.execute(insert(CardShownRow), rows)
        except SQLAlchemyError as error:
            raise TemporarilyUnavailable("the cards shown could not be noted") from error

    def use_token(self, issuer: str, jti: str, expires: datetime, now: datetime) -> bool:
        """Whether this `jti` was not used before; from now on it was, for every process and after restarts.

        Raises:
            TemporarilyUnavailable: that cannot be told, so the token must not be accepted.
        """
        self.prepare()
        digest = hashlib.sha256(jti.encode("utf-8", "backslashreplace")).hexdigest()
        row = {"issuer": issuer, "jti": digest, "expires": expires.astimezone(UTC)}
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(SeenJtiRow), row)
        except IntegrityError:
            return False
        except SQLAlchemyError as error:
            raise TemporarilyUnavailable("whether this token was used before cannot be told") from error
        self._purge_tokens(now.astimezone(UTC))
        return True

    def count_feedback(self, service: str = "") -> int:
        """How many items of feedback are stored (on one service, where it is named)."""
        return self._count(FeedbackRow, *([FeedbackRow.service == service] if service else []))

    def count_cards(self) -> int:
        """How many cards were noted as shown."""
        return self._count(CardShownRow)

    def count_tokens(self) -> int:
        """How many used tokens are remembered."""
        return self._count(SeenJtiRow)

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def _count(self, table: type[Base], *criteria: ColumnElement[bool]) -> int:
        self.prepare()
        with Session(self._engine) as session:
            return session.scalar(select(func.count()).select_from(table).where(*criteria)) or 0

    def _purge_tokens(self, now: datetime) -> None:
        """Forget tokens that have expired, now and then, in a transaction that nobody's answer depends on."""
        if self._purged_at is not None and abs(now - self._purged_at) < _PURGE_EVERY:
            return
        self._purged_at = now
        with contextlib.suppress(SQLAlchemyError), self._engine.begin() as connection:
            connection.execute(delete(SeenJtiRow).where(SeenJtiRow.expires < now - _KEPT_AFTER_EXPIRY))

    def _write_feedback(self, item: Feedback, received_at: datetime) -> bool:
        row = FeedbackRow(
            digest=item.digest,
            service=item.service,
            card=item.card,
            outcome=item.outcome,
            outcome_timestamp=item.outcome_timestamp.astimezone(UTC),
            accepted_suggestions=" ".join(item.accepted_suggestions),
            reason_system=item.reason_system,
            reason_code=item.reason_code,
            comment=item.comment,
            received_at=received_at.astimezone(UTC),
        )
        try:
            with Session(self._engine) as session, session.begin():
                session.add(row)
        except IntegrityError:
            return self._holds(item.digest)
        except SQLAlchemyError:
            return False
        return True

    def _holds(self, digest: str) -> bool:
        try:
            return self._count(FeedbackRow, FeedbackRow.digest == digest) > 0
        except SQLAlchemyError:
            return False


def _engine(url: str) -> Engine:
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


def _migrate(engine: Engine) -> None:
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
