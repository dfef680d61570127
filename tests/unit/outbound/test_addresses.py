"""Nothing is called but what the operator named: each line of the table is an attempt, and none makes a connection."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

import pytest

from cds_service.errors import B12Error, OutboundRefused
from cds_service.outbound.addresses import AddressRules, Origin
from cds_service.outbound.deadline import Deadline
from cds_service.outbound.session import GuardedSession

PUBLIC = "93.184.216.34"
LISTED = ("https://fhir.example.org", "https://fhir.example.org:8443", "https://10.1.2.3", "http://localhost:9090")

NOT_LISTED = [
    "https://evil.example.org/fhir",
    "https://fhir.example.org.evil.example/fhir",
    "https://evil.example/https://fhir.example.org/",
    "https://fhir.example.org:444/fhir",
    "http://fhir.example.org/fhir",
    "https://10.1.2.4/fhir",
    "https://169.254.169.254/latest/meta-data/",
    "http://169.254.169.254/latest/meta-data/",
    "https://[fd00:ec2::254]/latest",
    "https://127.0.0.1/fhir",
    "https://2130706433/fhir",
    "https://0x7f000001/fhir",
    "https://0177.0.0.1/fhir",
    "https://[::1]/fhir",
    "https://[::ffff:127.0.0.1]/fhir",
    "https://0.0.0.0/fhir",
    "http://localhost:9091/fhir",
]
NOT_PLAIN = [
    "",
    "fhir.example.org/fhir",
    "//fhir.example.org/fhir",
    "ftp://fhir.example.org/fhir",
    "file:///etc/passwd",
    "gopher://fhir.example.org:70/_x",
    "javascript:alert(1)",
    "https://user@fhir.example.org/fhir",
    "https://fhir.example.org@evil.example/fhir",
    "https://user:password@fhir.example.org/fhir",  # pragma: allowlist secret - nobody's
    "https://evil.example\\@fhir.example.org/fhir",
    "https://fhir.example.org\\.evil.example/fhir",
    "https://fhir.example.org#@evil.example/",
    "https://fhir.example.org%2eevil.example/fhir",
    "https://fhir.example.org /fhir",
    " https://fhir.example.org/fhir",
    "https://fhir.example.org/fhir\r\nX-Injected: 1",
    "https://fhir.example.org\t/fhir",
    "https://fhir.example.org:80:90/fhir",
    "https://fhir.example.org:port/fhir",
    "https://fhir。example.org/fhir",
    "https://fhir.examplе.org/fhir",  # the last e is Cyrillic
    "https:///fhir.example.org/fhir",
    "https:fhir.example.org",
    "https://fhir.example.org./fhir",
    "https://fhir.example.org/fhir/Patient/../../admin",
    "https://fhir.example.org/fhir/%2e%2e/admin",
    "https://fhir.example.org/fhir/.%2E/admin",
]
FORBIDDEN = [
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",
    "10.0.0.5",
    "172.16.3.4",
    "192.168.1.1",
    "100.64.0.1",
    "100.100.100.200",
    "169.254.169.254",
    "169.254.1.1",
    "192.0.2.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2002:a00:1::",
]


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every attempt to open a connection, none of which succeeds."""
    tried: list[Any] = []

    def connect(_: socket.socket, address: Any) -> None:
        tried.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    return tried


def names_lead_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    def resolve(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        kind = {4: socket.AF_INET, 6: socket.AF_INET6}
        try:
            literal = [str(ipaddress.ip_address(host))]
        except ValueError:
            literal = []
        return [
            (kind[ipaddress.ip_address(one).version], socket.SOCK_STREAM, 6, "", (one, port))
            for one in literal or addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def session(*, http_localhost: bool = True, networks: tuple[str, ...] = ()) -> GuardedSession:
    return GuardedSession(AddressRules.of(LISTED, allow_http_localhost=http_localhost, private_networks=networks))


def call(url: str, **rules: Any) -> None:
    one = session(**rules)
    try:
        one.get(url, token="secret", deadline=Deadline(1.0))
    finally:
        one.close()


@pytest.mark.parametrize("url", NOT_LISTED + NOT_PLAIN)
def test_an_address_that_is_not_on_the_list_is_never_called(
    url: str, monkeypatch: pytest.MonkeyPatch, connections: list[Any]
) -> None:
    names_lead_to(monkeypatch, PUBLIC)

    with pytest.raises(OutboundRefused) as refused:
        call(url)

    assert connections == []
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("address", FORBIDDEN)
def test_a_listed_name_that_leads_into_a_private_network_is_not_followed(
    address: str, monkeypatch: pytest.MonkeyPatch, connections: list[Any]
) -> None:
    names_lead_to(monkeypatch, address)

    with pytest.raises(OutboundRefused):
        call("https://fhir.example.org/fhir")

    assert connections == []


def test_one_forbidden_address_among_good_ones_is_enough_to_refuse(
    monkeypatch: pytest.MonkeyPatch, connections: list[Any]
) -> None:
    names_lead_to(monkeypatch, PUBLIC, "169.254.169.254")

    with pytest.raises(OutboundRefused):
        call("https://fhir.example.org/fhir")

    assert connections == []


def test_the_connection_goes_to_the_address_that_was_checked_and_asks_no_second_time(
    monkeypatch: pytest.MonkeyPatch, connections: list[Any]
) -> None:
    asked: list[str] = []
    names_lead_to(monkeypatch, PUBLIC)
    resolve = socket.getaddrinfo

    def rebinding(host: str, *args: Any, **more: Any) -> list[Any]:
        asked.append(host)
        if asked.count("fhir.example.org") > 1:
            names_lead_to(monkeypatch, "127.0.0.1")
        return list(resolve(host, *args, **more))

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)

    with pytest.raises(B12Error):
        call("https://fhir.example.org/fhir")

    assert connections
    assert {address[0] for address in connections} == {PUBLIC}


@pytest.mark.parametrize(
    ("url", "leads_to", "rules"),
    [
        ("https://fhir.example.org/fhir", PUBLIC, {}),
        ("https://FHIR.example.org:443/fhir", PUBLIC, {}),
        ("https://fhir.example.org:8443/fhir", "10.20.1.1", {"networks": ("10.20.0.0/16",)}),
        ("https://10.1.2.3/fhir", "10.1.2.3", {}),
        ("http://localhost:9090/fhir", "127.0.0.1", {}),
        ("http://localhost:9090/fhir", "::1", {}),
    ],
)
def test_what_the_operator_named_is_called_at_its_address(
    url: str, leads_to: str, rules: Any, monkeypatch: pytest.MonkeyPatch, connections: list[Any]
) -> None:
    names_lead_to(monkeypatch, leads_to)

    with pytest.raises(B12Error):
        call(url, **rules)

    assert {address[0] for address in connections} == {leads_to}


def test_a_private_network_that_was_not_named_stays_closed(
    monkeypatch: pytest.MonkeyPatch, connections: list[Any]
) -> None:
    names_lead_to(monkeypatch, "10.21.1.1")

    with pytest.raises(OutboundRefused, match="B12_FHIR_PRIVATE_NETWORKS"):
        call("https://fhir.example.org/fhir", networks=("10.20.0.0/16",))

    assert connections == []


@pytest.mark.parametrize("network", ["127.0.0.0/8", "169.254.0.0/16", "0.0.0.0/0", "fe80::/10"])
def test_no_setting_opens_this_machine_or_the_metadata_address(
    network: str, monkeypatch: pytest.MonkeyPatch, connections: list[Any]
) -> None:
    for address in ("127.0.0.1", "169.254.169.254", "fe80::1"):
        names_lead_to(monkeypatch, address)
        with pytest.raises(OutboundRefused):
            call("https://fhir.example.org/fhir", networks=(network,))

    assert connections == []


def test_plain_http_to_this_machine_needs_its_own_setting(
    monkeypatch: pytest.MonkeyPatch, connections: list[Any]
) -> None:
    names_lead_to(monkeypatch, "127.0.0.1")

    with pytest.raises(OutboundRefused, match="https"):
        call("http://localhost:9090/fhir", http_localhost=False)

    assert connections == []


def test_origins_are_compared_with_their_default_ports_written_out() -> None:
    assert Origin.of("https://A.example/x?y") == Origin("https", "a.example", 443)
    assert Origin.of("http://a.example:80") == Origin("http", "a.example", 80)
