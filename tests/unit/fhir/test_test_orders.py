"""Reading which tests are on their way."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.facts.dates import ClinicalDate
from cds_service.facts.orders import Test, TestOrder
from cds_service.facts.patient import DataIssue
from cds_service.fhir.resources import CodeableConcept, Coding, Resource
from cds_service.fhir.test_orders import ordered_tests, read_test_orders
from cds_service.knowledge.loader import load
from cds_service.knowledge.systems import LOINC
from tests.builders import concept, record, resource
from tests.medication_builders import medicine_knowledge

KNOWLEDGE = medicine_knowledge()


def ordered(**fields: Any) -> Resource:
    given = {
        "id": "o1",
        "status": "active",
        "intent": "order",
        "code": concept((LOINC, "2132-9")),
        "authoredOn": "2025-09-29",
    }
    return resource("ServiceRequest", **{**given, **fields})


def read(*orders: Resource) -> tuple[list[TestOrder], list[DataIssue]]:
    return read_test_orders(record(serviceRequests=orders), KNOWLEDGE)


@pytest.mark.parametrize("status", ["active", "draft", " Active"])
@pytest.mark.parametrize("intent", ["order", "original-order", "reflex-order", "filler-order", "instance-order"])
def test_these_orders_are_on_their_way(status: str, intent: str) -> None:
    expected = TestOrder(Test.B12, ClinicalDate.parse("2025-09-29"), "ServiceRequest/o1")
    assert read(ordered(status=status, intent=intent)) == ([expected], [])


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "revoked"},
        {"status": "entered-in-error"},
        {"intent": "proposal"},
        {"intent": "plan"},
        {"intent": "option"},
        {"doNotPerform": True},
    ],
)
def test_these_orders_bring_no_result(fields: dict[str, Any]) -> None:
    assert read(ordered(**fields)) == ([], [])


@pytest.mark.parametrize("status", ["completed", "Completed "])
def test_an_order_that_is_completed_is_done(status: str) -> None:
    day = ClinicalDate.parse("2025-09-29")
    assert read(ordered(status=status)) == ([TestOrder(Test.B12, day, "ServiceRequest/o1", is_done=True)], [])
    assert read(ordered(status=status, doNotPerform=True)) == ([], [])
    assert read(ordered(status=status, intent="plan")) == ([], [])


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"status": None}, "status"),
        ({"status": "on-hold"}, "status"),
        ({"status": "On-Hold "}, "status"),
        ({"status": "unknown"}, "status"),
        ({"intent": None}, "intent"),
        ({"subject": {"reference": "Patient/other"}}, "subject"),
    ],
)
def test_what_is_in_doubt_is_not_counted_and_told(fields: dict[str, Any], path: str) -> None:
    found, issues = read(ordered(**fields))
    assert found == []
    assert [(i.resource, i.field, i.matters_to) for i in issues] == [("ServiceRequest/o1", path, "b12")]


@pytest.mark.parametrize("text", ["Vitamin B12", "VITAMIN B 12 level"])
def test_a_test_is_recognised_by_name_where_no_code_is_ours(text: str) -> None:
    found, _ = read(ordered(code=concept(("urn:local", "LAB123"), text=text)))
    assert [order.test for order in found] == [Test.B12]


@pytest.mark.parametrize(
    ("look_alike", "code", "name", "test"),
    [("2630-2", "13964-2", "MMA", Test.MMA), ("2171-7", "2132-9", "Vitamin B12", Test.B12)],
)
def test_a_test_with_the_code_of_a_look_alike_silences_no_reminder(
    look_alike: str, code: str, name: str, test: Test
) -> None:
    packaged = load()

    def tests_of(*codes: tuple[str, str]) -> tuple[Test, ...]:
        return ordered_tests(CodeableConcept([Coding(*code) for code in codes], name), packaged)

    assert tests_of((LOINC, code)) == (test,)
    assert tests_of((LOINC, "2345-7")) == (test,)
    assert tests_of((LOINC, look_alike)) == ()
    assert tests_of((LOINC, code), (LOINC, look_alike)) == ()


def test_a_test_whose_name_is_not_read_to_its_end_silences_no_reminder() -> None:
    for length, count in [(300, 1), (301, 0)]:
        name = "Vitamin B12 " + "x" * (length - 12)
        assert len(read(ordered(code=concept(("urn:local", "LAB123"), text=name)))[0]) == count
    long = concept((LOINC, "2132-9"), text="Vitamin B12 " + "x" * 300)
    assert len(read(ordered(code=long))[0]) == 1


def test_a_test_of_another_kind_is_left_out() -> None:
    assert read(ordered(code=concept((LOINC, "2339-0"), text="Glucose"), status=None)) == ([], [])


def test_an_order_without_a_day_is_kept_without_one() -> None:
    assert [order.ordered for order in read(ordered(authoredOn=None))[0]] == [None]


def test_a_day_that_cannot_be_is_told() -> None:
    found, issues = read(ordered(authoredOn="soon"))
    assert [order.ordered for order in found] == [None]
    assert [issue.field for issue in issues] == ["authoredOn"]


def test_the_order_of_entries_never_matters() -> None:
    one, two = ordered(), ordered(id="o2", code=concept((LOINC, "13964-2")))
    assert read(one, two) == read(two, one)


@pytest.mark.parametrize(
    ("fields", "due"),
    [
        ({"occurrenceDateTime": "2026-03-01"}, "2026-03-01"),
        ({"occurrencePeriod": {"start": "2026-03-01", "end": "2026-04-01"}}, "2026-03-01"),
        ({"occurrencePeriod": {"end": "2026-04-01"}}, None),
        ({}, None),
    ],
    ids=str,
)
def test_when_a_test_is_due_is_read(fields: dict[str, Any], due: str | None) -> None:
    [order], issues = read(ordered(**fields))

    assert (order.due, issues) == (None if due is None else ClinicalDate.parse(due), [])


def test_a_day_on_which_a_test_is_due_that_is_none_is_told() -> None:
    [order], [issue] = read(ordered(occurrenceDateTime="spring"))

    assert (order.due, issue.field) == (None, "occurrenceDateTime")
