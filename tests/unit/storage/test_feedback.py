"""Reading feedback back: nothing is lost, the last state counts, and free text is kept apart."""

from __future__ import annotations

import dataclasses
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.exc import DataError

from cds_service.errors import TemporarilyUnavailable
from cds_service.storage.feedback import UNKNOWN_CARD
from cds_service.storage.models import FeedbackRow
from cds_service.storage.store import CardShown, Feedback, Store
from tests.databases import Database

NOW = datetime(2025, 10, 1, 9, 30, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
CARD = CardShown("card-1", "b12", ("B12-DX-01", "B12-RX-01"), "warning", "v1", ("s-1",))
ACCEPTED = Feedback("b12", "card-1", "accepted", NOW, accepted_suggestions=("s-1", "s-2"))
OVERRIDDEN = Feedback("b12", "card-1", "overridden", LATER, reason_system="urn:x", reason_code="later", comment="Sure")


def test_the_history_holds_every_item_with_what_is_known_of_its_card(store: Store) -> None:
    store.record_cards([CARD], NOW)
    store.record_feedback([ACCEPTED, OVERRIDDEN], LATER)
    first, second = store.feedback_history()

    assert (first.outcome, first.is_latest, first.accepted_suggestions) == ("accepted", False, ("s-1", "s-2"))
    assert (second.outcome, second.is_latest) == ("overridden", True)
    assert (second.reason_code, second.comment) == ("later", "Sure")
    assert (second.rules, second.indicator, second.knowledge_version) == (CARD.rules, "warning", "v1")
    assert (second.outcome_timestamp, second.received_at) == (LATER, LATER)


def test_the_last_state_is_that_of_the_latest_outcome_and_not_of_the_latest_post(store: Store) -> None:
    store.record_feedback([OVERRIDDEN], NOW)
    store.record_feedback([ACCEPTED], LATER)

    assert [record.is_latest for record in store.feedback_history()] == [True, False]


def test_of_two_outcomes_of_one_moment_the_one_that_came_last_counts(store: Store) -> None:
    store.record_feedback([ACCEPTED, dataclasses.replace(ACCEPTED, outcome="overridden")], NOW)

    assert [record.is_latest for record in store.feedback_history()] == [False, True]


def test_the_same_card_id_of_another_service_is_another_card(store: Store) -> None:
    store.record_cards([CARD], NOW)
    store.record_feedback([ACCEPTED, dataclasses.replace(OVERRIDDEN, service="another")], NOW)

    assert [(record.is_latest, record.rules) for record in store.feedback_history()] == [(True, CARD.rules), (True, ())]


def test_each_rule_is_told_how_often_it_was_shown_and_what_became_of_it(store: Store) -> None:
    other = dataclasses.replace(CARD, card="card-2", rules=("B12-DX-01",))
    store.record_cards([CARD, other], NOW)
    store.record_feedback([ACCEPTED, OVERRIDDEN, dataclasses.replace(ACCEPTED, card="card-2")], NOW)
    diagnosis, treatment = store.feedback_by_rule()

    assert (diagnosis.rule, diagnosis.shown, diagnosis.accepted, diagnosis.overridden) == ("B12-DX-01", 2, 1, 1)
    assert (treatment.rule, treatment.shown, treatment.accepted, treatment.overridden) == ("B12-RX-01", 1, 0, 1)
    assert treatment.reasons == {("urn:x", "later"): 1}
    assert treatment.comments == ["Sure"]


def test_a_batch_is_one_transaction_and_what_is_stored_already_is_left(sqlite_database: Database) -> None:
    store = sqlite_database.store()
    items = [dataclasses.replace(ACCEPTED, card=f"card-{number}") for number in range(50)]
    store.record_feedback(items[:10], NOW)
    commits: list[object] = []
    count = commits.append
    event.listen(store._engine, "commit", count)
    try:
        store.record_feedback(items, LATER)
    finally:
        event.remove(store._engine, "commit", count)

    records = store.feedback_history()
    assert [record.card for record in records] == [item.card for item in items]
    assert [record.received_at for record in records] == [NOW] * 10 + [LATER] * 40
    assert len(commits) <= 3  # the batch, and how the database is set for it and back
    store.close()


def test_one_item_that_cannot_be_stored_costs_no_other(store: Store) -> None:
    store.prepare()
    bad = dataclasses.replace(ACCEPTED, card="card-2")
    good = [ACCEPTED, dataclasses.replace(ACCEPTED, card="card-3", comment="Sure")]

    def refuse(_mapper: object, _connection: object, row: FeedbackRow) -> None:
        if row.card == bad.card:
            raise DataError("INSERT", {}, Exception("this one not"))

    event.listen(FeedbackRow, "before_insert", refuse)
    try:
        with pytest.raises(TemporarilyUnavailable, match="1 of 3 feedback items"):
            store.record_feedback([good[0], bad, good[1]], NOW)
    finally:
        event.remove(FeedbackRow, "before_insert", refuse)

    assert [record.card for record in store.feedback_history()] == ["card-1", "card-3"]
    store.record_feedback([good[0], bad, good[1]], NOW)  # as a client does that was told 503
    assert [record.card for record in store.feedback_history()] == ["card-1", "card-3", "card-2"]


def test_the_same_items_sent_by_several_at_once_are_stored_once(store: Store) -> None:
    store.prepare()
    items = [dataclasses.replace(ACCEPTED, card=f"card-{number}", comment="Sure") for number in range(20)]
    with ThreadPoolExecutor(4) as clients:
        sent = [clients.submit(store.record_feedback, items[start:] + items[:start], NOW) for start in range(8)]
    for each in sent:
        each.result()

    assert sorted(record.card for record in store.feedback_history()) == sorted(item.card for item in items)


def test_while_another_holds_the_database_a_large_batch_waits_once(sqlite_database: Database) -> None:
    store = sqlite_database.store()
    store.prepare()
    items = [dataclasses.replace(ACCEPTED, card=f"card-{number}") for number in range(50)]
    tries: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        tries.extend([statement] if statement.startswith("INSERT INTO feedback") else [])

    holder = sqlite3.connect(sqlite_database.url.removeprefix("sqlite:///"), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    event.listen(store._engine, "before_cursor_execute", count)
    try:
        with pytest.raises(TemporarilyUnavailable, match="50 of 50 feedback items"):
            store.record_feedback(items, NOW)
    finally:
        event.remove(store._engine, "before_cursor_execute", count)
        holder.close()

    assert len(tries) == 1
    store.record_feedback(items, NOW)
    assert store.count_feedback() == 50
    store.close()


def test_feedback_on_a_card_that_is_not_known_is_told_as_such(store: Store) -> None:
    store.record_feedback([ACCEPTED], NOW)

    assert [(each.rule, each.accepted) for each in store.feedback_by_rule()] == [(UNKNOWN_CARD, 1)]


def test_free_text_stands_in_a_table_of_its_own(database: Database, store: Store) -> None:
    store.record_feedback([dataclasses.replace(OVERRIDDEN, comment="Mrs Smith declined"), ACCEPTED], NOW)

    assert database.execute("SELECT comment FROM feedback_comments") == [("Mrs Smith declined",)]
    assert "Smith" not in str(database.execute("SELECT * FROM feedback"))


def test_what_is_too_old_is_deleted_with_its_words_and_its_cards(database: Database, store: Store) -> None:
    answered, recent = (dataclasses.replace(CARD, card=name) for name in ("card-3", "card-4"))
    store.record_cards([CARD, answered], NOW)
    store.record_cards([recent], LATER)
    store.record_feedback([OVERRIDDEN], NOW)
    store.record_feedback([dataclasses.replace(OVERRIDDEN, card="card-3", comment="New")], LATER)

    assert store.purge_feedback(LATER) == 1
    assert database.execute("SELECT comment FROM feedback_comments") == [("New",)]
    assert [record.card for record in store.feedback_history()] == ["card-3"]
    assert database.execute("SELECT card FROM cards_shown ORDER BY card") == [("card-3",), ("card-4",)]
    assert store.purge_feedback(LATER) == 0


def test_what_is_acknowledged_is_written_through_to_the_disk(sqlite_database: Database) -> None:
    store = sqlite_database.store()
    store.prepare()
    seen: list[int] = []

    def look(_connection: object, cursor: sqlite3.Cursor, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO feedback"):
            seen.append(cursor.connection.execute("PRAGMA synchronous").fetchone()[0])

    event.listen(store._engine, "before_cursor_execute", look)
    try:
        store.record_feedback([ACCEPTED], NOW)
    finally:
        event.remove(store._engine, "before_cursor_execute", look)
        store.close()

    assert seen == [2]  # FULL


def test_a_database_that_is_away_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    away = Store(f"sqlite:///{tmp_path}/file/b12.sqlite3")

    for attempt in (away.feedback_history, away.feedback_by_rule, lambda: away.purge_feedback(NOW)):
        with pytest.raises(TemporarilyUnavailable):
            attempt()


def test_use_counts_the_cards_of_a_time_with_their_last_states_and_without_comments(store: Store) -> None:
    other = dataclasses.replace(CARD, card="card-2", rules=("B12-DX-01",))
    store.record_cards([CARD, other], NOW)
    store.record_cards([dataclasses.replace(CARD, card="card-0")], NOW - timedelta(days=8))
    of_old = dataclasses.replace(ACCEPTED, card="card-0")
    unknown = dataclasses.replace(ACCEPTED, card="card-7")
    elsewhere = dataclasses.replace(ACCEPTED, card="card-2", service="another")
    store.record_feedback([ACCEPTED, OVERRIDDEN, of_old, unknown, elsewhere], LATER)
    statements: list[str] = []
    event.listen(store._engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    diagnosis, treatment = store.use_since(NOW - timedelta(days=7))

    assert (diagnosis.rule, diagnosis.shown, diagnosis.accepted, diagnosis.overridden) == ("B12-DX-01", 2, 0, 1)
    assert diagnosis.unanswered == 1
    assert diagnosis.reasons == {("urn:x", "later"): 1}
    assert (treatment.rule, treatment.shown, treatment.overridden) == ("B12-RX-01", 1, 1)
    assert statements
    assert not [statement for statement in statements if "comment" in statement]


def test_cards_are_counted_from_one_moment_to_the_next(store: Store) -> None:
    days = [NOW + timedelta(days=number) for number in range(4)]
    for number, moment in enumerate((days[0], days[1] - timedelta(seconds=1), days[2], days[3])):
        store.record_cards([dataclasses.replace(CARD, card=f"card-{number}")], moment)

    assert store.shown_between(days) == [2, 0, 1]
    assert store.shown_between([day + timedelta(days=30) for day in days]) == [0, 0, 0]
