"""Calls to an address that somebody typed: what is sent again, what is never sent, and what is said."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_httpserver import HTTPServer
from werkzeug import Response

from cds_service.errors import NotFhir, OutboundRefused, ServerUnreachable, TlsFailed
from cds_service.outbound.typed_address import TypedAddress
from tests.builders import TODAY


class Waits(list[float]):
    """Notes how long would have been waited."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def answers(httpserver: HTTPServer, *responses: Response) -> None:
    left = list(responses)
    httpserver.expect_request("/fhir/x").respond_with_handler(lambda _: left.pop(0) if len(left) > 1 else left[0])


def address(httpserver: HTTPServer, waits: Waits | None = None, token: str = "") -> TypedAddress:
    return TypedAddress(httpserver.url_for("/fhir"), token, wait=waits if waits is not None else Waits())


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again_after_the_time_it_names(status: int, httpserver: HTTPServer) -> None:
    waits = Waits()
    answers(httpserver, Response("", status=status, headers={"Retry-After": "7"}), Response("{}"))
    assert address(httpserver, waits).send("POST", "x", {}).status == 200
    assert waits == [7]


def test_no_server_makes_us_wait_for_a_day(httpserver: HTTPServer) -> None:
    waits = Waits()
    answers(httpserver, Response("", status=503, headers={"Retry-After": "86400"}), Response("{}"))
    address(httpserver, waits).send("GET", "x")
    assert waits == [60]


@pytest.mark.parametrize("status", [500, 502, 504])
def test_what_may_have_been_done_is_sent_again_only_if_it_may_be_done_twice(
    status: int, httpserver: HTTPServer
) -> None:
    answers(httpserver, Response("", status=status), Response("{}"))
    assert address(httpserver).send("POST", "x", {}).status == status
    httpserver.clear()
    answers(httpserver, Response("", status=status), Response("{}"))
    assert address(httpserver).send("POST", "x", {}, repeatable=True).status == 200


def test_after_five_tries_the_answer_is_what_it_is(httpserver: HTTPServer) -> None:
    waits = Waits()
    answers(httpserver, Response("", status=503))
    assert address(httpserver, waits).send("GET", "x").status == 503
    assert len(waits) == 4
    assert waits == sorted(waits)


def test_a_redirect_is_not_followed_and_its_address_told(httpserver: HTTPServer) -> None:
    answers(httpserver, Response("", status=301, headers={"Location": "https://ehr.example.org/fhir"}))
    with pytest.raises(NotFhir, match=r"leads on to https://ehr\.example\.org/fhir"):
        address(httpserver).send("GET", "x")


def test_the_token_is_sent_and_a_stored_password_is_not(
    httpserver: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("default login user password stored")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    answers(httpserver, Response("{}"))
    address(httpserver, token="abc").send("GET", "x")
    address(httpserver).send("GET", "x")
    assert [request.headers.get("Authorization") for request, _ in httpserver.log] == ["Bearer abc", None]


@pytest.mark.parametrize(
    ("base", "token", "told"),
    [
        ("ehr.example.org/fhir", "", "Write it such as"),
        ("ftp://ehr.example.org", "", "Write it such as"),
        ("https://user:word@ehr.example.org/fhir", "", "not a plain"),  # pragma: allowlist secret - nobody's
        ("https://ehr.example.org/fhir/../admin", "", "dot segments"),
        ("https://ehr.example.org/fhir?x=1", "", "question mark"),
        ("http://ehr.example.org/fhir", "abc", "over https only"),
        ("https://ehr.example.org/fhir", "abc\r\nX-Evil: 1", "one token alone"),
        ("https://ehr.example.org/fhir", "Bearer abc", "one token alone"),
    ],
)
def test_an_address_or_token_that_cannot_be_meant_is_refused(base: str, token: str, told: str) -> None:
    with pytest.raises(OutboundRefused, match=told) as refused:
        TypedAddress(base, token)
    assert "abc" not in str(refused.value)


def test_a_token_may_go_to_this_machine_without_tls() -> None:
    TypedAddress("http://localhost:8080/fhir", "abc")


def test_an_address_on_another_server_is_never_called(httpserver: HTTPServer) -> None:
    for url in ("http://127.0.0.1:9/fhir/x", "https://elsewhere.example.org/x", "//elsewhere.example.org/x"):
        with pytest.raises(OutboundRefused):
            address(httpserver).send("GET", url)


@pytest.mark.parametrize(("base", "told"), [("http://127.0.0.1:9", "refused"), ("http://no.such.invalid", "spelt")])
def test_where_nobody_answers_is_said(base: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ServerUnreachable, match=told):
        TypedAddress(base, wait=Waits()).send("GET", "x")


def test_a_certificate_that_nobody_vouches_for_is_said(tmp_path: Path) -> None:
    with HTTPServer(host="localhost", port=0, ssl_context=self_signed(tmp_path)) as server:
        server.expect_request("/x").respond_with_data("{}")
        with pytest.raises(TlsFailed, match=r"self-signed certificate.*REQUESTS_CA_BUNDLE"):
            TypedAddress(server.url_for(""), wait=Waits()).send("GET", "x")


def test_https_where_http_is_spoken_is_said(httpserver: HTTPServer) -> None:
    with pytest.raises(TlsFailed, match="speaks http"):
        TypedAddress(httpserver.url_for("").replace("http:", "https:"), wait=Waits()).send("GET", "x")


def self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    start = datetime(TODAY.year, 1, 1, tzinfo=UTC)
    signed = builder.not_valid_before(start).not_valid_after(start.replace(year=2100)).sign(key, hashes.SHA256())
    (folder / "cert.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(key.private_bytes(*plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context
