"""Fetched keys: kept for a while, fetched anew when that may help, and never more often than allowed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from cds_service.outbound.addresses import AddressRules
from cds_service.outbound.session import GuardedSession
from cds_service.web.trust.key_source import (
    FIRST_RETRY_SECONDS,
    FRESH_SECONDS,
    MAX_JWKS_BYTES,
    REFRESH_SECONDS,
    STALE_SECONDS,
    FetchedKeys,
    KeyState,
    ListedKeys,
)
from tests.signing import Signer

START = datetime(2025, 10, 1, 12, tzinfo=UTC)
OLD, NEW = Signer.of("ES384", "old"), Signer.of("ES384", "new")


class Endpoint:
    """A client's JWKS address, whose answer changes with time."""

    def __init__(self, server: HTTPServer) -> None:
        self.answer: Callable[[], Response] = lambda: Response(status=404)
        self.server = server
        server.expect_request("/jwks.json").respond_with_handler(lambda _request: self.answer())

    @property
    def calls(self) -> int:
        return len(self.server.log)

    def publish(self, *keys: dict[str, Any]) -> None:
        body = json.dumps({"keys": keys})
        self.answer = lambda: Response(body, content_type="application/json")

    def fail(self) -> None:
        self.answer = lambda: Response(status=500)


@pytest.fixture
def endpoint(httpserver: HTTPServer) -> Endpoint:
    return Endpoint(httpserver)


@pytest.fixture
def keys(endpoint: Endpoint) -> Iterator[FetchedKeys]:
    url = endpoint.server.url_for("/jwks.json")
    origin = [endpoint.server.url_for("").rstrip("/")]
    session = GuardedSession(
        AddressRules.of(origin, allow_http_localhost=True, private_networks=()), max_bytes=MAX_JWKS_BYTES
    )
    yield FetchedKeys("ehr", url, session, 2.0)
    session.close()


def found(keys: FetchedKeys, kid: str, seconds: float) -> bool:
    return keys.find(kid, START + timedelta(seconds=seconds)) is not None


def test_nothing_is_fetched_before_it_is_needed_and_then_once(endpoint: Endpoint, keys: FetchedKeys) -> None:
    endpoint.publish(OLD.jwk)
    assert endpoint.calls == 0

    assert all(found(keys, "old", second) for second in (0, 1, FRESH_SECONDS - 1))
    assert endpoint.calls == 1


def test_a_new_key_is_found_at_its_first_use(endpoint: Endpoint, keys: FetchedKeys) -> None:
    endpoint.publish(OLD.jwk)
    assert found(keys, "old", 0)
    endpoint.publish(OLD.jwk, NEW.jwk)

    assert found(keys, "new", REFRESH_SECONDS)
    assert found(keys, "old", REFRESH_SECONDS)
    assert endpoint.calls == 2


def test_unknown_ids_lead_to_one_call_a_minute(endpoint: Endpoint, keys: FetchedKeys) -> None:
    endpoint.publish(OLD.jwk)
    for second in range(3 * REFRESH_SECONDS):
        assert not found(keys, f"made-up-{second}", second)

    assert endpoint.calls == 3


def test_a_withdrawn_key_ends_when_the_keys_are_no_longer_fresh(endpoint: Endpoint, keys: FetchedKeys) -> None:
    endpoint.publish(OLD.jwk, NEW.jwk)
    assert found(keys, "old", 0)
    endpoint.publish(NEW.jwk)

    assert found(keys, "old", FRESH_SECONDS - 1)
    assert not found(keys, "old", FRESH_SECONDS)
    assert found(keys, "new", FRESH_SECONDS)


def test_while_the_endpoint_is_down_old_keys_work_for_a_bounded_time(endpoint: Endpoint, keys: FetchedKeys) -> None:
    endpoint.publish(OLD.jwk)
    assert found(keys, "old", 0)
    endpoint.fail()

    assert found(keys, "old", FRESH_SECONDS)
    assert found(keys, "old", STALE_SECONDS - 1)
    assert not found(keys, "old", STALE_SECONDS)
    endpoint.publish(OLD.jwk)
    assert found(keys, "old", STALE_SECONDS + REFRESH_SECONDS)


def test_an_endpoint_that_is_down_is_not_asked_at_every_request(endpoint: Endpoint, keys: FetchedKeys) -> None:
    endpoint.publish(OLD.jwk)
    assert found(keys, "old", 0)
    endpoint.answer = lambda: Response(status=404)
    for second in range(10):
        assert found(keys, "old", FRESH_SECONDS + second)

    assert endpoint.calls == 2


def test_without_any_keys_the_endpoint_is_asked_again_soon(endpoint: Endpoint, keys: FetchedKeys) -> None:
    for second in range(FIRST_RETRY_SECONDS):
        assert not found(keys, "old", second)
    assert endpoint.calls == 1
    endpoint.publish(OLD.jwk)

    assert found(keys, "old", FIRST_RETRY_SECONDS)


@pytest.mark.parametrize(
    "answer",
    [
        lambda: Response("<html>down for maintenance</html>"),
        lambda: Response("{}"),
        lambda: Response("", status=302, headers={"Location": "http://localhost:1/other"}),
        lambda: Response('{"keys": []' + " " * MAX_JWKS_BYTES + "}"),
    ],
    ids=["a page", "no keys member", "a redirect", "too large"],
)
def test_a_bad_answer_takes_no_key_away(answer: Callable[[], Response], endpoint: Endpoint, keys: FetchedKeys) -> None:
    endpoint.publish(OLD.jwk)
    assert found(keys, "old", 0)
    endpoint.answer = answer

    assert found(keys, "old", FRESH_SECONDS)
    assert endpoint.calls == 2


def test_a_client_that_withdraws_all_its_keys_is_heard(endpoint: Endpoint, keys: FetchedKeys) -> None:
    endpoint.publish(OLD.jwk)
    assert found(keys, "old", 0)
    endpoint.publish()

    assert not found(keys, "old", FRESH_SECONDS)


def test_a_clock_that_is_set_back_makes_keys_old_and_not_eternal(endpoint: Endpoint, keys: FetchedKeys) -> None:
    endpoint.publish(OLD.jwk)
    assert found(keys, "old", 10_000)
    endpoint.publish(NEW.jwk)

    assert not found(keys, "old", 0)
    assert found(keys, "new", 0)


def test_the_state_tells_age_number_and_the_last_failure(endpoint: Endpoint, keys: FetchedKeys) -> None:
    assert keys.state() == KeyState(0, is_fetched=True)
    endpoint.publish(OLD.jwk, NEW.jwk)
    found(keys, "old", 0)
    assert keys.state() == KeyState(2, True, START, START)
    endpoint.answer = lambda: Response(status=404)
    found(keys, "old", FRESH_SECONDS)
    asked = START + timedelta(seconds=FRESH_SECONDS)
    assert keys.state() == KeyState(2, True, START, asked, "NotOnFhirServer")
    endpoint.publish(OLD.jwk)
    found(keys, "old", FRESH_SECONDS + REFRESH_SECONDS)
    assert keys.state().problem == ""


def test_the_state_is_told_while_a_slow_endpoint_is_asked(endpoint: Endpoint, keys: FetchedKeys) -> None:
    asked, may_answer = threading.Event(), threading.Event()

    def slowly() -> Response:
        asked.set()
        may_answer.wait(10)
        return Response(status=404)

    endpoint.answer = slowly
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(found, keys, "old", 0)
        assert asked.wait(10)
        state = keys.state()
        was_waiting = not waiting.done()
        may_answer.set()
    assert was_waiting
    assert (state.number, state.asked_at) == (0, START)


def test_listed_keys_are_always_there() -> None:
    assert ListedKeys({}).state() == KeyState(0)


@pytest.mark.parametrize("seconds", [1, FRESH_SECONDS], ids=["for an unknown key", "as they are old"])
def test_known_keys_work_while_a_slow_endpoint_is_asked(seconds: int, endpoint: Endpoint, keys: FetchedKeys) -> None:
    endpoint.publish(OLD.jwk)
    assert found(keys, "old", 0)
    is_asked, may_answer = threading.Event(), threading.Event()
    body = json.dumps({"keys": [OLD.jwk, NEW.jwk]})

    def slowly() -> Response:
        is_asked.set()
        assert may_answer.wait(20)
        return Response(body, content_type="application/json")

    endpoint.answer = slowly
    later = max(seconds, REFRESH_SECONDS)
    with ThreadPoolExecutor(3) as callers:
        asking = callers.submit(found, keys, "new", later)
        assert is_asked.wait(20)
        also_asking = callers.submit(found, keys, "new", later)

        assert found(keys, "old", later)  # and not after the endpoint has answered
        assert not asking.done()

        may_answer.set()
        assert (asking.result(20), also_asking.result(20)) == (True, True)
    assert endpoint.calls == 2


def test_a_rotation_under_load_refuses_nobody_whose_key_is_published(endpoint: Endpoint, keys: FetchedKeys) -> None:
    endpoint.publish(OLD.jwk)
    assert found(keys, "old", 0)
    endpoint.publish(OLD.jwk, NEW.jwk)  # as is good practice: both, until the old one is no longer used

    with ThreadPoolExecutor(8) as callers:
        kids = ["old", "new"] * 40
        answers = list(callers.map(lambda kid: found(keys, kid, REFRESH_SECONDS), kids))

    assert all(answers)
    assert endpoint.calls == 2


def test_of_two_fetched_keys_with_one_id_neither_opens(endpoint: Endpoint, keys: FetchedKeys) -> None:
    endpoint.publish(OLD.jwk, {**NEW.jwk, "kid": "old"})

    assert not found(keys, "old", 0)
