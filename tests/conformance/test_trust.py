"""Who may call (CDS Hooks 2.0.1, "Trusting CDS Clients"): whoever is no registered client gets the one same 401."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import time_machine
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask.testing import FlaskClient
from pytest_httpserver import HTTPServer
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from cds_service.config import Trust
from cds_service.storage.store import Store
from cds_service.web.headers import SAFE
from tests.signing import ALGORITHMS, BASE, SERVICE, Signer, claims_of, encoded, jws
from tests.unit.web.conftest import Edge, hook_request

EHR, REMOTE, TENANTS = "https://ehr.example.org/fhir", "https://remote.example.org", "https://tenants.example.org"
EC, RSA, STRANGER = Signer.of("ES384", "ec"), Signer.of("RS384", "rsa"), Signer.of("ES384", "ec")
FETCHED = Signer.of("ES384", "fetched")
P256 = Signer.of("ES256", "p256")
WEST = Signer.of("ES384", "west")
DISCOVERY, PATH = "/cds-services", "/cds-services/b12-patient-view"
FEEDBACK = f"{PATH}/feedback"
LATER = {"feedback": [{"card": "c", "outcome": "overridden", "outcomeTimestamp": "2025-10-01T09:30:00Z"}]}
BODIES: dict[str, Any] = {PATH: hook_request(), FEEDBACK: LATER}
UNIFORM = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "login", "details": {"text": "Not authorised."}}],
}
UNIFORM_HEADERS = {
    "Content-Type": "application/json",
    "Content-Length": str(len(json.dumps(UNIFORM, separators=(",", ":")))),
    "WWW-Authenticate": "Bearer",
    **SAFE,
}
NOW = int(time.time())


def clients(jwks_url: str) -> list[dict[str, Any]]:
    both = ["b12-patient-view", "b12-order-select"]
    return [
        {
            "id": "ehr",
            "issuer": EHR,
            "keys": [EC.jwk, RSA.jwk, P256.jwk],
            "algorithms": ["ES256", "ES384", "RS384"],
            "services": ["b12-patient-view"],
            "jku": "https://ehr.example.org/jwks.json",
        },
        {"id": "remote", "issuer": REMOTE, "jwks_url": jwks_url, "services": both},
        {"id": "tenants", "issuer": TENANTS, "keys": [EC.jwk], "services": both, "tenants": ["north", "south"]},
        {"id": "west", "issuer": TENANTS, "keys": [WEST.jwk], "services": ["b12-patient-view"], "tenants": ["west"]},
    ]


def client_file(folder: Path, entries: list[dict[str, Any]]) -> Path:
    path = folder / "clients.yaml"
    path.write_text(json.dumps({"clients": entries}))  # JSON is YAML
    return path


@pytest.fixture(autouse=True)
def at_the_time_of_the_tokens() -> Iterator[None]:
    with time_machine.travel(NOW):
        yield


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    made = Edge(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def jwks_url(httpserver: HTTPServer) -> str:
    httpserver.expect_request("/jwks.json").respond_with_json({"keys": [FETCHED.jwk]})
    return httpserver.url_for("/jwks.json")


@pytest.fixture
def settings(tmp_path: Path, jwks_url: str) -> dict[str, Any]:
    return {
        "trust": Trust.REQUIRED,
        "external_url": f"{BASE}/",
        "fhir_allow_http_localhost": True,
        "cors_origins": (),
        "clients": client_file(tmp_path, clients(jwks_url)),
    }


@pytest.fixture
def client(edge: Edge, settings: dict[str, Any]) -> FlaskClient:
    return edge.client(**settings)


def send(client: FlaskClient, authorization: str | None, path: str = PATH, **more: Any) -> TestResponse:
    headers = {} if authorization is None else {"Authorization": authorization}
    if path in BODIES:
        return client.post(path, json=BODIES[path], headers=headers, **more)
    return client.get(path, headers=headers, **more)


def hs(name: str, secret: bytes) -> str:
    """A token that is signed with a secret, which an attacker takes from what is public."""
    digest = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}[name]
    header = {"alg": name, "kid": "rsa", "typ": "JWT"}
    return "Bearer " + jws(header, claims_of(), lambda signed: hmac.new(secret, signed, digest).digest())


def unsigned(alg: object, signature: bytes = b"") -> str:
    return "Bearer " + jws({"alg": alg, "kid": "ec", "typ": "JWT"}, claims_of(), lambda _: signature)


def public_pem() -> bytes:
    pem: bytes = RSA.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


def tampered() -> str:
    head, _, signature = EC.token(aud="https://elsewhere.example.org").split(".")
    return f"Bearer {head}.{encoded(claims_of())}.{signature}"


def raw(payload: bytes, header: bytes | None = None) -> str:
    head = header if header is not None else json.dumps({"alg": "ES384", "kid": "ec", "typ": "JWT"}).encode()
    return "Bearer " + jws(head, payload, EC.sign)


@dataclass(frozen=True)
class Attack:
    """One caller who must not get in. `why` is the cause in the log."""

    name: str
    make: Callable[[], str | None]
    why: str
    path: str = PATH
    headers: Mapping[str, str] = field(default_factory=dict)


def ehr(name: str, why: str, header: dict[str, Any] | None = None, path: str = PATH, **claims: Any) -> Attack:
    """A token of the registered client, well signed, and wrong in one thing."""
    return Attack(name, lambda: EC.bearer(header, **claims), why, path)


ATTACKS = [
    Attack("no header", lambda: None, "no-bearer"),
    Attack("an empty header", lambda: "", "no-bearer"),
    Attack("no token behind Bearer", lambda: "Bearer ", "no-bearer"),
    Attack("basic authentication", lambda: "Basic ZWhyOnNlY3JldA==", "no-bearer"),
    Attack("a token without Bearer", lambda: EC.token(), "no-bearer"),
    Attack("a token as another scheme", lambda: f"DPoP {EC.token()}", "no-bearer"),
    Attack("two tokens", lambda: f"{EC.bearer()}, {EC.bearer()}", "no-bearer"),
    Attack("an opaque token", lambda: "Bearer abcdef0123456789", "no-bearer"),
    Attack("two parts", lambda: "Bearer " + EC.token().rpartition(".")[0], "no-bearer"),
    Attack("an encrypted token's five parts", lambda: f"{EC.bearer()}.YQ.YQ", "no-bearer"),
    Attack("no signature", lambda: EC.bearer().rpartition(".")[0] + ".", "no-bearer"),
    Attack("padding", lambda: EC.bearer() + "==", "no-bearer"),
    Attack("a line break, encoded", lambda: EC.bearer().replace(".", ".%0a", 1), "no-bearer"),
    Attack("a token of many kilobytes", lambda: EC.bearer(more="x" * 20_000), "no-bearer"),
    Attack("discovery without a token", lambda: None, "no-bearer", DISCOVERY),
    Attack("feedback without a token", lambda: None, "no-bearer", FEEDBACK),
    Attack("text that is no base64", lambda: "Bearer a.a.a", "no-jwt"),
    Attack("a header that is no JSON", lambda: raw(b"{}", b"\x00\xff"), "header"),
    Attack("a header that is a list", lambda: raw(b"{}", b"[]"), "header"),
    ehr("no kid", "header", {"kid": None}),
    ehr("an empty kid", "header", {"kid": ""}),
    ehr("a kid that is no text", "header", {"kid": ["ec"]}),
    ehr("another kind of token", "header", {"typ": "at+jwt"}),
    ehr("an extension that must be understood", "header", {"crit": ["exp"]}),
    ehr("a payload that is not encoded", "header", {"b64": False, "crit": ["b64"]}),
    ehr("a payload that says how it is encoded", "header", {"b64": True}),
    Attack("claims that are no JSON", lambda: raw(b"not json"), "claims"),
    Attack("claims of a great depth", lambda: raw(b'{"x":' + b"[" * 2500 + b"]" * 2500 + b"}"), "claims"),
    Attack("a time without end", lambda: raw(json.dumps(claims_of(exp=float("inf"))).encode()), "claims"),
    ehr("no issuer", "claims", iss=None),
    ehr("no audience", "claims", aud=None),
    ehr("no end", "claims", exp=None),
    ehr("no beginning", "claims", iat=None),
    ehr("no jti", "claims", jti=None),
    ehr("an empty jti", "claims", jti=""),
    ehr("a jti that is a number", "claims", jti=7),
    ehr("a jti without end", "claims", jti="j" * 600),
    ehr("an end that is text", "claims", exp=str(NOW + 300)),
    ehr("an end that is true", "claims", exp=True),
    ehr("an end beyond all time", "claims", exp=1e300),
    ehr("a beginning before all time", "claims", iat=-1),
    ehr("an unknown issuer", "issuer", iss="https://evil.example.org"),
    ehr("an issuer in capitals", "issuer", iss=EHR.upper()),
    ehr("an issuer with a slash more", "issuer", iss=f"{EHR}/"),
    ehr("an issuer with a look-alike letter", "issuer", iss=EHR.replace("e", "е", 1)),
    Attack("no algorithm", lambda: unsigned("none"), "no-bearer"),
    Attack("none, with something as signature", lambda: unsigned("none", b"x"), "algorithm"),
    Attack("None", lambda: unsigned("None", b"x"), "algorithm"),
    Attack("NONE", lambda: unsigned("NONE", b"x"), "algorithm"),
    Attack("nOnE", lambda: unsigned("nOnE", b"x"), "algorithm"),
    Attack("an algorithm that is null", lambda: unsigned(None, b"x"), "header"),
    Attack("HS256 with the public key as secret", lambda: hs("HS256", public_pem()), "algorithm"),
    Attack("HS384 with the public key as secret", lambda: hs("HS384", public_pem()), "algorithm"),
    Attack("HS512 with an empty secret", lambda: hs("HS512", b""), "algorithm"),
    Attack("an algorithm that is not the client's", lambda: P256.bearer(iss=TENANTS, tenant="north"), "algorithm"),
    Attack("an algorithm in small letters", lambda: EC.bearer({"alg": "es384"}), "algorithm"),
    Attack("RSA-PSS, which is not listed", lambda: RSA.bearer({"alg": "PS384"}), "algorithm"),
    Attack("the algorithm of another kind of key", lambda: RSA.bearer({"kid": "ec"}), "key-algorithm"),
    Attack("a curve that is not the algorithm's", lambda: EC.bearer({"kid": "p256"}), "key-algorithm"),
    Attack("an unknown key", lambda: EC.bearer({"kid": "other"}), "key"),
    Attack("a key id that is a path", lambda: EC.bearer({"kid": "../../etc/passwd"}), "key"),
    Attack("a stranger's key under a known id", lambda: STRANGER.bearer(), "signature"),
    Attack("a stranger's key that the token brings", lambda: STRANGER.bearer({"jwk": STRANGER.jwk}), "signature"),
    Attack("a certificate address", lambda: STRANGER.bearer({"x5u": "http://localhost/x"}), "signature"),
    Attack("claims that were not signed", tampered, "signature"),
    Attack("another token's signature", lambda: EC.bearer().rpartition(".")[0] + "." + "A" * 128, "signature"),
    Attack("a signature that is too short", lambda: EC.bearer().rpartition(".")[0] + ".AA", "signature"),
    ehr("a key address that is not the client's", "jku", {"jku": "https://evil.example.org/jwks.json"}),
    ehr("a key address that begins like the client's", "jku", {"jku": "https://ehr.example.org/jwks.json?x"}),
    ehr("an empty key address", "jku", {"jku": ""}),
    ehr("the client's key address on another host", "jku", {"jku": "https://ehr.example.org.evil.org/jwks.json"}),
    ehr("a key address where none is registered", "jku", {"jku": "https://x.org/"}, iss=TENANTS, tenant="north"),
    ehr("a token for elsewhere", "audience", aud="https://elsewhere.example.org/cds-services/b12-patient-view"),
    ehr("a token for discovery", "audience", aud=f"{BASE}/cds-services"),
    ehr("a token for another service", "audience", aud=f"{BASE}/cds-services/b12-order-select"),
    ehr("a token for feedback", "audience", aud=f"{SERVICE}/feedback"),
    ehr("a token for the base", "audience", aud=BASE),
    ehr("an address with a slash more", "audience", aud=f"{SERVICE}/"),
    ehr("an address over http", "audience", aud=SERVICE.replace("https", "http")),
    ehr("no address in a list", "audience", aud=[]),
    ehr("the address among very many", "audience", aud=[f"https://x{n}.org" for n in range(40)] + [SERVICE]),
    ehr("an address that is an object", "claims", aud={"url": SERVICE}),
    ehr("a service's token at discovery", "audience", path=DISCOVERY),
    Attack(
        "a token for the address that the Host header names",
        lambda: EC.bearer(aud="https://evil.example.org/cds-services/b12-patient-view"),
        "audience",
        headers={"Host": "evil.example.org", "X-Forwarded-Host": "evil.example.org", "X-Forwarded-Proto": "https"},
    ),
    ehr("a token that has ended", "expired", exp=NOW - 3600, iat=NOW - 3900),
    ehr("a token that ended a little more than a minute ago", "expired", exp=NOW - 61, iat=NOW - 300),
    ehr("a token that is not made yet", "not-yet", iat=NOW + 600, exp=NOW + 900),
    ehr("a token that is not for now yet", "not-yet", nbf=NOW + 600),
    ehr("a token for more than an hour", "lifetime", iat=NOW, exp=NOW + 3601),
    ehr("a token that ends before it begins", "lifetime", iat=NOW + 50, exp=NOW + 40),
    ehr("a token for ever", "lifetime", exp=9e10),
    ehr("no tenant where one is needed", "tenant", iss=TENANTS),
    ehr("an unknown tenant", "tenant", iss=TENANTS, tenant="east"),
    ehr("a tenant that is a list", "claims", iss=TENANTS, tenant=["north"]),
    ehr("an empty tenant", "tenant", iss=TENANTS, tenant=""),
    ehr("a tenant in capitals", "tenant", iss=TENANTS, tenant="NORTH"),
    ehr("two tenants in one", "tenant", iss=TENANTS, tenant="north south"),
    ehr("one tenant's key for another tenant", "key", iss=TENANTS, tenant="west"),
    Attack(
        "one tenant's key, under the name of another's",
        lambda: EC.bearer({"kid": "west"}, iss=TENANTS, tenant="west"),
        "signature",
    ),
    Attack(
        "a service of another tenant",
        lambda: WEST.bearer(iss=TENANTS, tenant="west", aud=f"{BASE}/cds-services/b12-order-select"),
        "service",
        "/cds-services/b12-order-select",
    ),
    Attack(
        "a service that is not this client's",
        lambda: EC.bearer(aud=f"{BASE}/cds-services/b12-order-select"),
        "service",
        "/cds-services/b12-order-select",
    ),
    Attack(
        "a service that does not exist",
        lambda: EC.bearer(aud=f"{BASE}/cds-services/nothing"),
        "service",
        "/cds-services/nothing",
    ),
    ehr("one client's key for another client", "key", iss=REMOTE, header={"kid": "ec"}),
    Attack("an address of its own for a fetched key", lambda: STRANGER.bearer({"jku": "http://x/"}, iss=REMOTE), "jku"),
]
# Only a client whose keys are fetched, and a token that is right but for its key, is worth a call.
CALLS = {"one client's key for another client": 1}


@pytest.mark.verifies("CDSH-105")
@pytest.mark.verifies("CDSH-107")
@pytest.mark.verifies("CDSH-108")
@pytest.mark.verifies("CDSH-109")
@pytest.mark.verifies("CDSH-110")
@pytest.mark.verifies("CDSH-111")
@pytest.mark.verifies("CDSH-113")
@pytest.mark.verifies("CDSH-118")
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_a_caller_who_is_not_a_client_learns_nothing(
    attack: Attack, client: FlaskClient, edge: Edge, httpserver: HTTPServer
) -> None:
    authorization = attack.make()
    headers = {**attack.headers, **({} if authorization is None else {"Authorization": authorization})}
    with capture_logs() as logs:
        if attack.path == DISCOVERY:
            response = client.get(attack.path, headers=headers)
        else:
            response = client.post(attack.path, json=BODIES.get(attack.path, hook_request()), headers=headers)

    assert response.status_code == 401
    assert response.get_json() == UNIFORM
    told = {name: value for name, value in response.headers if name != "X-Request-Id"}
    assert told == UNIFORM_HEADERS
    assert len(httpserver.log) == CALLS.get(attack.name, 0)
    assert edge.calls == []
    assert edge.store.count_tokens() == 0
    assert [line["error"] for line in logs if line["event"] == "not admitted"] == [attack.why]


def test_the_table_of_attacks_is_long_and_names_each_once() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS) >= 60


@pytest.mark.verifies("CDSH-117")
def test_neither_token_nor_claims_are_logged(client: FlaskClient, capsys: pytest.CaptureFixture[str]) -> None:
    bad = STRANGER.bearer(tenant="SECRET-TENANT", jti="SECRET-JTI")
    send(client, bad)
    good = EC.bearer()
    assert send(client, good).status_code == 200

    told = capsys.readouterr()
    text = told.out + told.err
    assert "signature" in text
    for secret in ("SECRET", *bad.split(".")[1:], *good.split(".")[1:]):
        assert secret not in text


@pytest.mark.verifies("CDSH-106")
@pytest.mark.verifies("CDSH-112")
@pytest.mark.verifies("CDSH-114")
@pytest.mark.parametrize("alg", ALGORITHMS)
def test_every_algorithm_of_the_list_opens(alg: str, edge: Edge, tmp_path: Path, settings: dict[str, Any]) -> None:
    signer = Signer.of(alg)
    entry = {"id": "ehr", "issuer": EHR, "keys": [signer.jwk], "algorithms": [alg], "services": ["b12-patient-view"]}
    client = edge.client(**{**settings, "clients": client_file(tmp_path, [entry])})

    assert send(client, signer.bearer()).status_code == 200
    assert send(client, signer.bearer(aud=f"{BASE}/cds-services"), DISCOVERY).status_code == 200
    assert [call.hook for call in edge.calls] == ["patient-view"]


@pytest.mark.verifies("CDSH-120")
@pytest.mark.parametrize(
    "token",
    [
        {"aud": [SERVICE]},
        {"aud": ["https://elsewhere.example.org", SERVICE]},
        {"exp": NOW + 300.5},
        {"exp": NOW - 30, "iat": NOW - 300},
        {"iat": NOW + 30},
        {"nbf": NOW - 300, "exp": NOW + 900},
        {"iat": NOW, "exp": NOW + 3600},
        {"jti": "a" * 64},
        {"jti": "with a blank, and ünïcödé \x00"},
        {"sub": "client-id", "more": {"a": [1, 2]}},
        {"tenant": "any"},
        {"header": {"typ": None}},
        {"header": {"typ": "jwt"}},
        {"header": {"jku": "https://ehr.example.org/jwks.json"}},
        {"header": {"x5t": "abc", "more": 1}},
    ],
    ids=[
        "audience in a list",
        "one audience of several",
        "a fraction of a second",
        "half a minute too late",
        "half a minute too early",
        "Epic's times",
        "an hour",
        "a jti of hexadecimal digits",
        "a jti of any characters",
        "more claims",
        "a tenant that nobody asked for",
        "no typ",
        "a typ in small letters",
        "the registered jku",
        "more header members",
    ],
)
def test_what_vendors_do_differently_opens_too(token: dict[str, Any], client: FlaskClient) -> None:
    assert send(client, EC.bearer(**token)).status_code == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_read_in_any_case(scheme: str, client: FlaskClient) -> None:
    assert send(client, f"{scheme} {EC.token()}").status_code == 200


@pytest.mark.verifies("CDSH-103")
@pytest.mark.parametrize("audience", [SERVICE, f"{SERVICE}/feedback"])
def test_feedback_opens_to_a_token_for_it_or_for_its_service(audience: str, client: FlaskClient, edge: Edge) -> None:
    assert send(client, EC.bearer(aud=audience), FEEDBACK).status_code == 200
    assert edge.store.count_feedback() == 1


def test_discovery_shows_a_client_its_own_services(client: FlaskClient) -> None:
    discovery = f"{BASE}/cds-services"
    mine = send(client, EC.bearer(aud=discovery), DISCOVERY).get_json()["services"]
    theirs = send(client, EC.bearer(iss=TENANTS, tenant="north", aud=discovery), DISCOVERY).get_json()["services"]

    assert [entry["id"] for entry in mine] == ["b12-patient-view"]
    assert [entry["id"] for entry in theirs] == ["b12-patient-view", "b12-order-select"]


def test_the_address_of_a_proxy_with_a_path_is_what_tokens_name(edge: Edge, settings: dict[str, Any]) -> None:
    client = edge.client(**{**settings, "external_url": "https://example.org/b12"})

    assert send(client, EC.bearer()).status_code == 401
    assert send(client, EC.bearer(aud="https://example.org/b12/cds-services/b12-patient-view")).status_code == 200


@pytest.mark.verifies("CDSH-115")
@pytest.mark.parametrize("path", [PATH, FEEDBACK])
def test_a_token_that_was_used_is_used_up_for_every_process(
    path: str, client: FlaskClient, edge: Edge, settings: dict[str, Any]
) -> None:
    other = Edge(edge.folder)  # another worker, or this one after a restart: its own store on the same database
    token = EC.bearer()
    assert send(client, token).status_code == 200

    again = [send(client, token, path), send(other.client(**settings), token, path)]

    assert [response.status_code for response in again] == [401, 401]
    assert all(response.get_json() == UNIFORM for response in again)
    assert len(edge.calls) == 1
    assert other.calls == []
    other.store.close()


def test_the_same_jti_of_two_clients_is_two(client: FlaskClient) -> None:
    assert send(client, EC.bearer(jti="1")).status_code == 200
    assert send(client, EC.bearer(iss=TENANTS, tenant="south", jti="1")).status_code == 200


def test_a_token_is_used_up_by_a_request_that_cannot_be_used(client: FlaskClient) -> None:
    token = EC.bearer()

    assert client.post(PATH, json={}, headers={"Authorization": token}).status_code == 400
    assert send(client, token).status_code == 401


def test_where_the_database_is_away_nobody_is_let_in(edge: Edge, settings: dict[str, Any]) -> None:
    (edge.folder / "file").write_text("")
    edge.store = Store(f"sqlite:///{edge.folder}/file/b12.sqlite3")  # a file where a folder must be
    client = edge.client(**settings)

    response = send(client, EC.bearer())

    assert response.status_code == 503
    assert response.headers["Retry-After"]
    assert edge.calls == []
    assert send(client, STRANGER.bearer()).status_code == 401


@pytest.mark.verifies("CDSH-116")
def test_fetched_keys_open_and_are_fetched_once(client: FlaskClient, httpserver: HTTPServer, jwks_url: str) -> None:
    for header in (None, {"jku": jwks_url}, None):
        assert send(client, FETCHED.bearer(header, iss=REMOTE)).status_code == 200

    assert len(httpserver.log) == 1
    assert "Authorization" not in httpserver.log[0][0].headers


def test_a_stranger_cannot_make_us_call_the_client_again_and_again(client: FlaskClient, httpserver: HTTPServer) -> None:
    for kid in range(20):
        assert send(client, STRANGER.bearer({"kid": f"made-up-{kid}"}, iss=REMOTE)).status_code == 401

    assert len(httpserver.log) == 1


@pytest.mark.verifies("CDSH-121")
def test_a_preflight_needs_no_token_and_a_refusal_can_be_read(edge: Edge, settings: dict[str, Any]) -> None:
    origin = "http://localhost:8080"
    client = edge.client(**{**settings, "cors_origins": (origin,)})

    preflight = client.options(
        PATH,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type",
        },
    )
    refused = client.get(DISCOVERY, headers={"Origin": origin})

    assert preflight.status_code in (200, 204)
    assert preflight.headers["Access-Control-Allow-Origin"] == origin
    assert refused.status_code == 401
    assert refused.headers["Access-Control-Allow-Origin"] == origin


def test_who_watches_the_service_needs_no_token(client: FlaskClient) -> None:
    assert client.get("/health").status_code == 200
    assert client.get("/ready").status_code == 200


def test_a_stranger_is_refused_before_the_body_is_looked_at(client: FlaskClient) -> None:
    assert client.post(PATH, data=b"\xff", content_type="text/plain").status_code == 401
    assert client.head(DISCOVERY).status_code == 401


@pytest.mark.parametrize("one", [True, False])
def test_what_holds_for_a_client_reaches_the_hook(
    one: bool, edge: Edge, tmp_path: Path, settings: dict[str, Any]
) -> None:
    base = {"keys": [EC.jwk], "services": ["b12-patient-view"]}
    own = {**base, "id": "own", "issuer": EHR, "one_action": True, "never_sent": ["procedures"]}
    plain = {**base, "id": "plain", "issuer": REMOTE}
    none = {**base, "id": "none", "issuer": TENANTS, "one_action": False, "never_sent": []}
    client = edge.client(
        **{**settings, "clients": client_file(tmp_path, [own, plain, none]), "never_sent": ("labs",), "one_action": one}
    )

    for issuer in (EHR, REMOTE, TENANTS):
        assert send(client, EC.bearer(iss=issuer)).status_code == 200

    told = [
        (call.one_action, {key.value for key, section in call.record.sections.items() if "never" in section.note})
        for call in edge.calls
    ]
    assert told == [(True, {"procedures"}), (one, {"labs"}), (False, set())]


def test_a_client_reaches_its_own_fhir_server_and_no_other(
    edge: Edge, tmp_path: Path, settings: dict[str, Any], httpserver: HTTPServer
) -> None:
    server = httpserver.url_for("").rstrip("/")
    httpserver.expect_request("/Patient/p1").respond_with_json({"resourceType": "Patient", "id": "p1"})
    base = {"keys": [EC.jwk], "services": ["b12-patient-view"]}
    entries = [
        {**base, "id": "own", "issuer": EHR, "fhir_origins": [server]},
        {**base, "id": "other", "issuer": REMOTE, "fhir_origins": ["https://fhir.example.org"]},
        {**base, "id": "none", "issuer": TENANTS, "fhir_origins": []},
        {**base, "id": "as-the-settings", "issuer": "urn:plain"},
    ]
    client = edge.client(**{**settings, "clients": client_file(tmp_path, entries), "fhir_origins": (server,)})
    request = hook_request(prefetch={"labs": None, "procedures": None}, fhirServer=server)

    def status(issuer: str) -> int:
        return client.post(PATH, json=request, headers={"Authorization": EC.bearer(iss=issuer)}).status_code

    assert (status(REMOTE), status(TENANTS)) == (412, 412)
    assert httpserver.log == []
    assert (status(EHR), status("urn:plain")) == (200, 200)
    assert len(httpserver.log) == 2


def test_each_tenant_of_one_issuer_has_its_own_fhir_server_and_options(
    edge: Edge, tmp_path: Path, settings: dict[str, Any], httpserver: HTTPServer
) -> None:
    server = httpserver.url_for("").rstrip("/")
    httpserver.expect_request("/Patient/p1").respond_with_json({"resourceType": "Patient", "id": "p1"})
    base = {"issuer": TENANTS, "keys": [EC.jwk], "services": ["b12-patient-view"]}
    entries = [
        {**base, "id": "north", "tenants": ["north"], "fhir_origins": [server], "one_action": True},
        {**base, "id": "south", "tenants": ["south"], "fhir_origins": ["https://south.example.org"]},
    ]
    client = edge.client(**{**settings, "clients": client_file(tmp_path, entries)})
    request = hook_request(prefetch={"labs": None, "procedures": None}, fhirServer=server)

    def status(tenant: str) -> int:
        token = EC.bearer(iss=TENANTS, tenant=tenant)
        return client.post(PATH, json=request, headers={"Authorization": token}).status_code

    assert status("south") == 412
    assert httpserver.log == []
    assert status("north") == 200
    assert [call.one_action for call in edge.calls] == [True]


def test_a_token_is_used_up_for_all_tenants_of_its_issuer(client: FlaskClient) -> None:
    assert send(client, EC.bearer(iss=TENANTS, tenant="south", jti="1")).status_code == 200
    assert send(client, WEST.bearer(iss=TENANTS, tenant="west", jti="1")).status_code == 401


def test_open_trust_asks_nobody(edge: Edge) -> None:
    assert send(edge.client(), None).status_code == 200
    assert send(edge.client(), "Bearer nonsense").status_code == 200
    assert edge.store.count_tokens() == 0
