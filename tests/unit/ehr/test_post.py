"""Talking to a CDS service over HTTP."""

from __future__ import annotations

import pytest
from pytest_httpserver import HTTPServer

from cds_service.ehr.post import ServiceFailed, discover, exchange


def test_discovery_gives_the_service_of_the_hook_and_its_templates(httpserver: HTTPServer) -> None:
    service = {"id": "one", "hook": "patient-view", "prefetch": {"patient": "Patient/{{context.patientId}}"}}
    httpserver.expect_request("/cds-services").respond_with_json({"services": [{"hook": "order-sign"}, service]})
    assert discover(httpserver.url_for("").rstrip("/"), "patient-view") == ("one", service["prefetch"])


def test_a_hook_that_nobody_answers_is_said_with_those_that_are(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/cds-services").respond_with_json({"services": [{"id": "a", "hook": "order-sign"}]})
    with pytest.raises(ServiceFailed, match="order-sign"):
        discover(httpserver.url_for("").rstrip("/"), "patient-view")


def test_an_answer_that_is_not_json_is_said_with_its_status(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/x").respond_with_data("<html>", status=502)
    with pytest.raises(ServiceFailed, match="502"):
        exchange("POST", httpserver.url_for("/x"), {"a": 1})


@pytest.mark.parametrize("url", ["ftp://x", "nothing", "http://", "http://127.0.0.1:1/x"])
def test_an_address_where_nothing_answers_is_said(url: str) -> None:
    with pytest.raises(ServiceFailed):
        exchange("GET", url)
