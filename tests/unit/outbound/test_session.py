"""The session is patient with a slow server up to the deadline, and never beyond; the token goes nowhere else."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from cds_service.errors import FhirServerFailed
from cds_service.outbound.addresses import AddressRules
from cds_service.outbound.deadline import Deadline
from cds_service.outbound.session import GuardedSession


@pytest.fixture
def session(httpserver: HTTPServer) -> Iterator[GuardedSession]:
    origins = [httpserver.url_for("").rstrip("/")]
    made = GuardedSession(AddressRules.of(origins, allow_http_localhost=True, private_networks=()), max_bytes=100_000)
    yield made
    made.close()


def test_the_body_comes_back_and_the_token_goes_in_the_header_only(
    session: GuardedSession, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/Patient/1", headers={"Authorization": "Bearer secret"}).respond_with_data("{}")

    assert session.get(httpserver.url_for("/Patient/1"), token="secret", deadline=Deadline(2)) == b"{}"
    request, _ = httpserver.log[0]
    assert "secret" not in request.url
    assert request.headers["Accept"].startswith("application/fhir+json")


def test_an_answer_from_a_cache_is_not_wanted(session: GuardedSession, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/x", headers={"Cache-Control": "no-cache"}).respond_with_data("{}")

    assert session.get(httpserver.url_for("/x"), token="", deadline=Deadline(2)) == b"{}"


def test_without_a_token_no_authorization_is_sent(session: GuardedSession, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/x").respond_with_data("{}")

    session.get(httpserver.url_for("/x"), token="", deadline=Deadline(2))

    assert "Authorization" not in httpserver.log[0][0].headers


def test_neither_environment_nor_cookies_add_to_a_call(
    session: GuardedSession, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    httpserver.expect_request("/x").respond_with_data("{}", headers={"Set-Cookie": "patient=1; Path=/"})

    for _ in range(2):
        session.get(httpserver.url_for("/x"), token="", deadline=Deadline(2))

    assert "Cookie" not in httpserver.log[1][0].headers


def test_a_compressed_answer_is_unpacked(session: GuardedSession, httpserver: HTTPServer) -> None:
    packed = gzip.compress(b'{"a": 1}')
    httpserver.expect_request("/x").respond_with_data(packed, headers={"Content-Encoding": "gzip"})

    assert session.get(httpserver.url_for("/x"), token="", deadline=Deadline(2)) == b'{"a": 1}'


@pytest.mark.parametrize("is_packed", [False, True])
def test_an_answer_that_is_too_large_is_not_read_to_its_end(
    is_packed: bool, session: GuardedSession, httpserver: HTTPServer
) -> None:
    body = b" " * 2_000_000
    sent = gzip.compress(body) if is_packed else body
    headers = {"Content-Encoding": "gzip"} if is_packed else {}
    httpserver.expect_request("/x").respond_with_data(sent, headers=headers)

    with pytest.raises(FhirServerFailed, match="larger than 100000 bytes"):
        session.get(httpserver.url_for("/x"), token="", deadline=Deadline(5))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int, session: GuardedSession, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/x").respond_with_data("", status, headers={"Location": httpserver.url_for("/y")})
    httpserver.expect_request("/y").respond_with_data("{}")

    with pytest.raises(FhirServerFailed, match="redirect"):
        session.get(httpserver.url_for("/x"), token="secret", deadline=Deadline(2))

    assert [request.path for request, _ in httpserver.log] == ["/x"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 500])
def test_an_error_is_told_by_its_status_and_not_asked_again(
    status: int, session: GuardedSession, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/x").respond_with_data("patient John", status)

    with pytest.raises(FhirServerFailed) as error:
        session.get(httpserver.url_for("/x?name=John"), token="secret", deadline=Deadline(2))

    assert str(error.value) == f"the FHIR server answered with status {status}"
    assert len(httpserver.log) == 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_passing_trouble_is_asked_again(status: int, session: GuardedSession, httpserver: HTTPServer) -> None:
    httpserver.expect_ordered_request("/x").respond_with_data("", status)
    httpserver.expect_ordered_request("/x").respond_with_data("{}")

    assert session.get(httpserver.url_for("/x"), token="", deadline=Deadline(3)) == b"{}"


def test_a_lasting_trouble_is_given_up(session: GuardedSession, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/x").respond_with_data("", 503)

    with pytest.raises(FhirServerFailed, match="status 503, also when asked again"):
        session.get(httpserver.url_for("/x"), token="", deadline=Deadline(3))

    assert len(httpserver.log) == 3


def test_a_retry_after_beyond_the_deadline_is_not_waited_for(session: GuardedSession, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/x").respond_with_data("", 503, headers={"Retry-After": "30"})
    began = time.monotonic()

    with pytest.raises(FhirServerFailed, match="later than there is time for"):
        session.get(httpserver.url_for("/x"), token="", deadline=Deadline(1))

    assert time.monotonic() - began < 0.9


def test_a_silent_server_is_waited_for_until_the_deadline(session: GuardedSession, httpserver: HTTPServer) -> None:
    release = threading.Event()

    def silent(_: Request) -> Response:
        release.wait(5)
        return Response("{}")

    httpserver.expect_request("/x").respond_with_handler(silent)
    began = time.monotonic()

    with pytest.raises(FhirServerFailed, match="in time"):
        session.get(httpserver.url_for("/x"), token="", deadline=Deadline(0.3))
    release.set()

    assert time.monotonic() - began < 2


@pytest.fixture
def dripping() -> Iterator[Callable[[bytes], str]]:
    """A server that sends a beginning and then a byte now and then, so that no read of its answer times out."""
    listening = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def serve(beginning: bytes) -> None:
        connected, _ = listening.accept()
        with connected:
            connected.recv(65536)
            try:
                connected.sendall(beginning)
                while not stop.wait(0.05):
                    connected.sendall(b"x")
            except OSError:
                return

    def start(beginning: bytes) -> str:
        threads.append(threading.Thread(target=serve, args=(beginning,), daemon=True))
        threads[-1].start()
        return f"http://127.0.0.1:{listening.getsockname()[1]}"

    yield start
    stop.set()
    for thread in threads:
        thread.join(2)
    listening.close()


@pytest.mark.parametrize(
    "beginning",
    [b"HTTP/1.1 200 OK\r\nX-Long: ", b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"],
    ids=["in its headers", "in its body"],
)
def test_a_server_that_drips_is_cut_off_at_the_deadline(beginning: bytes, dripping: Callable[[bytes], str]) -> None:
    origin = dripping(beginning)
    session = GuardedSession(AddressRules.of([origin], allow_http_localhost=True, private_networks=()))
    deadline = Deadline(0.4)
    ending = threading.Timer(0.5, deadline.expire)
    ending.start()
    began = time.monotonic()

    with pytest.raises(FhirServerFailed):
        session.get(f"{origin}/x", token="", deadline=deadline)

    assert time.monotonic() - began < 2
    ending.join()
    session.close()


def test_a_deadline_that_has_passed_makes_no_call(session: GuardedSession, httpserver: HTTPServer) -> None:
    with pytest.raises(FhirServerFailed):
        session.get(httpserver.url_for("/x"), token="", deadline=Deadline(0))

    assert httpserver.log == []
