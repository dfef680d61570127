"""Reading a hook request's body: four prefetch states are four things, and one odd resource never loses the others."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.errors import InvalidHookRequest
from cds_service.facts.patient import Availability, DataIssue, DataKey
from cds_service.fhir.bundles import MOST_ENTRIES, Reading, only_context_patient
from cds_service.fhir.prefetch import HookBody, decode_hook_body, read_answer

COMPLETE, INCOMPLETE, FAILED = Availability.COMPLETE, Availability.INCOMPLETE, Availability.FAILED
B12 = {
    "resourceType": "Observation",
    "id": "b12",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "2132-9"}]},
    "valueQuantity": {"value": 150, "unit": "pg/mL"},
}
PATIENT = {"resourceType": "Patient", "id": "p1"}
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}


def bundle(*resources: Any, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in resources], **more}


def decoded(**prefetch: Any) -> HookBody:
    return decode_hook_body(json.dumps({"prefetch": prefetch}).encode())


def labs(value: Any) -> Reading:
    return decoded(labs=value).readings[DataKey.LABS]


def ids(reading: Reading) -> list[str | None]:
    return [entry.resource.id for entry in reading.section.entries if entry.resource is not None]


# The four states


def lost(reading: Reading) -> list[DataIssue]:
    """Why entries could not be used."""
    return [issue for entry in reading.section.unread for issue in entry.issues]


def test_a_missing_key_is_not_told() -> None:
    assert DataKey.LABS not in decoded(patient=None).readings


@pytest.mark.parametrize(
    "empty",
    [
        None,
        {"resourceType": "Bundle", "type": "searchset", "total": 0},
        {"resourceType": "Bundle"},
        {"type": "searchset"},
        bundle(),
    ],
)
def test_null_and_a_bundle_without_entries_are_known_to_be_empty(empty: Any) -> None:
    assert labs(empty) == Reading(labs(None).section)
    assert labs(empty).section.availability is COMPLETE


def test_an_operation_outcome_as_the_value_is_a_failed_query() -> None:
    assert labs(OUTCOME).section.availability is FAILED
    assert decoded(patient=OUTCOME).readings[DataKey.PATIENT].section.availability is FAILED


@pytest.mark.parametrize("severity", ["error", "fatal", "ERROR", "", "unheard-of"])
def test_an_error_outcome_among_the_entries_leaves_the_answer_incomplete(severity: str) -> None:
    reading = labs(bundle(B12, {**OUTCOME, "issue": [{"severity": severity}]}))

    assert reading.section.availability is INCOMPLETE
    assert ids(reading) == ["b12"]


def test_an_outcome_that_names_no_issue_is_not_taken_for_good_news() -> None:
    assert labs(bundle({"resourceType": "OperationOutcome"})).section.availability is INCOMPLETE


@pytest.mark.parametrize("severity", ["information", "warning"])
def test_a_harmless_outcome_beside_an_empty_search_is_fine(severity: str) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": severity}]}
    sent = {"resourceType": "Bundle", "total": 0, "entry": [{"resource": outcome, "search": {"mode": "outcome"}}]}

    assert labs(sent).section.availability is COMPLETE
    assert labs(sent).issues == ()


def test_a_next_link_means_one_page_of_several() -> None:
    reading = labs(bundle(B12, link=[{"relation": "self", "url": "a"}, {"relation": "next", "url": "https://x/2"}]))

    assert reading.section.availability is INCOMPLETE
    assert reading.next_page == "https://x/2"


@pytest.mark.parametrize("relation", [None, "", "\u00bfext", "next" + "x" * 10_000])
def test_a_link_that_cannot_be_read_may_lead_to_further_pages(relation: str | None) -> None:
    assert labs(bundle(B12, link=[{"relation": relation, "url": "a"}])).section.availability is INCOMPLETE
    assert labs(bundle(B12, link=[{"relation": "https://x/made-up"}])).section.availability is COMPLETE


def test_a_total_above_what_was_given_is_incomplete() -> None:
    assert labs(bundle(B12, total=2)).section.note == "2 results were found, but only 1 were given"


@pytest.mark.parametrize("odd", [{}, 5], ids=["read in one pass", "read resource by resource"])
def test_of_too_many_entries_the_first_are_read_and_the_answer_says_that_it_is_incomplete(odd: Any) -> None:
    sent = bundle(B12)
    sent["entry"] += [odd] * MOST_ENTRIES + [{"resource": {**B12, "id": "beyond"}}]

    reading = labs(sent)

    assert (ids(reading), reading.section.availability) == (["b12"], INCOMPLETE)
    assert str(MOST_ENTRIES) in reading.section.note
    assert len(lost(reading)) == MOST_ENTRIES - 1


def test_as_many_entries_as_are_read_are_not_too_many() -> None:
    reading = labs(bundle(*[B12] * MOST_ENTRIES))

    assert (len(ids(reading)), reading.section.availability) == (MOST_ENTRIES, COMPLETE)


def test_included_medications_are_kept_and_not_counted_as_matches() -> None:
    sent = bundle({"resourceType": "MedicationRequest", "id": "m"}, total=1)
    sent["entry"].append({"resource": {"resourceType": "Medication", "id": "x"}, "search": {"mode": "include"}})
    reading = decoded(medicationRequests=sent).readings[DataKey.MEDICATION_REQUESTS]

    assert ids(reading) == ["m", "x"]
    assert reading.section.availability is COMPLETE


# Values of the wrong kind


@pytest.mark.parametrize("wrong", [[B12], "text", 5, True, {}, {"id": "x"}, B12, {"resourceType": "Patient"}])
def test_a_value_that_is_no_bundle_fails_its_key_and_says_so(wrong: Any) -> None:
    reading = labs(wrong)

    assert reading.section.availability is FAILED
    assert reading.section.note.endswith("was not used")


@pytest.mark.parametrize("wrong", [[], 5, {}, {"id": "p"}, bundle(B12, entry=5), {"resourceType": "Observation"}])
def test_a_value_that_is_no_patient_fails_its_key(wrong: Any) -> None:
    reading = decoded(patient=wrong).readings[DataKey.PATIENT]

    assert reading.section.availability is FAILED
    assert reading.section.note


def test_a_wrong_value_under_one_key_loses_no_other_key() -> None:
    body = decoded(labs=bundle(B12), conditions=5)

    assert ids(body.readings[DataKey.LABS]) == ["b12"]
    assert body.readings[DataKey.CONDITIONS].section.availability is FAILED


def test_a_patient_in_a_bundle_is_the_patient() -> None:
    reading = decoded(patient=bundle({"resourceType": "Patient", "id": "p1"})).readings[DataKey.PATIENT]

    assert ids(reading) == ["p1"]


@pytest.mark.parametrize(
    ("more", "note"),
    [
        ({"total": 1}, ""),
        ({"total": 2}, "2 results were found, but only 1 were given"),
        ({"link": [{"relation": "self", "url": "https://ehr.example/Patient"}]}, ""),
        ({"link": [{"relation": "next", "url": "https://ehr.example/2"}]}, "not all pages of it were given"),
    ],
)
def test_a_bundle_with_the_patient_is_complete_where_it_says_so(more: dict[str, Any], note: str) -> None:
    section = decoded(patient=bundle(PATIENT, **more)).readings[DataKey.PATIENT].section
    assert (section.note, section.availability is COMPLETE) == (note, not note)


@pytest.mark.parametrize("link", [{"x": 1}, ["x"], "x"])
def test_a_link_of_the_patient_that_cannot_be_read_leaves_the_rest_of_the_patient(link: object) -> None:
    reading = decoded(patient=PATIENT | {"link": link}).readings[DataKey.PATIENT]
    assert ids(reading) == ["p1"]
    assert [issue.resource for issue in reading.issues] == ["Patient/p1"]


def test_keys_that_nobody_asked_for_are_skipped() -> None:
    assert decoded(somethingElse=[1, {"a": None}], labs=None).readings.keys() == {DataKey.LABS}


# One odd resource


@pytest.mark.parametrize(
    ("odd", "field"),
    [
        (None, ""),
        (5, ""),
        ({}, "entry[1].resource"),
        ({"fullUrl": "urn:uuid:1"}, "entry[1].resource"),
        ({"resource": None}, "entry[1].resource"),
        ({"resource": 5}, ""),
        ({"resource": {"id": "no-type"}}, "entry[1].resource"),
        ({"resource": {"resourceType": "Bundle"}}, "entry[1].resource"),
        ({"resource": {**B12, "id": "x", "status": 5}}, "status"),
        ({"resource": {**B12, "id": "x", "status": ["entered-in-error"]}}, "status"),
        ({"resource": {**B12, "id": "x", "subject": "Patient/p1"}}, "subject"),
        ({"resource": {**B12, "id": "x", "effectiveDateTime": 2025}}, "effectiveDateTime"),
        ({"resource": {**B12, "id": "x", "code": "B12"}}, "code"),
    ],
)
def test_an_entry_that_cannot_be_used_is_kept_apart_and_the_rest_is_read(odd: Any, field: str) -> None:
    sent = bundle(B12, {**B12, "id": "after"})
    sent["entry"].insert(1, odd)
    reading = labs(sent)

    assert ids(reading) == ["b12", "after"]
    assert reading.section.availability is COMPLETE
    assert [issue.field for issue in lost(reading)] == [field]


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        ({"status": 5}, "2132-9"),
        ({"status": 5, "component": [{"code": B12["code"], "valueQuantity": 7}]}, "2132-9"),
        ({"code": "B12"}, None),
        ({"status": 5, "component": "none"}, None),
        ({"status": 5, "component": [7]}, None),
    ],
)
def test_an_entry_that_cannot_be_used_keeps_what_tells_what_it_is(odd: dict[str, Any], told: str | None) -> None:
    [entry] = labs(bundle({**B12, **odd})).section.unread
    code = entry.resource.code if entry.resource is not None else None

    assert (code.coding[0].code if code is not None and code.coding else None) == told
    assert entry.resource is None or entry.resource.status is entry.resource.value_quantity is None


def test_a_field_that_nobody_reads_may_have_any_shape() -> None:
    reading = labs(bundle({**B12, "category": {"coding": "no list"}, "note": 5, "method": [None]}))

    assert ids(reading) == ["b12"]
    assert reading.issues == ()


@pytest.mark.parametrize(
    ("field", "value", "left_out"),
    [
        ("interpretation", 5, "interpretation"),
        ("issued", 20250920, "issued"),
    ],
)
def test_a_side_issue_that_does_not_fit_is_left_out_and_the_result_kept(field: str, value: Any, left_out: str) -> None:
    reading = labs(bundle({**B12, field: value}))

    assert reading.section.entries[0].resource is not None
    assert reading.section.entries[0].resource.value_quantity is not None
    assert reading.section.availability is COMPLETE
    assert [(issue.resource, issue.field) for issue in reading.issues] == [("Observation/b12", left_out)]


@pytest.mark.parametrize("wrong", [{"comparator": 5}, {"unit": ["pg/mL"]}, {"value": {"number": 150}}, {"code": 7}])
def test_a_quantity_is_believed_whole_or_not_at_all(wrong: dict[str, Any]) -> None:
    reading = labs(bundle({**B12, "valueQuantity": {"value": 150, "unit": "pg/mL", **wrong}}))

    assert reading.section.entries[0].resource is not None
    assert reading.section.entries[0].resource.value_quantity is None
    assert "valueQuantity was not used" in reading.issues[0].issue


def test_an_order_is_not_turned_into_its_opposite_by_leaving_a_field_out() -> None:
    order = {"resourceType": "MedicationRequest", "id": "m", "doNotPerform": "true"}
    reading = decoded(medicationRequests=bundle(order)).readings[DataKey.MEDICATION_REQUESTS]

    assert ids(reading) == []
    assert lost(reading) == [
        DataIssue(
            "MedicationRequest/m", "doNotPerform", "Expected true or false, got text; the resource was not used."
        ),
    ]


@pytest.mark.parametrize("field", ["referenceRange", "component"])
def test_a_result_is_not_read_without_what_may_make_it_another(field: str) -> None:
    reading = labs(bundle({**B12, field: [{"low": 5, "code": 5}]}))

    assert ids(reading) == []
    assert [issue.field.partition("[")[0] for issue in lost(reading)] == [field]


def test_an_order_is_not_read_without_its_supply() -> None:
    order = {"resourceType": "MedicationRequest", "id": "m", "dispenseRequest": {"numberOfRepeatsAllowed": "many"}}
    reading = decoded(medicationRequests=bundle(order)).readings[DataKey.MEDICATION_REQUESTS]

    assert (ids(reading), len(lost(reading))) == ([], 1)


def test_a_display_that_is_no_text_does_not_cost_the_code() -> None:
    code = {"coding": [{"system": "http://loinc.org", "code": "2132-9", "display": ["B12"]}]}
    reading = labs(bundle({**B12, "code": code}))

    assert reading.section.entries[0].resource is not None
    assert reading.section.entries[0].resource.code is not None
    assert reading.issues[0].field == "code.coding[0].display"


def test_stu3_shapes_that_can_be_read_are_read() -> None:
    sent = bundle({"resourceType": "Condition", "id": "c", "clinicalStatus": "active", "assertedDate": "2020"})
    reading = decoded(conditions=sent).readings[DataKey.CONDITIONS]

    assert ids(reading) == ["c"]
    assert reading.issues == ()


def test_names_of_resources_in_issues_are_never_a_place_for_free_text() -> None:
    odd = {**B12, "resourceType": "Mrs <b>Smith</b>", "id": "x" * 500, "status": 5}

    assert lost(labs(bundle(odd)))[0].resource == "labs entry[0]"


def test_the_slow_way_reads_the_same_as_the_fast_way() -> None:
    fast = json.dumps({"prefetch": {"labs": bundle(B12)}}).replace("150", "1.50").encode()
    slow = json.dumps({"prefetch": {"labs": bundle(B12), "conditions": 5}}).replace("150", "1.50").encode()
    readings = [decode_hook_body(body).readings[DataKey.LABS] for body in (fast, slow)]

    assert readings[0] == readings[1]
    assert [
        str(entry.resource.value_quantity.value)
        for reading in readings
        for entry in reading.section.entries
        if entry.resource is not None and entry.resource.value_quantity is not None
    ] == ["1.50"] * 2


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(sorted({*B12, "subject", "component", "effectivePeriod", "contained", "dosage"})), _json)
@settings(max_examples=200, deadline=None)
def test_whatever_stands_in_a_field_the_neighbours_are_read_and_nothing_is_lost_in_silence(
    field: str, value: Any
) -> None:
    reading = labs(bundle({**B12, "id": "before"}, {**B12, field: value}, {**B12, "id": "after"}))

    assert {"before", "after"} <= set(ids(reading))
    assert len(ids(reading)) == 3 or lost(reading)


# Bodies that are none


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b'{"hook": "patient-view"} trailing', "is not JSON"),
        (b"[]", "is not a JSON object"),
        (b'"text"', "is not a JSON object"),
        (b"null", "is not a JSON object"),
        (b'{"unused": "\xff"}', "is not UTF-8"),
        (b'{"hook": "\xc3\x28"}', "is not UTF-8"),
        (b'{"unused": ' + b"[" * 100_000, "is nested too deeply"),
        (b'{"prefetch": {"labs": ' + b'{"entry":[' * 100_000, "is nested too deeply"),
        (b'{"prefetch": 5, "unused": ' + b"[" * 100_000, "is nested too deeply"),
    ],
)
def test_a_body_that_cannot_be_read_says_why(body: bytes, problem: str) -> None:
    with pytest.raises(InvalidHookRequest) as error:
        decode_hook_body(body)

    assert [path for path, _ in error.value.problems] == [""]
    assert problem in error.value.problems[0][1]


def test_a_byte_order_mark_is_tolerated() -> None:
    assert decode_hook_body(b'\xef\xbb\xbf{"hook": "patient-view"}').envelope["hook"] == "patient-view"


def test_a_prefetch_that_is_no_object_is_a_problem_of_the_request() -> None:
    body = decode_hook_body(b'{"prefetch": []}')

    assert [path for path, _ in body.problems] == ["prefetch"]


@pytest.mark.parametrize("number", ["1e400", "-1e99999999999999999999", "9" * 400])
def test_a_number_of_any_size_breaks_nothing(number: str) -> None:
    sent = json.dumps({"prefetch": {"labs": bundle(B12)}}).replace("150", number)

    assert ids(decode_hook_body(sent.encode()).readings[DataKey.LABS]) == ["b12"]


def test_the_last_of_two_equal_members_counts() -> None:
    assert decode_hook_body(b'{"hook": "a", "hook": "b"}').envelope == {"hook": "b"}


# The envelope and the drafts


def test_the_envelope_keeps_what_was_sent_apart_from_what_was_not() -> None:
    body = decode_hook_body(b'{"hook": null, "context": {"patientId": 5, "more": 1}, "more": 1}')

    assert body.envelope == {"hook": None, "context": {"patientId": 5}}


def drafts(*entries: Any, **context: Any) -> HookBody:
    sent = {"resourceType": "Bundle", "entry": list(entries)}
    return decode_hook_body(json.dumps({"context": {"draftOrders": sent, **context}}).encode())


def test_drafts_are_read_and_kept_as_they_were_sent() -> None:
    draft = {"resourceType": "MedicationRequest", "id": "d", "category": {}, "unknown": [1.50]}
    body = drafts({"fullUrl": "urn:uuid:1", "resource": draft})

    assert [entry.full_url for entry in body.drafts] == ["urn:uuid:1"]
    assert body.draft_json is not None
    assert json.loads(body.draft_json["MedicationRequest/d"]) == draft


def test_no_drafts_and_an_empty_basket_are_told_apart() -> None:
    assert decode_hook_body(b'{"context": {}}').draft_json is None
    assert drafts().draft_json == {}


def test_one_odd_draft_does_not_lose_the_others() -> None:
    odd = {"resource": {"resourceType": "MedicationRequest", "id": "odd", "status": 5}}
    good = {"resource": {"resourceType": "MedicationRequest", "id": "good", "status": "draft"}}
    body = drafts(odd, None, {}, {"resource": 5}, good)

    assert [entry.resource.id for entry in body.drafts if entry.resource] == ["good"]
    assert len(body.issues) == 4


def test_drafts_survive_a_misfit_elsewhere_with_their_exact_numbers() -> None:
    order = '{"resourceType": "MedicationRequest", "id": "d", "dose": 1.50}'
    text = '{"prefetch": 5, "context": {"draftOrders": {"entry": [{"resource": ' + order + "}]}}}"
    body = decode_hook_body(text.encode())

    assert body.draft_json == {"MedicationRequest/d": order.encode()}


def test_more_drafts_than_anybody_signs_are_refused_before_they_are_read() -> None:
    body = drafts(*[{}] * 1001)

    assert [path for path, _ in body.problems] == ["context.draftOrders.entry"]
    assert body.issues == ()


@pytest.mark.parametrize("wrong", [[], "text", 5, {"entry": 5}, {"resourceType": "MedicationRequest"}])
def test_draft_orders_that_are_no_bundle_are_a_problem_of_the_request(wrong: Any) -> None:
    body = decode_hook_body(json.dumps({"context": {"draftOrders": wrong}}).encode())

    assert [path.removesuffix(".resourceType") for path, _ in body.problems] == ["context.draftOrders"]


# Whose Patient it is


def test_another_patient_under_the_patient_key_is_not_used() -> None:
    reading = decoded(patient={"resourceType": "Patient", "id": "p2"}).readings[DataKey.PATIENT]
    checked = only_context_patient(reading, "p1")

    assert checked.section.availability is FAILED
    assert checked.section.entries == ()
    assert "p2" not in checked.section.note


def test_the_context_patient_among_several_is_the_one_that_counts() -> None:
    both = bundle({"resourceType": "Patient", "id": "p2"}, {"resourceType": "Patient", "id": "p1"})
    checked = only_context_patient(decoded(patient=both).readings[DataKey.PATIENT], "p1")

    assert ids(checked) == ["p1"]
    assert checked.section.availability is COMPLETE


# The same values as a FHIR server's answer


@pytest.mark.parametrize("value", [bundle(B12), bundle(B12, total=3), OUTCOME, B12, bundle({**B12, "status": 5}), []])
def test_a_fetched_answer_reads_as_the_same_prefetch(value: Any) -> None:
    assert read_answer(DataKey.LABS, json.dumps(value).encode()) == labs(value)


def test_a_fetched_patient_reads_as_the_same_prefetch() -> None:
    patient = {"resourceType": "Patient", "id": "p1", "birthDate": "1960"}

    fetched = read_answer(DataKey.PATIENT, json.dumps(patient).encode())

    assert fetched == decoded(patient=patient).readings[DataKey.PATIENT]


def test_two_different_drafts_of_one_id_are_never_changed() -> None:
    ours = {"resourceType": "MedicationRequest", "id": "d", "subject": {"reference": "Patient/p1"}}
    of_another = ours | {"subject": {"reference": "Patient/p2"}}
    body = drafts({"resource": ours}, {"resource": of_another}, {"resource": ours | {"id": "e"}})

    assert body.draft_json is not None
    assert body.draft_json.keys() == {"MedicationRequest/e"}
    assert [(issue.resource, issue.field) for issue in body.issues] == [("MedicationRequest/d", "id")]


def test_a_draft_that_is_sent_twice_stays_one() -> None:
    draft = {"resource": {"resourceType": "MedicationRequest", "id": "d"}}
    body = drafts(draft, draft)

    assert body.draft_json is not None
    assert (body.draft_json.keys(), body.issues) == ({"MedicationRequest/d"}, ())
