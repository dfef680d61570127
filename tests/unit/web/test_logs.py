"""Logs are lines of JSON with fields from a list: whoever logs a patient by mistake logs nothing."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from cds_service.service import HookAnswer, HookCall
from cds_service.web.logs import only_allowed, set_up_logs, where_raised
from tests.unit.web.conftest import Edge, hook_request

URL = "/cds-services/b12-patient-view"
SECRETS = ("p1", "u1", "topsecret", "Smith", "d1577c69")


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    levels = {
        name: logging.getLogger(name).level for name in ("urllib3", "requests", "werkzeug", "sqlalchemy", "alembic")
    }
    set_up_logs("INFO")

    def read() -> list[dict[str, Any]]:
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    yield read
    structlog.reset_defaults()
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def test_a_call_leaves_one_line_without_anything_of_the_patient(edge: Edge, lines: Any) -> None:
    request = hook_request(fhirServer="https://ehr.example.org", fhirAuthorization={"access_token": "topsecret"})
    response = edge.client().post(URL, json=request)
    (line,) = lines()

    assert line["event"] == "answered"
    assert (line["service"], line["status"], line["cards"]) == ("b12-patient-view", 200, 1)
    assert (line["rules"], line["knowledge"]) == (["B12-DX-01"], "test")
    assert line["request"] == response.headers["X-Request-Id"]
    assert line["milliseconds"] >= 0
    assert not [secret for secret in SECRETS if secret in json.dumps({**line, "request": "", "milliseconds": 0})]


def test_a_fault_is_logged_by_its_kind_and_place_only(edge: Edge, lines: Any) -> None:
    def fail(call: HookCall) -> HookAnswer:
        raise KeyError(f"{call.record.patient_id} Smith topsecret")

    edge.answer = fail
    edge.client().post(URL, json=hook_request())
    fault, answered = lines()

    assert (fault["event"], fault["level"], fault["error"]) == ("fault", "error", "KeyError")
    assert fault["where"].startswith("test_logs.py:")
    assert answered["status"] == 500
    assert "Smith" not in json.dumps([fault, answered])


def test_a_refused_request_is_logged_without_what_was_wrong_in_it(edge: Edge, lines: Any) -> None:
    edge.client().post(URL, json=hook_request(hook="Smith", hookInstance="topsecret"))

    assert [line["status"] for line in lines()] == [400]


def test_a_log_that_cannot_be_written_costs_no_answer(edge: Edge, lines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = edge.client()
    closed = io.StringIO()
    closed.close()

    with monkeypatch.context() as broken:
        broken.setattr(sys, "stdout", closed)
        response = client.post(URL, json=hook_request())

    assert response.status_code == 200
    assert lines() == []


def test_a_line_is_written_at_once_so_that_no_other_worker_can_break_it(
    lines: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    output = io.StringIO()
    monkeypatch.setattr(output, "write", written.append)

    with monkeypatch.context() as listening:
        listening.setattr(sys, "stdout", output)
        structlog.get_logger().info("answered", status=200)

    (line,) = written
    assert line.endswith("\n")
    assert json.loads(line)["status"] == 200
    assert lines() == []


def test_a_field_that_is_not_on_the_list_is_dropped(lines: Any) -> None:
    structlog.get_logger().info("answered", status=200, patient="Smith", body={"name": "Smith"}, token="topsecret")
    (line,) = lines()

    assert line.keys() == {"event", "level", "timestamp", "status"}


def test_the_list_holds_no_field_for_a_person() -> None:
    told = only_allowed(None, "info", {"event": "x", "patient_id": 1, "user": 2, "mrn": 3, "url": 4, "exception": 5})

    assert told == {"event": "x"}


def test_libraries_that_log_addresses_are_silent(lines: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("urllib3.connectionpool").warning("Retrying /fhir/Patient/p1")
        logging.getLogger("requests").error("Smith")

    assert caplog.records == []
    assert lines() == []


def test_a_place_is_told_without_its_values() -> None:
    with pytest.raises(KeyError) as raised:
        {}["Smith"]

    assert where_raised(raised.value).startswith("test_logs.py:")
    assert "Smith" not in where_raised(raised.value)
    assert where_raised(ValueError()) == ""
