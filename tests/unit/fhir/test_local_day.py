"""Which day it is where a record is written."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from cds_service.fhir.local_day import local_day
from cds_service.fhir.read_facts import read_facts
from cds_service.fhir.record import PatientRecord
from cds_service.knowledge.loader import load
from tests.builders import TODAY, observation, record, resource

KNOWLEDGE = load()
TOMORROW = date(2025, 10, 2)
MORNING_IN_AUCKLAND = "2025-10-02T08:00:00+13:00"  # 19:00 of the day before in UTC


@pytest.fixture(autouse=True)
def server_in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def drawn(when: str, **fields: Any) -> PatientRecord:
    return record(labs=[observation(value=150, effectiveDateTime=when, **fields)])


@pytest.mark.parametrize(
    ("when", "day"),
    [
        (MORNING_IN_AUCKLAND, TOMORROW),
        ("2025-10-02T12:59:59.5+13:00", TOMORROW),
        ("2025-10-02T13:00:00+13:00", TODAY),  # an instant of 2 October everywhere: in the future
        ("2025-10-02T14:00:00+14:00", TODAY),
        ("2025-10-02T13:59:00+14:00", TOMORROW),
        ("2025-10-02T13:59:00+15:00", TODAY),  # no time zone
        ("2025-10-02T08:00:00Z", TODAY),
        ("2025-10-02T08:00:00", TODAY),
        ("2025-10-02", TODAY),
        ("2025-10-03T08:00:00+13:00", TODAY),
        ("2025-10-01T20:00:00-08:00", TODAY),  # written today, wherever that is
        ("2025-10-01T08:00:00+13:00", TODAY),
        ("2025-10-02T08:00:00+99:00", TODAY),
        ("2025-10-02 at eight", TODAY),
    ],
)
def test_a_moment_that_has_come_tells_the_date_of_its_place(when: str, day: date) -> None:
    assert local_day(drawn(when), TODAY) == day


@pytest.mark.parametrize(
    "one",
    [
        resource("MedicationRequest", authoredOn=MORNING_IN_AUCKLAND),
        resource("MedicationDispense", whenHandedOver=MORNING_IN_AUCKLAND),
        resource("MedicationAdministration", effectivePeriod={"start": MORNING_IN_AUCKLAND}),
        resource("MedicationStatement", dateAsserted=MORNING_IN_AUCKLAND),
        resource("Procedure", performedDateTime=MORNING_IN_AUCKLAND),
        resource("Condition", recordedDate=MORNING_IN_AUCKLAND),
        resource("Observation", issued=MORNING_IN_AUCKLAND),
    ],
    ids=lambda one: one.resource_type,
)
def test_whatever_was_done_tells_it(one: Any) -> None:
    assert local_day(record(labs=[one]), TODAY) == TOMORROW


@pytest.mark.parametrize(
    "one",
    [
        resource("MedicationStatement", effectivePeriod={"start": MORNING_IN_AUCKLAND}),
        resource(
            "MedicationRequest",
            authoredOn="2025-10-01",
            dispenseRequest={"validityPeriod": {"start": MORNING_IN_AUCKLAND}},
        ),
    ],
    ids=lambda one: one.resource_type,
)
def test_what_is_planned_tells_nothing(one: Any) -> None:
    assert local_day(record(medicationRequests=[one]), TODAY) == TODAY


def test_where_the_service_runs_decides_what_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    time.tzset()
    assert local_day(drawn(MORNING_IN_AUCKLAND), TODAY) == TODAY


def test_a_result_of_this_morning_there_is_read_and_one_of_the_future_is_not() -> None:
    facts = read_facts(drawn(MORNING_IN_AUCKLAND), KNOWLEDGE, TODAY)
    assert (facts.today, [str(r.taken) for r in facts.labs]) == (TOMORROW, ["2025-10-02"])
    facts = read_facts(drawn("2025-10-02T23:00:00+13:00"), KNOWLEDGE, TODAY)
    assert (facts.today, facts.labs) == (TODAY, ())
