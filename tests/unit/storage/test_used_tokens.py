"""A token is used once, whoever asks and however often; what has expired is forgotten."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cds_service.errors import TemporarilyUnavailable
from cds_service.storage.store import Store
from tests.databases import Database

NOW = datetime(2025, 10, 1, 9, 30, tzinfo=UTC)
SOON = NOW + timedelta(minutes=5)


def test_the_first_use_counts_and_no_other(store: Store) -> None:
    assert store.use_token("issuer", "1", SOON, NOW)
    assert not store.use_token("issuer", "1", SOON, NOW)
    assert not store.use_token("issuer", "1", SOON + timedelta(hours=1), NOW)
    assert store.use_token("issuer", "2", SOON, NOW)
    assert store.use_token("other issuer", "1", SOON, NOW)


@pytest.mark.parametrize("jti", ["", "a" * 10_000, "\x00", "\ud800", "'; DROP TABLE seen_jti; --", "é"])
def test_any_text_can_be_a_jti_and_none_of_it_is_kept(jti: str, store: Store, database: Database) -> None:
    assert store.use_token("issuer", jti, SOON, NOW)
    assert not store.use_token("issuer", jti, SOON, NOW)

    ((kept,),) = database.execute("SELECT jti FROM seen_jti")
    assert len(kept) == 64


def test_case_and_form_of_letters_make_another_token(store: Store) -> None:
    assert store.use_token("issuer", "a", SOON, NOW)
    assert store.use_token("issuer", "A", SOON, NOW)


def test_a_restart_and_another_process_remember(store: Store, database: Database) -> None:
    assert store.use_token("issuer", "1", SOON, NOW)
    other = database.store()

    assert not other.use_token("issuer", "1", SOON, NOW)
    other.close()


def test_of_many_at_once_one_is_the_first(database: Database) -> None:
    stores = [database.store() for _ in range(4)]
    firsts: list[bool] = []
    start = threading.Barrier(len(stores))

    def use(store: Store) -> None:
        start.wait(10)
        firsts.extend(store.use_token("issuer", str(number), SOON, NOW) for number in range(10))

    threads = [threading.Thread(target=use, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for store in stores:
        store.close()

    assert len(firsts) == 40
    assert firsts.count(True) == 10


def test_expired_tokens_are_forgotten_but_not_at_once(store: Store) -> None:
    assert store.use_token("issuer", "old", SOON, NOW)
    assert store.use_token("issuer", "new", SOON + timedelta(hours=1), SOON + timedelta(minutes=2))
    assert store.count_tokens() == 2  # another machine's clock may not be so far

    assert store.use_token("issuer", "newer", SOON + timedelta(hours=1), SOON + timedelta(minutes=6))
    assert store.count_tokens() == 2


def test_forgetting_is_not_done_at_every_call(store: Store) -> None:
    assert store.use_token("issuer", "old", NOW - timedelta(hours=2), NOW)
    assert store.count_tokens() == 0
    assert store.use_token("issuer", "old", NOW - timedelta(hours=2), NOW + timedelta(seconds=10))
    assert store.count_tokens() == 1
    assert store.use_token("issuer", "1", SOON, NOW + timedelta(seconds=70))
    assert store.count_tokens() == 1


def test_without_a_database_no_token_is_accepted(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(f"sqlite:///{tmp_path}/file/b12.sqlite3")

    with pytest.raises(TemporarilyUnavailable):
        store.use_token("issuer", "1", SOON, NOW)
    store.close()


def test_where_the_database_goes_away_no_token_is_accepted(store: Store, database: Database) -> None:
    assert store.use_token("issuer", "1", SOON, NOW)
    database.execute("DROP TABLE seen_jti")

    with pytest.raises(TemporarilyUnavailable, match="cannot be told"):
        store.use_token("issuer", "2", SOON, NOW)
