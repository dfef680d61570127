"""Talking to a CDS service over HTTP."""

from __future__ import annotations

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from cds_service.ehr.post import CdsServer, ServiceFailed
from cds_service.errors import B12Error

SERVICE = {"id": "one", "hook": "patient-view", "prefetch": {"patient": "Patient/{{context.patientId}}"}}


def offer(httpserver: HTTPServer, *services: object) -> CdsServer:
    httpserver.expect_request("/cds-services").respond_with_json({"services": list(services)})
    return CdsServer(httpserver.url_for("/"))


def test_discovery_gives_the_service_of_the_hook_and_its_templates(httpserver: HTTPServer) -> None:
    server = offer(httpserver, {"hook": "order-sign"}, 7, SERVICE)
    assert server.discover("patient-view") == ("one", SERVICE["prefetch"])


def test_the_address_may_be_that_of_discovery(httpserver: HTTPServer) -> None:
    offer(httpserver, SERVICE)
    assert CdsServer(httpserver.url_for("/cds-services/")).discover("patient-view")[0] == "one"


def test_a_hook_that_nobody_answers_is_said_with_those_that_are(httpserver: HTTPServer) -> None:
    with pytest.raises(ServiceFailed, match="order-sign"):
        offer(httpserver, {"id": "a", "hook": "order-sign"}).discover("patient-view")


def test_an_answer_that_is_not_json_is_said_with_its_status(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/cds-services/x").respond_with_data("<html>", status=502)
    with pytest.raises(ServiceFailed, match="502"):
        CdsServer(httpserver.url_for("/")).call("x", {"a": 1})


def test_a_service_that_wants_signed_calls_is_told_from_one_that_is_none(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/cds-services").respond_with_json({"resourceType": "OperationOutcome"}, status=401)
    with pytest.raises(ServiceFailed, match=r"401.*--key"):
        CdsServer(httpserver.url_for("/")).discover("patient-view")


def test_each_call_has_a_token_for_its_own_address(httpserver: HTTPServer) -> None:
    server = CdsServer(httpserver.url_for("/"), sign=lambda endpoint: f"for:{endpoint}")
    httpserver.expect_request("/cds-services").respond_with_json({"services": [SERVICE]})
    httpserver.expect_request("/cds-services/one").respond_with_json({"cards": []})
    httpserver.expect_request("/cds-services/one/feedback").respond_with_data("")
    server.discover("patient-view")
    assert server.call("one", {}) == (200, {"cards": []})
    assert server.feedback("one", []) == (200, {})
    base = httpserver.url_for("/")
    assert [request.headers["Authorization"] for request, _ in httpserver.log] == [
        f"Bearer for:{base}cds-services{path}" for path in ("", "/one", "/one/feedback")
    ]


def test_a_service_that_is_busy_is_shown_as_it_is_and_not_asked_again(httpserver: HTTPServer) -> None:
    answer = Response('{"resourceType": "OperationOutcome"}', status=503, headers={"Retry-After": "9"})
    httpserver.expect_request("/cds-services/x").respond_with_handler(lambda _: answer)
    assert CdsServer(httpserver.url_for("/")).call("x", {})[0] == 503
    assert len(httpserver.log) == 1


def test_a_redirect_is_said_with_where_it_leads(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/cds-services").respond_with_data("", 301, {"Location": "https://x.example.org"})
    with pytest.raises(ServiceFailed, match=r"https://x\.example\.org"):
        CdsServer(httpserver.url_for("/")).discover("patient-view")


@pytest.mark.parametrize("url", ["ftp://x", "nothing", "http://", "http://127.0.0.1:1/x"])
def test_an_address_where_nothing_answers_is_said(url: str) -> None:
    with pytest.raises(B12Error):
        CdsServer(url).discover("patient-view")
