"""A FHIR server in place of prefetch: the same assessment for whatever was left out, and an answer to each fault."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from cds_service.config import Settings
from cds_service.facts.dates import parse_day
from cds_service.knowledge.model import Knowledge
from cds_service.service import CdsService
from cds_service.storage.store import Store
from cds_service.web import create_app

URL = "/cds-services/b12-patient-view"
ASSESSMENT = "org.b12-cds.assessment"
STORY = Path(__file__).parents[2] / "fixtures" / "metformin-neuropathy-untested" / "patient-view.request.json"
TODAY = "2025-10-01"
TYPES = {
    "labs": "Observation",
    "medicationStatements": "MedicationStatement",
    "medicationRequests": "MedicationRequest",
    "medicationDispenses": "MedicationDispense",
    "medicationAdministrations": "MedicationAdministration",
    "conditions": "Condition",
    "procedures": "Procedure",
    "allergies": "AllergyIntolerance",
    "serviceRequests": "ServiceRequest",
    "socialHistory": "Observation",
}
KEYS = ("patient", *TYPES)
DEADLINE = 1.0


@pytest.fixture(scope="module")
def ehr() -> Iterator[HTTPServer]:
    with HTTPServer(host="127.0.0.1", threaded=True) as server:
        yield server


@pytest.fixture
def client(
    knowledge: Knowledge, offered: tuple[CdsService, ...], tmp_path: Path, ehr: HTTPServer
) -> Iterator[FlaskClient]:
    ehr.clear()
    settings = Settings(
        today=parse_day(TODAY),
        fhir_origins=(f"http://localhost:{ehr.port}",),
        fhir_allow_http_localhost=True,
        deadline_seconds=DEADLINE,
    )
    store = Store(f"sqlite:///{tmp_path}/b12.sqlite3")
    yield create_app(settings, offered, knowledge, store).test_client()
    store.close()
    ehr.clear()


def story() -> dict[str, Any]:
    request: dict[str, Any] = json.loads(STORY.read_text(encoding="utf-8"))
    request["extension"] = {"org.b12-cds.explain": True}
    return request


def asking(ehr: HTTPServer, without: tuple[str, ...]) -> dict[str, Any]:
    """The story's request, with a FHIR server in place of these keys."""
    request = story()
    request["fhirServer"] = f"http://localhost:{ehr.port}/fhir"
    request["fhirAuthorization"] = {
        "access_token": "secret", "token_type": "Bearer", "expires_in": 300, "scope": "x", "subject": "y"
    }  # fmt: skip
    for key in without:
        del request["prefetch"][key]
    return request


def serve(ehr: HTTPServer, wait: Callable[[str], float] = lambda _key: 0.0) -> None:
    """The story's record behind a FHIR server that answers each key's query with what prefetch would hold."""
    record = story()["prefetch"]

    def answer(request: Request) -> Response:
        key = _key_of(request)
        time.sleep(wait(key))
        return Response(json.dumps(record[key]), content_type="application/fhir+json")

    ehr.expect_request("/fhir/", method="GET").respond_with_data("")
    for name in {"Patient", *TYPES.values()}:
        path = f"/fhir/{name}/{record['patient']['id']}" if name == "Patient" else f"/fhir/{name}"
        ehr.expect_request(path).respond_with_handler(answer)


def _key_of(request: Request) -> str:
    name = request.path.split("/")[2]
    if name == "Patient":
        return "patient"
    if name == "Observation":
        return "socialHistory" if "category" in request.args else "labs"
    return next(key for key, each in TYPES.items() if each == name)


def assessed(response: Any) -> Any:
    assert response.status_code == 200, response.get_data()
    return response.get_json()["extension"][ASSESSMENT]


def subsets() -> list[tuple[str, ...]]:
    """Every key alone, all but one, all of them, and every combination of the five that decide this story."""
    deciding = ("labs", "medicationRequests", "medicationStatements", "conditions", "serviceRequests")
    chosen = [c for n in range(len(deciding) + 1) for c in itertools.combinations(deciding, n)]
    return [*chosen, *((key,) for key in KEYS), *(tuple(k for k in KEYS if k != one) for one in KEYS), KEYS]


def test_whatever_is_left_out_is_fetched_and_the_assessment_is_the_same(client: FlaskClient, ehr: HTTPServer) -> None:
    serve(ehr)
    expected = assessed(client.post(URL, json=story()))
    differing = [keys for keys in subsets() if assessed(client.post(URL, json=asking(ehr, keys))) != expected]

    assert len(subsets()) == 55
    assert differing == []


def test_fetching_all_takes_little_longer_than_the_slowest_query(client: FlaskClient, ehr: HTTPServer) -> None:
    serve(ehr, wait=lambda key: 0.4 if key == "conditions" else 0.05)
    client.post(URL, json=asking(ehr, KEYS))  # opens the connections
    began = time.monotonic()
    assessed(client.post(URL, json=asking(ehr, KEYS)))

    assert time.monotonic() - began < 0.4 + 0.4  # one after the other would take 0.9 s; bench/ measures the figure


def _redirected(ehr: HTTPServer) -> Response:
    return Response("", status=302, headers={"Location": f"http://127.0.0.1:{ehr.port}/elsewhere"})


def _endless(ehr: HTTPServer) -> Response:
    link = [{"relation": "next", "url": f"http://localhost:{ehr.port}/fhir/Observation?page={time.monotonic_ns()}"}]
    page = {"resourceType": "Bundle", "type": "searchset", "link": link}
    return Response(json.dumps(page), content_type="application/fhir+json")


def _slow(_ehr: HTTPServer) -> Response:
    time.sleep(DEADLINE + 0.5)
    return Response("{}", content_type="application/fhir+json")


def _huge(_ehr: HTTPServer) -> Response:
    entry = json.dumps({"resource": {"resourceType": "Observation", "id": "x", "status": "final"}})
    body = '{"resourceType":"Bundle","type":"searchset","entry":[' + ",".join([entry] * 400_000) + "]}"
    return Response(body, content_type="application/fhir+json")


FAULTS: dict[str, tuple[Callable[[HTTPServer], Response], tuple[int, ...]]] = {
    "401": (lambda _: Response("secret", status=401), (412,)),
    "403": (lambda _: Response("", status=403), (412,)),
    "404": (lambda _: Response("", status=404), (412,)),
    "429": (lambda _: Response("", status=429, headers={"Retry-After": "60"}), (412,)),
    "500": (lambda _: Response("", status=500), (412,)),
    "502": (lambda _: Response("", status=502), (412,)),
    "truncated JSON": (lambda _: Response('{"resourceType":"Bundle","entry":[{"re'), (412,)),
    "another content type": (lambda _: Response("<html>sign in</html>", content_type="text/html"), (412,)),
    "an OperationOutcome": (lambda _: Response('{"resourceType":"OperationOutcome","issue":[]}'), (412,)),
    "a redirect to elsewhere": (_redirected, (412,)),
    "no answer in time": (_slow, (412,)),
    "more than we read": (_huge, (412,)),
    "pages without end": (_endless, (200,)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_server_is_told_within_the_deadline(fault: str, client: FlaskClient, ehr: HTTPServer) -> None:
    answer, statuses = FAULTS[fault]
    serve(ehr)
    ehr.clear_all_handlers()
    ehr.expect_request("/fhir/Observation").respond_with_handler(lambda _request: answer(ehr))
    elsewhere = ehr.expect_request("/elsewhere")
    elsewhere.respond_with_data("")
    began = time.monotonic()
    response = client.post(URL, json=asking(ehr, ("labs",)))
    took = time.monotonic() - began

    assert response.status_code in statuses
    assert took < DEADLINE + 1
    assert b"secret" not in response.get_data()
    assert all(request.path != "/elsewhere" for request, _ in ehr.log)
    if response.status_code == 412:
        assert [issue["expression"] for issue in response.get_json()["issue"]] == [["prefetch.labs"]]
    else:
        assert "labs" in json.dumps(assessed(response)["dataIssues"])
        assert response.get_json()["cards"]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_same_fault_at_an_optional_key_is_said_and_hides_nothing(
    fault: str, client: FlaskClient, ehr: HTTPServer
) -> None:
    answer, _ = FAULTS[fault]
    ehr.expect_request("/fhir/AllergyIntolerance").respond_with_handler(lambda _request: answer(ehr))
    ehr.expect_request("/fhir/Observation").respond_with_handler(lambda _request: answer(ehr))
    ehr.expect_request("/elsewhere").respond_with_data("")
    response = client.post(URL, json=asking(ehr, ("allergies",)))

    assert "allergies" in {issue["resource"] for issue in assessed(response)["dataIssues"]}
    assert response.get_json()["cards"]


def test_a_refused_connection_is_told(client: FlaskClient, ehr: HTTPServer) -> None:
    request = asking(ehr, ("labs",))
    request["fhirServer"] = "http://localhost:9/fhir"
    assert client.post(URL, json=request).status_code == 412
