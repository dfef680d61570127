"""The file of clients: what can be meant is read, and what cannot stops the start with how to mend it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cds_service.cli import commands
from cds_service.config import Settings
from cds_service.errors import InvalidSettings
from cds_service.service import CdsService
from cds_service.web.trust.client import Client, Clients
from cds_service.web.trust.client_file import FetchedKeySets, clients_of, read_clients
from cds_service.web.trust.demo_sandbox import demo_document
from cds_service.web.trust.key_source import FetchedKeys, ListedKeys
from tests.signing import Signer
from tests.unit.web.conftest import Edge

DEPLOYING = Path(__file__).parents[4] / "docs" / "deploying.md"
KEY = Signer.of("ES384")
ENTRY: dict[str, Any] = {
    "id": "ehr",
    "issuer": "https://ehr.example.org",
    "keys": [KEY.jwk],
    "services": ["b12-patient-view"],
}
FETCHED = {**{name: value for name, value in ENTRY.items() if name != "keys"}, "jwks_url": "https://ehr.example.org/k"}


@pytest.fixture
def services(edge: Edge) -> tuple[CdsService, ...]:
    return (edge.service("patient-view"), edge.service("order-select"))


@pytest.fixture
def read(tmp_path: Path, services: tuple[CdsService, ...]) -> Callable[..., Clients]:
    def reading(text: str | list[Any], **settings: Any) -> Clients:
        path = tmp_path / "clients.yaml"
        path.write_text(text if isinstance(text, str) else json.dumps({"clients": text}))
        return read_clients(Settings(clients=path, **settings), services)

    return reading


def only(clients: Clients) -> Client:
    """The one client that there is."""
    ((client,),) = clients.values()
    return client


def test_a_file_as_the_page_shows_it_is_read(read: Callable[..., Clients]) -> None:
    page = DEPLOYING.read_text(encoding="utf-8")
    text = page.partition("```yaml\n")[2].partition("```")[0].replace(", b12-order-sign", "")

    client = only(read(text))

    assert (client.id, client.issuer) == ("st-elsewhere", "https://ehr.example.org/fhir")
    assert isinstance(client.keys, FetchedKeys)
    assert client.jku == "https://ehr.example.org/.well-known/jwks.json"
    assert client.algorithms == {"ES384", "RS384"}
    assert client.fhir_origins == ("https://ehr.example.org",)
    assert (client.tenants, client.never_sent, client.one_action) == (None, None, None)


def test_every_key_of_the_file_is_told_by_the_page(read: Callable[..., Clients]) -> None:
    page = DEPLOYING.read_text(encoding="utf-8")
    table = page.partition("## Who may call")[2].partition("A token holds")[0]
    with pytest.raises(InvalidSettings) as error:
        read([{**ENTRY, "zzzzzz": 1}])

    for key in str(error.value).partition("write one of ")[2].split(", "):
        assert f"`{key}`" in table


def test_keys_may_be_written_as_the_client_publishes_them(read: Callable[..., Clients]) -> None:
    client = only(read([{**ENTRY, "keys": {"keys": [KEY.jwk]}}]))

    assert isinstance(client.keys, ListedKeys)
    assert client.jku == ""


def test_clients_are_found_by_issuer(read: Callable[..., Clients]) -> None:
    other = {**FETCHED, "id": "other", "issuer": "urn:other", "tenants": ["a"], "never_sent": [], "fhir_origins": []}
    clients = read([ENTRY, other])

    assert {issuer: [client.id for client in of_it] for issuer, of_it in clients.items()} == {
        "https://ehr.example.org": ["ehr"],
        "urn:other": ["other"],
    }
    assert clients["urn:other"][0].tenants == {"a"}
    assert clients["urn:other"][0].fhir_origins == ()  # none at all, which is not the same as those of the settings


def test_several_clients_of_one_issuer_are_told_apart_by_tenant(read: Callable[..., Clients]) -> None:
    clients = read([{**ENTRY, "id": name, "tenants": [name, f"{name}-test"]} for name in ("north", "south")])

    assert [(client.id, client.tenants) for client in clients[ENTRY["issuer"]]] == [
        ("north", {"north", "north-test"}),
        ("south", {"south", "south-test"}),
    ]


@pytest.mark.parametrize(
    ("north", "south", "told"),
    [
        (["a"], None, "issuer: 'https://ehr.example.org' stands at 2 clients; give each of them its own issuer, or"),
        (None, None, "issuer: 'https://ehr.example.org' stands at 2 clients"),
        (["a", "b"], ["b"], "tenants: 'b' stands at 2 clients of the issuer 'https://ehr.example.org'; leave it"),
    ],
)
def test_what_could_mean_either_of_two_clients_stops_the_start(
    north: Any, south: Any, told: str, read: Callable[..., Clients]
) -> None:
    entries = [{**ENTRY, "id": "north", "tenants": north}, {**ENTRY, "id": "south", "tenants": south}]

    with pytest.raises(InvalidSettings) as error:
        read([{name: value for name, value in entry.items() if value is not None} for entry in entries])

    assert told in str(error.value)


def test_a_tenant_that_one_client_lists_twice_is_no_doubt(read: Callable[..., Clients]) -> None:
    assert read([{**ENTRY, "tenants": ["a", "a"]}])


def test_one_address_of_keys_is_asked_once_for_all_its_clients_and_after_every_reading(
    tmp_path: Path, services: tuple[CdsService, ...]
) -> None:
    path = tmp_path / "clients.yaml"
    path.write_text(json.dumps({"clients": [{**FETCHED, "id": name, "tenants": [name]} for name in "ab"]}))
    settings = Settings(clients=path)
    key_sets = FetchedKeySets(settings)

    read = [client.keys for _ in range(2) for client in read_clients(settings, services, key_sets)[ENTRY["issuer"]]]

    assert len(read) == 4
    assert len(set(map(id, read))) == 1


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({**ENTRY, "id": None}, "client number 1: id: is empty"),
        ({**ENTRY, "id": "St. Elsewhere"}, "client 'St. Elsewhere': id: must be lower-case letters"),
        ({**ENTRY, "issuer": ""}, "issuer: is empty"),
        ({**ENTRY, "issuer": 7}, "issuer: must be text"),
        ({**ENTRY, "issuer": "x" * 501}, "issuer: is longer than 500"),
        ({**ENTRY, "jwks_urls": "x"}, "jwks_urls: is not known; did you mean 'jwks_url'?"),
        ({**ENTRY, "jwks_url": "https://x.org"}, "jwks_url: give either jwks_url or keys"),
        ({"id": "ehr", "issuer": "x", "services": ["b12-patient-view"]}, "jwks_url: give either jwks_url or keys"),
        ({**FETCHED, "jku": "https://x.org"}, "jku: stands beside jwks_url"),
        ({**FETCHED, "jwks_url": "http://ehr.example.org/k"}, "jwks_url: the server is not called over https"),
        ({**FETCHED, "jwks_url": "http://localhost/k"}, "jwks_url: the server is not called over https"),
        ({**FETCHED, "jwks_url": "file:///etc/passwd"}, "jwks_url: the address is not a plain http or https URL"),
        ({**FETCHED, "jwks_url": "https://a@ehr.example.org/k"}, "jwks_url: the address is not a plain"),
        ({**ENTRY, "keys": []}, "keys: must be a list of 1 to 100"),
        ({**ENTRY, "keys": "x"}, "keys: must be a list of 1 to 100"),
        ({**ENTRY, "keys": [KEY.private_jwk]}, "keys: key 1 holds a private or secret key"),
        ({**ENTRY, "keys": [{"kty": "oct", "kid": "a"}]}, "keys: key 1 has a kty that is not EC, RSA or OKP"),
        ({**ENTRY, "keys": [KEY.jwk, KEY.jwk]}, "keys: key 2 has the kid of another key"),
        ({**ENTRY, "algorithms": ["HS256"]}, "algorithms[0]: 'HS256' is not known; write one of ES256"),
        ({**ENTRY, "algorithms": ["none"]}, "algorithms[0]: 'none' is not known"),
        ({**ENTRY, "algorithms": []}, "algorithms: is empty"),
        ({**ENTRY, "algorithms": ["RS384"]}, "algorithms: do not allow the key 'key-1'; add ES384"),
        ({**ENTRY, "tenants": []}, "tenants: is empty"),
        ({**ENTRY, "tenants": "north"}, "tenants: must be a list"),
        ({**ENTRY, "services": []}, "services: is empty"),
        ({**ENTRY, "services": ["b12-order"]}, "services: 'b12-order' is no service; write some of b12-patient-view"),
        ({**ENTRY, "fhir_origins": ["https://x.org/fhir"]}, "fhir_origins[0]: 'https://x.org/fhir' is no origin"),
        ({**ENTRY, "never_sent": ["patient"]}, "never_sent: b12-patient-view cannot do without 'patient'"),
        ({**ENTRY, "never_sent": ["lab"]}, "never_sent: 'lab' is no prefetch key"),
        ({**ENTRY, "one_action": "yes"}, "one_action: must be true or false"),
        ("ehr", "client number 1: it: must be keys and values"),
    ],
)
def test_what_cannot_be_meant_stops_the_start(entry: Any, told: str, read: Callable[..., Clients]) -> None:
    with pytest.raises(InvalidSettings) as error:
        read([entry])

    assert str(error.value).startswith("B12_CLIENTS: clients.yaml: client ")
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "must hold one key, `clients:`"),
        ("clients: []", "must hold one key, `clients:`"),
        ("clients: [{}]\nother: 1", "must hold one key, `clients:`"),
        ("clients: [", "is not YAML"),
        ("clients: " + "[" * 900 + "]" * 900, "is nested too deeply"),
        ("clients:\n- &a {id: x}\n- *a", "has an alias"),
        ("clients:\n- id: a\n  id: b", "the key 'id' is given twice"),
        ("clients:\n- !!python/object/apply:os.system ['id']", "client number 1"),
    ],
)
def test_a_file_of_another_shape_stops_the_start(text: str, told: str, read: Callable[..., Clients]) -> None:
    with pytest.raises(InvalidSettings, match=r"B12_CLIENTS: clients\.yaml") as error:
        read(text)

    assert told in str(error.value)


def test_two_clients_cannot_share_an_id(read: Callable[..., Clients]) -> None:
    with pytest.raises(InvalidSettings, match="id: 'ehr' stands at 2 clients; give each client its own"):
        read([ENTRY, {**ENTRY, "issuer": "urn:other"}])


def test_every_problem_is_told_at_once(read: Callable[..., Clients]) -> None:
    with pytest.raises(InvalidSettings) as error:
        read([{**ENTRY, "services": None, "one_action": 1}, {**ENTRY, "id": "b", "keys": 1}])

    fields = [line.split(": ")[2:4] for line in str(error.value).splitlines()]
    assert fields == [["client 'ehr'", "services"], ["client 'ehr'", "one_action"], ["client 'b'", "keys"]]


def test_plain_http_to_this_machine_is_for_development_only(read: Callable[..., Clients]) -> None:
    entry = {**FETCHED, "jwks_url": "http://localhost:9/k"}

    assert read([entry], fhir_allow_http_localhost=True)


def test_a_file_that_is_no_text_stops_the_start(tmp_path: Path, services: tuple[CdsService, ...]) -> None:
    path = tmp_path / "clients.yaml"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(InvalidSettings, match="cannot be read"):
        read_clients(Settings(clients=path), services)


def test_a_bad_file_is_told_once_and_before_any_worker_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "clients.yaml"
    path.write_text("clients: [{id: ehr}]")
    for name, value in {
        "B12_TRUST": "required",
        "B12_CLIENTS": str(path),
        "B12_EXTERNAL_URL": "https://cds.example.org",
    }.items():
        monkeypatch.setenv(name, value)

    done = CliRunner().invoke(commands, ["serve"])

    assert isinstance(done.exception, InvalidSettings)
    assert "client 'ehr': issuer: is missing" in str(done.exception)
    assert "Serving" not in done.output


def test_the_sandbox_is_a_client_like_any_other(services: tuple[CdsService, ...]) -> None:
    client = only(clients_of(demo_document(services), "demo", Settings(), services))

    assert client.issuer == "https://sandbox.cds-hooks.org"
    assert isinstance(client.keys, ListedKeys)  # nothing is fetched for it
    assert client.services == {"b12-patient-view", "b12-order-select"}
