"""The file of clients is changed while the service runs: every worker follows, and a bad change opens no door."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from tests.conformance.server import Running, running
from tests.signing import BASE, Signer

OLD, NEW = Signer.of("ES384", "old"), Signer.of("ES384", "new")
DISCOVERY = f"{BASE}/cds-services"
WORKERS = 2
ALL_OF_THEM = 24  # calls, each on a connection of its own, so that each worker gets some


def entry(signer: Signer, name: str) -> dict[str, Any]:
    return {"id": name, "issuer": f"urn:{name}", "keys": [signer.jwk], "services": ["b12-patient-view"]}


def put(path: Path, text: str) -> None:
    """Put the file in place as a whole."""
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").replace(path)


def file_of(*entries: dict[str, Any]) -> str:
    return json.dumps({"clients": entries})


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clients") / "clients.yaml"
    put(path, file_of(entry(OLD, "old")))
    return path


@pytest.fixture(scope="module")
def service(clients: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    settings = {
        "B12_TRUST": "required",
        "B12_CLIENTS": str(clients),
        "B12_EXTERNAL_URL": BASE,
        "B12_WORKERS": str(WORKERS),
    }
    with running(tmp_path_factory.mktemp("service"), **settings) as started:
        yield started


def statuses(service: Running, signer: Signer, name: str, calls: int = ALL_OF_THEM) -> set[int]:
    """What the workers answer to this client."""

    def call() -> int:
        token = signer.bearer(iss=f"urn:{name}", aud=DISCOVERY)
        return requests.get(f"{service.url}/cds-services", headers={"Authorization": token}, timeout=20).status_code

    return {call() for _ in range(calls)}


def soon(holds: Callable[[], bool]) -> bool:
    """Whether it comes to hold: looked at every few seconds, so within twice as long, and a machine may be slow."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.3)
    return False


def ready(service: Running) -> list[dict[str, Any]]:
    answers = [requests.get(f"{service.url}/readyz", timeout=20) for _ in range(ALL_OF_THEM)]
    assert {answer.status_code for answer in answers} == {200}
    return [answer.json() for answer in answers]


def test_the_file_is_followed_and_never_for_the_worse(service: Running, clients: Path) -> None:
    """One story, as each step stands on the one before."""
    assert statuses(service, OLD, "old") == {200}
    assert statuses(service, NEW, "new") == {401}
    assert {body["clients"] for body in ready(service)} == {"ok"}

    put(clients, file_of(entry(OLD, "old"), entry(NEW, "new")))
    assert soon(lambda: statuses(service, NEW, "new") == {200})
    assert statuses(service, OLD, "old") == {200}

    put(clients, file_of(entry(NEW, "new")))  # withdrawn
    assert soon(lambda: statuses(service, OLD, "old") == {401})

    secret = private_member(OLD)
    bad = {**entry(OLD, "old"), "keys": [{**OLD.jwk, "d": secret}]}
    put(clients, file_of(bad, entry(NEW, "new")))
    told = "the changed file cannot be used; the clients from before hold"
    assert soon(lambda: {body["clients"] for body in ready(service)} == {told})
    assert statuses(service, OLD, "old") == {401}
    assert statuses(service, NEW, "new") == {200}

    clients.unlink()
    assert soon(lambda: statuses(service, NEW, "new") == {200} and faults(service) == 2 * WORKERS)
    assert {body["clients"] for body in ready(service)} == {told}

    put(clients, file_of(entry(OLD, "old")))
    assert soon(lambda: {body["clients"] for body in ready(service)} == {"ok"})
    assert statuses(service, OLD, "old") == {200}
    assert statuses(service, NEW, "new") == {401}

    log = service.log.read_text()
    assert log.count("client 'old': keys: key 1 holds a private or secret key") == WORKERS  # each says it once
    assert log.count("clients.yaml: cannot be read") == WORKERS
    assert faults(service) == 2 * WORKERS
    assert secret not in log


def faults(service: Running) -> int:
    """How often the log says that the file cannot be used."""
    return service.log.read_text().count("file cannot be used; what held before holds on")


def private_member(signer: Signer) -> str:
    assert isinstance(signer.key, EllipticCurvePrivateKey)
    return str(signer.private_jwk["d"])


def test_while_the_file_is_changed_a_client_that_stays_is_never_refused(service: Running, clients: Path) -> None:
    put(clients, file_of(entry(OLD, "old")))
    assert soon(lambda: statuses(service, OLD, "old") == {200})
    seen: set[int] = set()
    end = time.monotonic() + 10
    turn = 0
    while time.monotonic() < end:
        turn += 1
        more = [entry(NEW, "new")] if turn % 2 else []
        put(clients, file_of(entry(OLD, "old"), *more) if turn % 5 else "clients: [")
        os.utime(clients)
        seen |= statuses(service, OLD, "old", calls=40)

    assert turn > 5
    assert seen == {200}
