"""How an application asks who calls: which routes it asks at, and what it says at its start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from cds_service.config import Trust
from cds_service.errors import InvalidSettings
from cds_service.web.logs import set_up_logs
from tests.signing import BASE, Signer
from tests.unit.web.conftest import Edge, hook_request

KEY = Signer.of("ES384")
PATH = "/cds-services/b12-patient-view"


@pytest.fixture
def required(tmp_path: Path) -> dict[str, Any]:
    entry = {
        "id": "st-elsewhere",
        "issuer": "https://ehr.example.org/fhir",
        "keys": [KEY.jwk],
        "services": ["b12-patient-view"],
    }
    path = tmp_path / "clients.yaml"
    path.write_text(json.dumps({"clients": [entry]}))
    return {"trust": Trust.REQUIRED, "clients": path, "external_url": BASE}


def test_every_route_of_cds_hooks_asks_for_a_token(edge: Edge, required: dict[str, Any]) -> None:
    app = edge.app(**required)
    client = app.test_client()
    asked = 0
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/cds-services"):
            continue
        for method in (rule.methods or set()) - {"OPTIONS"}:
            address = rule.rule.replace("<service_id>", "b12-patient-view")
            assert client.open(address, method=method, json={}).status_code == 401, (method, address)
            asked += 1

    assert asked >= 4


@pytest.mark.parametrize(
    "address", ["//cds-services", "/cds-services/", "/./cds-services", "/CDS-services", "/x/../cds-services"]
)
def test_no_way_of_writing_an_address_leads_past_the_question(
    address: str, edge: Edge, required: dict[str, Any]
) -> None:
    response = edge.client(**required).get(address, follow_redirects=True)

    assert response.status_code in (401, 404) or response.request.path == "/"  # `//x` is read as a host and its root
    assert b"b12-patient-view" not in response.data


def test_an_answer_is_logged_with_the_client_and_a_refusal_with_its_cause(
    edge: Edge, required: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    client = edge.client(**required)
    set_up_logs("INFO")
    try:
        for authorization in (KEY.bearer(), KEY.bearer(aud=BASE)):
            client.post(PATH, json=hook_request(), headers={"Authorization": authorization})
    finally:
        structlog.reset_defaults()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    told = [(line["event"], line.get("client"), line.get("error"), line.get("status")) for line in lines]
    assert told == [
        ("answered", "st-elsewhere", None, 200),
        ("not admitted", "st-elsewhere", "audience", None),
        ("answered", "", None, 401),
    ]
    assert lines[1]["request"] == lines[2]["request"]


def test_the_demonstration_says_that_its_key_is_public(edge: Edge) -> None:
    with capture_logs() as logs:
        client = edge.client(trust=Trust.DEMO_SANDBOX)

    assert [(line["log_level"], line["setting"]) for line in logs] == [("warning", "B12_TRUST=demo-sandbox")]
    assert "private key is public" in logs[0]["event"]
    assert client.get("/cds-services").status_code == 401


def test_open_trust_says_nothing(edge: Edge) -> None:
    with capture_logs() as logs:
        edge.app()

    assert logs == []


def test_without_an_external_address_no_token_could_be_for_us(edge: Edge, required: dict[str, Any]) -> None:
    with pytest.raises(InvalidSettings, match="B12_EXTERNAL_URL"):
        edge.app(**{**required, "external_url": ""})


def test_a_bad_client_file_stops_the_start(edge: Edge, required: dict[str, Any]) -> None:
    required["clients"].write_text("clients: []")

    with pytest.raises(InvalidSettings, match=r"clients\.yaml: must hold one key"):
        edge.app(**required)
    with pytest.raises(InvalidSettings, match="B12_CLIENTS: is not set"):
        edge.app(**{**required, "clients": None})
