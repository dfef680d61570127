"""The contexts of the three hooks (the CDS Hooks library), and what a client may get slightly wrong in them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conformance.conftest import FOLIC_ACID, Service, bundle, call, hook_request
from tests.conformance.server import ROOT

Services = dict[str, dict[str, Any]]
HOOKS = ("patient-view", "order-select", "order-sign")
URL = "https://ehr.example.org/fhir/MedicationRequest/draft-1"
OTHER = {
    "resourceType": "ServiceRequest",
    "id": "draft-2",
    "status": "draft",
    "intent": "order",
    "code": {"text": "X-ray"},
}


def with_context(hook: str, **members: Any) -> dict[str, Any]:
    request = hook_request(hook)
    context = {**request["context"], **members}
    request["context"] = {name: value for name, value in context.items() if value != "left out"}
    return request


@pytest.mark.verifies("CDSH-129", "CDSH-132", "CDSH-137", "CDSH-145")
@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("kind", ["Practitioner", "PractitionerRole", "Patient", "RelatedPerson"])
def test_a_user_is_named_by_type_and_id(kind: str, hook: str, service: Service, services: Services) -> None:
    assert call(service, services, with_context(hook, userId=f"{kind}/u-1.x"), hook).status == 200


@pytest.mark.verifies("CDSH-129", "CDSH-132", "CDSH-137", "CDSH-145")
@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize(
    "user", ["left out", None, "u1", "Practitioner/", "/u1", "https://x.example.org/Practitioner/u1"]
)
def test_a_user_without_type_and_id_is_refused(user: Any, hook: str, service: Service, services: Services) -> None:
    assert call(service, services, with_context(hook, userId=user), hook).expressions == ["context.userId"]


@pytest.mark.verifies("CDSH-130", "CDSH-133", "CDSH-137")
@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("patient", ["left out", None, "", 5, "Patient/p1", "p1?x", "p 1", "..", "p1\n"])
def test_a_patient_is_named_by_the_bare_id(patient: Any, hook: str, service: Service, services: Services) -> None:
    assert call(service, services, with_context(hook, patientId=patient), hook).expressions == ["context.patientId"]


@pytest.mark.verifies("CDSH-131", "CDSH-134", "CDSH-138")
@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize(
    ("encounter", "status"), [("left out", 200), (None, 200), ("e-1", 200), ("Encounter/e-1", 400)]
)
def test_an_encounter_is_named_by_the_bare_id_or_not_at_all(
    encounter: Any, status: int, hook: str, service: Service, services: Services
) -> None:
    assert call(service, services, with_context(hook, encounterId=encounter), hook).status == status


@pytest.mark.verifies("CDSH-136", "CDSH-139")
@pytest.mark.parametrize("hook", HOOKS[1:])
@pytest.mark.parametrize("drafts", ["left out", None, [], "none", 5])
def test_draft_orders_are_a_bundle(drafts: Any, hook: str, service: Service, services: Services) -> None:
    answer = call(service, services, with_context(hook, draftOrders=drafts), hook)

    assert (answer.status, answer.expressions) == (400, ["context.draftOrders"])


@pytest.mark.verifies("CDSH-136", "CDSH-139")
@pytest.mark.parametrize("hook", HOOKS[1:])
@pytest.mark.parametrize("drafts", [{"resourceType": "Bundle"}, {"resourceType": "Bundle", "entry": []}])
def test_draft_orders_may_be_none(drafts: Any, hook: str, service: Service, services: Services) -> None:
    answer = call(service, services, with_context(hook, draftOrders=drafts), hook)

    assert (answer.status, answer.json) == (200, {"cards": []})


@pytest.mark.verifies("CDSH-135", "CDSH-146")
@pytest.mark.parametrize(
    ("selections", "concerns_folic_acid"),
    [
        (["MedicationRequest/draft-1"], True),
        (["draft-1"], True),
        ([URL], True),
        ("left out", True),
        (None, True),
        (["ServiceRequest/draft-2"], False),
        ([], True),
    ],
)
def test_selections_say_which_draft_it_is_about(
    selections: Any, concerns_folic_acid: bool, service: Service, services: Services
) -> None:
    drafts = bundle(FOLIC_ACID, OTHER)
    drafts["entry"][0]["fullUrl"] = URL
    request = with_context("order-select", draftOrders=drafts, selections=selections)
    answer = call(service, services, request, "order-select")

    assert answer.status == 200
    assert bool(answer.json["cards"]) == concerns_folic_acid


@pytest.mark.verifies("CDSH-135")
@pytest.mark.parametrize("selections", ["MedicationRequest/draft-1", [5], [None], {}])
def test_selections_that_are_no_list_of_references_are_refused(
    selections: Any, service: Service, services: Services
) -> None:
    request = with_context("order-select", selections=selections)

    assert call(service, services, request, "order-select").status == 400


@pytest.mark.verifies("CDSH-144")
@pytest.mark.parametrize("status", ["draft", "active", "on-hold"])
def test_an_order_that_is_signed_again_is_looked_at_like_a_draft(
    status: str, service: Service, services: Services
) -> None:
    request = with_context("order-sign", draftOrders=bundle({**FOLIC_ACID, "status": status}))

    assert call(service, services, request, "order-sign").json["cards"]


@pytest.mark.verifies("CDSH-147")
@pytest.mark.parametrize("hook", HOOKS[1:])
def test_kinds_of_orders_that_do_not_matter_hide_no_others(hook: str, service: Service, services: Services) -> None:
    others = [
        {"resourceType": kind, "id": f"x{place}", "status": "draft"}
        for place, kind in enumerate(["VisionPrescription", "NutritionOrder", "DeviceRequest", "UnheardOf"])
    ]
    plain, mixed = (
        call(service, services, with_context(hook, draftOrders=drafts), hook)
        for drafts in (bundle(FOLIC_ACID), bundle(*others, FOLIC_ACID))
    )

    assert plain.json["cards"]
    assert [card["summary"] for card in mixed.json["cards"]] == [card["summary"] for card in plain.json["cards"]]


@pytest.mark.verifies("CDSH-149")
@pytest.mark.parametrize("hook", HOOKS)
def test_a_later_edition_of_a_hook_may_have_more_fields(hook: str, service: Service, services: Services) -> None:
    plain, more = (
        call(service, services, request, hook)
        for request in (hook_request(hook), with_context(hook, locationId="l1", tasks=[{"x": None}]))
    )

    assert [card["summary"] for card in more.json["cards"]] == [card["summary"] for card in plain.json["cards"]]


@pytest.mark.verifies("CDSH-150")
def test_what_was_resolved_since_order_select_is_not_said_again_at_order_sign(
    service: Service, services: Services
) -> None:
    story = ROOT / "fixtures" / "folic-acid-with-b12" / "order-sign.request.json"
    with_b12 = json.loads(story.read_text(encoding="utf-8"))

    assert call(service, services, hook_request("order-sign"), "order-sign").json["cards"]
    assert call(service, services, with_b12, "order-sign").json["cards"] == []
