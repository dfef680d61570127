"""Reading treatments from the four kinds of medication record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from cds_service.assessment.exposure import exposure, used_longer_than
from cds_service.assessment.therapy import read_therapy
from cds_service.facts.dates import ClinicalDate
from cds_service.facts.patient import ANYTHING, DOSE, Availability, DataIssue, DataKey
from cds_service.facts.presence import Presence
from cds_service.facts.treatments import Interval, Medicine, RecordKind, Route, Treatment
from cds_service.fhir import medication_reader, medications
from cds_service.fhir.medications import read_treatments
from cds_service.fhir.record import PatientRecord, Section
from cds_service.fhir.resources import Entry, Resource
from cds_service.knowledge.loader import load
from cds_service.knowledge.systems import ATC, RXNORM, SNOMED
from tests.builders import TODAY, concept, record, resource
from tests.medication_builders import (
    PARAMETERS,
    administration,
    days_supply,
    dispense,
    dose,
    every,
    interval,
    medicine_knowledge,
    named,
    request,
    rxnorm,
    statement,
    supply,
)

KNOWLEDGE = medicine_knowledge()
YESTERDAY = TODAY - timedelta(days=1)
_KEYS = {
    "MedicationStatement": "medicationStatements",
    "MedicationRequest": "medicationRequests",
    "MedicationDispense": "medicationDispenses",
    "MedicationAdministration": "medicationAdministrations",
}


def read(*resources: Resource, **more: list[Resource]) -> tuple[list[Treatment], list[DataIssue]]:
    sections: dict[str, list[Resource]] = {**more}
    for one in resources:
        sections.setdefault(_KEYS[one.resource_type or ""], []).append(one)
    return read_treatments(record(**sections), KNOWLEDGE, TODAY)


def treatments(*resources: Resource) -> list[Treatment]:
    return read(*resources)[0]


def only(*resources: Resource) -> Treatment:
    """The one treatment; that a dose of vitamin B12 is not known is told, and tested below."""
    found, issues = read(*resources)
    assert [issue for issue in issues if issue.field != "dosage"] == []
    assert len(found) == 1
    return found[0]


def medication(**fields: Any) -> Resource:
    return resource("Medication", **{"id": "m1", "subject": None, **fields})


def open_until(start: str, until: date) -> Interval:
    begins = ClinicalDate.parse(start)
    return Interval(begins, ClinicalDate(begins.latest, until))


class TestMedicationIsReadInEveryForm:
    @pytest.mark.parametrize(
        ("codings", "medicine"),
        [
            ([(RXNORM, "6809")], Medicine.METFORMIN),
            ([(RXNORM, "861007")], Medicine.METFORMIN),
            ([("urn:oid:2.16.840.1.113883.6.88", "861007")], Medicine.METFORMIN),
            ([("https://www.nlm.nih.gov/research/umls/rxnorm/", " 861007 ")], Medicine.METFORMIN),
            ([("urn:local", "X1"), (RXNORM, "861007")], Medicine.METFORMIN),
            ([(ATC, "A10BA02")], Medicine.METFORMIN),  # a substance of a listed class
            ([(ATC, "A10BA")], Medicine.METFORMIN),
            ([(ATC, "A02BC01")], Medicine.PPI),
            ([(ATC, "B03BA03")], Medicine.B12),
        ],
    )
    def test_codes_of_every_level(self, codings: list[tuple[str, str]], medicine: Medicine) -> None:
        found = only(statement(medicationCodeableConcept=concept(*codings)))
        assert (found.medicine, found.is_coded) == (medicine, True)

    @pytest.mark.parametrize("name", ["Metformin 500mg", "METFORMIN", "MetFORMIN (Glucophage)", "glucophage"])
    def test_a_name_alone_is_read_and_said_to_be_only_a_name(self, name: str) -> None:
        found = only(statement(medicationCodeableConcept=named(name)))
        assert (found.medicine, found.is_coded, found.name) == (Medicine.METFORMIN, False, name)

    def test_a_name_used_as_a_local_code(self) -> None:
        found = only(statement(medicationCodeableConcept=concept(("urn:local:names", "FoLIC Acid"))))
        assert (found.medicine, found.is_coded) == (Medicine.FOLIC_ACID, False)

    def test_a_look_alike_letter_of_another_alphabet_matches_nothing(self) -> None:
        assert read(statement(medicationCodeableConcept=named("mеtformin"))) == ([], [])

    def test_codes_decide_over_names(self) -> None:
        both = concept((RXNORM, "861007"), text="metformin; stop omeprazole")
        assert [t.medicine for t in treatments(statement(medicationCodeableConcept=both))] == [Medicine.METFORMIN]

    def test_a_contained_medication(self) -> None:
        inside = {"resourceType": "Medication", "id": "m", "code": rxnorm("861007", "Metformin 500mg")}
        found = only(
            statement(contained=[inside], medicationCodeableConcept=None, medicationReference={"reference": "#m"})
        )
        assert (found.medicine, found.name) == (Medicine.METFORMIN, "Metformin 500mg")

    def test_ten_thousand_that_hold_the_same_product_are_all_read(self) -> None:
        """As a chart of many years holds them: what is said again costs nothing."""
        plain = {"resourceType": "Medication", "id": "m", "code": {"text": "paracetamol 500 mg tablet, film coated"}}
        last = {"resourceType": "Medication", "id": "m", "code": rxnorm("861007", "Metformin 500mg")}
        fields = {"medicationCodeableConcept": None, "medicationReference": {"reference": "#m"}}
        given = [statement(id=f"s{n}", contained=[plain], **fields) for n in range(10_000)]

        found, issues = read(*given, statement(id="last", contained=[last], **fields))

        assert ([one.source for one in found], issues) == (["MedicationStatement/last"], [])

    @pytest.mark.parametrize(
        "reference",
        [
            "Medication/m1",
            "Medication/m1/_history/3",
            "https://ehr.example/fhir/Medication/m1",
            "https://ehr.example/fhir/Medication/m1/_history/3",
            "urn:uuid:0b7d1c6a-0000-4000-8000-000000000001",
            "urn:uuid:0B7D1C6A-0000-4000-8000-000000000001",
        ],
    )
    def test_a_medication_anywhere_in_what_was_sent(self, reference: str) -> None:
        given = record(
            medicationStatements=[
                statement(medicationCodeableConcept=None, medicationReference={"reference": reference})
            ]
        )
        entry = Entry("urn:uuid:0b7d1c6a-0000-4000-8000-000000000001", medication(code=rxnorm("861007")))
        given = replace(
            given, sections={**given.sections, DataKey.CONDITIONS: Section(Availability.COMPLETE, (entry,))}
        )
        found, issues = read_treatments(given, KNOWLEDGE, TODAY)
        assert [t.medicine for t in found] == [Medicine.METFORMIN]
        assert issues == []

    def test_a_reference_that_leads_nowhere_is_reported(self) -> None:
        lost = statement(medicationCodeableConcept=None, medicationReference={"reference": "Medication/lost"})
        found, issues = read(lost)
        assert found == []
        assert issues == [
            DataIssue(
                "MedicationStatement/s1",
                "medication",
                "the medication it refers to was not sent, so it is not known what it is",
                ANYTHING,
            )
        ]

    def test_the_display_of_a_lost_reference_is_read_as_a_name(self) -> None:
        lost = {"reference": "Medication/lost", "display": "Metformin (Apo) 500 mg tablet, 100"}
        found = only(statement(medicationCodeableConcept=None, medicationReference=lost))
        assert (found.medicine, found.is_coded) == (Medicine.METFORMIN, False)

    def test_a_lost_reference_that_names_something_else_is_no_issue(self) -> None:
        lost = {"reference": "Medication/lost", "display": "Lisinopril 10 mg"}
        assert read(statement(medicationCodeableConcept=None, medicationReference=lost)) == ([], [])

    def test_a_lost_medication_of_a_cancelled_order_needs_no_issue(self) -> None:
        lost = {"reference": "Medication/lost"}
        assert read(request(status="cancelled", medicationCodeableConcept=None, medicationReference=lost)) == ([], [])

    def test_no_medication_at_all_is_reported(self) -> None:
        found, issues = read(statement(medicationCodeableConcept=None))
        assert found == []
        assert [issue.field for issue in issues] == ["medication"]

    def test_a_code_that_nobody_named_is_reported(self) -> None:
        nameless = concept(("http://hl7.org/fhir/sid/ndc", "00517003125"))
        assert [i.field for i in read(statement(medicationCodeableConcept=nameless))[1]] == ["medication"]

    @pytest.mark.parametrize(
        "named",
        [
            concept(text="x" * 301),
            concept(("urn:local", "K"), text="x" * 301),
            concept((RXNORM, "29046"), text="x" * 301),
            concept(("urn:local", "K", "x" * 301), text="Lisinopril 10 mg"),
        ],
        ids=["alone", "a local code", "a code that is not listed", "beside a short name"],
    )
    def test_a_name_that_is_not_read_to_its_end_is_reported(self, named: dict[str, Any]) -> None:
        (issue,) = read(statement(medicationCodeableConcept=named))[1]
        assert (issue.field, issue.matters_to, issue.used_with_care) == ("medication", ANYTHING, False)
        assert "too long to be read to its end, so it is not known what it is" in issue.issue
        assert read(statement(medicationCodeableConcept=named, status="entered-in-error")) == ([], [])

    def test_a_name_that_is_read_to_its_end_or_has_a_code_that_says_more_is_not(self) -> None:
        for text in ("x" * 300, "x" * 300 + " " * 300):
            assert read(statement(medicationCodeableConcept=concept(("urn:local", "K"), text=text))) == ([], [])
        assert read(statement(medicationCodeableConcept=concept((ATC, "C09AA03"), text="x" * 301))) == ([], [])
        (metformin,), issues = read(statement(medicationCodeableConcept=concept((RXNORM, "6809"), text="x" * 301)))
        assert (metformin.medicine, issues) == (Medicine.METFORMIN, [])

    def test_what_is_recognised_in_a_long_name_is_used_and_its_end_is_told(self) -> None:
        (metformin,), (issue,) = read(
            statement(medicationCodeableConcept=concept(text=f"Metformin 500 mg {'x' * 301}"))
        )
        assert metformin.medicine is Medicine.METFORMIN
        assert (issue.resource, issue.field) == ("MedicationStatement/s1", "medication")
        assert (issue.matters_to, issue.used_with_care) == (ANYTHING, False)
        assert "so it is not known what else it holds" in issue.issue

    def test_the_long_name_of_an_ingredient_is_told(self) -> None:
        long = {"code": concept(text="Mixture"), "ingredient": [{"itemReference": {"display": "x" * 301}}]}
        given = statement(medicationCodeableConcept=None, medicationReference={"reference": "Medication/m1"})
        (issue,) = read(given, labs=[medication(**long)])[1]
        assert "too long to be read to its end" in issue.issue

    def test_an_atc_code_that_is_not_ours_is_no_issue(self) -> None:
        assert read(statement(medicationCodeableConcept=concept((ATC, "C09AA03")))) == ([], [])

    def test_names_hidden_in_identifiers(self) -> None:
        hidden = medication(
            code=concept(("urn:local:ndc", "00517003125")),
            identifier=[
                {"system": "urn:local:ndc", "value": "00517003125"},
                {"system": "urn:local:formulary-code", "value": "CYAN1I"},
                {"system": "urn:local:medication-name", "value": "Cyanocobalamin"},
            ],
        )
        given = statement(medicationCodeableConcept=None, medicationReference={"reference": "Medication/m1"})
        found, _ = read(given, labs=[hidden])
        assert [(t.medicine, t.name, t.form, t.is_coded) for t in found] == [
            (Medicine.B12, "Cyanocobalamin", "cyanocobalamin", False)
        ]

    def test_ingredients_with_their_strengths(self) -> None:
        def holds(code: str, mg: float) -> dict[str, Any]:
            per = {"numerator": {"value": mg, "unit": "mg"}, "denominator": {"value": 1, "unit": "TAB"}}
            return {"itemCodeableConcept": rxnorm(code), "strength": per}

        both = medication(code=named("Combined tablet"), ingredient=[holds("4511", 2.5), holds("244190", 2)])
        given = statement(
            medicationCodeableConcept=None,
            medicationReference={"reference": "Medication/m1"},
            dosage=[{"text": "1 tablet daily"}],
        )
        found, _ = read(given, labs=[both])
        assert {t.medicine: t.dose.mg_per_day for t in found} == {
            Medicine.FOLIC_ACID: Decimal("2.5"),
            Medicine.B12: Decimal(2),
        }

    def test_a_medication_that_refers_to_itself_does_not_loop(self) -> None:
        loop = medication(code=rxnorm("861007"), ingredient=[{"itemReference": {"reference": "Medication/m1"}}])
        given = statement(medicationCodeableConcept=None, medicationReference={"reference": "Medication/m1"})
        found, _ = read(given, labs=[loop])
        assert [t.medicine for t in found] == [Medicine.METFORMIN]

    def test_an_ingredient_that_is_a_medication_itself(self) -> None:
        mix = medication(id="mix", ingredient=[{"itemReference": {"reference": "Medication/m1"}}])
        given = statement(medicationCodeableConcept=None, medicationReference={"reference": "Medication/mix"})
        found, _ = read(given, labs=[mix, medication(code=rxnorm("199318"))])
        assert [t.medicine for t in found] == [Medicine.FOLIC_ACID]

    def test_a_multivitamin_is_seen_through(self) -> None:
        found = treatments(
            statement(medicationCodeableConcept=rxnorm("1298293", "Multivitamin"), dosage=[{"text": "1 tablet daily"}])
        )
        assert [(t.medicine, t.dose.mg_per_day) for t in found] == [
            (Medicine.B12, Decimal("0.006")),
            (Medicine.FOLIC_ACID, Decimal("0.4")),
        ]

    def test_a_combination_named_in_words_gives_each_its_strength(self) -> None:
        both = named("folic acid 2.5 mg / vitamin B12 2 mg / vitamin B6 25 mg tablet")
        found = treatments(statement(medicationCodeableConcept=both, dosage=[{"text": "1 tablet daily"}]))
        assert {t.medicine: t.dose.mg_per_day for t in found} == {
            Medicine.FOLIC_ACID: Decimal("2.5"),
            Medicine.B12: Decimal(2),
        }

    def test_a_dose_in_mg_of_a_combination_tells_nothing(self) -> None:
        given = statement(
            medicationCodeableConcept=rxnorm("310313"),
            dosage=[{"timing": every(1), "doseAndRate": dose(324, "mg")}],
        )
        assert only(given).dose.mg_per_day is None
        assert "several medicines" in only(given).dose.reason

    def test_code_and_name_that_tell_different_strengths_tell_nothing(self) -> None:
        given = statement(
            medicationCodeableConcept=rxnorm("199318", "folic acid 1 mg tablet"), dosage=[{"text": "1 tablet daily"}]
        )
        assert only(given).dose.reason == "the product is given with two different strengths"

    def test_an_eradication_pack_is_marked(self) -> None:
        assert only(statement(medicationCodeableConcept=concept((ATC, "A02BD05")))).is_eradication_pack

    def test_hostile_text_does_no_harm(self) -> None:
        huge = "metformin " * 100_000
        (found,), (issue,) = read(statement(medicationCodeableConcept=named(huge)))
        assert len(found.name) <= 80
        assert "too long" in issue.issue

    def test_issues_hold_no_free_text(self) -> None:
        lost = {"reference": "Medication/lost"}
        other = statement(subject={"reference": "Patient/other", "display": "Jane Doe"})
        _, issues = read(statement(medicationCodeableConcept=None, medicationReference=lost), other)
        assert not any("Doe" in issue.issue for issue in issues)


class TestStatementTimes:
    @pytest.mark.parametrize(
        ("fields", "intervals", "is_active"),
        [
            ({"effectivePeriod": {"start": "2024"}}, (interval("2024", None),), True),
            (
                {"effectivePeriod": {"start": "2024-01-01", "end": "2026-01-01"}},
                (interval("2024-01-01", "2026-01-01"),),
                True,
            ),
            (
                {"effectivePeriod": {"start": "2024-01-01", "end": "2025-01-01"}},
                (interval("2024-01-01", "2025-01-01"),),
                False,
            ),
            ({"effectivePeriod": {"end": "2025-01-01"}}, (interval(None, "2025-01-01"),), False),
            ({}, (interval(None, None),), True),
            ({"effectiveDateTime": "2025-08-01"}, (interval(None, "2025-08-01"), interval("2025-08-01", None)), True),
            ({"dateAsserted": "2025-08-01"}, (interval(None, "2025-08-01"), interval("2025-08-01", None)), True),
            (
                {"status": "completed", "effectiveDateTime": "2025-08-01"},
                (interval("2025-08-01", "2025-08-01"),),
                False,
            ),
            ({"status": "stopped", "dateAsserted": "2025-08-01"}, (interval(None, "2025-08-01"),), False),
            (
                {"status": "completed", "effectivePeriod": {"start": "2025-01-01"}},
                (open_until("2025-01-01", YESTERDAY),),
                False,
            ),
            (
                {"status": "stopped", "effectivePeriod": {"start": "2018-01-01", "end": "2025-09-30"}},
                (interval("2018-01-01", "2025-09-30"),),
                False,
            ),
            (
                {"status": "on-hold", "effectivePeriod": {"start": "2025-01-01"}},
                (open_until("2025-01-01", TODAY),),
                False,
            ),
        ],
    )
    def test_dates_become_intervals(
        self, fields: dict[str, Any], intervals: tuple[Interval, ...], is_active: bool
    ) -> None:
        found = only(statement(**fields))
        assert (found.intervals, found.is_active) == (intervals, is_active)

    def test_what_was_taken_nobody_knows_when_is_told(self) -> None:
        [found], [issue] = read(statement(status="completed"))
        assert (found.intervals, issue.field, issue.used_with_care) == ((), "effectivePeriod", False)

    @pytest.mark.parametrize("status", ["not-taken", "intended", "entered-in-error", "Entered-In-Error ", "draft"])
    def test_what_was_not_taken_is_no_treatment(self, status: str) -> None:
        assert read(statement(status=status)) == ([], [])

    @pytest.mark.parametrize("status", [None, "unknown", "whatever"])
    def test_an_unknown_status_is_told_and_left_open(self, status: str | None) -> None:
        found, issues = read(statement(status=status, dateAsserted="2025-08-01"))
        assert [(t.is_active, t.intervals) for t in found] == [
            (False, (Interval(None, ClinicalDate(date(2025, 8, 1), TODAY)),))
        ]
        told = ("status", "metformin", status == "unknown")  # a status that none may have may stand for any other
        assert [(i.field, i.matters_to, i.used_with_care) for i in issues] == [told]

    @pytest.mark.parametrize(
        ("fields", "path"),
        [
            ({"effectivePeriod": {"start": "2025-01-01", "end": "2024-01-01"}}, "effectivePeriod"),
            ({"effectivePeriod": {"start": "2025-02-30"}}, "effectivePeriod.start"),
            ({"effectiveDateTime": "last year"}, "effectiveDateTime"),
            ({"dateAsserted": "2147-01-01"}, "dateAsserted"),
        ],
    )
    def test_dates_that_cannot_be_are_told_and_the_start_is_unknown(self, fields: dict[str, Any], path: str) -> None:
        found, issues = read(statement(**fields))
        assert [t.intervals for t in found] == [(interval(None, None),)]
        assert [(i.resource, i.field, i.matters_to) for i in issues] == [("MedicationStatement/s1", path, "metformin")]


class TestRequestTimes:
    @pytest.mark.parametrize(
        ("fields", "intervals", "is_active"),
        [
            (
                {"authoredOn": "1998-10-12"},
                (interval("1998-10-12", None),),
                True,
            ),  # active for decades, no supply stated
            ({"authoredOn": "2010", "dispenseRequest": supply(90, 64)}, (interval("2010", None),), True),
            ({"authoredOn": "2025-09-01", "dispenseRequest": supply(90)}, (interval("2025-09-01", None),), True),
            # the supply ended on 2025-08-02: 60 days ago, within the gap
            ({"authoredOn": "2025-05-05", "dispenseRequest": supply(90)}, (interval("2025-05-05", None),), True),
            # a day earlier: it is open whether it is still taken
            (
                {"authoredOn": "2025-05-04", "dispenseRequest": supply(90)},
                (Interval(ClinicalDate.parse("2025-05-04"), ClinicalDate(date(2025, 8, 1), TODAY)),),
                False,
            ),
            (
                {
                    "authoredOn": "2024-01-01",
                    "dispenseRequest": {"validityPeriod": {"start": "2024-02-01", "end": "2024-12-31"}},
                },
                (Interval(ClinicalDate.parse("2024-02-01"), ClinicalDate(date(2024, 12, 31), TODAY)),),
                False,
            ),
            (
                {"status": "completed", "authoredOn": "2025-01-01", "dispenseRequest": supply(90)},
                (interval("2025-01-01", "2025-03-31"),),
                False,
            ),
            (
                {"status": "completed", "authoredOn": "2025-01-01", "dispenseRequest": supply(90, 1)},
                (interval("2025-01-01", "2025-06-29"),),
                False,
            ),
            ({"status": "completed", "authoredOn": "2025-01-01"}, (open_until("2025-01-01", YESTERDAY),), False),
            ({"status": "stopped", "authoredOn": "2025-01-01"}, (open_until("2025-01-01", YESTERDAY),), False),
            (
                {"status": "stopped", "authoredOn": "2025-01-01", "dispenseRequest": supply(90)},
                (open_until("2025-01-01", date(2025, 3, 31)),),
                False,
            ),
            (
                {
                    "status": "stopped",
                    "authoredOn": "2025-01-01",
                    "dispenseRequest": {"validityPeriod": {"end": "2025-02-01"}},
                },
                (interval("2025-01-01", "2025-02-01"),),
                False,
            ),
            ({"status": "on-hold", "authoredOn": "2025-01-01"}, (open_until("2025-01-01", TODAY),), False),
        ],
    )
    def test_orders_become_intervals(
        self, fields: dict[str, Any], intervals: tuple[Interval, ...], is_active: bool
    ) -> None:
        found = only(request(**fields))
        assert (found.intervals, found.is_active) == (intervals, is_active)

    def test_the_bounds_of_the_therapy_come_first(self) -> None:
        bounds = every(2, boundsPeriod={"start": "2025-01-10", "end": "2025-03-10"})
        found = only(
            request(authoredOn="2025-01-01", dosageInstruction=[{"timing": bounds, "doseAndRate": dose(500, "mg")}])
        )
        assert found.intervals == (interval("2025-01-10", "2025-03-10"),)

    @pytest.mark.parametrize(
        "line",
        [
            {"text": "20 mg daily for 4 weeks"},
            {"text": "20 mg daily x 28 days"},
            {"text": "20 mg daily", "timing": every(1, boundsDuration={"value": 28, "unit": "days", "code": "d"})},
        ],
    )
    def test_a_course_ends_when_its_time_is_over(self, line: dict[str, Any]) -> None:
        course = request(
            status="completed",
            authoredOn="2025-01-01",
            medicationCodeableConcept=rxnorm("198051"),
            dosageInstruction=[line],
        )
        assert only(course).intervals == (interval("2025-01-01", "2025-01-28"),)

    def test_a_quantity_of_tablets_is_a_supply_where_the_daily_dose_is_known(self) -> None:
        given = request(
            status="completed",
            authoredOn="2025-01-01",
            dosageInstruction=[{"text": "1 tablet twice a day"}],
            dispenseRequest={"quantity": {"value": 60, "unit": "TAB"}, "numberOfRepeatsAllowed": 1},
        )
        assert only(given).intervals == (interval("2025-01-01", "2025-03-01"),)

    @pytest.mark.parametrize(
        "fields",
        [
            {"status": "draft"},
            {"status": "cancelled"},
            {"status": "entered-in-error"},
            {"intent": "proposal"},
            {"intent": "plan"},
            {"intent": "option"},
            {"intent": "PLAN "},
            {"doNotPerform": True},
        ],
    )
    def test_what_was_never_an_order_is_no_treatment(self, fields: dict[str, Any]) -> None:
        assert read(request(authoredOn="2024-01-01", **fields)) == ([], [])

    def test_a_missing_intent_is_an_order_and_told(self) -> None:
        [found], [issue] = read(request(intent=None, authoredOn="2024-01-01"))
        assert (found.is_active, issue.field, issue.used_with_care) == (True, "intent", False)

    def test_an_order_that_is_over_and_has_no_date_is_told(self) -> None:
        [found], [issue] = read(request(status="completed", authoredOn=None))
        assert (found.intervals, issue.field, issue.used_with_care) == ((), "authoredOn", False)

    @pytest.mark.parametrize(
        ("fields", "path"),
        [
            ({"intent": "wish"}, "intent"),
            ({"authoredOn": None}, "authoredOn"),
            ({"authoredOn": "2147-06-17"}, "authoredOn"),
            ({"status": "mystery"}, "status"),
            ({"status": None}, "status"),
            ({"dispenseRequest": supply(-90)}, "dispenseRequest.expectedSupplyDuration"),
            ({"dispenseRequest": supply(0)}, "dispenseRequest.expectedSupplyDuration"),
            ({"dispenseRequest": supply(99_999)}, "dispenseRequest.expectedSupplyDuration"),
            (
                {"dispenseRequest": {"expectedSupplyDuration": {"value": 1e300, "unit": "days"}}},
                "dispenseRequest.expectedSupplyDuration",
            ),
            (
                {"dispenseRequest": {"expectedSupplyDuration": {"value": 90, "unit": "moons"}}},
                "dispenseRequest.expectedSupplyDuration",
            ),
            ({"dispenseRequest": supply(90, -1)}, "dispenseRequest.numberOfRepeatsAllowed"),
            ({"dispenseRequest": supply(90, 10**30)}, "dispenseRequest.numberOfRepeatsAllowed"),
            (
                {"dispenseRequest": {"validityPeriod": {"start": "2025-06-01", "end": "2024-06-01"}}},
                "dispenseRequest.validityPeriod",
            ),
        ],
    )
    def test_what_cannot_be_is_told_with_its_field(self, fields: dict[str, Any], path: str) -> None:
        _, issues = read(request(**{"authoredOn": "2025-01-01", **fields}))
        assert (path, "metformin") in [(i.field, i.matters_to) for i in issues]

    def test_an_unbelievable_supply_leaves_the_order_ongoing(self) -> None:
        found, _ = read(request(authoredOn="2025-01-01", dispenseRequest=supply(-90)))
        assert found[0].is_active

    def test_an_order_of_the_future_is_not_taken(self) -> None:
        found, _ = read(request(authoredOn="2147-06-17"))
        assert [t.is_active for t in found] == [False]


class TestDispenseTimes:
    @pytest.mark.parametrize(
        ("fields", "intervals"),
        [
            (
                {"whenHandedOver": "2025-01-01T10:00:00Z", "daysSupply": days_supply(90)},
                interval("2025-01-01T10:00:00Z", "2025-03-31T10:00:00Z"),
            ),
            ({"whenPrepared": "2025-01-01", "daysSupply": days_supply(90)}, interval("2025-01-01", "2025-03-31")),
            ({"whenPrepared": "2024-12-20", "whenHandedOver": "2025-01-01"}, interval("2025-01-01", "2025-04-11")),
            ({"whenHandedOver": "2025-09-25"}, interval("2025-09-25", str(TODAY))),
            ({"whenHandedOver": "2025-01-01", "daysSupply": {"value": 90}}, interval("2025-01-01", "2025-03-31")),
            (
                {"whenHandedOver": "2025-01-01", "daysSupply": {"value": 4, "unit": "wk"}},
                interval("2025-01-01", "2025-01-28"),
            ),
            (
                {
                    "whenHandedOver": "2025-01-01",
                    "quantity": {"value": 100, "unit": "TAB"},
                    "dosageInstruction": [{"text": "Take one tablet twice a day, with or after food"}],
                },
                interval("2025-01-01", "2025-02-19"),
            ),
            (
                {
                    "whenHandedOver": "2025-01-01",
                    "quantity": {"value": 100},
                    "dosageInstruction": [{"text": "1 tablet daily"}],
                },
                interval("2025-01-01", "2025-04-11"),
            ),
        ],
    )
    def test_dispenses_become_intervals(self, fields: dict[str, Any], intervals: Interval) -> None:
        found = only(dispense(**fields)).intervals[0]
        assert found.start is not None
        assert found.end is not None
        assert intervals.start is not None
        assert intervals.end is not None
        assert (found.start.earliest, found.end.latest) == (intervals.start.earliest, intervals.end.latest)

    @pytest.mark.parametrize("status", ["preparation", "cancelled", "declined", "entered-in-error", "in-progress"])
    def test_what_was_not_handed_over_is_no_treatment(self, status: str) -> None:
        assert read(dispense(status=status, daysSupply=days_supply(90))) == ([], [])

    def test_an_unknown_status_without_handing_over_is_told(self) -> None:
        found, issues = read(dispense(status="unknown", whenPrepared="2025-01-01"))
        assert found == []
        assert [i.field for i in issues] == ["status"]

    def test_a_dispense_without_a_day_is_told(self) -> None:
        found, issues = read(dispense(daysSupply=days_supply(90)))
        assert [t.intervals for t in found] == [()]
        assert [i.field for i in issues] == ["whenHandedOver"]

    def test_four_supplies_with_gaps_of_twenty_days_are_a_year(self) -> None:
        days = ("2024-10-01", "2025-01-19", "2025-05-09", "2025-08-27")
        found = treatments(
            *(
                dispense(id=f"d{n}", whenHandedOver=f"{day}T10:00:00Z", daysSupply=days_supply(90))
                for n, day in enumerate(days)
            )
        )
        seen = exposure(found, Medicine.METFORMIN, TODAY, PARAMETERS)
        assert [s.start for s in seen.stretches] == [date(2024, 10, 1)]
        assert used_longer_than(seen, 4, TODAY, PARAMETERS) is Presence.YES


class TestAdministrationTimes:
    def test_an_injection_is_a_point(self) -> None:
        given = {"route": concept((SNOMED, "78421000")), "dose": {"value": 1, "unit": "mg"}}
        found = only(administration(effectiveDateTime="2025-09-10T09:30:00Z", dosage=given))
        assert found.intervals == (interval("2025-09-10T09:30:00Z", "2025-09-10T09:30:00Z"),)
        assert (found.route, found.form, found.dose_mg) == (Route.PARENTERAL, "hydroxocobalamin", Decimal(1))
        assert not found.is_active

    @pytest.mark.parametrize("status", ["not-done", "entered-in-error", "on-hold"])
    def test_what_was_not_given_is_no_treatment(self, status: str) -> None:
        assert read(administration(status=status, effectiveDateTime="2025-09-10")) == ([], [])

    def test_an_injection_without_a_day_is_told(self) -> None:
        found, issues = read(administration())
        assert [t.intervals for t in found] == [()]
        assert [(i.field, i.matters_to) for i in issues] == [("effective", "b12")]


def procedure(*codings: tuple[str, str], text: str | None = None, **fields: Any) -> Resource:
    code = concept(*codings, text=text)
    return resource("Procedure", **{"id": "p1", "status": "completed", "code": code, **fields})


class TestProceduresThatGiveB12:
    """Knowledge as it ships: the codes of these procedures are clinicians' own."""

    def read(self, *given: Resource) -> list[Treatment]:
        return read_treatments(record(procedures=given), load(), TODAY)[0]

    def test_an_injection_is_a_point(self) -> None:
        [found] = self.read(procedure((SNOMED, "308752009"), performedDateTime="2025-09-10"))
        assert (found.medicine, found.route, found.kind) == (Medicine.B12, Route.PARENTERAL, RecordKind.PROCEDURE)
        assert found.intervals == (interval("2025-09-10", "2025-09-10"),)

    def test_the_code_tells_the_route_whatever_the_words(self) -> None:
        [found] = self.read(procedure((SNOMED, "308752009"), text="Clinic visit", performedDateTime="2025-09-10"))
        assert (found.route, found.name) == (Route.PARENTERAL, "Clinic visit")

    def test_a_course_of_injections_lasts_as_long_as_it_says(self) -> None:
        period = {"start": "2025-08-01", "end": "2025-08-07"}
        [found] = self.read(procedure((SNOMED, "308752009"), performedPeriod=period))
        assert found.intervals == (interval("2025-08-01", "2025-08-07"),)

    def test_a_procedure_that_does_not_say_how_b12_was_given_leaves_the_route_open(self) -> None:
        [found] = self.read(procedure((SNOMED, "709544008"), performedDateTime="2025-09-10"))
        assert found.route is Route.NOT_KNOWN

    @pytest.mark.parametrize("text", ["Vitamin B12 injection", "IM hydroxocobalamin 1 mg given"])
    def test_an_injection_may_be_named_in_words(self, text: str) -> None:
        [found] = self.read(procedure(text=text, performedDateTime="2025-09-10"))
        assert (found.route, found.is_coded) == (Route.PARENTERAL, False)

    @pytest.mark.parametrize("text", ["Vitamin B12 measurement", "Injection of metformin", "Injection of steroid"])
    def test_nothing_else_is_read_as_b12(self, text: str) -> None:
        assert self.read(procedure(text=text, performedDateTime="2025-09-10")) == []

    @pytest.mark.parametrize("status", ["not-done", "preparation", "entered-in-error", "on-hold"])
    def test_what_was_not_done_is_no_treatment(self, status: str) -> None:
        assert self.read(procedure((SNOMED, "308752009"), status=status, performedDateTime="2025-09-10")) == []

    def test_an_injection_of_another_patient_is_not_this_ones(self) -> None:
        other = procedure((SNOMED, "308752009"), performedDateTime="2025-09-10", subject={"reference": "Patient/other"})
        assert self.read(other) == []


class TestVitaminB12OfUnknownDose:
    @pytest.mark.parametrize(("medicine", "said"), [("244190", True), ("309594", False)])
    def test_tablets_without_a_dose_are_said_and_injections_are_not(self, medicine: str, said: bool) -> None:
        given = statement(medicationCodeableConcept=rxnorm(medicine), effectivePeriod={"start": "2025-01-01"})
        assert ("dosage" in [issue.field for issue in read(given)[1]]) is said


class TestUseThatIsYetToBegin:
    B12 = "244190"

    def issues(self, medicine: str, *starts: str) -> list[tuple[str, bool]]:
        given = [
            statement(id=f"s{number}", medicationCodeableConcept=rxnorm(medicine), effectivePeriod={"start": start})
            for number, start in enumerate(starts)
        ]
        return [(issue.issue, issue.used_with_care) for issue in read(*given)[1] if issue.field == "start"]

    def test_b12_that_begins_tomorrow_is_said_and_what_begins_today_is_not(self) -> None:
        tomorrow = (TODAY + timedelta(days=1)).isoformat()
        assert self.issues(self.B12, TODAY.isoformat()) == []
        [(sentence, with_care)] = self.issues(self.B12, tomorrow)
        assert f"it begins in the future ({tomorrow}), so it does not count yet" in sentence
        assert with_care

    def test_of_several_courses_ahead_the_first_is_said(self) -> None:
        ahead = [(TODAY + timedelta(days=days)).isoformat() for days in (10, 20, 40, 50)]
        courses = [{"start": ahead[0], "end": ahead[1]}, {"start": ahead[2], "end": ahead[3]}]
        lines = [{"text": "1 tablet daily", "timing": {"repeat": {"boundsPeriod": course}}} for course in courses]
        given = request(medicationCodeableConcept=rxnorm(self.B12), dosageInstruction=lines)
        (sentence,) = [issue.issue for issue in read(given)[1] if issue.field == "start"]
        assert ahead[0] in sentence

    def test_a_start_more_than_a_year_ahead_is_a_wrong_date_whatever_begins(self) -> None:
        year, more = ((TODAY + timedelta(days=days)).isoformat() for days in (366, 367))
        assert self.issues("861007", year) == []
        [(_, with_care)] = self.issues("861007", more)
        assert not with_care


class TestDoseRouteAndNeed:
    @pytest.mark.parametrize(
        "fields",
        [{"asNeededBoolean": True}, {"asNeededCodeableConcept": {"text": "heartburn"}}, {"text": "20 mg when needed"}],
    )
    def test_as_needed_in_every_form(self, fields: dict[str, Any]) -> None:
        omeprazole = request(
            authoredOn="2022-01-01", medicationCodeableConcept=rxnorm("198051"), dosageInstruction=[fields]
        )
        assert only(omeprazole).as_needed

    @pytest.mark.parametrize(
        ("medicine", "fields", "route"),
        [
            ("309594", {}, Route.PARENTERAL),
            ("244190", {}, Route.ORAL),
            ("309594", {"route": {"text": "oral"}}, Route.ORAL),
            ("244190", {"route": concept((SNOMED, "34206005"))}, Route.PARENTERAL),
            ("309594", {"text": "1000 mcg IM monthly"}, Route.PARENTERAL),
            ("244190", {"route": concept(("urn:local", "PO/NG"))}, Route.ORAL),
            ("244190", {"route": concept(("urn:local", "NASAL"))}, Route.NASAL),
        ],
    )
    def test_routes(self, medicine: str, fields: dict[str, Any], route: Route) -> None:
        given = statement(medicationCodeableConcept=rxnorm(medicine), dosage=[fields])
        assert only(given).route is route

    def test_a_range_counts_by_its_cautious_end(self) -> None:
        folic_acid = statement(medicationCodeableConcept=rxnorm("310410"), dosage=[{"text": "1-2 tablets daily"}])
        b12 = statement(id="s2", medicationCodeableConcept=rxnorm("244190"), dosage=[{"text": "1-2 tablets daily"}])
        doses = {t.medicine: t.dose.mg_per_day for t in treatments(folic_acid, b12)}
        assert doses == {Medicine.FOLIC_ACID: Decimal(2), Medicine.B12: Decimal(2)}

    def test_an_injection_by_volume(self) -> None:
        given = statement(
            medicationCodeableConcept=rxnorm("309594"),
            dosage=[{"timing": every(1, 1, "wk"), "doseAndRate": dose(1, "mL", "mL")}],
        )
        assert only(given).dose_mg == Decimal(1)


class TestTheRecordAsAWhole:
    def test_another_patients_record_is_told_and_not_used(self) -> None:
        found, issues = read(statement(subject={"reference": "Patient/other"}))
        assert found == []
        assert [(i.resource, i.field) for i in issues] == [("MedicationStatement/s1", "subject")]

    def test_the_order_of_entries_never_matters(self) -> None:
        entries = [
            statement(effectivePeriod={"start": "2024-01-01"}),
            statement(id="s2", medicationCodeableConcept=rxnorm("1298293")),
            statement(id="s3", medicationCodeableConcept=None),
            statement(id="s4", effectivePeriod={"start": "never"}),
        ]
        results = {repr(read(*order)) for order in permutations(entries)}
        assert len(results) == 1

    def test_a_record_sent_twice_counts_once(self) -> None:
        assert len(treatments(statement(), statement())) == 1

    def test_a_dispense_of_a_stopped_order_counts_beside_it(self) -> None:
        found = treatments(
            request(status="stopped", authoredOn="2025-01-01"),
            dispense(
                whenHandedOver="2025-09-01",
                daysSupply=days_supply(90),
                authorizingPrescription=[{"reference": "MedicationRequest/q1"}],
            ),
        )
        assert exposure(found, Medicine.METFORMIN, TODAY, PARAMETERS).is_current is Presence.YES

    def test_an_empty_record_holds_nothing(self) -> None:
        assert read_treatments(PatientRecord("p1"), KNOWLEDGE, TODAY) == ([], [])


class TestWhatIsSaidAndWhatDecides:
    @pytest.mark.parametrize(
        ("lines", "route"),
        [
            ([{"text": "inject 1 mL IM monthly"}], Route.PARENTERAL),
            ([{"patientInstruction": "inject 1 mL IM monthly"}], Route.PARENTERAL),
            ([{"text": "1 tablet by mouth"}, {"text": "1 mL IM monthly"}], Route.NOT_KNOWN),
            ([{"route": {"text": "oral"}}, {"route": {"text": "nasal"}}], Route.NOT_KNOWN),
            ([{"route": {"text": "nasal"}}, {"text": "1 mL IM monthly"}], Route.NASAL),
            ([{"route": {"text": "as directed"}, "text": "1 mL IM monthly"}], Route.PARENTERAL),
            ([{"route": {"text": "as directed"}, "text": "daily"}], Route.ORAL),
            ([{"text": "daily"}], Route.ORAL),
        ],
        ids=str,
    )
    def test_directions_decide_on_the_route_before_the_product_and_never_where_they_differ(
        self, lines: list[dict[str, Any]], route: Route
    ) -> None:
        tablet = statement(medicationCodeableConcept=rxnorm("244190"), dosage=lines)
        assert {found.route for found in treatments(tablet)} == {route}

    def test_another_patients_combination_is_said_for_each_medicine_that_it_holds(self) -> None:
        found, issues = read(
            statement(medicationCodeableConcept=rxnorm("1298293"), subject={"reference": "Patient/other"})
        )
        told = "belongs to another patient; it was not used"
        assert found == []
        assert issues == [
            DataIssue("MedicationStatement/s1", "subject", told, "b12"),
            DataIssue("MedicationStatement/s1", "subject", told, "folic-acid"),
        ]

    def test_another_patients_unreadable_product_may_be_anything(self) -> None:
        _, [issue] = read(statement(medicationCodeableConcept=None, subject={"reference": "Patient/other"}))
        assert (issue.field, issue.matters_to) == ("subject", ANYTHING)

    @pytest.mark.parametrize("status", ["active", "completed", "stopped"])
    def test_an_order_of_an_unreadable_product_is_told_whatever_was_supplied(self, status: str) -> None:
        given = request(
            status=status,
            medicationCodeableConcept=None,
            authoredOn="2025-01-01",
            dispenseRequest={"quantity": {"value": 90}, "numberOfRepeatsAllowed": 3},
        )
        found, [issue] = read(given)
        assert found == []
        assert (issue.resource, issue.field) == ("MedicationRequest/q1", "medication")

    def test_the_step_of_today_is_the_dose(self) -> None:
        def step(number: int, text: str, start: str, end: str) -> dict[str, Any]:
            return {"sequence": number, "text": text, "timing": every(1, boundsPeriod={"start": start, "end": end})}

        steps = [step(1, "500 mg", "2025-01-01", "2025-08-31"), step(2, "1000 mg", "2025-09-01", "2025-12-31")]
        given = request(authoredOn="2025-01-01", medicationCodeableConcept=rxnorm("6809"), dosageInstruction=steps)
        assert {found.dose.mg_per_day for found in treatments(given)} == {Decimal(1000)}

    def test_records_that_differ_in_their_dose_alone_are_always_in_one_order(self) -> None:
        texts = [f"{count} tablets daily" for count in range(1, 7)]
        given = [statement(dosage=[{"text": text}]) for text in texts]
        doses = [found.dose.mg_per_day for found in treatments(*given)]
        assert doses == sorted(doses, key=str)

    def test_records_of_a_medicine_stand_by_its_name_then_by_their_own(self) -> None:
        names = {"s1": "metformin XR", "s2": "metformin 500 mg", "s3": "metformin 500 mg"}
        given = [statement(id=id_, medicationCodeableConcept=named(name)) for id_, name in names.items()]
        assert [found.source[-2:] for found in treatments(*given)] == ["s2", "s3", "s1"]

    def test_issues_of_one_field_are_in_the_order_of_what_they_say(self) -> None:
        given = [
            statement(id=id_, effectivePeriod={"start": start}) for id_, start in (("b", "x"), ("a", "y"), ("a", "x"))
        ]
        issues = read(*given)[1]
        assert [(issue.resource[-1], issue.issue[1]) for issue in issues] == [("a", "x"), ("a", "y"), ("b", "x")]


class TestWhatAReaderHasToKnow:
    def test_vitamin_b12_of_unknown_dose_is_told(self) -> None:
        _, [issue] = read(statement(medicationCodeableConcept=rxnorm("244190"), dosage=[]))
        assert (issue.field, issue.matters_to, issue.used_with_care) == (DOSE, Medicine.B12, False)
        assert "it is not known how much" in issue.issue

    @pytest.mark.parametrize(
        ("fields", "said"), [({}, "is"), ({"effectivePeriod": {"start": "2024-01-01", "end": "2024-06-01"}}, "was")]
    )
    def test_whether_it_is_or_was_taken_is_said_and_why_the_dose_is_unknown(
        self, fields: dict[str, Any], said: str
    ) -> None:
        given = statement(medicationCodeableConcept=rxnorm("244190"), dosage=[], **fields)
        (sentence,) = [issue.issue for issue in read(given)[1] if issue.field == DOSE]
        assert f"vitamin B12 {said} taken, and it is not known how much: no dosage was given" in sentence

    @pytest.mark.parametrize("fields", [{"status": "stopped"}, {"medicationCodeableConcept": rxnorm("861007")}])
    def test_an_unknown_dose_of_what_is_stopped_or_is_no_b12_is_not(self, fields: dict[str, Any]) -> None:
        given = {"medicationCodeableConcept": rxnorm("244190"), "dosage": [], **fields}
        assert "dosage" not in {issue.field for issue in read(statement(**given))[1]}

    @pytest.mark.parametrize(("start", "left_out"), [("2099-01-01", [True]), ("2026-06-01", [])])
    def test_a_beginning_years_ahead_is_a_wrong_date(self, start: str, left_out: list[bool]) -> None:
        given = statement(medicationCodeableConcept=rxnorm("861007"), effectivePeriod={"start": start})
        assert [not i.used_with_care for i in read(given)[1] if i.field == "start"] == left_out

    def test_what_is_over_cannot_end_in_the_future(self) -> None:
        found, issues = read(statement(status="stopped", effectivePeriod={"start": "2020-01-01", "end": "2099-01-01"}))
        assert [i.end.latest < TODAY for t in found for i in t.intervals if i.end] == [True]
        assert [i.field for i in issues] == ["effectivePeriod.end"]


class TestWhatWasStoppedOrPaused:
    """Clinical-guidelines 7.11: stopped before use does not count, and on hold pauses."""

    INJECTION = rxnorm("309594")

    @pytest.mark.parametrize("days_ago", [0, 1, 16, 29, 30, 31])
    @pytest.mark.parametrize("status", ["stopped", "on-hold", "unknown", None, "whatever"])
    @pytest.mark.parametrize(
        ("build", "when"),
        [
            (request, "authoredOn"),
            (statement, "effectivePeriod"),
            (statement, "effectiveDateTime"),
            (dispense, "whenHandedOver"),
        ],
    )
    def test_an_injection_is_never_certainly_current_and_may_be(
        self, build: Callable[..., Resource], when: str, status: str | None, days_ago: int
    ) -> None:
        day = (TODAY - timedelta(days=days_ago)).isoformat()
        told = {when: {"start": day} if when == "effectivePeriod" else day}
        found = treatments(build(status=status, medicationCodeableConcept=self.INJECTION, **told))
        assert [(t.is_halted, t.is_active) for t in found] == [(True, False)]
        current = read_therapy(found, TODAY, PARAMETERS).is_current
        point_and_over = (
            status == "stopped" and when == "effectiveDateTime" and days_ago > PARAMETERS.injection_grace_days
        )
        assert current is (Presence.NO if point_and_over else Presence.NOT_KNOWN)

    @pytest.mark.parametrize("status", ["active", "completed"])
    def test_what_runs_its_course_is_not_halted(self, status: str) -> None:
        found = treatments(request(status=status, medicationCodeableConcept=self.INJECTION, authoredOn="2025-09-15"))
        assert [t.is_halted for t in found] == [False]
        assert read_therapy(found, TODAY, PARAMETERS).is_current is Presence.YES

    @pytest.mark.parametrize("status", ["stopped", "on-hold", "unknown"])
    @pytest.mark.parametrize("end", ["2025-10-01", "2025-12-01"])
    def test_its_stated_end_does_not_vouch_for_today(self, status: str, end: str) -> None:
        bounds = {"timing": every(1, boundsPeriod={"end": end})}
        found = treatments(request(status=status, medicationCodeableConcept=self.INJECTION, dosageInstruction=[bounds]))
        assert read_therapy(found, TODAY, PARAMETERS).is_current is Presence.NOT_KNOWN

    def test_an_injection_that_was_broken_off_is_not_certain(self) -> None:
        found = treatments(administration(status="stopped", effectiveDateTime="2025-10-01"))
        assert read_therapy(found, TODAY, PARAMETERS).is_current is Presence.NOT_KNOWN


_INJECTION = {"medicationCodeableConcept": rxnorm("309594")}
_INJECT = "Inject 1 mL into the muscle every 30 days"


def _says(text: str, **fields: Any) -> dict[str, Any]:
    return {"authoredOn": "2025-02-25", "dosageInstruction": [{"text": text}], **fields}


class TestDirectionsThatSayItIsNotTaken:
    @pytest.mark.parametrize(
        "text",
        [
            f"Patient not taking: {_INJECT}",
            f"NOT TAKING - {_INJECT}",
            f"Not currently taking. {_INJECT}",
            f"{_INJECT} (not taking)",
            f"ON HOLD - {_INJECT}",
            f"On hold for now; {_INJECT}",
            f"{_INJECT}. Discontinued.",
            f"{_INJECT}, discontinued on 3/1/2025",
            f"{_INJECT}; stopped March 2025",
            f"{_INJECT}. Patient has declined",
            f"Declined: {_INJECT}",
            f"Patient is no longer taking this; {_INJECT}",
            f"{_INJECT} - refused by patient",
        ],
    )
    @pytest.mark.parametrize("make", [request, statement])
    def test_an_injection_is_read_as_one_that_was_stopped(self, text: str, make: Callable[..., Resource]) -> None:
        given = (
            _says(text) if make is request else {"effectivePeriod": {"start": "2025-02-25"}, "dosage": [{"text": text}]}
        )
        [found] = treatments(make(**_INJECTION, **given))
        assert found.is_halted
        assert not found.is_active
        assert found.intervals[0].end is not None
        assert read_therapy([found], TODAY, load().parameters).is_current is not Presence.YES

    @pytest.mark.parametrize(
        "text",
        [
            f"{_INJECT}. Do not give",
            f"Stop; {_INJECT}",
            f"{_INJECT}. Hold for surgery",
            f"{_INJECT} on days not taking methotrexate",
        ],
    )
    def test_an_injection_that_is_only_spoken_of_so_is_in_doubt(self, text: str) -> None:
        [found] = treatments(request(**_INJECTION, **_says(text)))
        assert (found.is_doubted, found.is_halted, found.is_active) == (True, False, True)
        assert read_therapy([found], TODAY, load().parameters).is_current is Presence.NOT_KNOWN

    @pytest.mark.parametrize(
        "text",
        [
            _INJECT,
            f"{_INJECT}. Stop if rash appears",
            f"{_INJECT}. Discontinue when pregnant",
            f"{_INJECT}. Do not inject into a vein",
            f"{_INJECT}, held 2 days before surgery",
            f"{_INJECT}, starting after metformin was stopped in 2024",
        ],
    )
    def test_an_injection_that_goes_on_counts(self, text: str) -> None:
        [found] = treatments(request(**_INJECTION, **_says(text)))
        assert (found.is_doubted, found.is_halted, found.is_active) == (False, False, True)
        assert read_therapy([found], TODAY, load().parameters).is_current is Presence.YES

    def test_an_injection_that_was_given_was_given(self) -> None:
        given = administration(
            effectiveDateTime="2025-09-20", dosage={"text": "Patient not taking", "route": {"text": "IM"}}
        )
        [found] = treatments(given)
        assert (found.is_doubted, found.is_halted) == (False, False)
        assert read_therapy([found], TODAY, load().parameters).is_current is Presence.YES

    def test_it_does_not_vouch_for_metformin_or_folic_acid(self) -> None:
        folic = {"medicationCodeableConcept": rxnorm("199318")}
        text = "Patient not taking: 1 tablet daily"
        for found in treatments(request(**_says(text)), request(id="q2", **folic, **_says(text))):
            assert (found.is_halted, found.is_active) == (True, False)

    def test_folic_acid_is_taken_where_one_of_its_lines_is_or_the_words_are_of_something_else(self) -> None:
        folic = {"medicationCodeableConcept": rxnorm("199318"), "authoredOn": "2025-02-25"}
        lines = [{"text": "Patient not taking: 2 tablets daily"}, {"text": "1 tablet daily"}]
        of_mtx = [{"text": "1 tablet daily on days not taking methotrexate"}]
        for dosage in (lines, of_mtx):
            [found] = treatments(request(**folic, dosageInstruction=dosage))
            assert (found.is_halted, found.is_active) == (False, True)

    def test_metformin_is_in_doubt_where_one_of_its_lines_is_not_taken(self) -> None:
        lines = [{"text": "Patient not taking: 2 tablets daily"}, {"text": "1 tablet daily"}]
        [found] = treatments(request(authoredOn="2025-02-25", dosageInstruction=lines))
        assert found.is_halted

    @pytest.mark.parametrize(
        "reason",
        [
            {"text": "Patient not taking"},
            [{"text": "Not taking"}],
            [{"text": "side effects"}, {"coding": [{"display": "Patient not taking medication"}]}],
            {"text": "Stopped in July 2025"},
        ],
        ids=str,
    )
    def test_the_reason_of_an_active_status_may_say_so(self, reason: Any) -> None:
        plain = {"dosageInstruction": [{"text": "1 tablet daily"}], "authoredOn": "2025-02-25"}
        [found] = treatments(request(**plain, statusReason=reason))
        assert (found.is_halted, found.is_active, found.is_doubted) == (True, False, True)

    @pytest.mark.parametrize("reason", [{"text": "Taken on days not taking methotrexate"}, [{"text": "Renewed"}], []])
    def test_any_other_reason_takes_nothing_back(self, reason: Any) -> None:
        plain = {"dosageInstruction": [{"text": "1 tablet daily"}], "authoredOn": "2025-02-25"}
        [found] = treatments(request(**plain, statusReason=reason))
        assert (found.is_halted, found.is_active) == (False, True)

    def test_what_was_given_was_given_whatever_reason_its_status_has(self) -> None:
        [found] = treatments(administration(effectiveDateTime="2025-09-20", statusReason=[{"text": "Not taking"}]))
        assert (found.is_doubted, found.is_halted) == (False, False)

    def test_without_a_beginning_it_tells_of_no_use(self) -> None:
        found, _ = read(statement(dosage=[{"text": "Patient not taking: 1 tablet daily"}]))
        assert [t.intervals for t in found] == [()]

    def test_tablets_that_are_not_taken_are_asked_about(self) -> None:
        tablets = request(medicationCodeableConcept=rxnorm("244190"), **_says("Patient not taking: 1 tablet daily"))
        [found] = treatments(tablets)
        assert read_therapy([found], TODAY, load().parameters).is_current is Presence.NOT_KNOWN


_1MG = {"doseAndRate": dose(1000, "ug")}
_ON_THE_DAY = (interval("2025-03-01", None).start, date(2025, 4, 30))


class TestOneSingleDose:
    """TODAY is 2025-10-01; the gap is 60 days."""

    @pytest.mark.parametrize(
        "dosage",
        [
            {"text": "Inject 1000 mcg IM once"},
            {"text": "1000 mcg IM STAT"},
            {"text": "1 mL IM one time only"},
            {"text": "1000 mcg IM single dose today"},
            {"text": "1 mL IM x 1 dose"},
            {"text": "1 mL IM once, 0 repeats"},
            {"timing": {"repeat": {"count": 1}}, **_1MG},
            {"timing": {"event": ["2025-03-01"]}, **_1MG},
            {"timing": {"code": {"text": "ONCE"}}, "text": "1 mL IM"},
        ],
    )
    @pytest.mark.parametrize("make", [request, statement])
    def test_it_is_of_its_day_and_perhaps_of_one_soon_after(
        self, dosage: dict[str, Any], make: Callable[..., Resource]
    ) -> None:
        is_order = make is request
        dated = {"authoredOn": "2025-03-01"} if is_order else {"effectiveDateTime": "2025-03-01"}
        lines = {"dosageInstruction" if is_order else "dosage": [dosage]}
        [found] = treatments(make(**_INJECTION, **dated, **lines))
        [only] = found.intervals
        assert only.end is not None
        assert (only.start, only.end.latest) == _ON_THE_DAY
        assert (found.is_single, found.is_active) == (True, False)

    @pytest.mark.parametrize(
        ("text", "more"),
        [
            ("Inject 1 mL once monthly", {}),
            ("Inject 1 mL once every visit", {}),
            ("Inject 1 mL once in 3 months", {}),
            ("Inject 1 mL once, repeat in clinic", {}),
            ("Inject 1 mL once, then monthly", {}),
            ("Inject 1 mL", {}),
            ("Inject 1 mL once", {"dispenseRequest": {"numberOfRepeatsAllowed": 11}}),
        ],
    )
    def test_what_is_given_again_is_none(self, text: str, more: dict[str, Any]) -> None:
        [found] = treatments(request(**_INJECTION, **_says(text), **more))
        assert (found.is_single, found.is_active) == (False, True)

    @pytest.mark.parametrize(
        ("quantity", "repeats", "is_single"),
        [
            ({"value": 1, "unit": "mL"}, 0, True),
            ({"value": 1, "unit": "mL"}, 5, False),
            ({"value": 1, "unit": "mL"}, None, False),
            ({"value": 1.5, "unit": "mL"}, 0, False),
            ({"value": 10, "unit": "mL"}, 0, False),
        ],
    )
    def test_one_ml_to_inject_without_repeats_or_directions_is_one(
        self, quantity: dict[str, Any], repeats: int | None, is_single: bool
    ) -> None:
        told = {"quantity": quantity} if repeats is None else {"quantity": quantity, "numberOfRepeatsAllowed": repeats}
        route = {"medicationCodeableConcept": rxnorm("309594", "cyanocobalamin injection")}
        [found] = treatments(request(**route, authoredOn="2025-03-01", dispenseRequest=told))
        assert found.route is Route.PARENTERAL or not is_single
        assert found.is_single is (is_single and found.route is Route.PARENTERAL)

    @pytest.mark.parametrize(
        "dosage",
        [
            {"text": "1 mL IM weekly x 3 doses"},
            {"text": "1 mL IM weekly x 3"},
            {"text": "1 mL IM weekly for 3 injections"},
            {"text": "1 mL IM", "timing": every(1, 1, "wk", count=3)},
        ],
    )
    def test_three_weekly_doses_last_three_weeks(self, dosage: dict[str, Any]) -> None:
        [found] = treatments(request(**_INJECTION, authoredOn="2025-03-01", dosageInstruction=[dosage]))
        assert found.intervals == (Interval(_ON_THE_DAY[0], ClinicalDate(date(2025, 3, 21), TODAY)),)
        assert (found.is_single, found.is_active) == (False, False)

    def test_what_is_yet_to_begin_is_left_as_it_is_and_what_was_stopped_too(self) -> None:
        once = {"dosageInstruction": [{"text": "1 mL IM", "timing": {"event": ["2025-10-05"]}}]}
        [ahead] = treatments(request(**_INJECTION, authoredOn="2025-09-20", **once))
        assert ahead.is_planned
        [stopped] = treatments(request(**_INJECTION, status="stopped", **_says("1 mL IM once")))
        assert (stopped.is_single, stopped.is_halted) == (False, True)
        [early] = treatments(request(**_INJECTION, status="stopped", authoredOn="2025-11-01"))
        assert (early.intervals, early.is_halted) == ((Interval(ClinicalDate.on(date(2025, 11, 1)), None),), True)

    def test_without_a_day_it_tells_of_no_use(self) -> None:
        assert [t.intervals for t in treatments(statement(dosage=[{"text": "1 tablet once"}]))] == [()]

    @pytest.mark.parametrize("code", ["861007", "199318"])
    def test_metformin_and_folic_acid_of_one_day_are_not_taken_now(self, code: str) -> None:
        [found] = treatments(request(medicationCodeableConcept=rxnorm(code), **_says("1 tablet once")))
        assert not found.is_active


class TestHowManyMedicinesAreRead:
    """Of the records of one kind, both sides of the bound."""

    both = rxnorm("1298293")  # folic acid and vitamin B12
    one = rxnorm("244190")

    @pytest.fixture(autouse=True)
    def bound(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(medications, "MOST_HELD", 5)

    def given(self, of_two: int, of_one: int) -> list[Resource]:
        twos = [statement(id=f"two-{n}", medicationCodeableConcept=self.both) for n in range(of_two)]
        return [*twos, *(statement(id=f"one-{n}", medicationCodeableConcept=self.one) for n in range(of_one))]

    def test_as_many_as_are_read_are_read(self) -> None:
        assert len(treatments(*self.given(of_two=2, of_one=1))) == 5

    @pytest.mark.parametrize("of_one", [2, 5])
    def test_of_more_the_products_that_hold_few_are_read_and_the_others_are_told(self, of_one: int) -> None:
        given = self.given(of_two=2, of_one=of_one)
        found, issues = read(*given)
        back = read(*reversed(given))

        assert {t.source for t in found} == {f"MedicationStatement/one-{n}" for n in range(of_one)}
        told = [i for i in issues if "more medicines than are read at once" in i.issue]
        assert [(i.resource, i.matters_to, i.used_with_care) for i in told] == [
            ("MedicationStatement/two-0", ANYTHING, False),
            ("MedicationStatement/two-1", ANYTHING, False),
        ]
        assert back == (found, issues)

    def test_of_one_size_all_are_read_or_none(self) -> None:
        found, issues = read(*self.given(of_two=0, of_one=6))

        assert found == []
        assert len([i for i in issues if "more medicines" in i.issue]) == 6

    def test_another_kind_of_record_is_read_whatever_this_one_holds(self) -> None:
        order = request(id="r", medicationCodeableConcept=self.one)
        assert [t.source for t in treatments(*self.given(of_two=3, of_one=0), order)] == ["MedicationRequest/r"]


class TestHowMuchIsReadOfWhatIsReferredTo:
    """Both sides of the bound, and that neither the order nor another kind of record decides what is read."""

    PRODUCT = resource("Medication", id="m", code=named("cyanocobalamin 2 mg tablet"))  # 26 characters and a part

    @pytest.fixture(autouse=True)
    def bound(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(medication_reader, "MOST_DESCRIBED", 200)

    @staticmethod
    def referring(number: int, display: str, build: Callable[..., Resource] = statement) -> Resource:
        reference = {"reference": "Medication/m", "display": display}
        return build(id=f"r{number}", medicationCodeableConcept=None, medicationReference=reference)

    def read(self, *given: Resource) -> tuple[set[str], list[str]]:
        found, issues = read(*given, medicationRequests=[self.PRODUCT])
        told = [issue.resource for issue in issues if "refer to more than is read at once" in issue.issue]
        return {t.source.rpartition("/")[2] for t in found}, told

    def test_as_much_as_is_read_is_read(self) -> None:
        assert self.read(*(self.referring(n, f"{n}" * 10) for n in range(4))) == ({"r0", "r1", "r2", "r3"}, [])

    def test_what_refers_to_the_least_is_read_in_whatever_order_it_came(self) -> None:
        given = [self.referring(n, f"{n}" * 40) for n in range(3)] + [self.referring(n, f"{n}") for n in range(3, 6)]
        expected = {"r3", "r4", "r5"}, [f"MedicationStatement/r{n}" for n in range(3)]

        assert self.read(*given) == self.read(*reversed(given)) == expected

    def test_the_same_reference_counts_once(self) -> None:
        assert len(self.read(*(self.referring(n, "the same") for n in range(50)))[0]) == 50

    def test_the_same_contained_product_counts_once(self) -> None:
        inside = {"resourceType": "Medication", "id": "c", "code": named("cyanocobalamin 2 mg tablet")}
        fields = {"medicationCodeableConcept": None, "medicationReference": {"reference": "#c"}, "contained": [inside]}
        assert len(self.read(*(statement(id=f"r{n}", **fields) for n in range(50)))[0]) == 50

    def test_another_kind_of_record_takes_nothing_from_a_small_one(self) -> None:
        many = [self.referring(n, f"{n}" * 50) for n in range(9)]
        assert self.read(*many, self.referring(10, "x", dispense))[0] == {"r10"}

    def test_parts_count_although_they_have_no_words(self) -> None:
        codes = resource("Medication", id="m", code={"coding": [{"system": RXNORM, "code": "1"}] * 20})
        _, issues = read(self.referring(0, "x"), medicationRequests=[codes])
        assert [i.matters_to for i in issues if "refer to more than is read at once" in i.issue] == [ANYTHING]


class TestWhatIsYetToBegin:
    @pytest.mark.parametrize(
        ("status", "start", "is_planned"),
        [
            ("active", "2025-10-01", False),
            ("active", "2025-10-02", True),
            ("active", "2026-10-02", True),
            ("active", "2026-10-03", False),  # more than a year ahead is a wrong date
            ("active", "2025-10", False),  # may have begun
            ("on-hold", "2025-10-02", False),
            ("unknown", "2025-10-02", False),
            ("completed", "2025-10-02", False),
        ],
    )
    def test_an_active_record_of_a_day_to_come_is_planned(self, status: str, start: str, is_planned: bool) -> None:
        bounds = {"timing": every(1, boundsPeriod={"start": start})}
        given = [
            request(status=status, authoredOn="2025-09-30", dosageInstruction=[bounds]),
            request(status=status, authoredOn="2025-09-30", dispenseRequest={"validityPeriod": {"start": start}}),
            statement(status=status, effectivePeriod={"start": start}),
        ]
        for one in given:
            assert [t.is_planned for t in treatments(one)] == [is_planned]

    def test_what_was_stopped_before_it_began_is_no_treatment(self) -> None:
        bounds = {"timing": every(1, boundsPeriod={"start": "2025-10-02"})}
        assert treatments(request(status="stopped", authoredOn="2025-09-30", dosageInstruction=[bounds])) == []

    def test_a_record_without_dates_is_not_planned(self) -> None:
        assert [t.is_planned for t in treatments(statement(), request())] == [False, False]
