"""Every answer, of every route and of every error, carries the headers that keep a browser from misusing it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from cds_service.config import Settings
from cds_service.errors import TemporarilyUnavailable
from cds_service.service import HookAnswer, HookCall
from cds_service.web.app import create_front
from tests.unit.web.conftest import Edge, hook_request

ORIGIN = "http://localhost:8080"
HOOK = "/cds-services/b12-patient-view"


def check_safe(headers: Mapping[str, str]) -> None:
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] in ("no-store", "no-cache")
    policy = dict(part.strip().partition(" ")[::2] for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert len(headers["X-Request-Id"]) == 36


def addresses(app: Flask) -> Iterator[tuple[str, str]]:
    """Every method of every route, with something in the place of what is named in it."""
    for rule in app.url_map.iter_rules():
        path = rule.build(dict.fromkeys(rule.arguments, "x"), append_unknown=False)
        assert path is not None
        for method in sorted(rule.methods or ()):
            yield method, path[1]


def test_every_route_answers_every_method_with_them(edge: Edge) -> None:
    app = edge.app(knowledge_pages=True)
    client = app.test_client()
    asked = list(addresses(app))

    assert len(asked) > 30
    for method, path in asked:
        check_safe(client.open(path, method=method, json={} if method == "POST" else None).headers)


@pytest.mark.parametrize(
    ("method", "path", "sent", "status"),
    [
        ("GET", "/nothing", {}, 404),
        ("POST", "/cds-services/nothing", {"json": {}}, 404),
        ("DELETE", HOOK, {}, 405),
        ("POST", HOOK, {"data": b"{", "content_type": "application/json"}, 400),
        ("POST", HOOK, {"data": b"x", "content_type": "text/plain"}, 415),
        ("POST", HOOK, {"data": b"x" * 2000, "content_type": "application/json"}, 413),
        ("POST", HOOK, {"json": hook_request(prefetch=None)}, 412),
        ("OPTIONS", HOOK, {"headers": {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}}, 200),
    ],
)
def test_every_error_of_a_caller_has_them(
    method: str, path: str, sent: dict[str, Any], status: int, edge: Edge
) -> None:
    answer = edge.client(max_body_bytes=1000).open(path, method=method, **sent)

    assert answer.status_code == status
    check_safe(answer.headers)


@pytest.mark.parametrize(("error", "status"), [(ValueError("x"), 500), (TemporarilyUnavailable("x"), 503)])
def test_every_failure_of_ours_has_them(error: Exception, status: int, edge: Edge) -> None:
    def fail(_: HookCall) -> HookAnswer:
        raise error

    edge.answer = fail
    answer = edge.client().post(HOOK, json=hook_request())

    assert answer.status_code == status
    check_safe(answer.headers)


def test_who_calls_too_often_gets_them(edge: Edge) -> None:
    client = edge.client(rate_per_minute=1)
    client.get("/cds-services")
    answer = client.get("/cds-services")

    assert answer.status_code == 429
    check_safe(answer.headers)


def test_what_the_front_refuses_before_the_application_is_asked_has_them(edge: Edge) -> None:
    """408 here, of a body that never comes; 503 is made by the same function."""
    front = create_front(Settings(body_seconds=0.01), edge.app())
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError("never reached")

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    with ThreadPoolExecutor(1) as apart:  # the browser tests leave a loop running in this thread
        scope = {"type": "http", "path": HOOK, "method": "POST", "headers": []}
        apart.submit(lambda: asyncio.run(front(scope, receive, send))).result()

    assert sent[0]["status"] == 408
    check_safe({name.decode().title(): value.decode() for name, value in sent[0]["headers"]})


def test_only_who_names_an_origin_is_told_who_may_read_the_answer(edge: Edge) -> None:
    client = edge.app(cors_origins=(ORIGIN,)).test_client()

    def told(**headers: str) -> list[str]:
        return [name for name, _ in client.get("/health", headers=headers).headers if name.startswith("Access-Control")]

    assert told() == []
    assert told(Origin="http://elsewhere.example") == []
    assert told(Origin=ORIGIN) == ["Access-Control-Allow-Origin"]
