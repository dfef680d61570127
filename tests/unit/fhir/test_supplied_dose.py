"""The dose that a supply comes to, where a dispense or an order gives no dosage."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from cds_service.facts.treatments import Treatment
from cds_service.fhir.medications import read_treatments
from cds_service.fhir.resources import Resource
from tests.builders import TODAY, record
from tests.medication_builders import days_supply, dispense, medicine_knowledge, request, rxnorm

KNOWLEDGE = medicine_knowledge()
TABLETS = rxnorm("244190")  # vitamin B12, 2 mg each


def only(one: Resource) -> Treatment:
    key = "medicationDispenses" if one.resource_type == "MedicationDispense" else "medicationRequests"
    [found] = read_treatments(record(**{key: [one]}), KNOWLEDGE, TODAY)[0]
    return found


def handed_over(quantity: Any = None, days: Any = None, **fields: Any) -> Resource:
    given = {"medicationCodeableConcept": TABLETS, "whenHandedOver": "2025-09-01", **fields}
    return dispense(quantity=quantity, daysSupply=days, **given)


def tablets(count: float, unit: str = "tablet") -> dict[str, Any]:
    return {"value": count, "unit": unit}


@pytest.mark.parametrize(
    ("quantity", "days", "mg"),
    [
        (tablets(90), days_supply(90), "2"),
        (tablets(45), days_supply(90), "1"),
        (tablets(180), days_supply(90), "4"),
        (tablets(13), days_supply(91), "0.285714285714"),
        (tablets(90), {"value": 90}, "2"),
        (tablets(90), {"value": 3, "unit": "months", "code": "mo"}, "1.97802197802"),  # 91 days
        (tablets(900), days_supply(90), "20"),
        (tablets(901), days_supply(90), None),
        (tablets(90), None, None),
        (None, days_supply(90), None),
        (tablets(90, "box"), days_supply(90), None),
        ({"value": 90}, days_supply(90), None),
        (tablets(0), days_supply(90), None),
        (tablets(90), days_supply(0), None),
        (tablets(90, "mL"), days_supply(90), None),
        (tablets(180, "mg"), days_supply(90), None),
    ],
)
def test_quantity_and_days_tell_the_dose(quantity: Any, days: Any, mg: str | None) -> None:
    assert only(handed_over(quantity, days)).dose.mg_per_day == (Decimal(mg) if mg is not None else None)


def test_an_order_without_dosage_tells_it_too() -> None:
    supplied = {"quantity": tablets(60), "expectedSupplyDuration": days_supply(30)}
    given = request(medicationCodeableConcept=TABLETS, authoredOn="2025-09-01", dispenseRequest=supplied)
    assert only(given).dose.mg_per_day == Decimal(4)


def test_a_dosage_that_was_given_is_not_overruled() -> None:
    given = handed_over(tablets(90), days_supply(90), dosageInstruction=[{"text": "as directed"}])
    assert only(given).dose.mg_per_day is None


def test_a_product_of_unknown_strength_tells_none() -> None:
    given = handed_over(tablets(90), days_supply(90), medicationCodeableConcept={"text": "vitamin B12 tablets"})
    assert only(given).dose.mg_per_day is None


def test_of_folic_acid_the_most_counts_and_an_average_does_not_tell_it() -> None:
    given = handed_over(tablets(90), days_supply(90), medicationCodeableConcept=rxnorm("310410"))
    assert only(given).dose.mg_per_day is None
