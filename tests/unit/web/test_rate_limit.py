"""How often one caller may call."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from cds_service.web.rate_limit import RateLimit
from tests.unit.web.conftest import Edge, hook_request

PATH = "/cds-services/b12-patient-view"


def test_a_minutes_worth_of_calls_may_come_at_once_and_no_more() -> None:
    limit = RateLimit(60)

    waits = [limit.seconds_to_wait("ehr", 100.0) for _ in range(61)]

    assert waits[:60] == [0.0] * 60
    assert waits[60] == pytest.approx(1.0)


def test_calls_come_back_with_time_and_never_more_than_a_minutes_worth() -> None:
    limit = RateLimit(60)
    for _ in range(60):
        limit.seconds_to_wait("ehr", 100.0)

    assert limit.seconds_to_wait("ehr", 100.5) == pytest.approx(0.5)
    assert limit.seconds_to_wait("ehr", 101.0) == 0.0
    assert [limit.seconds_to_wait("ehr", 9e9) for _ in range(61)].count(0.0) == 60


def test_one_caller_uses_up_nothing_of_another() -> None:
    limit = RateLimit(1)
    limit.seconds_to_wait("one", 100.0)

    assert limit.seconds_to_wait("one", 100.0) > 0
    assert limit.seconds_to_wait("another", 100.0) == 0.0


def test_the_number_of_callers_that_are_remembered_is_bounded() -> None:
    limit = RateLimit(1)
    for number in range(10_500):
        limit.seconds_to_wait(str(number), 100.0)

    assert limit.seconds_to_wait("10499", 100.0) > 0
    assert limit.seconds_to_wait("0", 100.0) == 0.0


@pytest.fixture
def limited(edge: Edge) -> FlaskClient:
    return edge.client(rate_per_minute=2)


def test_who_calls_too_often_is_told_when_to_call_again(limited: FlaskClient) -> None:
    answers = [limited.post(PATH, json=hook_request(), headers={"Origin": "http://localhost:8080"}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 0 < int(answers[2].headers["Retry-After"]) <= 30
    assert answers[2].get_json()["issue"][0]["code"] == "throttled"
    assert answers[2].headers["Access-Control-Allow-Origin"] == "http://localhost:8080"


def test_another_address_and_the_health_of_the_service_are_not_counted_with_it(limited: FlaskClient) -> None:
    for _ in range(3):
        limited.get("/cds-services")

    assert limited.get("/cds-services").status_code == 429
    assert limited.get("/cds-services", environ_base={"REMOTE_ADDR": "10.0.0.9"}).status_code == 200
    assert limited.get("/health").status_code == 200
