"""Every way in which what was typed is no FHIR R4 server for us: one message, one status, and nothing written."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from cds_service import cli
from tests.fhir_server import FhirStub
from tests.unit.ehr_commands.conftest import ROOT
from tests.unit.outbound.test_typed_address import self_signed

STORY = str(ROOT / "fixtures" / "folic-acid-masking")
COMMANDS = {
    "load": ("load", "{}", STORY),
    "clean": ("load", "{}", "--clean"),
    "fire": ("fire", "patient-view", "--url", "http://127.0.0.1:9", "--fhir", "{}", "--patient", "p"),
    "doctor": ("doctor", "{}", "--patient", "p"),
}


@dataclass
class Told:
    status: int
    message: str


Typed = Callable[..., Told]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    def run(*words: str) -> Told:
        monkeypatch.setattr(sys, "argv", ["b12-cds", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return Told(int(ended.value.code or 0), " ".join((printed.out + printed.err).split()))

    return run


def statement(version: str, kind: str = "CapabilityStatement") -> Response:
    return Response(f'{{"resourceType": "{kind}", "fhirVersion": "{version}"}}', content_type="application/fhir+json")


WRONG: dict[str, tuple[Response, int, str]] = {
    "a web page": (Response("<html>", content_type="text/html"), 5, "is no FHIR server: "),
    "not there": (Response("", status=404), 5, "The base address is wanted, such as"),
    "a redirect": (Response("", status=302, headers={"Location": "https://ehr.example.org/fhir"}), 5, "leads on to"),
    "DSTU2": (statement("1.0.2", "Conformance"), 6, "DSTU2; R4 is needed. Many servers have another base address"),
    "STU3": (statement("3.0.2"), 6, "STU3 (3.0.2); R4 is needed"),
    "R5": (statement("5.0.0"), 6, "R5 (5.0.0); R4 is needed"),
    "401": (Response("", status=401), 7, "answers 401: it wants a token, or another one. Give it with --token-file"),
    "403": (Response("", status=403), 7, "answers 403: it wants a token"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", WRONG)
def test_a_server_that_is_none_of_ours_has_its_message_and_status(
    kind: str, command: str, httpserver: HTTPServer, typed: Typed
) -> None:
    answer, status, message = WRONG[kind]
    stub = FhirStub(httpserver)
    stub.faults = [answer]
    told = typed(*(word.format(stub.base) for word in COMMANDS[command]))

    assert told.status == status, told.message
    assert message in told.message
    assert [method for method, _ in stub.log] == ["GET"]


@pytest.fixture
def untrusted(tmp_path: Path) -> Iterator[str]:
    with HTTPServer(host="localhost", port=0, ssl_context=self_signed(tmp_path)) as server:
        yield FhirStub(server).base


@pytest.mark.parametrize("command", COMMANDS)
def test_a_connection_that_is_not_secure_or_not_there_has_its_message_and_status(
    command: str, untrusted: str, httpserver: HTTPServer, typed: Typed
) -> None:
    speaks_http = FhirStub(httpserver).base.replace("http:", "https:")
    for base, status, message in (
        (untrusted, 4, "its certificate is not trusted (self-signed certificate)"),
        (speaks_http, 4, "Is it perhaps a port that speaks http?"),
        ("http://127.0.0.1:9/fhir", 3, "does not answer: Connection refused. Is it running there?"),
        ("ehr.example.org/fhir", 2, "Write it such as https://ehr.example.org/fhir"),
    ):
        words = [word.format(base) for word in COMMANDS[command]]
        if command == "doctor" and "://" not in base:
            continue  # to doctor that is a file
        told = typed(*words)
        assert (told.status, message in told.message) == (status, True), told.message
