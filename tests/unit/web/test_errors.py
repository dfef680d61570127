"""The error table: each status with an OperationOutcome that says what, where, why and how to mend it."""

from __future__ import annotations

import io

import pytest
from flask.testing import FlaskClient

from cds_service.errors import TemporarilyUnavailable, UntrustedClient
from cds_service.service import HookAnswer, HookCall
from tests.unit.web.conftest import Edge, hook_request, issues, paths

URL = "/cds-services/b12-patient-view"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"a": "\xff"}', b'{"a": ' + b"[" * 200_000])
def test_a_body_that_cannot_be_read_is_400(body: bytes, client: FlaskClient) -> None:
    response = client.post(URL, data=body, content_type="application/json")

    assert response.status_code == 400
    assert issues(response)[0][0] == "structure"


def test_a_request_with_faults_is_400_with_each_field(client: FlaskClient) -> None:
    response = client.post(URL, json={"hook": "patient-view", "hookInstance": "1"})

    assert response.status_code == 400
    assert issues(response) == [
        (
            "value",
            "hookInstance must be a UUID, such as d1577c69-dfbe-44ad-ba6d-3e05e953b2ea.",
            ["hookInstance"],
        ),
        ("required", "context is required.", ["context"]),
    ]


def test_a_stranger_learns_nothing(edge: Edge) -> None:
    def refuse(_: HookCall) -> HookAnswer:
        raise UntrustedClient("the key of https://ehr.example.org is not known")

    edge.answer = refuse
    response = edge.client().post(URL, json=hook_request())

    assert response.status_code == 401
    assert issues(response) == [("login", "Not authorised.", [])]
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/cds-services/nothing", "/cds-services/nothing/feedback", "/nothing"])
def test_an_unknown_address_is_404(path: str, client: FlaskClient) -> None:
    response = client.post(path, json=hook_request())

    assert response.status_code == 404
    assert "GET /cds-services" in issues(response)[0][1]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", URL), ("PUT", URL), ("DELETE", URL), ("GET", f"{URL}/feedback"), ("POST", "/cds-services")],
)
def test_a_wrong_method_is_405_and_tells_the_right_one(method: str, path: str, client: FlaskClient) -> None:
    response = client.open(path, method=method, json={})

    assert response.status_code == 405
    assert ("GET" if path == "/cds-services" else "POST") in response.headers["Allow"]
    assert issues(response)[0][0] == "not-supported"


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/xml"])
def test_a_body_that_is_not_sent_as_json_is_415(content_type: str | None, client: FlaskClient) -> None:
    response = client.post(URL, data=b"{}", content_type=content_type)

    assert response.status_code == 415
    assert "application/json" in issues(response)[0][1]


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "application/fhir+json"])
def test_json_by_another_name_is_json(content_type: str, client: FlaskClient) -> None:
    assert client.post(URL, data=b"{}", content_type=content_type).status_code == 400


def test_a_body_that_is_too_large_is_413_and_read_to_its_end(edge: Edge) -> None:
    body = io.BytesIO(b"{" + b" " * 5000)
    response = edge.client(max_body_bytes=2048).post(
        URL, input_stream=body, content_type="application/json", headers={"Content-Length": "5001"}
    )

    assert response.status_code == 413
    assert issues(response)[0][0] == "too-long"
    assert body.read() == b""


def test_a_body_of_exactly_the_limit_is_read(edge: Edge) -> None:
    client = edge.client(max_body_bytes=2048)

    assert client.post(URL, data=b"{}".ljust(2048), content_type="application/json").status_code == 400


def test_a_body_is_read_also_where_nobody_wants_it(client: FlaskClient) -> None:
    body = io.BytesIO(b"x" * 100_000)
    response = client.post("/nothing", input_stream=body, headers={"Content-Length": "100000"})

    assert response.status_code == 404
    assert body.read() == b""


def test_what_cannot_be_done_now_is_503_with_a_time(edge: Edge) -> None:
    def refuse(_: HookCall) -> HookAnswer:
        raise TemporarilyUnavailable("too many calls", retry_after_seconds=7)

    edge.answer = refuse
    response = edge.client().post(URL, json=hook_request())

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "7"
    assert issues(response)[0][0] == "transient"


def test_answers_that_may_hold_patient_data_are_not_kept_on_the_way(client: FlaskClient) -> None:
    response = client.post(URL, json=hook_request())

    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"


# CORS

SANDBOX = "http://localhost:8080"


@pytest.mark.parametrize(
    ("path", "body"),
    [(URL, hook_request()), (URL, {}), ("/nothing", {}), (f"{URL}/feedback", {}), (URL, hook_request(prefetch=None))],
)
def test_a_browser_of_a_listed_origin_may_read_answers_and_errors(path: str, body: object, client: FlaskClient) -> None:
    response = client.post(path, json=body, headers={"Origin": SANDBOX})

    assert response.headers["Access-Control-Allow-Origin"] == SANDBOX


def test_a_fault_too_can_be_read_by_a_listed_origin(edge: Edge) -> None:
    def fail(_: HookCall) -> HookAnswer:
        raise ZeroDivisionError

    edge.answer = fail
    response = edge.client().post(URL, json=hook_request(), headers={"Origin": SANDBOX})

    assert response.status_code == 500
    assert response.headers["Access-Control-Allow-Origin"] == SANDBOX


@pytest.mark.parametrize("path", ["/cds-services", URL, f"{URL}/feedback"])
def test_a_preflight_is_answered_without_credentials(path: str, client: FlaskClient) -> None:
    method = "GET" if path == "/cds-services" else "POST"
    response = client.options(
        path,
        headers={
            "Origin": SANDBOX,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization, content-type",
        },
    )

    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == SANDBOX
    assert method in response.headers["Access-Control-Allow-Methods"]
    assert {"authorization", "content-type"} <= set(response.headers["Access-Control-Allow-Headers"].split(", "))


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost:8081", "http://localhost:8080.evil"]
)
def test_another_origin_is_not_allowed(origin: str, edge: Edge) -> None:
    client = edge.client(cors_origins=(SANDBOX, "https://ehr.example.org"))
    response = client.post(URL, json=hook_request(), headers={"Origin": origin})

    assert "Access-Control-Allow-Origin" not in response.headers


def test_without_listed_origins_no_browser_may_read(edge: Edge) -> None:
    response = edge.client(cors_origins=()).post(URL, json=hook_request(), headers={"Origin": SANDBOX})

    assert "Access-Control-Allow-Origin" not in response.headers


def test_a_412_names_the_key(client: FlaskClient) -> None:
    assert paths(client.post(URL, json=hook_request(prefetch=None))) == ["prefetch.patient"]


def test_an_answer_tells_the_first_problems_and_how_many_more_there_are(client: FlaskClient) -> None:
    request = hook_request()
    request["context"]["selections"] = [5] * 1000
    told = issues(client.post(URL, json=request))

    assert len(told) == 21
    assert told[-1][1] == "There are 980 more problems of this body."


def test_a_list_longer_than_any_client_needs_is_one_problem(client: FlaskClient) -> None:
    request = hook_request()
    request["context"]["selections"] = [5] * 1001

    assert paths(client.post(URL, json=request)) == ["context.selections"]
