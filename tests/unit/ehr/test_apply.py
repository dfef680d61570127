"""Applying a suggestion: what an EHR would write, for this patient only, all of it or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug import Response

from cds_service.ehr.apply import MADE_UP_USER, Applier, chosen
from cds_service.ehr.clean import Cleaner
from cds_service.ehr.fhir_server import FhirServer
from cds_service.ehr.marks import identifier_value, marked
from cds_service.ehr.patient_bundle import UnusableFile
from cds_service.errors import FhirRefused
from tests.fhir_server import FhirStub

PATIENT = {"resourceType": "Patient", "id": "p1"}


def order(**more: Any) -> dict[str, Any]:
    return {"resourceType": "ServiceRequest", "status": "draft", "subject": {"reference": "Patient/p1"}, **more}


def create(**more: Any) -> dict[str, Any]:
    return {"type": "create", "description": "An order", "resource": order(**more)}


def suggestion(*actions: Any) -> dict[str, Any]:
    return {"label": "Order it", "uuid": "u-1", "actions": list(actions)}


@pytest.fixture
def applier(server: FhirServer, stub: FhirStub) -> Applier:
    stub.add(**PATIENT)
    return Applier(server, PATIENT, sign=False)


def test_a_creation_is_posted_under_an_id_of_the_servers(applier: Applier, stub: FhirStub) -> None:
    done = applier.apply(suggestion(create(id="mine")))
    held = stub.of_type("ServiceRequest")[0]
    assert held["id"] != "mine"
    assert held["status"] == "draft"
    assert done[0].answered == f"201 Created ServiceRequest/{held['id']}/_history/1"


def test_an_update_replaces_what_the_server_holds(applier: Applier, stub: FhirStub) -> None:
    stub.add(**order(id="o1"))
    done = applier.apply(suggestion({"type": "update", "resource": order(id="o1", priority="urgent")}))
    assert stub.held["ServiceRequest/o1"]["priority"] == "urgent"
    assert done[0].answered.startswith("200")


def test_an_update_of_a_draft_that_is_only_on_the_screen_creates_it(applier: Applier, stub: FhirStub) -> None:
    applier.apply(suggestion({"type": "update", "resource": order(id="new-order-1")}))
    assert [one["id"] != "new-order-1" for one in stub.of_type("ServiceRequest")] == [True]


@pytest.mark.parametrize("name", ["ServiceRequest/o1", ["ServiceRequest/o1"]])
def test_a_deletion_deletes_and_one_of_nothing_is_said(name: Any, applier: Applier, stub: FhirStub) -> None:
    stub.add(**order(id="o1"))
    action = {"type": "delete", "resourceId": name}
    assert applier.apply(suggestion(action))[0].answered.startswith("200")
    assert stub.of_type("ServiceRequest") == []
    assert "nothing to do" in applier.apply(suggestion(action))[0].answered


def test_signing_makes_an_order_active(server: FhirServer, stub: FhirStub) -> None:
    stub.add(**PATIENT)
    Applier(server, PATIENT, sign=True).apply(suggestion(create()))
    assert [one["status"] for one in stub.of_type("ServiceRequest")] == ["active"]


def test_a_user_whom_no_server_knows_is_not_written(applier: Applier, stub: FhirStub) -> None:
    stub.add(resourceType="Practitioner", id="d")
    applier.apply(suggestion(create(requester={"reference": MADE_UP_USER})))
    applier.apply(suggestion(create(requester={"reference": "Practitioner/d"})))
    assert [one.get("requester") for one in stub.of_type("ServiceRequest")] == [None, {"reference": "Practitioner/d"}]


def test_all_actions_are_done_or_none(applier: Applier, stub: FhirStub) -> None:
    with pytest.raises(FhirRefused, match="'bad' is no status"):
        applier.apply(suggestion(create(), create(status="bad")))
    assert stub.of_type("ServiceRequest") == []


def test_what_is_applied_is_sent_once_whatever_happens(applier: Applier, stub: FhirStub) -> None:

    stub.faults = [Response("", status=502)]
    with pytest.raises(FhirRefused, match="502"):
        applier.apply(suggestion(create()))
    assert stub.of_type("ServiceRequest") == []


def test_what_is_applied_to_a_loaded_patient_is_taken_away_with_it(server: FhirServer, stub: FhirStub) -> None:
    patient = marked(PATIENT, "t1", identifier_value("t1", "x"))
    stub.add(**patient)
    Applier(server, patient, sign=False).apply(suggestion(create()))
    cleaner = Cleaner(server, "t1")
    list(cleaner.delete(one for _, found in cleaner.find() for one in found))
    assert stub.held == {}


OTHER = {"reference": "Patient/p2"}


@pytest.mark.parametrize(
    "action",
    [
        7,
        {"type": "create"},
        {"type": "replace", "resource": order()},
        {"type": "create", "resource": order(resourceType="../admin")},
        {"type": "create", "resource": order(subject=OTHER)},
        {"type": "create", "resource": order(subject=None)},
        {"type": "create", "resource": order(subject={"reference": "https://elsewhere.example.org/Patient/p1"})},
        {"type": "update", "resource": order(id="theirs")},
        {"type": "delete", "resourceId": "ServiceRequest/theirs"},
        {"type": "delete", "resourceId": "Patient/p1"},
        {"type": "delete", "resourceId": "ServiceRequest?patient=p1"},
        {"type": "delete", "resourceId": ["ServiceRequest/a", "ServiceRequest/b"]},
        {"type": "delete"},
    ],
)
def test_what_is_no_action_or_not_about_this_patient_writes_nothing(
    action: Any, applier: Applier, stub: FhirStub
) -> None:
    stub.add(**PATIENT | {"id": "p2"})
    stub.add(**order(id="theirs", subject=OTHER))
    before = dict(stub.held)
    with pytest.raises(UnusableFile):
        applier.apply(suggestion(create(), action))
    assert stub.held == before
    assert stub.transactions == []


def test_a_place_names_a_card_and_a_suggestion() -> None:
    answer = {"cards": [{"summary": "a"}, {"summary": "b", "suggestions": [{"uuid": "1"}, {"uuid": "2"}]}]}
    assert chosen(answer, "2.2")[1] == {"uuid": "2"}
    assert chosen(answer, "2")[1] == {"uuid": "1"}
    assert chosen(answer, "1") == ({"summary": "a"}, {})


@pytest.mark.parametrize("place", ["", "0", "3", "2.3", "1.1", "2.0", "a", "1.", "-1", "1.1.1"])
def test_a_place_where_there_is_nothing_is_refused(place: str) -> None:
    with pytest.raises(UnusableFile):
        chosen({"cards": [{"summary": "a"}, {"suggestions": [{}, {}]}]}, place)
