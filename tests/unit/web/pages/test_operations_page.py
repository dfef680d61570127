"""The operations page: who sees it, what it says, and that nothing of a patient can stand on it."""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cds_service.config import Settings, Trust
from cds_service.errors import InvalidSettings
from cds_service.storage.store import CardShown, Feedback, Store
from cds_service.web.pages.operations import _fetched_state, operations_page
from cds_service.web.pages.operator import TRIES_PER_MINUTE
from cds_service.web.trust.admission import Admission
from cds_service.web.trust.key_source import FRESH_SECONDS, STALE_SECONDS, KeyState
from tests.signing import BASE, Signer
from tests.unit.web.conftest import Edge, context, hook_request

PASSWORD = "a long enough pass phrase, with ü"  # pragma: allowlist secret
CLOSED = {"trust": Trust.OPEN_INSECURE, "operations_password": PASSWORD}
NOW = datetime.now(UTC)


def get(client: FlaskClient, password: str, user: str = "anyone", **more: Any) -> TestResponse:
    credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
    return client.get("/operations", headers={"Authorization": f"Basic {credentials}"}, **more)


def words(answer: TestResponse) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.get_data(as_text=True)))


def card(number: int, *rules: str, shown: str = "card") -> CardShown:
    return CardShown(f"{shown}-{number}", "b12-patient-view", rules, "warning", "v1")


def outcome(number: int, outcome: str, **more: str) -> Feedback:
    return Feedback("b12-patient-view", f"card-{number}", outcome, NOW, **more)


@pytest.fixture
def filled(edge: Edge) -> FlaskClient:
    """A service some of whose cards were accepted and overridden."""
    edge.store.record_cards([card(n, "B12-DX-01") for n in range(4)] + [card(4, "B12-DX-01", "B12-RX-01")], NOW)
    edge.store.record_cards([card(9, "B12-MON-01", shown="old")], NOW - timedelta(days=100))
    items = [
        outcome(0, "accepted"),
        outcome(1, "overridden", reason_system="urn:x", reason_code="Anna Miller", comment="Berta Brown"),
        outcome(2, "overridden"),
    ]
    edge.store.record_feedback(items, NOW)
    return edge.client()


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({}, 200),
        ({"trust": Trust.OPEN_INSECURE}, 404),
        ({"host": "0.0.0.0"}, 404),
        (CLOSED, 401),
        ({"operations_password": PASSWORD}, 401),
    ],
    ids=["this machine alone", "anyone", "any address", "with a password", "with a password on this machine"],
)
def test_without_a_password_there_is_no_page_but_for_this_machine(
    edge: Edge, settings: dict[str, Any], status: int
) -> None:
    assert edge.client(**settings).get("/operations").status_code == status


def test_it_opens_with_the_password_and_with_nothing_else(edge: Edge) -> None:
    client = edge.client(**CLOSED)
    refused = client.get("/operations")

    assert refused.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert "asks for its password" in words(refused)
    assert get(client, PASSWORD).status_code == 200
    assert get(client, PASSWORD, user="").status_code == 200
    for wrong in ("", PASSWORD[:-1], PASSWORD + " ", PASSWORD.upper()):
        assert get(client, wrong).status_code == 401
    for odd in ("Basic", "Basic !!", "Bearer abc", "Basic " + base64.b64encode(b"\xff:\xfe").decode()):
        assert client.get("/operations", headers={"Authorization": odd}).status_code == 401


def test_neither_page_is_kept_by_a_browser_or_a_proxy(edge: Edge) -> None:
    client = edge.client(**CLOSED)
    for answer in (client.get("/operations"), get(client, PASSWORD)):
        assert answer.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_who_tries_too_often_must_wait_even_with_the_right_password(edge: Edge) -> None:
    client = edge.client(**CLOSED)
    for _ in range(TRIES_PER_MINUTE):
        assert get(client, "a guess of sixteen").status_code == 401
    late = get(client, PASSWORD)

    assert late.status_code == 429
    assert int(late.headers["Retry-After"]) > 0
    assert "Too many tries" in words(late)
    assert get(client, PASSWORD, environ_base={"REMOTE_ADDR": "10.0.0.9"}).status_code == 200
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize("password", ["short", "fifteen letters"])
def test_a_short_password_stops_the_start_and_is_not_repeated(password: str) -> None:
    with pytest.raises(InvalidSettings, match="B12_OPERATIONS_PASSWORD: must have 16") as error:
        Settings.from_environment({"B12_OPERATIONS_PASSWORD": password})
    assert password not in str(error.value)


def test_the_password_is_in_no_print_of_the_settings() -> None:
    settings = Settings.from_environment({"B12_OPERATIONS_PASSWORD": PASSWORD})
    assert settings.operations_password == PASSWORD
    assert PASSWORD not in repr(settings)
    assert Settings.from_environment({"B12_OPERATIONS_PASSWORD": ""}).operations_password == ""


def test_it_tells_health_database_and_whose_errors_these_are(edge: Edge) -> None:
    text = words(edge.client().get("/operations"))

    assert "Ready: the knowledge is loaded and the database can be written." in text
    assert re.search(r"Process \d+, one of 2, since \d{4}-\d\d-\d\d \d\d:\d\d UTC\. Its errors", text)
    assert re.search(r"SQLite, tables of revision \w+: 0 cards shown, 0 items of feedback, 0 used tokens", text)
    assert "None since it started." in text
    assert "No card was shown since" in text
    assert "so there are no keys" in text


def test_the_cards_of_each_rule_are_counted_with_what_became_of_them(filled: FlaskClient) -> None:
    page = filled.get("/operations").get_data(as_text=True)
    rows = re.findall(r"<tr><th scope=\"row\">(.*?)</tr>", page.partition('class="use"')[2], re.DOTALL)
    first, second = (re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", row)).split() for row in rows)

    assert first[0] == "B12-DX-01"
    assert [part for part in first if part.isdigit()][:4] == ["5", "1", "2", "2"]
    assert "67 % 2 of 3 1 × another reason" in " ".join(first)
    assert second[0] == "B12-RX-01"
    assert "None answered" in " ".join(second)
    assert "5 in all" in page


def test_bars_are_drawn_to_one_scale(filled: FlaskClient) -> None:
    page = filled.get("/operations").get_data(as_text=True)
    first, second = re.findall(r'<td class="drawn">(<svg.*?</svg>)', page)

    assert [float(width) for width in re.findall(r' width="([\d.]+)"', first)] == [20, 40, 40]
    assert [float(width) for width in re.findall(r' width="([\d.]+)"', second)] == [20]
    assert "style=" not in page


def test_how_far_back_is_chosen_and_an_odd_choice_is_the_usual_one(filled: FlaskClient) -> None:
    assert "B12-MON-01" not in words(filled.get("/operations?days=30"))
    assert "B12-MON-01" in words(filled.get("/operations?days=365"))
    odd = filled.get("/operations?days=9999999999999")
    assert odd.status_code == 200
    assert '30" aria-current' in odd.get_data(as_text=True).replace("#cards", "")


def test_no_clients_words_and_no_made_up_code_are_shown(filled: FlaskClient) -> None:
    page = filled.get("/operations").get_data(as_text=True)
    assert "another reason" in page
    assert "Anna" not in page
    assert "Berta" not in page
    assert "card-1" not in page


def test_errors_are_shown_without_what_was_sent(edge: Edge) -> None:
    client = edge.client()
    client.post(
        "/cds-services/b12-patient-view",
        json=hook_request(context=context(patientId="<b>Anna</b>")),
    )
    page = client.get("/operations").get_data(as_text=True)

    assert '<td>context.patientId</td><td class="when">POST /cds-services/&lt;service_id&gt;</td>' in page
    assert "Anna" not in page


def test_without_its_database_it_says_so_and_shows_the_rest(edge: Edge, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    edge.store = Store(f"sqlite:///{tmp_path}/file/b12.sqlite3")
    answer = edge.client().get("/operations")

    assert answer.status_code == 200
    assert "Not ready: the database cannot be reached. Hooks go on working; feedback is not taken." in words(answer)
    assert "Not known while the database is away." in words(answer)


def test_cards_that_could_not_be_noted_are_told(edge: Edge, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    edge.store = Store(f"sqlite:///{tmp_path}/file/b12.sqlite3")
    client = edge.client()
    client.post("/cds-services/b12-patient-view", json=hook_request())

    assert "1 were shown while the database was away" in words(client.get("/operations"))


def test_the_keys_of_each_client_are_told_and_nobody_is_asked_for_them(edge: Edge, tmp_path: Path) -> None:
    common = {"services": ["b12-patient-view"]}
    listed = {"id": "st-elsewhere", "issuer": "https://a.example.org", "keys": [Signer.of("ES384").jwk], **common}
    fetched = {"id": "county", "issuer": "https://b.example.org", "jwks_url": "https://b.example.org/jwks", **common}
    path = tmp_path / "clients.yaml"
    path.write_text(json.dumps({"clients": [listed, fetched]}))
    client = edge.client(trust=Trust.REQUIRED, clients=path, external_url=BASE, operations_password=PASSWORD)
    text = words(get(client, PASSWORD))

    assert "st-elsewhere Listed 1 The client file – –" in text
    assert "county Not needed yet 0 Fetched – –" in text
    assert client.get("/operations").status_code == 401


@pytest.mark.parametrize(
    ("fetched", "asked", "problem", "told", "is_well"),
    [
        (None, None, "", "not needed yet", True),
        (None, 5, "FhirServerFailed", "never fetched; the last call failed (FhirServerFailed): its calls", False),
        (5, 5, "", "fresh", True),
        (FRESH_SECONDS, FRESH_SECONDS, "", "fetched again at its next call", True),
        (FRESH_SECONDS, 5, "FhirServerFailed", "kept from before; the last call failed", False),
        (STALE_SECONDS, 5, "FhirServerFailed", "too old", False),
    ],
)
def test_the_age_of_fetched_keys_is_told(
    fetched: int | None, asked: int | None, problem: str, told: str, is_well: bool
) -> None:
    moments = [None if seconds is None else NOW - timedelta(seconds=seconds) for seconds in (fetched, asked)]
    state, well = _fetched_state(KeyState(1, True, *moments, problem), NOW)

    assert state.startswith(told)
    assert well is is_well


def test_a_client_file_that_is_not_in_force_is_told(edge: Edge) -> None:
    ours = edge.app().extensions["b12-cds edge"]
    page = operations_page(ours, Admission(lambda: None, lambda: "B12_CLIENTS: <clients.yaml>", tuple), "", NOW)

    assert "those from before are still admitted. B12_CLIENTS: &lt;clients.yaml&gt;" in page
