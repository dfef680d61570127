"""The store: feedback is acknowledged only when it is written; cards shown are noted where that is possible."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, delete, func, insert, select
from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from cds_service.errors import TemporarilyUnavailable
from cds_service.storage import feedback
from cds_service.storage.database import cause_of, durable, opened
from cds_service.storage.migration import current_revision, migrate
from cds_service.storage.models import Base, CardShownRow, FeedbackCommentRow, FeedbackRow, SeenJtiRow

_PURGE_EVERY = timedelta(minutes=1)
# Machines' clocks differ: what one of them holds to have expired, another must still know.
_KEPT_AFTER_EXPIRY = timedelta(minutes=5)
# The database is away, locked, full or busy, whatever is to be stored: each further try would wait as long.
_OF_THE_DATABASE = (OperationalError, PoolTimeout)
_NOT_TRIED_AGAIN_FOR = timedelta(seconds=5)
# What requests write, made once: an answer waits for it.
_NOTE_CARDS = insert(CardShownRow)
_NOTE_TOKEN = insert(SeenJtiRow)


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
        self._engine = opened(url)
        self._lock = threading.Lock()
        self._is_migrated = False
        self._purged_at: datetime | None = None
        self._away_until: datetime | None = None

    def prepare(self) -> None:
        """Create or migrate the tables, once.

        Raises:
            TemporarilyUnavailable: the database cannot be reached.
            IncompatibleDatabase: it was made by a newer release.
        """
        if self._is_migrated:
            return
        with self._lock:
            self.migrate()
            self._is_migrated = True

    def check(self) -> None:
        """Try whether the database can be written now: one that can only be read keeps no feedback.

        Raises:
            TemporarilyUnavailable: it cannot.
        """
        self.prepare()
        try:
            with self._engine.connect() as connection:
                connection.execute(delete(FeedbackRow).where(FeedbackRow.id < 0))
                connection.rollback()
        except SQLAlchemyError as error:
            self._is_migrated = False  # it may have been restored from a copy, or be another one now
            raise _unavailable("the database cannot be written", error) from error

    def is_ready(self) -> bool:
        """Whether the database can be written now."""
        try:
            self.check()
        except TemporarilyUnavailable:
            return False
        return True

    def record_feedback(self, items: Sequence[Feedback], received_at: datetime) -> None:
        """Write all items; one that is stored already counts as written.

        They are written together, and where one of them is at fault each in a transaction of its own, so that none is
        lost for another's sake.

        Raises:
            TemporarilyUnavailable: at least one item is not stored. Sending all again is safe.
        """
        self.prepare()
        try:
            self._write_feedback(items, received_at)
        except _OF_THE_DATABASE as error:
            failures = [cause_of(error)] * len(items)
        except SQLAlchemyError:  # also where somebody else stored one of them at this moment
            failures = list(self._write_one_by_one(items, received_at))
        else:
            return
        if failures:
            told = f"{len(failures)} of {len(items)} feedback items could not be stored"
            raise TemporarilyUnavailable(told, cause=failures[0])

    def record_cards(self, cards: Iterable[CardShown], shown_at: datetime) -> None:
        """Note which cards an answer carries.

        While the database is away, this is tried now and then only: a clinician waits for the answer.

        Raises:
            TemporarilyUnavailable: they could not be noted.
        """
        if self._away_until is not None and shown_at < self._away_until:
            raise TemporarilyUnavailable("the database was away a moment ago", cause="not tried again yet")
        try:
            self._insert_cards(cards, shown_at)
        except TemporarilyUnavailable:
            self._away_until = shown_at + _NOT_TRIED_AGAIN_FOR
            raise
        self._away_until = None

    def _insert_cards(self, cards: Iterable[CardShown], shown_at: datetime) -> None:
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
                connection.execute(_NOTE_CARDS, rows)
        except SQLAlchemyError as error:
            raise _unavailable("the cards shown could not be noted", error) from error

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
                connection.execute(_NOTE_TOKEN, row)
        except IntegrityError:
            return False
        except SQLAlchemyError as error:
            raise _unavailable("whether this token was used before cannot be told", error) from error
        self._purge_tokens(now.astimezone(UTC))
        return True

    def feedback_history(self) -> list[feedback.FeedbackRecord]:
        """All items of feedback, in the order of their arrival, with what is known of their cards.

        Raises:
            TemporarilyUnavailable: the database cannot be read.
        """
        with self._reading() as session:
            return feedback.history(session)

    def feedback_by_rule(self) -> list[feedback.RuleFeedback]:
        """What clinicians did with the cards of each rule, by the last state of each card.

        Raises:
            TemporarilyUnavailable: the database cannot be read.
        """
        with self._reading() as session:
            return feedback.by_rule(session)

    def use_since(self, since: datetime) -> list[feedback.RuleUse]:
        """How often cards of each rule were shown since then, and what became of just those.

        Raises:
            TemporarilyUnavailable: the database cannot be read.
        """
        with self._reading() as session:
            return feedback.use_since(session, since)

    def shown_between(self, edges: Sequence[datetime]) -> list[int]:
        """How many cards were shown from each of these moments to the next.

        Raises:
            TemporarilyUnavailable: the database cannot be read.
        """
        with self._reading() as session:
            return feedback.shown_between(session, edges)

    @property
    def kind(self) -> str:
        """Which database this is, without its address."""
        name = self._engine.dialect.name
        return {"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(name, name)

    def purge_feedback(self, before: datetime) -> int:
        """Delete feedback received before this moment, and cards of that time; returns how many items are gone.

        Raises:
            TemporarilyUnavailable: nothing was deleted.
        """
        with self._reading() as session, session.begin():
            return feedback.purge(session, before)

    def count_feedback(self, service: str = "") -> int:
        """How many items of feedback are stored (on one service, where it is named)."""
        return self._count(FeedbackRow, *([FeedbackRow.service == service] if service else []))

    def count_cards(self) -> int:
        """How many cards were noted as shown."""
        return self._count(CardShownRow)

    def count_tokens(self) -> int:
        """How many used tokens are remembered."""
        return self._count(SeenJtiRow)

    def revision(self) -> str:
        """The revision that the tables have.

        Raises:
            TemporarilyUnavailable: the database cannot be read.
        """
        try:
            return current_revision(self._engine)
        except SQLAlchemyError as error:
            raise _unavailable("the database cannot be reached", error) from error

    def migrate(self, revision: str = "") -> None:
        """Bring the tables to this revision (the newest where none is given), up or down, wholly or not at all.

        Raises:
            TemporarilyUnavailable: that is not possible now.
            IncompatibleDatabase: the database was made by a newer release.
        """
        try:
            migrate(self._engine, revision)
        except (SQLAlchemyError, OSError) as error:
            raise _unavailable("the database cannot be reached", error) from error

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Session]:
        self.prepare()
        try:
            with Session(self._engine) as session:
                yield session
        except SQLAlchemyError as error:
            raise _unavailable("what is in the database cannot be read", error) from error

    def _count(self, table: type[Base], *criteria: ColumnElement[bool]) -> int:
        with self._reading() as session:
            return session.scalar(select(func.count()).select_from(table).where(*criteria)) or 0

    def _purge_tokens(self, now: datetime) -> None:
        """Forget tokens that have expired, now and then, in a transaction that nobody's answer depends on."""
        if self._purged_at is not None and abs(now - self._purged_at) < _PURGE_EVERY:
            return
        self._purged_at = now
        with contextlib.suppress(SQLAlchemyError), self._engine.begin() as connection:
            connection.execute(delete(SeenJtiRow).where(SeenJtiRow.expires < now - _KEPT_AFTER_EXPIRY))

    def _write_feedback(self, items: Sequence[Feedback], received_at: datetime) -> None:
        by_digest = {item.digest: item for item in items}
        with durable(self._engine) as connection, Session(connection) as session, session.begin():
            stored = set(session.scalars(select(FeedbackRow.digest).where(FeedbackRow.digest.in_(by_digest))))
            _add_feedback(session, [item for digest, item in by_digest.items() if digest not in stored], received_at)

    def _write_one_by_one(self, items: Iterable[Feedback], received_at: datetime) -> Iterator[str]:
        """Why some are not stored."""
        for item in items:
            try:
                self._write_feedback([item], received_at)
            except SQLAlchemyError as error:
                yield cause_of(error)


def _add_feedback(session: Session, items: Sequence[Feedback], received_at: datetime) -> None:
    rows = [
        FeedbackRow(
            digest=item.digest,
            service=item.service,
            card=item.card,
            outcome=item.outcome,
            outcome_timestamp=item.outcome_timestamp.astimezone(UTC),
            accepted_suggestions=feedback.joined(item.accepted_suggestions),
            reason_system=item.reason_system,
            reason_code=item.reason_code,
            received_at=received_at.astimezone(UTC),
        )
        for item in items
    ]
    session.add_all(rows)
    session.flush()
    session.add_all(
        FeedbackCommentRow(feedback=row.id, comment=item.comment)
        for row, item in zip(rows, items, strict=True)
        if item.comment
    )


def _unavailable(message: str, error: Exception) -> TemporarilyUnavailable:
    return TemporarilyUnavailable(message, cause=cause_of(error))
