"""Reading from the FHIR server that a request names: what is missing, page by page, with the token of the request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from cds_service.config import Settings
from cds_service.knowledge.model import Knowledge
from cds_service.service import CdsService
from cds_service.storage.store import Store
from cds_service.web import create_app
from tests.conformance.conftest import LOW_B12, bundle, hook_request
from tests.conformance.empties import ASSESSMENT

URL = "/cds-services/b12-patient-view"


@pytest.fixture
def client(
    knowledge: Knowledge, offered: tuple[CdsService, ...], tmp_path: Path, httpserver: HTTPServer
) -> Iterator[FlaskClient]:
    """Our service, allowed to call the FHIR server of the test."""
    settings = Settings(
        today=date(2025, 10, 1),
        fhir_origins=(f"http://localhost:{httpserver.port}",),
        fhir_allow_http_localhost=True,
    )
    store = Store(f"sqlite:///{tmp_path}/b12.sqlite3")
    yield create_app(settings, offered, knowledge, store).test_client()
    store.close()


def request_without_labs(httpserver: HTTPServer, **more: Any) -> dict[str, Any]:
    request = hook_request(
        fhirServer=f"http://localhost:{httpserver.port}/fhir/",
        fhirAuthorization={"access_token": "topsecret", "token_type": "Bearer", "expires_in": 300, "scope": "x"},
        extension={"org.b12-cds.explain": True},
        **more,
    )
    del request["prefetch"]["labs"]
    return request


def status_of(response: Any) -> str:
    assert response.status_code == 200, response.get_data()
    told: str = response.get_json()["extension"][ASSESSMENT]["status"]
    return told


@pytest.mark.verifies("CDSH-52", "CDSH-53", "CDSH-57")
def test_a_missing_key_is_read_with_the_token_of_the_request(client: FlaskClient, httpserver: HTTPServer) -> None:
    asked: list[Request] = []

    def answer(request: Request) -> Response:
        asked.append(request)
        return Response(json.dumps(bundle(LOW_B12)), content_type="application/fhir+json")

    httpserver.expect_request("/fhir/Observation").respond_with_handler(answer)

    assert status_of(client.post(URL, json=request_without_labs(httpserver))) == "deficient"
    assert [request.headers["Authorization"] for request in asked] == ["Bearer topsecret"]
    assert asked[0].args["patient"] == "p1"


@pytest.mark.verifies("CDSH-55")
def test_what_was_sent_is_not_asked_for_again(client: FlaskClient, httpserver: HTTPServer) -> None:
    request = request_without_labs(httpserver)
    request["prefetch"]["labs"] = bundle(LOW_B12)

    assert status_of(client.post(URL, json=request)) == "deficient"
    assert httpserver.log == []


@pytest.mark.verifies("CDSH-50", "CDSH-57")
def test_the_pages_of_a_prefetch_are_followed_with_the_token(client: FlaskClient, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/fhir/page", headers={"Authorization": "Bearer topsecret"}).respond_with_json(
        bundle(LOW_B12)
    )
    request = request_without_labs(httpserver)
    link = {"relation": "next", "url": f"http://localhost:{httpserver.port}/fhir/page?n=2"}
    request["prefetch"]["labs"] = {"resourceType": "Bundle", "type": "searchset", "link": [link]}

    assert status_of(client.post(URL, json=request)) == "deficient"


@pytest.mark.verifies("CDSH-54", "CDSH-59")
@pytest.mark.parametrize("refusal", [401, 403, 404, 500])
def test_a_server_that_refuses_leaves_required_data_missing(
    refusal: int, client: FlaskClient, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/fhir/Observation").respond_with_data("topsecret", status=refusal)
    response = client.post(URL, json=request_without_labs(httpserver))

    assert response.status_code == 412
    assert [issue["expression"] for issue in response.get_json()["issue"]] == [["prefetch.labs"]]
    assert b"topsecret" not in response.get_data()


@pytest.mark.verifies("CDSH-55")
def test_optional_data_that_cannot_be_read_are_told_as_missing(client: FlaskClient, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/fhir/Condition").respond_with_data("", status=500)
    request = request_without_labs(httpserver)
    request["prefetch"]["labs"] = bundle(LOW_B12)
    del request["prefetch"]["conditions"]
    response = client.post(URL, json=request)

    assert status_of(response) == "deficient"
    missing = {key for each in response.get_json()["extension"][ASSESSMENT]["findings"] for key in each["missing"]}
    assert missing
