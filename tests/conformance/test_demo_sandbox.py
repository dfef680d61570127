"""The public CDS Hooks sandbox as a client (B12_TRUST=demo-sandbox): its calls open, and nothing but its calls.

Its private key is not with us, so a key of the same kind stands in for it; its public key is read as it is shipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from structlog.testing import capture_logs

from cds_service.config import Trust
from cds_service.web.trust import demo_sandbox
from cds_service.web.trust.public_keys import read_key
from tests.conformance.server import running
from tests.signing import Signer
from tests.unit.web.conftest import Edge, hook_request

ISSUER = "https://sandbox.cds-hooks.org"
JKU = f"{ISSUER}/.well-known/jwks.json"
KID = "44823f3d-0b01-4a6c-a80e-b9d3e8a7226f"
STAND_IN, STRANGER = Signer.of("ES384", KID), Signer.of("ES384", KID)
PATH = "/cds-services/b12-patient-view"
FEEDBACK = {"feedback": [{"card": "c", "outcome": "overridden", "outcomeTimestamp": "2025-10-01T09:30:00Z"}]}


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    made = Edge(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def client(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setattr(demo_sandbox, "_KEY", STAND_IN.jwk)
    return edge.client(trust=Trust.DEMO_SANDBOX)


def signed(path: str, signer: Signer = STAND_IN, base: str = "http://localhost:8000", **header: Any) -> dict[str, str]:
    """The header of a call as the sandbox makes it: `aud` is the address to the letter, and no `sub` or `tenant`."""
    return {"Authorization": signer.bearer({"jku": JKU, **header}, iss=ISSUER, aud=f"{base}{path}")}


def test_the_shipped_key_is_one_of_the_same_kind() -> None:
    shipped, stand_in = read_key(demo_sandbox._KEY), read_key(STAND_IN.jwk)

    assert (shipped.kid, shipped.algorithms, type(shipped.key)) == (KID, {"ES384"}, type(stand_in.key))
    assert demo_sandbox._KEY.keys() == STAND_IN.jwk.keys()


@pytest.mark.parametrize("base", ["http://localhost:8000", "http://127.0.0.1:8000"])
def test_each_endpoint_opens_to_the_sandbox(base: str, client: FlaskClient, edge: Edge) -> None:
    assert client.get("/cds-services", headers=signed("/cds-services", base=base)).status_code == 200
    assert client.post(PATH, json=hook_request(), headers=signed(PATH, base=base)).status_code == 200
    told = client.post(f"{PATH}/feedback", json=FEEDBACK, headers=signed(f"{PATH}/feedback", base=base))
    assert told.status_code == 200
    assert (len(edge.calls), edge.store.count_feedback()) == (1, 1)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(PATH, STRANGER),
        signed(PATH, jku="https://sandbox.cds-hooks.org.example.org/.well-known/jwks.json"),
        signed(PATH, kid="another"),
        signed(PATH, base="https://cds.example.org"),
        signed("/cds-services"),
    ],
    ids=["no token", "another key", "another jku", "another kid", "for another machine", "for discovery"],
)
def test_nobody_else_is_let_in(headers: dict[str, str], client: FlaskClient, edge: Edge) -> None:
    assert client.post(PATH, json=hook_request(), headers=headers).status_code == 401
    assert edge.calls == []


def test_a_token_of_the_sandbox_opens_once(client: FlaskClient) -> None:
    headers = signed(PATH)

    assert [client.post(PATH, json=hook_request(), headers=headers).status_code for _ in "ab"] == [200, 401]


def test_the_stand_in_does_not_open_where_the_shipped_key_is_trusted(edge: Edge) -> None:
    with capture_logs() as logs:
        client = edge.client(trust=Trust.DEMO_SANDBOX)
        assert client.post(PATH, json=hook_request(), headers=signed(PATH)).status_code == 401

    assert "signature" in [line.get("error") for line in logs]


def test_a_running_demonstration_says_loudly_whom_it_trusts(tmp_path: Path) -> None:
    with running(tmp_path, B12_TRUST="demo-sandbox", B12_WORKERS="1") as service:
        assert requests.get(f"{service.url}/cds-services", timeout=20).status_code == 401
        assert requests.get(f"{service.url}/ready", timeout=20).status_code == 200
        lines = [json.loads(line) for line in service.log.read_text().splitlines() if line.startswith("{")]

    (warning,) = [line for line in lines if line["level"] == "warning" and "setting" in line]
    assert warning["event"].startswith("ANYONE CAN SIGN AS THE CDS HOOKS SANDBOX")
    assert warning["setting"] == "B12_TRUST=demo-sandbox"
