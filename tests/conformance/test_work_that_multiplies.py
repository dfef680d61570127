"""Bodies of small parts that are each held against many others: answered within their time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.conftest import CLOCK, FOLIC_ACID, LOW_B12, Service, bundle, call, hook_request

Services = dict[str, dict[str, Any]]
SECONDS = 5  # several times what the worst of them takes; each took minutes before
SUBJECT = {"reference": "Patient/p1"}
ORDER = {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": SUBJECT}
B12 = {"text": "cyanocobalamin 1 mg tablet"}


def day(number: int) -> str:
    return f"{1990 + number % 35}-{1 + number % 12:02}-{1 + number % 28:02}"


def products_of_products() -> dict[str, Any]:
    """Each of five levels holds the next a hundred times: a hundred million ingredients in 20 kB."""
    levels = [
        {"resourceType": "Medication", "id": f"m{level}", "ingredient": [referred(f"Medication/m{level + 1}")] * 100}
        for level in range(5)
    ]
    return {"medicationRequests": bundle({**ORDER, "medicationReference": {"reference": "Medication/m0"}}, *levels)}


def one_product_for_all() -> dict[str, Any]:
    """Thousands of orders of one product with thousands of ingredients, each under another name."""
    held = [{"itemCodeableConcept": {"text": f"substance {number}"}} for number in range(2_000)]
    orders = [
        {**ORDER, "id": f"o{n}", "medicationReference": {"reference": "Medication/m", "display": f"product {n}"}}
        for n in range(5_000)
    ]
    return {"medicationRequests": bundle({"resourceType": "Medication", "id": "m", "ingredient": held}, *orders)}


def one_product_of_many_codes() -> dict[str, Any]:
    """Thousands of orders of one product that has thousands of codes and no words, each under another name."""
    codes = [{"system": "http://snomed.info/sct", "code": str(number)} for number in range(5_000)]
    orders = [
        {**ORDER, "id": f"o{n}", "medicationReference": {"reference": "Medication/m", "display": f"product {n}"}}
        for n in range(9_000)
    ]
    held = {"resourceType": "Medication", "id": "m", "code": {"coding": codes}}
    return {"medicationRequests": bundle(held, *orders)}


def referred(reference: str) -> dict[str, Any]:
    return {"itemReference": {"reference": reference}}


def contained_in_one() -> dict[str, Any]:
    within: list[dict[str, Any]] = [{"resourceType": "Medication", "id": f"c{n}"} for n in range(9_000)]
    top = {"resourceType": "Medication", "id": "top", "ingredient": [referred("#nowhere")] * 9_000}
    order = {**ORDER, "contained": [*within, top], "medicationReference": {"reference": "#top"}}
    return {"medicationRequests": bundle(order)}


def lines_of_one_order() -> dict[str, Any]:
    lines = [{"text": "1 tablet", "sequence": number} for number in range(50_000)]
    return {"medicationRequests": bundle({**ORDER, "medicationCodeableConcept": B12, "dosageInstruction": lines})}


def treatments() -> dict[str, Any]:
    fields = {"medicationCodeableConcept": B12, "dosageInstruction": [{"text": "1 tablet daily"}]}
    return {
        "medicationRequests": bundle(*({**ORDER, **fields, "id": f"o{n}", "authoredOn": day(n)} for n in range(9_000)))
    }


def results_of_one_day() -> dict[str, Any]:
    quantity = LOW_B12["valueQuantity"]
    results = [{**LOW_B12, "id": f"r{n}", "valueQuantity": {**quantity, "value": 100 + n}} for n in range(9_000)]
    return {"labs": bundle(*results)}


def results_with_ranges() -> dict[str, Any]:
    def ranges(number: int) -> list[dict[str, str]]:
        return [{"text": f"{low} - {number} pg/mL"} for low in range(30)]

    return {"labs": bundle(*({**LOW_B12, "id": f"r{n}", "referenceRange": ranges(n)} for n in range(4_000)))}


def answers_on_diet() -> dict[str, Any]:
    def asked(number: int) -> dict[str, Any]:
        given = {"resourceType": "Observation", "id": f"d{number}", "subject": SUBJECT, "status": "final"}
        diet = "vegan" if number % 2 else "omnivore"
        return {**given, "effectiveDateTime": day(number), "code": {"text": "diet"}, "valueString": f"{diet} {number}"}

    return {"socialHistory": bundle(*map(asked, range(9_000)))}


def many_kinds_at_once() -> dict[str, Any]:
    """Each bound nearly reached, and each count of entries beyond it."""
    panel = {"text": "platelets b12 folate"}
    lab = {**{name: value for name, value in LOW_B12.items() if name != "code"}, "interpretation": [{"text": "x"}] * 5}
    names = ("cyanocobalamin", "metformin", "omeprazole", "folic acid")
    orders = [
        {**ORDER, "id": f"o{n}", "authoredOn": day(n), "medicationCodeableConcept": {"text": f"{names[n % 4]} {n}"}}
        for n in range(2_000)
    ]
    procedures = [{"resourceType": "Procedure", "code": {"text": f"{n} b12 resection"}} for n in range(2_000)]
    misfits = [
        {"resourceType": "Condition", "status": 1, "onsetDateTime": 3, "code": {"text": f"x{n}"}} for n in range(9_000)
    ]
    return {
        "labs": bundle(*({**lab, "id": f"r{n}", "code": {"text": f"{panel['text']} {n}"}} for n in range(5_000))),
        "medicationRequests": bundle(*orders),
        "procedures": bundle(*procedures),
        "conditions": bundle(*misfits),
        **{key: bundle(*[{}] * 10_000) for key in ("allergies", "serviceRequests", "medicationDispenses")},
    }


def versions_of_the_patient() -> dict[str, Any]:
    return {"patient": bundle(*({"resourceType": "Patient", "id": "p1", "gender": str(n)} for n in range(9_000)))}


@pytest.mark.parametrize(
    "make",
    [
        products_of_products,
        one_product_for_all,
        one_product_of_many_codes,
        contained_in_one,
        lines_of_one_order,
        treatments,
        results_of_one_day,
        results_with_ranges,
        answers_on_diet,
        versions_of_the_patient,
        many_kinds_at_once,
    ],
)
def test_small_parts_that_multiply_cost_little(make: Any, service: Service, services: Services) -> None:
    asked = hook_request("order-sign")
    asked["prefetch"].update(make())
    began = CLOCK()
    answer = call(service, services, asked, "order-sign")
    took = CLOCK() - began

    assert (answer.status, took < SECONDS) == (200, True)
    is_treated = make is treatments  # then there is nothing to warn of
    assert any("olic acid" in card["summary"] for card in answer.json["cards"]) is not is_treated


def test_a_draft_that_refers_to_too_much_is_told(service: Service, services: Services) -> None:
    asked = hook_request("order-sign", extension={"org.b12-cds.explain": True})
    levels = products_of_products()["medicationRequests"]["entry"][1:]
    endless = {**FOLIC_ACID, "id": "endless", "medicationReference": {"reference": "Medication/m0"}}
    del endless["medicationCodeableConcept"]
    asked["prefetch"]["medicationRequests"] = bundle(*(entry["resource"] for entry in levels))
    asked["context"]["draftOrders"] = bundle(endless)
    answer = call(service, services, asked, "order-sign")

    issues = answer.json["extension"]["org.b12-cds.assessment"]["dataIssues"]
    assert [i["resource"] for i in issues if "refer to more than is read" in i["issue"]] == [
        "MedicationRequest/endless"
    ]
    assert answer.json["cards"]
