"""Requests in the shapes that EHRs send. Written by us after what is publicly known; all patients are made up."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tests.conformance.conftest import FOLIC_ACID, JSON, LOW_B12, PATIENT, Answer, Service, bundle, call, hook_request
from tests.conformance.empties import ASSESSMENT

Services = dict[str, dict[str, Any]]
EXPLAIN = {"org.b12-cds.explain": True}
LOINC_B12 = {"system": "http://loinc.org", "code": "2132-9"}
RXNORM_BY_OID = "urn:oid:2.16.840.1.113883.6.88"
NOTHING_FOUND = {
    "resourceType": "OperationOutcome",
    "issue": [
        {"severity": "warning", "code": "processing", "details": {"text": "Resource request returns no results."}}
    ],
}


def outcome_of(answer: Answer) -> Any:
    assert answer.status == 200, answer.body
    return answer.json["extension"][ASSESSMENT]


def with_drafts(*resources: Any, hook: str = "order-sign", **more: Any) -> dict[str, Any]:
    """An order hook in which these resources stand in the draft orders, in a Bundle without a type."""
    request = hook_request(hook, **more)
    request["context"]["draftOrders"] = {"resourceType": "Bundle", "entry": [{"resource": each} for each in resources]}
    return request


def rules(answer: Answer) -> set[str]:
    assert answer.status == 200, answer.body
    return {rule for card in answer.json["cards"] for rule in card["extension"]["org.b12-cds.trace"]["rules"]}


def folic_acid_rules(service: Service, services: Services) -> set[str]:
    """What a plain folic acid order with a low B12 brings: every other shape of it must bring the same."""
    found = rules(call(service, services, hook_request("order-sign"), "order-sign"))
    assert found
    return found


# Epic: prefetch typed in by hand, an outcome in every search, several codings a concept, systems as OIDs


def epic_search(*resources: Any) -> dict[str, Any]:
    """A search result: even a successful one carries an OperationOutcome, and references are absolute."""
    base = "https://epic.example.org/api/FHIR/R4"
    entries = [
        {"fullUrl": f"{base}/{each['resourceType']}/{each['id']}", "resource": each, "search": {"mode": "match"}}
        for each in resources
    ]
    outcome = {"fullUrl": "urn:uuid:00000000-0012-c41c-0000-000000000000", "resource": NOTHING_FOUND}
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(resources),
        "link": [{"relation": "self", "url": f"{base}/Observation?patient=p1"}],
        "entry": [*entries, {**outcome, "search": {"mode": "outcome"}}],
    }


def epic_request(hook: str = "patient-view", **prefetch: Any) -> dict[str, Any]:
    return {
        **hook_request(hook),
        "hookInstance": "6D1E24E2-9DBB-11EC-A4B3-0F1D2B8E7A55",
        "fhirServer": "https://epic.example.org/api/FHIR/R4",
        "fhirAuthorization": {
            "access_token": "opaque",
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "PATIENT.READ OBSERVATION.SEARCH (LABORATORY)",
            "subject": "4f5e9a2c-0000-0000-0000-000000000000",
            "patient": "p1",
        },
        "prefetch": {"patient": PATIENT, **prefetch},
        "extension": {
            "com.epic.cdshooks.request.bpa-trigger-action": 60,
            "com.epic.cdshooks.request.cds-hooks-specification-version": "1.1",
            **EXPLAIN,
        },
    }


EPIC_B12 = {
    **LOW_B12,
    "category": [
        {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "laboratory"}]}
    ],
    "code": {
        "coding": [
            {"system": "urn:oid:1.2.840.114350.1.13.0.1.7.5.737384.5113", "code": "B12", "display": "VITAMIN B12"},
            {**LOINC_B12, "display": "Cobalamin (Vitamin B12) [Mass/volume] in Serum or Plasma"},
        ],
        "text": "Vitamin B12",
    },
    "subject": {"reference": "https://epic.example.org/api/FHIR/R4/Patient/p1", "display": "Synthetic, Patient"},
}


@pytest.mark.verifies("CDSH-28")
@pytest.mark.verifies("CDSH-30")
@pytest.mark.verifies("CDSH-46")
def test_epic_a_result_beside_an_outcome_and_under_several_codings_is_read(
    service: Service, services: Services
) -> None:
    found = outcome_of(call(service, services, epic_request(labs=epic_search(EPIC_B12))))

    assert found["status"] == "deficient"


@pytest.mark.verifies("CDSH-47")
def test_epic_an_empty_search_is_empty_and_a_key_that_nobody_configured_is_not_known(
    service: Service, services: Services
) -> None:
    found = outcome_of(call(service, services, epic_request(labs=epic_search())))

    assert found["status"] == "unknown"
    missing = {key for finding in found["findings"] for key in finding["missing"]}
    assert missing, "what was not configured must be told as missing"


@pytest.mark.parametrize(
    "medication",
    [
        {"coding": [{"system": RXNORM_BY_OID, "code": "199318"}], "text": "folic acid 5 MG tablet"},
        {
            "coding": [
                {
                    "system": "urn:oid:1.2.840.114350.1.13.0.1.7.2.698288",
                    "code": "3233",
                    "display": "FOLIC ACID 5 MG PO TABS",
                },
                {"system": RXNORM_BY_OID, "code": "4511"},
                {"system": RXNORM_BY_OID, "code": "199318"},
            ]
        },
    ],
    ids=["one coding by OID", "ingredient and clinical drug"],
)
def test_epic_rxnorm_by_its_oid_is_rxnorm(medication: dict[str, Any], service: Service, services: Services) -> None:
    draft = {**FOLIC_ACID, "medicationCodeableConcept": medication}

    assert rules(call(service, services, with_drafts(draft), "order-sign")) == folic_acid_rules(service, services)


@pytest.mark.verifies("CDSH-147")
@pytest.mark.verifies("CDSH-148")
@pytest.mark.parametrize("reference", ["Medication/m1", "https://epic.example.org/api/FHIR/R4/Medication/m1"])
def test_epic_the_medication_may_be_an_entry_of_its_own_among_the_drafts(
    reference: str, service: Service, services: Services
) -> None:
    draft = {name: member for name, member in FOLIC_ACID.items() if name != "medicationCodeableConcept"}
    draft |= {
        "medicationReference": {"reference": reference, "display": "folic acid"},
        "category": {"text": "Outpatient"},
    }
    medication = {
        "resourceType": "Medication",
        "id": "m1",
        "code": {"coding": [{"system": RXNORM_BY_OID, "code": "4511"}, {"system": RXNORM_BY_OID, "code": "199318"}]},
    }
    request = with_drafts(draft, medication, {"resourceType": "ProcedureRequest", "id": "x", "status": "draft"})
    request["context"]["draftOrders"]["entry"][1]["fullUrl"] = "https://epic.example.org/api/FHIR/R4/Medication/m1"

    assert rules(call(service, services, request, "order-sign")) == folic_acid_rules(service, services)


def test_epic_feedback_under_its_own_key_with_its_own_ids(service: Service, services: Services) -> None:
    item = {
        "card": "urn:epic:card^17",
        "outcome": "overridden",
        "overrideReasons": {
            "reason": {"code": "2", "system": "urn:oid:1.2.840.114350.1.13.0.1.7.4.698288"},
            "extension": {"com.epic.cdshooks.feedback.overrideReason.comment-type": "free"},
        },
        "outcomeTimestamp": "2025-10-01T09:30:00Z",
        "extension": {"com.epic.cdshooks.feedback.user": "x"},
    }
    path = f"/cds-services/{services['patient-view']['id']}/feedback"
    answer = service.send("POST", path, json.dumps({"feedback": [item]}).encode(), JSON)

    assert (answer.status, answer.json) == (200, {"stored": 1})


# Oracle Health (Cerner): the local code set first and selected by the user, absolute references


@pytest.mark.parametrize("tenant", ["https://fhir-ehr.example.org/r4/ec2458f2-1e24-41c8-b71b-0e701af7583d"])
def test_cerner_a_local_code_selected_by_the_user_does_not_hide_loinc(
    tenant: str, service: Service, services: Services
) -> None:
    local = {
        "system": "https://fhir.example.org/ec2458f2-1e24-41c8-b71b-0e701af7583d/codeSet/72",
        "code": "4055317",
        "display": "Vitamin B12 Level",
        "userSelected": True,
    }
    result = {
        **LOW_B12,
        "code": {"coding": [local, {**LOINC_B12, "userSelected": False}], "text": "Vitamin B12 Level"},
        "subject": {"reference": f"{tenant}/Patient/p1"},
        "encounter": {"reference": f"{tenant}/Encounter/97"},
        "valueQuantity": {"value": 150, "unit": "pg/mL", "system": "http://unitsofmeasure.org", "code": "pg/mL"},
        "note": [{"authorString": "x", "text": "y"}],
    }
    request = hook_request(extension=EXPLAIN)
    request["prefetch"]["labs"] = bundle(result)
    request["prefetch"]["labs"]["entry"][0]["fullUrl"] = f"{tenant}/Observation/b12"

    assert outcome_of(call(service, services, request))["status"] == "deficient"


@pytest.mark.verifies("CDSH-53")
def test_cerner_another_patients_absolute_reference_is_another_patient(service: Service, services: Services) -> None:
    request = hook_request(extension=EXPLAIN)
    request["prefetch"]["labs"] = bundle(
        {**LOW_B12, "subject": {"reference": "https://fhir.example.org/r4/Patient/p2"}}
    )

    assert outcome_of(call(service, services, request))["status"] == "unknown"


def test_cerner_a_draft_under_a_local_code_and_rxnorm_is_read(service: Service, services: Services) -> None:
    local = {
        "system": "https://fhir.example.org/x/synonym",
        "code": "2757650",
        "display": "folic acid",
        "userSelected": True,
    }
    draft = copy.deepcopy(FOLIC_ACID)
    draft["medicationCodeableConcept"]["coding"].insert(0, local)
    draft["subject"] = {"reference": "https://fhir.example.org/r4/Patient/p1"}

    assert rules(call(service, services, with_drafts(draft), "order-sign")) == folic_acid_rules(service, services)


# The public sandbox: order-select on every change, a draft that grows, nothing that it does not know


SANDBOX_DRAFT = {"resourceType": "MedicationRequest", "id": "request-123", "status": "draft"}
SANDBOX_STEPS = [
    {"category": {"coding": [{"code": "outpatient"}]}},
    {"subject": {"reference": "Patient/p1"}},
    {
        "medicationCodeableConcept": {
            "text": "Folic Acid 5 MG Oral Tablet",
            "coding": [{"display": "Folic Acid 5 MG Oral Tablet", "system": RXNORM_BY_OID, "code": "199318"}],
        }
    },
    {"dosageInstruction": [{"timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}}]},
    {"dosageInstruction": [{"doseAndRate": [{"doseQuantity": {"value": 1, "unit": "{pill}"}}]}]},
    {"reasonCode": [{"coding": [], "text": ""}]},
]


@pytest.mark.verifies("CDSH-62")
@pytest.mark.verifies("CDSH-143")
def test_sandbox_each_change_of_the_draft_is_answered_and_folic_acid_is_seen_once_it_is_there(
    service: Service, services: Services
) -> None:
    draft = dict(SANDBOX_DRAFT)
    seen: list[bool] = []
    for step in [{}, *SANDBOX_STEPS]:
        draft |= step
        request = with_drafts(draft, hook="order-select")
        request["context"]["selections"] = ["MedicationRequest/request-123"]
        seen.append(bool(rules(call(service, services, request, "order-select"))))

    assert seen == [False] * 3 + [True] * 4


def test_sandbox_feedback_has_a_code_and_a_system_and_nothing_else(service: Service, services: Services) -> None:
    (card, *_) = call(service, services, hook_request()).json["cards"]
    reason = {key: card["overrideReasons"][0][key] for key in ("code", "system")}
    item = {
        "card": card["uuid"],
        "outcome": "overridden",
        "overrideReason": {"reason": reason},
        "outcomeTimestamp": "2025-10-01T09:30:00.123Z",
    }
    path = f"/cds-services/{services['patient-view']['id']}/feedback"

    assert service.send("POST", path, json.dumps({"feedback": [item]}).encode(), JSON).status == 200


# athenahealth: ids with dots and dashes, units as text only


def test_athena_ids_with_dots_and_dashes_are_ids(service: Service, services: Services) -> None:
    patient = "a-1128700.E-14914"
    request = json.loads(json.dumps(hook_request(extension=EXPLAIN)).replace('"p1"', f'"{patient}"'))
    request = json.loads(json.dumps(request).replace("Patient/p1", f"Patient/{patient}"))
    request["context"]["encounterId"] = "a-1128700.encounter-61456"
    result = request["prefetch"]["labs"]["entry"][0]["resource"]
    result["id"] = "a-1128700.labresult-7.analyte-2"
    result["valueQuantity"] = {"value": 150, "unit": "pg/mL"}
    found = outcome_of(call(service, services, request))

    assert found["status"] == "deficient"


def test_athena_a_result_under_its_own_system_and_loinc_is_read_in_every_order(
    service: Service, services: Services
) -> None:
    own = {"system": "https://fhir.athena.example.org/sid/ah-1128700/analyte", "code": "9", "display": "VITAMIN B12"}
    for codings in ([own, LOINC_B12], [LOINC_B12, own]):
        request = hook_request(extension=EXPLAIN)
        request["prefetch"]["labs"] = bundle({**LOW_B12, "code": {"coding": codings}})

        assert outcome_of(call(service, services, request))["status"] == "deficient"
