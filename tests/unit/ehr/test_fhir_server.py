"""What is no FHIR R4 server, or does not let us in, is told apart and said."""

from __future__ import annotations

import json

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from cds_service.ehr.fhir_server import FhirServer
from cds_service.errors import AccessRefused, FhirRefused, NotFhir, OtherFhirVersion, OutboundRefused
from cds_service.outbound.typed_address import TypedAddress
from tests.fhir_server import FhirStub


def connect(base: str, token: str = "") -> FhirServer:
    return FhirServer(TypedAddress(base, token, wait=lambda _seconds: None))


@pytest.mark.parametrize(
    ("version", "name"), [("3.0.2", "STU3"), ("1.0.2", "DSTU2"), ("5.0.0", "R5"), ("6.0.0-ballot2", "R6")]
)
def test_another_version_of_fhir_is_named(version: str, name: str, httpserver: HTTPServer) -> None:
    with pytest.raises(OtherFhirVersion, match=name):
        connect(FhirStub(httpserver, version).base)


def test_dstu2_is_known_by_its_conformance_resource(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/fhir/metadata").respond_with_json(
        {"resourceType": "Conformance", "fhirVersion": "1.0.2"}
    )
    with pytest.raises(OtherFhirVersion, match="DSTU2"):
        connect(httpserver.url_for("/fhir"))


@pytest.mark.parametrize("version", ["4.0.1", "4.3.0"])
def test_r4_is_what_we_read(version: str, httpserver: HTTPServer) -> None:
    assert connect(FhirStub(httpserver, version).base).version == version


@pytest.mark.parametrize(
    "answer",
    [
        Response("<html>", content_type="text/html"),
        Response("{}", status=404),
        Response('{"services": []}'),
        Response('{"resourceType": "CapabilityStatement"}'),
        Response("[1]"),
    ],
)
def test_what_is_no_fhir_server_is_said(answer: Response, stub: FhirStub) -> None:
    stub.faults = [answer]
    with pytest.raises(NotFhir, match="no FHIR server"):
        connect(stub.base)


def test_a_token_that_is_missing_or_wrong_is_said_and_never_shown(stub: FhirStub) -> None:
    stub.token = "right"
    assert connect(stub.base, "right").version == "4.0.1"
    for wrong in ("", "WRONG-SECRET"):
        with pytest.raises(AccessRefused, match="401") as refused:
            connect(stub.base, wrong)
        assert "WRONG-SECRET" not in str(refused.value)


def test_a_search_follows_every_page(stub: FhirStub) -> None:
    for number in range(45):
        stub.add(resourceType="Patient", id=f"p{number}")
    assert len(list(connect(stub.base).search("Patient?_count=10"))) == 45


def test_a_page_on_another_server_is_not_fetched(stub: FhirStub) -> None:
    server = connect(stub.base)
    page = {"resourceType": "Bundle", "link": [{"relation": "next", "url": "http://127.0.0.2:9/fhir?_getpages=x"}]}
    stub.faults = [Response(json.dumps(page))]
    with pytest.raises(OutboundRefused, match="another server"):
        list(server.search("Patient"))


@pytest.mark.parametrize("status", [404, 410])
def test_what_is_not_there_or_no_more_is_none(status: int, stub: FhirStub) -> None:
    server = connect(stub.base)
    stub.faults = [Response("", status=status)]
    assert server.read("Patient", "x") is None


def test_an_error_is_told_in_the_servers_words_in_one_line_and_cut(stub: FhirStub) -> None:
    server = connect(stub.base)
    issue = [{"diagnostics": "bad\n\x1b[31m" + "x" * 999}, {"details": {"text": "why"}}, 7]
    stub.faults = [Response(json.dumps({"resourceType": "OperationOutcome", "issue": issue}), status=422)]
    with pytest.raises(FhirRefused) as refused:
        server.read("Patient", "x")
    said = str(refused.value)
    assert "422: bad" in said
    assert "why" in said
    assert said.isprintable()
    assert len(said) < 400


@pytest.mark.parametrize("answer", ['{"resourceType": "Bundle", "entry": []}', '{"resourceType": "Patient"}', "ok"])
def test_a_transaction_that_is_answered_otherwise_is_no_success(answer: str, stub: FhirStub) -> None:
    server = connect(stub.base)
    stub.faults = [Response(answer)]
    with pytest.raises(NotFhir):
        server.transaction([{"request": {"method": "DELETE", "url": "Patient/x"}}], repeatable=False)
