"""Bodies and heads that mean harm: each is refused or read, within its time, and the next caller is answered."""

from __future__ import annotations

import gzip
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.conformance.conftest import CLOCK, JSON, PATIENT, Service, call, explained, hook_request
from tests.conformance.server import Running, running

Services = dict[str, dict[str, Any]]
PATH = "/cds-services/b12-patient-view"
SECONDS = 5  # far more than any of them takes, and far less than one that is not bounded would
MARK = "zqmark"
GIVEN = json.dumps(explained())


def with_raw(place: str, raw: str) -> bytes:
    """A good request with this JSON in one place of it."""
    request = explained()
    holder = request
    *path, last = place.split(".")
    for step in path:
        holder = holder[int(step)] if step.isdigit() else holder[step]  # type: ignore[index]
    holder[last] = MARK
    return json.dumps(request).replace(f'"{MARK}"', raw).encode()


PLACES = ("unused", "extension.x", "context.x", "context.userId", "fhirAuthorization", "prefetch.labs", "prefetch.x")
RESULT = "prefetch.labs.entry.0.resource"
DEEP = {"lists": ("[", "]"), "objects": ('{"a":', "}"), "entries": ('{"entry":[{"resource":', "}]}")}
NUMBERS = ("9" * 200_000, "-" + "9" * 5000, "1e999999999", "-1e999999999", "1e-999999999", "0." + "0" * 100_000 + "1")
BOMB = gzip.compress(b" " * 50_000_000)


def hostile() -> Iterator[Any]:
    for place in PLACES:
        for name, (before, after) in DEEP.items():
            yield pytest.param(with_raw(place, before * 100_000), {400}, id=f"{name} without end in {place}")
            deep = before * 100_000 + "1" + after * 100_000
            yield pytest.param(with_raw(place, deep), {400}, id=f"{name} nested deeply in {place}")
    for number in NUMBERS:
        for place in ("unused", f"{RESULT}.valueQuantity.value", "prefetch.labs.total", "context.patientId"):
            is_whole = number.lstrip("-").isdigit()  # beyond 64 bits, where an integer belongs
            answers = {400} if "patientId" in place or ("total" in place and is_whole) else {200}
            yield pytest.param(with_raw(place, number), answers, id=f"{number[:12]} in {place}")
    many = ",".join('"labs": {"resourceType": "Bundle"}' for _ in range(100_000))
    yield pytest.param(with_raw("prefetch", f'{{"patient": {json.dumps(PATIENT)}, {many}}}'), {200}, id="labs often")
    names = ",".join(f'"{number}": 1' for number in range(300_000))
    yield pytest.param(with_raw("extension", f"{{{names}}}"), {200}, id="very many members")
    colliding = ",".join(f'"a{number * (2**61 - 1)}": 1' for number in range(50_000))
    yield pytest.param(with_raw("fhirAuthorization", f"{{{colliding}}}"), {400}, id="members of one kind")
    for name, raw in {
        "a lone byte": b"\xff",
        "an overlong form": b"\xc0\xaf",
        "half a character": b"\xed\xa0\x80",
        "a cut character": b"\xe2\x82",
    }.items():
        for place in ("unused", f"{RESULT}.code.text", "context.userId"):
            body = with_raw(place, f'"{MARK}"').replace(MARK.encode(), raw)
            yield pytest.param(body, {400}, id=f"{name} in {place}")
    yield pytest.param(GIVEN.encode("utf-16"), {400}, id="UTF-16")
    yield pytest.param(GIVEN.encode("utf-32"), {400}, id="UTF-32")
    yield pytest.param(with_raw("unused", '"\\ud800"'), {200, 400}, id="an escaped half character")
    yield pytest.param(b" " * 9_000_000, {400}, id="nothing but blanks")
    yield pytest.param(with_raw("unused", '"' + "\\u0000" * 1_000_000 + '"'), {200, 400}, id="null characters")
    yield pytest.param(GIVEN.encode() + b"\0" * 1_000_000, {400}, id="null bytes after it")
    yield pytest.param(BOMB, {400}, id="compressed, and not said to be")


@pytest.mark.parametrize(("body", "statuses"), list(hostile()))
def test_a_hostile_body_is_refused_or_read_within_its_time(
    body: bytes, statuses: set[int], service: Service, services: Services
) -> None:
    began = CLOCK()
    answer = call(service, services, body)
    took = CLOCK() - began

    assert answer.status in statuses, answer.body[:300]
    assert took < SECONDS
    assert len(answer.body) < 100_000
    assert answer.status == 200 or answer.json["resourceType"] == "OperationOutcome"


def test_the_last_of_two_members_counts_for_every_reader(service: Service, services: Services) -> None:
    """Or one reader would check the patient of one, and another read the data of the other."""
    other = '{"userId": "Practitioner/u1", "patientId": "p2"}'
    ours = json.dumps(hook_request()["context"])
    for first, last, is_found in ((other, ours, True), (ours, other, False)):
        for odd in ("1", '{"resourceType": "Bundle", "total": "odd"}'):  # by the quick and by the patient reader
            request = GIVEN.replace(f'"context": {ours}', f'"context": {first}, "x": {odd}, "context": {last}')
            answer = call(service, services, request.encode())
            assert answer.status == (200 if is_found else 412)


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "br", "zstd", "gzip, gzip", "x-nonsense"])
@pytest.mark.parametrize("path", [PATH, f"{PATH}/feedback"])
def test_a_compressed_body_is_not_unpacked(encoding: str, path: str, service: Service) -> None:
    answer = service.send("POST", path, BOMB, {**JSON, "Content-Encoding": encoding})

    assert answer.status == 415
    assert "compressed" in answer.json["issue"][0]["details"]["text"]


def test_a_body_that_says_that_it_is_as_it_is_is_read(service: Service) -> None:
    headers = {**JSON, "Content-Encoding": "identity"}
    assert service.send("POST", PATH, GIVEN.encode(), headers).status == 200


# Heads: over a connection, because they are the server's to refuse


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("heads"), B12_WORKERS="1") as service:
        yield service


def said(served: Running, sent: bytes) -> bytes:
    """All that comes back until the connection is closed; an answer that is never finished fails by its time."""
    with socket.create_connection(("127.0.0.1", int(served.url.rpartition(":")[2])), timeout=20) as connection:
        answer = b""
        try:
            connection.sendall(sent)
            while piece := connection.recv(65536):
                answer += piece
        except (ConnectionResetError, BrokenPipeError):
            pass  # it would not listen to the end
    return answer


def is_well(served: Running) -> bool:
    return requests.post(served.url + PATH, json=hook_request(), timeout=10).status_code == 200


LINE = f"POST {PATH} HTTP/1.1\r\nHost: cds\r\nConnection: close\r\nContent-Type: application/json\r\n".encode()
BODY = GIVEN.encode()
OF_ITS_LENGTH = b"Content-Length: %d\r\n" % len(BODY)
HEADS = {
    "a thousand headers": LINE + b"".join(b"X-%d: x\r\n" % n for n in range(1000)) + OF_ITS_LENGTH + b"\r\n" + BODY,
    "one header of megabytes": LINE + b"X: " + b"x" * 5_000_000 + b"\r\n" + OF_ITS_LENGTH + b"\r\n" + BODY,
    "headers without end": LINE + b"X: x\r\n" * 1_000_000,
    "an address of megabytes": b"POST /" + b"x" * 5_000_000 + b" HTTP/1.1\r\nHost: cds\r\n\r\n",
    "a negative length": LINE + b"Content-Length: -1\r\n\r\n" + BODY,
    "two lengths": LINE + b"Content-Length: 5\r\n" + OF_ITS_LENGTH + b"\r\n" + BODY,
    "a length that is no number": LINE + b"Content-Length: 1e3\r\n\r\n" + BODY,
    "a chunk that is no number": LINE + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + BODY,
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500,
    "a null in the address": b"GET /health\0 HTTP/1.1\r\nHost: cds\r\nConnection: close\r\n\r\n",
}


@pytest.mark.parametrize("sent", HEADS.values(), ids=HEADS)
def test_a_hostile_head_is_refused_and_costs_nobody_else(sent: bytes, served: Running) -> None:
    answer = said(served, sent)

    assert not answer.startswith(b"HTTP/1.1 2"), answer[:200]
    # A body that breaks off is a caller who hung up: the front answers nothing, and the server then says 500.
    assert answer == b"" or answer[9:12] in (b"400", b"413", b"414", b"431", b"500"), answer[:200]
    assert is_well(served)


def test_a_request_hidden_behind_two_lengths_is_not_answered(served: Running) -> None:
    """Request smuggling: a proxy that believed the length would see one request where we would see two."""
    hidden = b"GET /health HTTP/1.1\r\nHost: cds\r\n\r\n"
    head = LINE.replace(b"Connection: close\r\n", b"")
    both = head + b"Transfer-Encoding: chunked\r\nContent-Length: %d\r\n\r\n0\r\n\r\n" % (5 + len(hidden)) + hidden
    answer = said(served, both)

    assert answer.count(b"HTTP/1.1 ") <= 1
    assert b'"ok"' not in answer
    assert is_well(served)


def test_heads_that_trickle_in_stop_nobody_and_are_closed(served: Running) -> None:
    """Slowloris: a line of the head every second, for ever."""
    port = int(served.url.rpartition(":")[2])
    slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
    for connection in slow:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: cds\r\n")
        connection.setblocking(False)
    began, open_still = time.monotonic(), slow
    while open_still and time.monotonic() - began < 30:
        assert is_well(served)
        time.sleep(1)
        open_still = [connection for connection in open_still if trickle(connection)]
    for connection in slow:
        connection.close()

    assert open_still == []


def trickle(connection: socket.socket) -> bool:
    """Send one more line; whether the other side still listens."""
    try:
        connection.send(b"X: x\r\n")
        return connection.recv(1000) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False
