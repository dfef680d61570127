"""The front of a worker: what it passes on, what it gives up waiting for, and what it refuses to take on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cds_service.web.front import Front, Limits

Environ = dict[str, Any]
Messages = list[dict[str, Any]]
SMALL = Limits(max_body_bytes=10, body_seconds=0.05, threads=1, waiting=1)


class Application:
    """A WSGI application that remembers what it was called with, and may be held up."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.environs: list[Environ] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def __call__(self, environ: Environ, start_response: Any, /) -> Iterable[bytes]:
        self.environs.append(environ)
        self.bodies.append(environ["wsgi.input"].read())
        self.may_go_on.wait(20)
        start_response("200 OK", [("X-Mine", "yes")])
        return [b"answer", b"ed"]


@pytest.fixture
def application() -> Application:
    return Application()


def refuse(status: int, _scope: Any) -> tuple[list[tuple[bytes, bytes]], bytes]:
    return [], str(status).encode()


def front(application: Application, limits: Limits = SMALL) -> Front:
    return Front(application, limits, refuse)


def scope(path: str = "/cds-services/x", *headers: tuple[bytes, bytes], raw_path: bytes = b"") -> dict[str, Any]:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": raw_path or path.encode(),
        "query_string": b"a=b",
        "server": ("127.0.0.1", 8000),
        "client": ("10.0.0.9", 4711),
        "headers": list(headers),
    }


def pieces(*bodies: bytes) -> Messages:
    more = [{"type": "http.request", "body": body, "more_body": True} for body in bodies]
    return [*more[:-1], {**more[-1], "more_body": False}]


async def ask(asked: Front, messages: Messages, of: dict[str, Any] | None = None) -> Messages:
    """What the front sends for these messages; when they are used up, the caller says nothing more."""
    waiting, sent = iter(messages), []

    async def receive() -> dict[str, Any]:
        for message in waiting:
            return message
        await asyncio.Event().wait()
        raise AssertionError("never reached")

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await asked(of or scope(), receive, send)
    return sent


def run(made: Callable[[], Awaitable[Any]]) -> Any:
    async def whole() -> Any:
        return await made()

    # In a thread of its own: a browser test that ran before leaves its event loop running in this one.
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(asyncio.run, whole()).result()


def test_a_request_is_passed_on_whole_and_its_answer_back(application: Application) -> None:
    sent = run(lambda: ask(front(application), pieces(b"abc", b"def", b"")))

    assert application.bodies == [b"abcdef"]
    assert sent[0] == {"type": "http.response.start", "status": 200, "headers": [(b"X-Mine", b"yes")]}
    assert sent[1] == {"type": "http.response.body", "body": b"answered"}


def test_who_is_answered_last_is_told_to_connect_anew(application: Application) -> None:
    ending = front(application)
    ending.answer_last()

    sent = run(lambda: ask(ending, pieces(b"abc")))

    assert sent[0]["headers"] == [(b"X-Mine", b"yes"), (b"connection", b"close")]


def test_the_environ_says_what_the_request_said(application: Application) -> None:
    of = scope("/a/ü", (b"host", b"cds.example.org"), (b"content-type", b"text/x"), raw_path=b"/a/%C3%BC")

    run(lambda: ask(front(application), pieces(b"abc"), of))

    environ = application.environs[0]
    expected = {"HTTP_HOST": "cds.example.org", "CONTENT_TYPE": "text/x", "CONTENT_LENGTH": "3", "QUERY_STRING": "a=b"}
    assert {name: environ[name] for name in expected} == expected
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/a/ü"
    assert (environ["REQUEST_METHOD"], environ["REMOTE_ADDR"]) == ("POST", "10.0.0.9")


def test_a_header_that_stands_twice_is_joined_so_that_neither_passes_for_the_only_one(application: Application) -> None:
    of = scope("/x", (b"authorization", b"Bearer a"), (b"authorization", b"Bearer b"))

    run(lambda: ask(front(application), pieces(b""), of))

    assert application.environs[0]["HTTP_AUTHORIZATION"] == "Bearer a,Bearer b"


def test_a_header_with_an_underscore_does_not_pass_for_one_with_a_hyphen(application: Application) -> None:
    of = scope("/x", (b"content_type", b"application/json"), (b"x_forwarded_for", b"1.2.3.4"))

    run(lambda: ask(front(application), pieces(b""), of))

    assert not {"CONTENT_TYPE", "HTTP_X_FORWARDED_FOR"} & set(application.environs[0])


def test_a_body_that_stops_coming_ends_in_408_and_reaches_nobody(application: Application) -> None:
    sent = run(lambda: ask(front(application), [{"type": "http.request", "body": b"{", "more_body": True}]))

    assert (sent[0]["status"], sent[1]["body"]) == (408, b"408")
    assert application.bodies == []


def test_those_who_wait_for_their_own_body_are_in_nobodys_way(application: Application) -> None:
    asked = front(application, Limits(max_body_bytes=10, body_seconds=20, threads=1, waiting=1))

    async def together() -> Messages:
        slow = [asyncio.create_task(ask(asked, pieces(b"{", b"}")[:1])) for _ in range(64)]
        await asyncio.sleep(0)
        answers = [await ask(asked, pieces(b"{}")) for _ in range(10)]
        assert not any(task.done() for task in slow)
        for task in slow:
            task.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        return [answer[0] for answer in answers]

    assert [start["status"] for start in run(together)] == [200] * 10


def test_who_hangs_up_is_not_answered_and_not_worked_for(application: Application) -> None:
    sent = run(lambda: ask(front(application), [*pieces(b"{", b"")[:1], {"type": "http.disconnect"}]))

    assert sent == []
    assert application.bodies == []


@pytest.mark.parametrize(
    "headers",
    [
        [(b"content-length", b"4"), (b"transfer-encoding", b"chunked")],
        [(b"content-length", b"4")] * 2,
        [(b"content-length", b"4" * 5000)],
        [(b"content-length", b"-4")],
        [],
    ],
    ids=["chunked too", "said twice", "of more digits than a number has", "no number", "not said"],
)
def test_a_body_whose_length_was_not_announced_for_certain_is_read_to_its_end(
    application: Application, headers: list[tuple[bytes, bytes]]
) -> None:
    run(lambda: ask(front(application), pieces(b"1234", b"56"), scope("/x", *headers)))

    assert application.bodies == [b"123456"]


def test_after_as_much_as_was_announced_nobody_waits_to_hear_that_nothing_follows(application: Application) -> None:
    silent_after = pieces(b"12", b"34", b"never asked for")[:2]

    sent = run(lambda: ask(front(application), silent_after, scope("/x", (b"content-length", b"4"))))

    assert sent[0]["status"] == 200
    assert application.bodies == [b"1234"]


def test_less_than_was_announced_is_waited_for(application: Application) -> None:
    sent = run(lambda: ask(front(application), pieces(b"12", b"34")[:1], scope("/x", (b"content-length", b"4"))))

    assert sent[0]["status"] == 408
    assert application.bodies == []


def test_of_a_body_that_is_too_large_only_as_much_is_kept_as_shows_it(application: Application) -> None:
    run(lambda: ask(front(application), pieces(b"1234567", b"89012345", b"6")))

    assert application.bodies == [b"12345678901"]


def test_a_body_without_end_is_not_read_for_ever(application: Application) -> None:
    endless = [{"type": "http.request", "body": b"1234567890", "more_body": True}] * 100

    sent = run(lambda: ask(front(application, Limits(max_body_bytes=10, body_seconds=20)), endless))

    assert sent[0]["status"] == 200  # the application's word on it; here it has none
    assert len(application.bodies[0]) == 11


def test_more_than_can_wait_is_refused_and_the_rest_is_answered(application: Application) -> None:
    asked = front(application)
    application.may_go_on.clear()

    async def together() -> list[int]:
        first = [asyncio.create_task(ask(asked, pieces(b"{}"))) for _ in range(2)]
        await asyncio.sleep(0)
        refused = await ask(asked, pieces(b"{}"))
        application.may_go_on.set()
        return [refused[0]["status"], *[(await task)[0]["status"] for task in first]]

    assert run(together) == [503, 200, 200]


def test_what_has_waited_too_long_is_refused_without_being_begun(application: Application) -> None:
    asked = front(application, Limits(max_body_bytes=10, wait_seconds=-1))

    sent = run(lambda: ask(asked, pieces(b"{}")))

    assert sent[0]["status"] == 503
    assert application.bodies == []


def test_whether_it_lives_is_answered_beside_all_other_work(application: Application) -> None:
    asked = front(application)
    application.may_go_on.clear()

    async def together() -> Any:
        others = [asyncio.create_task(ask(asked, pieces(b"{}"))) for _ in range(2)]
        await asyncio.sleep(0)
        alive = asyncio.create_task(ask(asked, pieces(b""), scope("/health")))
        while len(application.environs) < 2:  # one of the others, and the question
            await asyncio.sleep(0.001)
        application.may_go_on.set()
        await asyncio.gather(*others)
        return (await alive)[0]["status"]

    assert run(together) == 200
    assert "/health" in [environ["PATH_INFO"] for environ in application.environs[:2]]


def test_bodies_that_together_would_fill_the_memory_are_read_and_refused(application: Application) -> None:
    asked = front(application, Limits(max_body_bytes=10, body_seconds=0.2, waiting=100))

    async def together() -> list[int]:
        held = [asyncio.create_task(ask(asked, pieces(b"1234567890", b"")[:1])) for _ in range(16)]
        await asyncio.sleep(0)
        refused = await ask(asked, pieces(b"{", b"}"))
        await asyncio.gather(*held)
        later = await ask(asked, pieces(b"{}"))
        return [refused[0]["status"], later[0]["status"]]

    assert run(together) == [503, 200]


def test_the_end_of_the_process_waits_for_what_has_begun(application: Application) -> None:
    asked = front(application)

    async def life() -> Messages:
        await ask(asked, pieces(b"{}"))
        return await ask(asked, [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}], {"type": "lifespan"})

    assert [message["type"] for message in run(life)] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
