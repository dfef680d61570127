"""The errors that an operator is shown: kinds and counts, of a bounded number, and never what was sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cds_service.config import Settings
from cds_service.web import create_front
from cds_service.web.recent_errors import ErrorKind, RecentErrors, field_name
from tests.unit.web.conftest import Edge, context, hook_request

NOW = datetime(2025, 10, 1, 9, 30, tzinfo=UTC)
PATH = "/cds-services/b12-patient-view"
ROUTE = "POST /cds-services/<service_id>"


def kind(where: str) -> ErrorKind:
    return ErrorKind(400, "value", where, ROUTE)


def told(app: Any) -> list[tuple[int, str, str, str, int]]:
    seen = app.extensions["b12-cds edge"].errors.newest_first()
    return [(s.kind.status, s.kind.code, s.kind.where, s.kind.route, s.times) for s in seen]


def test_the_same_error_is_counted_and_comes_to_the_front() -> None:
    errors = RecentErrors()
    errors.note([kind("a")], NOW)
    errors.note([kind("b"), kind("b")], NOW)
    errors.note([kind("a")], NOW + timedelta(hours=1))

    assert [(seen.kind.where, seen.times) for seen in errors.newest_first()] == [("a", 2), ("b", 1)]
    assert errors.newest_first()[0].last == NOW + timedelta(hours=1)


def test_of_more_kinds_than_fifty_those_that_came_longest_ago_are_forgotten() -> None:
    errors = RecentErrors()
    for number in range(60):
        errors.note([kind(str(number))], NOW)

    assert [seen.kind.where for seen in errors.newest_first()] == [str(number) for number in range(59, 9, -1)]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("", ""),
        ("context.patientId", "context.patientId"),
        ("feedback[17].overrideReason.userComment", "feedback[].overrideReason.userComment"),
        ("prefetch.serviceRequests", "prefetch.serviceRequests"),
        ("context.draftOrders.entry[2]", "context.draftOrders.entry[]"),
        ("prefetch.Anna-Miller", "prefetch.…"),
        ("prefetch.Anna.labs", "prefetch.…"),
    ],
)
def test_a_field_is_told_in_our_own_names_only(path: str, name: str) -> None:
    assert field_name(path) == name


def test_each_field_at_fault_is_counted_by_its_name_and_nothing_of_what_was_sent_is_kept(edge: Edge) -> None:
    app = edge.app()
    client = app.test_client()
    for number in range(2):
        body = hook_request(hookInstance=f"Anna Miller {number}", context=context(patientId="Patient/4711"))
        assert client.post(PATH, json=body).status_code == 400

    assert sorted(told(app)) == [
        (400, "value", "context.patientId", ROUTE, 2),
        (400, "value", "hookInstance", ROUTE, 2),
    ]


def test_a_fault_is_told_by_its_place_in_the_code_and_not_by_its_message(edge: Edge) -> None:
    def fail(_call: Any) -> Any:
        raise ValueError("Anna Miller")

    edge.answer = fail
    app = edge.app()
    app.test_client().post(PATH, json=hook_request())

    [(status, code, where, _, _)] = told(app)
    assert (status, code) == (500, "exception")
    assert where.startswith("ValueError test_recent_errors.py:")
    assert "Anna" not in where


def test_addresses_that_there_are_not_are_one_kind_whatever_they_were(edge: Edge) -> None:
    app = edge.app()
    for name in ("Anna", "Berta"):
        app.test_client().get(f"/Patient/{name}")

    assert told(app) == [(404, "not-found", "", "No such address", 2)]


def test_an_answer_without_an_error_is_not_counted(edge: Edge) -> None:
    app = edge.app()
    app.test_client().post(PATH, json=hook_request())

    assert told(app) == []


def test_what_the_front_refuses_is_counted_too(edge: Edge) -> None:
    app = edge.app()
    front = create_front(Settings(), app)
    front._refuse(408, {"headers": []})

    assert told(app) == [(408, "timeout", "", "Before any address was looked at", 1)]
