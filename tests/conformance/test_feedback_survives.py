"""Feedback that was acknowledged is in the store, once, whatever happens to the service right after."""

from __future__ import annotations

import itertools
import threading
import time
from pathlib import Path

import pytest
import requests

from cds_service.storage.store import Store
from tests.conformance.server import Running, running

WHEN = "2025-10-01T09:30:00Z"
CLIENTS = 4
STORM_SECONDS = 2.0


def item(name: str) -> dict[str, object]:
    return {"card": name, "outcome": "accepted", "acceptedSuggestions": [{"id": "s"}], "outcomeTimestamp": WHEN}


def post(session: requests.Session, url: str, name: str) -> bool:
    """Whether the item was acknowledged; a connection that breaks acknowledges nothing."""
    path = f"{url}/cds-services/b12-patient-view/feedback"
    try:
        return session.post(path, json={"feedback": [item(name)]}, timeout=10).status_code == 200
    except requests.RequestException:
        return False


def storm(service: Running) -> tuple[set[str], set[str]]:
    """Post from several clients at once, kill the service in the middle; what was sent, and what was acknowledged."""
    sent: set[str] = set()
    acknowledged: set[str] = set()
    is_over = threading.Event()

    def send(client: int) -> None:
        with requests.Session() as session:
            for number in itertools.count():
                if is_over.is_set():
                    return
                name = f"{client}-{number}"
                sent.add(name)
                if post(session, service.url, name):
                    acknowledged.add(name)

    clients = [threading.Thread(target=send, args=(client,)) for client in range(CLIENTS)]
    for client in clients:
        client.start()
    time.sleep(STORM_SECONDS)
    service.kill()
    is_over.set()
    for client in clients:
        client.join()
    return sent, acknowledged


@pytest.mark.verifies("CDSH-101")
def test_every_acknowledged_item_is_stored_once_although_the_service_was_killed(tmp_path: Path) -> None:
    with running(tmp_path) as service:
        sent, acknowledged = storm(service)
    store = Store(f"sqlite:///{service.database}")
    stored = [record.card for record in store.feedback_history()]

    assert len(acknowledged) > CLIENTS
    assert acknowledged - set(stored) == set()
    assert len(stored) == len(set(stored))

    with running(tmp_path) as again, requests.Session() as session:
        assert all(post(session, again.url, name) for name in sent)

    assert sorted(record.card for record in store.feedback_history()) == sorted(sent)
    store.close()
