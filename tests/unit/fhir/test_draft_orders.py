"""Reading the drafts of an order hook."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from cds_service.facts.dates import ClinicalDate
from cds_service.facts.orders import DraftOrder, Test
from cds_service.facts.patient import DRAFTS, DataIssue
from cds_service.facts.treatments import Medicine, Route
from cds_service.fhir.draft_orders import concerns_us, read_drafts
from cds_service.fhir.medications import read_treatments
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.resources import Entry, Resource
from cds_service.fhir.test_orders import read_test_orders
from cds_service.knowledge.systems import ATC, LOINC
from tests.builders import TODAY, concept, record, resource
from tests.medication_builders import dose, every, interval, medicine_knowledge, named, request, rxnorm

KNOWLEDGE = medicine_knowledge()


def draft(**fields: Any) -> Resource:
    given = {
        "id": "draft-1",
        "status": "draft",
        "medicationCodeableConcept": rxnorm("199318"),
        "dosageInstruction": [
            {"text": "1 tablet daily", "timing": every(1), "doseAndRate": dose(1, "tablet", "{tbl}")}
        ],
    }
    return request(**{**given, **fields})


def session(*drafts: Resource | Entry, selections: tuple[str, ...] | None = None, **sections: Any) -> PatientRecord:
    entries = tuple(one if isinstance(one, Entry) else Entry(resource=one) for one in drafts)
    return replace(record(**sections), drafts=entries, selections=selections)


def read(*drafts: Resource | Entry, selections: tuple[str, ...] | None = None) -> list[DraftOrder]:
    found, issues = read_drafts(session(*drafts, selections=selections), KNOWLEDGE)
    assert issues == []
    return found


def test_a_folic_acid_draft_holds_its_daily_dose() -> None:
    (found,) = read(draft())
    (content,) = found.contents
    assert (found.source, found.is_selected) == ("MedicationRequest/draft-1", True)
    assert (content.medicine, content.dose.mg_per_day, content.route) == (Medicine.FOLIC_ACID, Decimal(5), Route.ORAL)


def test_directions_that_speak_of_not_taking_it_put_an_order_in_doubt() -> None:
    (content,) = read(draft(dosageInstruction=[{"text": "ON HOLD - 1 tablet daily"}]))[0].contents
    assert content.is_doubted
    assert not read(draft())[0].contents[0].is_doubted


@pytest.mark.parametrize(
    ("line", "as_needed"),
    [
        ({"text": "2 tablets daily as needed"}, True),
        ({"text": "2 tablets daily", "asNeededBoolean": True}, True),
        ({"text": "2 tablets daily"}, False),
    ],
)
def test_a_draft_that_is_taken_only_when_needed_says_so(line: dict[str, Any], as_needed: bool) -> None:
    [found] = read(draft(dosageInstruction=[line]))
    assert [content.as_needed for content in found.contents] == [as_needed]


@pytest.mark.parametrize("status", ["stopped", "cancelled", "completed", " Stopped"])
def test_an_order_that_a_draft_ends_lasted_until_yesterday(status: str) -> None:
    own, other = (request(id=name, authoredOn="2025-03-01") for name in ("own", "other"))
    on_record = session(draft(id="own", status=status), medicationRequests=[own, other])
    found = {t.source: t for t in read_treatments(on_record, KNOWLEDGE, TODAY)[0]}
    ended, going_on = found["MedicationRequest/own"], found["MedicationRequest/other"]
    assert ended.intervals == (interval("2025-03-01", TODAY - timedelta(days=1)),)
    assert (ended.is_active, ended.is_halted, going_on.is_active, going_on.is_halted) == (False, True, True, False)


def test_an_order_that_a_draft_puts_on_hold_is_perhaps_no_longer_taken() -> None:
    own = request(id="own", authoredOn="2025-03-01")
    on_record = session(draft(id="own", status="on-hold"), medicationRequests=[own])
    [paused] = read_treatments(on_record, KNOWLEDGE, TODAY)[0]
    assert paused.intervals[0].end == ClinicalDate(TODAY - timedelta(days=1), TODAY)
    assert (paused.is_active, paused.is_halted) == (False, True)
    over = request(
        id="own",
        authoredOn="2025-03-01",
        dosageInstruction=[{"timing": {"repeat": {"boundsPeriod": {"start": "2025-03-01", "end": "2025-05-01"}}}}],
    )
    on_record = session(draft(id="own", status="on-hold"), medicationRequests=[over])
    [ended] = read_treatments(on_record, KNOWLEDGE, TODAY)[0]
    assert ended.intervals == (interval("2025-03-01", "2025-05-01"),)


@pytest.mark.parametrize(
    ("status", "began"), [("entered-in-error", "2025-03-01"), ("stopped", TODAY.isoformat()), ("stopped", "2025-12-01")]
)
def test_an_order_that_never_was_or_never_begins_is_no_treatment(status: str, began: str) -> None:
    validity = {"dispenseRequest": {"validityPeriod": {"start": began}}}
    own = request(id="own", authoredOn="2025-03-01", **validity)
    for drafted, count in (
        (draft(id="own", status=status), 0),
        (draft(id="own"), 1),
        (draft(id="own-2", status=status), 1),
    ):
        assert len(read_treatments(session(drafted, medicationRequests=[own]), KNOWLEDGE, TODAY)[0]) == count


def test_a_test_order_that_a_draft_revokes_is_not_on_its_way() -> None:
    fields: dict[str, Any] = {"id": "t1", "intent": "order", "code": concept((LOINC, "2132-9"))}
    own = resource("ServiceRequest", status="active", authoredOn="2025-09-29", **fields)
    for status, count in (("revoked", 0), ("on-hold", 0), ("draft", 1)):
        on_record = session(resource("ServiceRequest", status=status, **fields), serviceRequests=[own])
        assert len(read_test_orders(on_record, KNOWLEDGE)[0]) == count


def test_a_weekly_dose_is_not_counted_daily() -> None:
    weekly = draft(
        medicationCodeableConcept=concept((ATC, "B03BB01")),
        dosageInstruction=[{"timing": every(1, 1, "wk"), "doseAndRate": dose("0.4", "mg")}],
    )
    dose_a_day = read(weekly)[0].contents[0].dose.mg_per_day
    assert dose_a_day is not None
    assert dose_a_day < Decimal("0.1")


def test_a_combination_shows_both_its_medicines() -> None:
    (found,) = read(draft(medicationCodeableConcept=rxnorm("1298293", "Prenatal multivitamin tablet")))
    assert {c.medicine: c.dose.mg_per_day for c in found.contents} == {
        Medicine.FOLIC_ACID: Decimal("0.4"),
        Medicine.B12: Decimal("0.006"),
    }


@pytest.mark.parametrize("lines", [[], [{"timing": every(1)}], [{"text": "as directed"}], [{"text": "1000 IU daily"}]])
def test_a_dose_that_cannot_be_told_stays_visible_with_its_reason(lines: list[dict[str, Any]]) -> None:
    (content,) = read(draft(dosageInstruction=lines))[0].contents
    assert content.medicine is Medicine.FOLIC_ACID
    assert content.dose.mg_per_day is None
    assert content.dose.reason


def test_one_tablet_daily_in_words_is_one_unit_of_the_product() -> None:
    (content,) = read(draft(dosageInstruction=[{"text": "1 tablet daily", "timing": every(1)}]))[0].contents
    assert content.dose.mg_per_day == Decimal(5)


@pytest.mark.parametrize("status", ["draft", "active", "on-hold", None])
def test_drafts_count_in_these_states(status: str | None) -> None:
    assert [found.is_on_hold for found in read(draft(status=status))] == [status == "on-hold"]


@pytest.mark.parametrize(
    "fields",
    [
        {"status": "entered-in-error"},
        {"status": "cancelled"},
        {"status": "stopped"},
        {"status": "completed"},
        {"doNotPerform": True},
    ],
)
def test_withdrawn_drafts_do_not_count(fields: dict[str, Any]) -> None:
    assert read(draft(**fields)) == []


@pytest.mark.parametrize(
    ("selections", "selected"),
    [
        (None, True),
        (("MedicationRequest/draft-1",), True),
        (("draft-1",), True),
        (("https://ehr.example/fhir/MedicationRequest/draft-1",), True),
        (("MedicationRequest/draft-1/_history/1",), True),
        (("urn:uuid:5f0c",), True),
        ((), False),
    ],
)
def test_selections_name_drafts_in_every_way(selections: tuple[str, ...] | None, selected: bool) -> None:
    found = read(Entry("urn:uuid:5f0c", draft()), selections=selections)
    assert [d.is_selected for d in found] == [selected]


@pytest.mark.parametrize("selection", ["MedicationRequest/draft-2", "MedicationRequest/xdraft-1", ""])
@pytest.mark.parametrize("drafts", [(), (draft(),), (draft(id=None),)], ids=["none", "another", "one without id"])
def test_a_selected_order_that_is_not_among_the_drafts_is_told(drafts: tuple[Resource, ...], selection: str) -> None:
    given = session(*drafts, selections=(selection,))
    found, issues = read_drafts(given, KNOWLEDGE)
    assert not any(d.is_selected for d in found)
    assert [(i.resource, i.matters_to, i.used_with_care) for i in issues] == [("context.selections", DRAFTS, False)]
    assert concerns_us(given, KNOWLEDGE)


def test_a_medication_in_the_same_draft_bundle_is_found() -> None:
    order = draft(medicationCodeableConcept=None, medicationReference={"reference": "urn:uuid:77"})
    medication = resource("Medication", id=None, subject=None, code=rxnorm("199318"))
    assert [c.medicine for d in read(order, Entry("urn:uuid:77", medication)) for c in d.contents] == [
        Medicine.FOLIC_ACID
    ]


def test_a_draft_without_a_medication_yet_is_no_error() -> None:
    assert read(draft(medicationCodeableConcept=None)) == [DraftOrder("MedicationRequest/draft-1", "", True)]


def test_a_draft_whose_medication_was_not_sent_is_told() -> None:
    order = draft(medicationCodeableConcept=None, medicationReference={"reference": "Medication/lost"})
    found, issues = read_drafts(session(order), KNOWLEDGE)
    assert [d.contents for d in found] == [()]
    assert [(i.resource, i.field) for i in issues] == [("MedicationRequest/draft-1", "medication")]


def test_another_patients_draft_is_told_and_not_used() -> None:
    found, issues = read_drafts(session(draft(subject={"reference": "Patient/other"})), KNOWLEDGE)
    assert found == []
    told = "belongs to another patient; it was not used"
    assert issues == [DataIssue("MedicationRequest/draft-1", "subject", told, DRAFTS)]


@pytest.mark.parametrize(
    ("selected", "waiting", "matters"),
    [
        ("Folic acid 5 mg", {"text": "Folic acid 5 mg"}, True),
        ("Folic acid 5 mg", {}, True),
        ("Folic acid 5 mg", {"text": "Aspirin"}, False),
        ("Aspirin", {"text": "Folic acid 5 mg"}, False),
    ],
)
def test_a_draft_of_nobody_knows_whom_matters_where_it_may_add_folic_acid_to_a_selected_one(
    selected: str, waiting: dict[str, str], matters: bool
) -> None:
    chosen = draft(medicationCodeableConcept={"text": selected})
    other = draft(id="draft-2", medicationCodeableConcept=waiting, subject={"reference": "\u00bf?"})
    both = session(chosen, other, selections=("MedicationRequest/draft-1",))
    _, [issue] = read_drafts(both, KNOWLEDGE)

    assert (issue.resource, issue.used_with_care) == ("MedicationRequest/draft-2", not matters)


@pytest.mark.parametrize("subject", [None, {}, {"reference": " "}, {"display": "Jane Roe"}], ids=str)
def test_a_draft_that_names_nobody_is_this_patients(subject: dict[str, str] | None) -> None:
    assert len(read(draft(subject=subject))) == 1


def test_a_drafted_test_is_seen() -> None:
    order = resource("ServiceRequest", id="t1", status="draft", intent="order", code=concept((LOINC, "2132-9")))
    assert [(d.source, d.tests) for d in read(order)] == [("ServiceRequest/t1", (Test.B12,))]
    on_hold = resource("ServiceRequest", id="t1", status="on-hold", intent="order", code=concept((LOINC, "2132-9")))
    assert [d.tests for d in read(on_hold)] == [()]


def test_the_orders_that_a_draft_replaces_are_named() -> None:
    prior = {"reference": "https://ehr.example/fhir/MedicationRequest/old/_history/2"}
    assert read(draft(priorPrescription=prior))[0].replaces == ("MedicationRequest/old",)


def test_a_replaced_order_given_by_full_url_is_named_by_its_id() -> None:
    old = Entry("urn:uuid:99", request(id="old"))
    found, _ = read_drafts(session(draft(priorPrescription={"reference": "urn:uuid:99"}), old), KNOWLEDGE)
    assert {d.source: d.replaces for d in found}["MedicationRequest/draft-1"] == ("MedicationRequest/old",)


@pytest.mark.parametrize("kind", ["NutritionOrder", "RequestGroup", "DeviceRequest", "Task"])
def test_other_types_of_order_are_left_out(kind: str) -> None:
    assert read(resource(kind, status="draft")) == []


def test_the_order_of_drafts_never_matters() -> None:
    one, two = draft(), draft(id="draft-2", medicationCodeableConcept=rxnorm("244190"))
    assert read(one, two) == read(two, one)


class TestConcernsUs:
    @pytest.mark.parametrize(
        ("order", "expected"),
        [
            (draft(), True),
            (draft(medicationCodeableConcept=rxnorm("244190")), True),
            (draft(medicationCodeableConcept=rxnorm("1298293")), True),
            (draft(medicationCodeableConcept=named("Folic acid 5 mg")), True),
            (draft(medicationCodeableConcept=rxnorm("861007")), False),
            (draft(medicationCodeableConcept=named("lisinopril 10 mg")), False),
            (draft(medicationCodeableConcept=None), False),
            (draft(status="cancelled"), False),
            (draft(subject={"reference": "Patient/other"}), True),
            (draft(medicationCodeableConcept=None, medicationReference={"reference": "Medication/lost"}), True),
        ],
    )
    def test_drafts_with_folic_acid_or_b12_concern_us(self, order: Resource, expected: bool) -> None:
        assert concerns_us(session(order), KNOWLEDGE) is expected

    def test_a_draft_that_was_not_selected_does_not(self) -> None:
        lisinopril = draft(id="draft-2", medicationCodeableConcept=named("lisinopril 10 mg"))
        assert not concerns_us(session(draft(), lisinopril, selections=("MedicationRequest/draft-2",)), KNOWLEDGE)


def test_the_long_name_of_a_draft_is_told_whether_or_not_something_is_recognised_in_it() -> None:
    long = "x" * 301
    for text, end, held in [
        (long, "so it is not known what is being ordered", []),
        (f"Folic acid 5 mg, {long}", "so it is not known what else is being ordered", [Medicine.FOLIC_ACID]),
    ]:
        sent = session(draft(medicationCodeableConcept=concept(("urn:local", "K"), text=text)))
        (found,), (issue,) = read_drafts(sent, KNOWLEDGE)
        assert [content.medicine for content in found.contents] == held
        assert (issue.matters_to, issue.used_with_care) == (DRAFTS, False)
        assert issue.issue == f"the name of the medication is too long to be read to its end, {end}"
        assert concerns_us(sent, KNOWLEDGE)
