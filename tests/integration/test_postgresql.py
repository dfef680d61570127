"""The whole service on PostgreSQL: several processes, clients who sign, and a database that goes and comes back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.conformance.server import ROOT, Running, running
from tests.databases import Database

STORY = (ROOT / "fixtures/metformin-neuropathy-untested/patient-view.request.json").read_bytes()
HEADERS = {"Content-Type": "application/json"}


@pytest.fixture
def service(postgresql_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("service")
    with running(folder, B12_DATABASE_URL=postgresql_database.url, B12_WORKERS="2") as found:
        yield found


def fire(service: Running) -> str:
    """The uuid of the card that the story's patient gets."""
    answer = requests.post(f"{service.url}/cds-services/b12-patient-view", STORY, headers=HEADERS, timeout=10)
    (card,) = answer.json()["cards"]
    return str(card["uuid"])


def report(service: Running, card: str) -> requests.Response:
    item = {"card": card, "outcome": "overridden", "outcomeTimestamp": "2025-10-01T09:30:00Z"}
    return requests.post(f"{service.url}/cds-services/b12-patient-view/feedback", json={"feedback": [item]}, timeout=10)


def test_cards_and_what_became_of_them_meet_in_the_database(service: Running, postgresql_database: Database) -> None:
    cards = {fire(service) for _ in range(6)}
    for card in cards:
        assert report(service, card).status_code == 200

    store = postgresql_database.store()
    assert {record.card for record in store.feedback_history() if record.rules} == cards
    assert {(each.rule, each.shown, each.overridden) for each in store.feedback_by_rule()} >= {("B12-TEST-01", 6, 6)}
    store.close()


def test_killed_connections_cost_no_answer_and_no_feedback(service: Running, postgresql_database: Database) -> None:
    for _ in range(3):
        postgresql_database.kill_connections()
        assert report(service, fire(service)).status_code == 200

    assert requests.get(f"{service.url}/ready", timeout=10).status_code == 200


def test_while_nobody_may_write_hooks_answer_and_feedback_waits(
    service: Running, postgresql_database: Database
) -> None:
    fire(service)
    for table in ("feedback", "cards_shown", "seen_jti"):
        postgresql_database.execute(f"ALTER TABLE {table} RENAME TO {table}_away")

    card = fire(service)
    refused = report(service, card)
    assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
    assert requests.get(f"{service.url}/ready", timeout=10).status_code == 503
    assert requests.get(f"{service.url}/health", timeout=10).status_code == 200
    told = service.log.read_text()
    assert '"error": "UndefinedTable 42P01"' in told
    assert card not in told
    assert "overridden" not in told

    for table in ("feedback", "cards_shown", "seen_jti"):
        postgresql_database.execute(f"ALTER TABLE {table}_away RENAME TO {table}")
    assert report(service, card).status_code == 200
