"""Slow callers, too many callers, and a stop in the middle of it: nobody waits for another, and none is lost."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import requests
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.conformance.conftest import hook_request
from tests.conformance.server import Running, running

PATH = "/cds-services/b12-patient-view"
SLOW = 64
LIMIT_SECONDS = 3
HEAD = f"POST {PATH} HTTP/1.1\r\nHost: cds\r\nContent-Type: application/json\r\n"
STALLED = (f"{HEAD}Content-Length: 1000\r\n\r\n{{", f"{HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\n{{\r\n")


class SlowFhirServer:
    """An EHR's FHIR server that answers when it is told to."""

    def __init__(self, server: HTTPServer) -> None:
        self.is_asked = threading.Semaphore(0)
        self.may_answer = threading.Event()
        self.origin = server.url_for("").rstrip("/").replace("127.0.0.1", "localhost")
        server.expect_request("/Observation").respond_with_handler(self._answer)

    def _answer(self, _request: Request) -> Response:
        self.is_asked.release()
        self.may_answer.wait(30)
        return Response(json.dumps({"resourceType": "Bundle", "type": "searchset"}), content_type="application/json")


@pytest.fixture
def ehr() -> Iterator[SlowFhirServer]:
    with HTTPServer(host="127.0.0.1", threaded=True) as server:
        slow = SlowFhirServer(server)
        yield slow
        slow.may_answer.set()


@contextmanager
def fetching(folder: Path, ehr: SlowFhirServer, **settings: str) -> Iterator[Running]:
    """A service that reads what is missing from this FHIR server."""
    allowed = {"B12_FHIR_ORIGINS": ehr.origin, "B12_FHIR_ALLOW_HTTP_LOCALHOST": "true", "B12_DEADLINE_SECONDS": "20"}
    with running(folder, B12_WORKERS="1", **allowed, **settings) as service:
        yield service


def without_labs(service: Running, ehr: SlowFhirServer) -> requests.Response:
    request = hook_request(fhirServer=ehr.origin)
    del request["prefetch"]["labs"]
    return requests.post(service.url + PATH, json=request, timeout=60)


def stalled(service: Running, start: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", int(service.url.rpartition(":")[2])))
    connection.sendall(start.encode())
    return connection


def test_slow_senders_stop_nobody_and_end_in_408(tmp_path: Path) -> None:
    with running(tmp_path, B12_BODY_SECONDS=str(LIMIT_SECONDS)) as service, ExitStack() as held:
        slow = [held.enter_context(stalled(service, start)) for start in STALLED for _ in range(SLOW)]
        with requests.Session() as session:
            normal = [session.post(service.url + PATH, json=hook_request(), timeout=10) for _ in range(100)]
        answers = []
        for connection in slow:
            connection.settimeout(20)
            with connection.makefile("rb") as answer:
                answers.append(answer.read())  # to the end: the connection is closed

    assert {answer.status_code for answer in normal} == {200}
    assert all(answer.startswith(b"HTTP/1.1 408 ") for answer in answers)
    assert all(b"OperationOutcome" in answer for answer in answers)


def test_more_work_than_can_wait_is_refused_at_once_and_the_rest_is_done(tmp_path: Path, ehr: SlowFhirServer) -> None:
    with fetching(tmp_path, ehr, B12_THREADS="2", B12_MAX_WAITING="1") as service, ThreadPoolExecutor(2) as callers:
        begun = [callers.submit(without_labs, service, ehr) for _ in range(2)]
        for _ in begun:
            assert ehr.is_asked.acquire(timeout=20)
        with ThreadPoolExecutor(8) as more:
            late = [more.submit(without_labs, service, ehr) for _ in range(8)]
            refused = first_refused(late)
            alive = requests.get(f"{service.url}/health", timeout=10)
            ehr.may_answer.set()
            statuses = sorted(done.result().status_code for done in (*begun, *late))

    assert alive.status_code == 200
    assert int(refused.headers["Retry-After"]) > 0
    assert refused.json()["resourceType"] == "OperationOutcome"
    assert refused.headers["Access-Control-Allow-Origin"] == "http://localhost:8080"
    assert statuses.count(200) >= 3
    assert set(statuses) == {200, 503}


def first_refused(asked: list[Future[requests.Response]]) -> requests.Response:
    """The answer to one that need not wait for the FHIR server."""
    while True:
        for one in asked:
            if one.done():
                return one.result()


def test_a_stop_loses_no_request_that_has_begun(tmp_path: Path, ehr: SlowFhirServer) -> None:
    with fetching(tmp_path, ehr) as service, ThreadPoolExecutor(4) as callers:
        begun = [callers.submit(without_labs, service, ehr) for _ in range(4)]
        for _ in begun:
            assert ehr.is_asked.acquire(timeout=20)
        os.kill(service.process.pid, signal.SIGTERM)
        while is_listening(service):
            continue
        ehr.may_answer.set()
        statuses = [done.result().status_code for done in begun]
        service.process.wait(20)

    assert statuses == [200] * 4
    assert service.process.returncode == 0


def is_listening(service: Running) -> bool:
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", int(service.url.rpartition(":")[2]))) == 0
