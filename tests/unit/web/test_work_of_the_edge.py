"""How much work stands around an answer, counted in calls: from the bytes of a request to its card, noted and logged.

It is Flask's, marshmallow's, structlog's and SQLAlchemy's for the most part. Where it grows, see what is made for each
request that could be made once, or once for each request.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator

import pytest
import structlog

from cds_service.service import HookAnswer
from cds_service.web.logs import set_up_logs
from cds_service.web.wsgi_call import called, environ_of
from tests.calls import calls_of
from tests.unit.web.conftest import Edge, card, hook_request

CALLS_OF_AN_ANSWER = 960
TOLERANCE = 1.1


@pytest.fixture
def answer(edge: Edge) -> Iterator[Callable[[], bytes]]:
    """Answers one request with one card; its log is written as in service."""
    set_up_logs("INFO")
    edge.answer = lambda _call: HookAnswer((card(uuid=str(uuid.uuid4())),))
    app = edge.app()
    body = json.dumps(hook_request()).encode()
    scope = {
        "method": "POST",
        "raw_path": b"/cds-services/b12-patient-view",
        "query_string": b"",
        "headers": [(b"host", b"localhost:8000"), (b"content-type", b"application/json")],
        "scheme": "http",
        "http_version": "1.1",
    }
    yield lambda: called(app, environ_of(scope, body, time.perf_counter()))[2]
    structlog.reset_defaults()


def test_what_stands_around_an_answer_is_no_more_work_than_it_was(answer: Callable[[], bytes], edge: Edge) -> None:
    answer()
    calls = calls_of(answer)

    assert edge.store.count_cards() == 2
    assert calls < CALLS_OF_AN_ANSWER * TOLERANCE, f"{calls} calls"
    assert calls > CALLS_OF_AN_ANSWER / TOLERANCE, f"{calls} calls: well done, now set the number to it"
