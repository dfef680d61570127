"""The last day of a stated supply: from then on an order is renewed, and not ordered twice."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.fhir.medications import read_treatments
from tests.builders import TODAY, record
from tests.medication_builders import days_supply, dispense, medicine_knowledge, request, rxnorm, statement, supply

KNOWLEDGE = medicine_knowledge()


@pytest.mark.parametrize(
    ("fields", "is_active", "last"),
    [
        ({"authoredOn": "2025-07-04", "dispenseRequest": supply(90)}, True, "2025-10-01"),
        ({"authoredOn": "2025-07-03", "dispenseRequest": supply(90)}, True, "2025-09-30"),
        ({"authoredOn": "2025-05-05", "dispenseRequest": supply(90)}, True, "2025-08-02"),  # the last day of the gap
        ({"authoredOn": "2025-05-04", "dispenseRequest": supply(90)}, False, "2025-08-01"),
        ({"authoredOn": "2025-05-04"}, True, "None"),
        ({"dispenseRequest": supply(90)}, True, "None"),
    ],
)
def test_an_order_tells_the_last_day_of_its_supply(fields: dict[str, Any], is_active: bool, last: str) -> None:
    order = request(medicationCodeableConcept=rxnorm("244190"), **{"authoredOn": None, **fields})
    [found] = read_treatments(record(medicationRequests=[order]), KNOWLEDGE, TODAY)[0]
    assert (found.is_active, str(found.supplied_until)) == (is_active, last)


def test_a_dispense_tells_the_last_day_of_its_supply() -> None:
    handed = {"whenHandedOver": "2025-07-18", "daysSupply": days_supply(90)}
    given = dispense(medicationCodeableConcept=rxnorm("244190"), **handed)
    [found] = read_treatments(record(medicationDispenses=[given]), KNOWLEDGE, TODAY)[0]
    assert str(found.supplied_until) == "2025-10-15"


def test_a_statement_supplies_nothing() -> None:
    timing = {"repeat": {"boundsPeriod": {"end": "2025-11-30"}}}
    fields = {"effectivePeriod": {"start": "2025-03-01"}, "dosage": [{"timing": timing}]}
    taken = statement(medicationCodeableConcept=rxnorm("244190"), **fields)
    [found] = read_treatments(record(medicationStatements=[taken]), KNOWLEDGE, TODAY)[0]
    assert (found.is_active, found.supplied_until) == (True, None)
