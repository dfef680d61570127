"""The playground's way to FHIR servers: what is found, what is fetched, and what is said where that fails."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from cds_service.config import Settings
from cds_service.playground import FhirServers, StoryEhr
from cds_service.playground import servers as module
from cds_service.service import CdsService
from cds_service.web.pages.playground import ServerTrouble
from tests.fhir_server import FhirStub

ANNA = {"resourceType": "Patient", "id": "p1", "name": [{"text": "Anna"}]}
RESULT = {"resourceType": "Observation", "id": "o1", "subject": {"reference": "Patient/p1"}}
ORDER = {
    "resourceType": "MedicationRequest",
    "id": "m1",
    "subject": {"reference": "Patient/p1"},
    "medicationReference": {"reference": "Medication/x1"},
}


def settings(*origins: str) -> Settings:
    return Settings(fhir_origins=origins, fhir_allow_http_localhost=True)


@pytest.fixture
def stub(httpserver: HTTPServer) -> FhirStub:
    made = FhirStub(httpserver)
    for resource in (ANNA, RESULT, ORDER, {"resourceType": "Medication", "id": "x1"}):
        made.add(**resource)
    return made


@pytest.fixture
def servers(httpserver: HTTPServer, offered: Sequence[CdsService]) -> FhirServers:
    return FhirServers(settings(httpserver.url_for("").rstrip("/")), offered)


def answering(httpserver: HTTPServer, answer: Callable[[Request], Response]) -> str:
    """A server that answers everything so, but knows the patient."""

    def respond(request: Request) -> Response:
        if request.path.endswith("/Patient/p1"):
            return Response(json.dumps(ANNA), content_type="application/json")
        return answer(request)

    httpserver.expect_request(re.compile("/.*")).respond_with_handler(respond)
    return httpserver.url_for("/fhir")


def page(*entries: Any, **more: Any) -> Response:
    return Response(json.dumps({"resourceType": "Bundle", "entry": list(entries), **more}))


def test_a_patient_is_found_by_id_or_else_by_name(servers: FhirServers, stub: FhirStub) -> None:
    stub.add(**{**ANNA, "id": "p2", "name": [{"text": "Berta"}]})

    assert [one["id"] for one in servers.find(stub.base, "p2")] == ["p2"]
    assert [one["id"] for one in servers.find(stub.base, "Berta")] == ["p2"]
    assert {one["id"] for one in servers.find(stub.base + "/", "")} == {"p1", "p2"}
    assert servers.find(stub.base, "Nobody at all") == []


def test_a_chart_is_fetched_whole_with_the_medications_it_refers_to(servers: FhirServers, stub: FhirStub) -> None:
    for number in range(450):
        stub.add(**{**RESULT, "id": f"r{number}"})
    fetched = servers.chart(stub.base, "p1")

    kinds = [entry["resource"]["resourceType"] for entry in fetched.bundle["entry"]]
    assert kinds.count("Observation") == 451
    assert sorted({*kinds} - {"Observation"}) == ["Medication", "MedicationRequest", "Patient"]
    assert dict(fetched.missing) == {}


def test_an_unknown_patient_is_told(servers: FhirServers, stub: FhirStub) -> None:
    with pytest.raises(ServerTrouble, match="has no Patient with the id p9"):
        servers.chart(stub.base, "p9")


@pytest.mark.parametrize("odd", ["", "../metadata", "p1?x", ".", "..", "a/b"])
def test_an_id_that_is_none_is_not_asked_for(servers: FhirServers, stub: FhirStub, odd: str) -> None:
    with pytest.raises(ServerTrouble, match="A patient's id is"):
        servers.chart(stub.base, odd)
    assert stub.log == []


OUTCOME = {"resource": {"resourceType": "OperationOutcome"}}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (lambda _: Response(status=400), "status 400"),
        (lambda _: Response("<html>"), "no FHIR JSON"),
        (lambda _: Response("[" * 100_000), "no FHIR JSON"),
        (lambda _: Response("[]"), "no Bundle"),
        (lambda _: Response(json.dumps(ANNA)), "no Bundle"),
        (lambda _: page(OUTCOME), "amiss"),
        (lambda _: page({"resource": {"resourceType": "Observation"}}), "an entry of the answer cannot be used"),
        (lambda _: page({}), "an entry of the answer cannot be used"),
        (lambda _: page(None), "an entry of the answer cannot be used"),
        (lambda _: page(total=3), "found 3 results and gave 0"),
        (lambda r: page(link=[{"relation": "next", "url": r.url}]), "more than 50 pages"),
        (lambda _: page(link=[{"relation": "next", "url": "http://localhost:1/fhir"}]), "another server"),
    ],
)
def test_what_could_not_be_had_is_missing_and_never_empty(
    httpserver: HTTPServer, servers: FhirServers, answer: Callable[[Request], Response], why: str
) -> None:
    fetched = servers.chart(answering(httpserver, answer), "p1")

    assert len(fetched.missing) == 10  # all keys but the patient
    assert all(why in told for told in fetched.missing.values())
    assert [entry["resource"]["id"] for entry in fetched.bundle["entry"]] == ["p1"]


@pytest.mark.parametrize(
    ("status", "told"),
    [(401, "wants a token"), (403, "wants a token"), (500, "Check that it runs"), (404, "base address")],
)
def test_a_server_that_refuses_or_fails_is_told_with_what_to_do(
    httpserver: HTTPServer, servers: FhirServers, status: int, told: str
) -> None:
    httpserver.expect_request("/fhir/Patient").respond_with_response(Response(status=status))
    with pytest.raises(ServerTrouble, match=told) as trouble:
        servers.find(httpserver.url_for("/fhir"), "")
    assert httpserver.url_for("/fhir") in str(trouble.value)
    assert not trouble.value.is_refused


def test_a_server_that_nobody_listens_at_is_told(offered: Sequence[CdsService]) -> None:
    with pytest.raises(ServerTrouble, match="Check that it runs"):
        FhirServers(settings("http://127.0.0.1:9"), offered).find("http://127.0.0.1:9/fhir", "")


def test_a_server_that_trickles_is_given_up_in_time(
    httpserver: HTTPServer, servers: FhirServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.3)

    def trickle() -> Iterator[bytes]:
        for _ in range(50):
            time.sleep(0.1)
            yield b" "

    httpserver.expect_request("/fhir/Patient").respond_with_handler(lambda _: Response(trickle()))
    with pytest.raises(ServerTrouble, match="did not answer in time"):
        servers.find(httpserver.url_for("/fhir"), "")


@pytest.mark.parametrize(
    "base",
    [
        "https://elsewhere.example.org/fhir",
        "file:///etc/passwd",
        "",
        "http://localhost:1/fhir",
        "http://127.0.0.1:9@x/",
    ],
)
def test_no_server_is_called_that_is_not_listed(servers: FhirServers, stub: FhirStub, base: str) -> None:
    with pytest.raises(ServerTrouble) as trouble:
        servers.find(base, "")
    assert trouble.value.is_refused
    assert stub.log == []


def test_without_a_listed_server_it_is_told_how_to_list_one(offered: Sequence[CdsService]) -> None:
    for ehr in (StoryEhr(offered), StoryEhr(offered, FhirServers(Settings(), offered))):
        assert list(ehr.servers()) == []
        with pytest.raises(ServerTrouble, match="B12_FHIR_ORIGINS"):
            ehr.find_patients("http://127.0.0.1:8081/fhir", "")
        with pytest.raises(ServerTrouble, match="B12_FHIR_ORIGINS"):
            ehr.fetch_chart("http://127.0.0.1:8081/fhir", "p1")
