"""Small builders for medication tests: knowledge of a few medicines, medication records, dosages and treatments."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from cds_service.facts.dates import ClinicalDate
from cds_service.facts.treatments import Interval, Medicine, RecordKind, Treatment
from cds_service.fhir.resources import Dosage, Resource
from cds_service.knowledge.model import Code, Knowledge, MedicineCode, MedicineKnowledge, Parameters, TestKnowledge
from cds_service.knowledge.systems import ATC, LOINC, RXNORM
from tests.builders import REVIEW, concept, knowledge, resource

PARAMETERS = Parameters(
    metformin_months=4,
    ppi_months=12,
    h2_blocker_months=12,
    advanced_age_years=75,
    adult_age_years=18,
    recent_result_months=12,
    metabolite_window_days=90,
    agreement_window_days=30,
    pending_order_days=30,
    planned_start_days=7,
    renewal_days=14,
    exposure_gap_days=60,
    exposure_lookback_months=12,
    therapeutic_oral_mg=Decimal("0.5"),
    folic_acid_mg=Decimal("0.1"),
    injection_cover_days=92,
    injection_grace_days=30,
    cord_injection_days=31,
    nitrous_oxide_months=3,
    washout_months=12,
    untreated_months=3,
    follow_up_from_day=76,
    follow_up_from_day_in_pregnancy=28,
    follow_up_until_months=12,
    follow_up_result_from_day=56,
    egfr_below=60,
    pregnancy_weeks=42,
    functional_range_to=500,
    cards_at_most=3,
)


def _rx(code: str, display: str, mg: str | None = None, **fields: Any) -> MedicineCode:
    return MedicineCode(RXNORM, code, display, Decimal(mg) if mg else None, **fields)


def _medicine(id_: Medicine, names: tuple[str, ...], *codes: MedicineCode) -> MedicineKnowledge:
    return MedicineKnowledge(id_, id_, codes, names, (), (), REVIEW)


MULTIVITAMIN = "Folic Acid 0.4 MG / Vitamin B 12 0.006 MG Oral Tablet"
MEDICINES = (
    _medicine(
        Medicine.METFORMIN,
        ("metformin", "glucophage"),
        _rx("6809", "Metformin"),
        _rx("861007", "metformin hydrochloride 500 MG Oral Tablet", "500"),
        MedicineCode(ATC, "A10BA", "Biguanides"),
    ),
    _medicine(
        Medicine.PPI,
        ("omeprazole", "pantoprazole"),
        _rx("198051", "omeprazole 20 MG Delayed Release Oral Capsule", "20"),
        MedicineCode(ATC, "A02BC", "Proton pump inhibitors"),
        MedicineCode(ATC, "A02BD05", "omeprazole, amoxicillin and clarithromycin", is_eradication_pack=True),
    ),
    _medicine(
        Medicine.B12,
        ("cobalamin", r"vitamin b ?-?12"),
        _rx("244190", "Vitamin B 12 2 MG Oral Tablet", "2"),
        _rx("1298293", MULTIVITAMIN, "0.006"),
        _rx(
            "309594", "cyanocobalamin 1 MG/ML Injection", None, mg_per_ml=Decimal(1), form="cyanocobalamin", route="IM"
        ),
        MedicineCode(ATC, "B03BA03", "hydroxocobalamin", form="hydroxocobalamin"),
    ),
    _medicine(
        Medicine.FOLIC_ACID,
        ("folic acid", "folate"),
        _rx("4511", "Folic Acid"),
        _rx("199318", "Folic Acid 5 MG Oral Tablet", "5"),
        _rx("310410", "Folic Acid 1 MG Oral Tablet", "1"),
        _rx("1298293", MULTIVITAMIN, "0.4"),
        _rx("310313", "Ferrous fumarate 324 MG / Folic Acid 1 MG Oral Tablet", "1"),
        MedicineCode(ATC, "B03BB01", "folic acid"),
    ),
)


def medicine_knowledge() -> Knowledge:
    """Knowledge of four medicines and two tests, with the numbers of the guideline."""
    tests = {
        "b12": TestKnowledge("b12", "B12", Code(LOINC, "2132-9", "B12"), (), (r"vitamin b ?12",), (), REVIEW),
        "mma": TestKnowledge("mma", "MMA", Code(LOINC, "13964-2", "MMA"), (), ("methylmalonic",), (), REVIEW),
    }
    by_code = {(LOINC, "2132-9"): ("b12",), (LOINC, "13964-2"): ("mma",)}
    known = knowledge(medicines=MEDICINES)
    return replace(known, parameters=PARAMETERS, tests=tests, tests_by_code=by_code)


def rxnorm(code: str, text: str | None = None) -> dict[str, Any]:
    """A medicationCodeableConcept with one RxNorm code."""
    return concept((RXNORM, code), text=text)


def named(text: str) -> dict[str, Any]:
    """A medicationCodeableConcept without codes."""
    return concept(text=text)


def statement(**fields: Any) -> Resource:
    """An active MedicationStatement of metformin 500 mg."""
    given = {"id": "s1", "status": "active", "medicationCodeableConcept": rxnorm("861007")}
    return resource("MedicationStatement", **{**given, **fields})


def request(**fields: Any) -> Resource:
    """An active order for metformin 500 mg."""
    given = {"id": "q1", "status": "active", "intent": "order", "medicationCodeableConcept": rxnorm("861007")}
    return resource("MedicationRequest", **{**given, **fields})


def dispense(**fields: Any) -> Resource:
    """A completed dispense of metformin 500 mg."""
    given = {"id": "d1", "status": "completed", "medicationCodeableConcept": rxnorm("861007")}
    return resource("MedicationDispense", **{**given, **fields})


def administration(**fields: Any) -> Resource:
    """A completed injection of hydroxocobalamin."""
    given = {"id": "a1", "status": "completed", "medicationCodeableConcept": concept((ATC, "B03BA03"))}
    return resource("MedicationAdministration", **{**given, **fields})


def days_supply(count: float, **fields: Any) -> dict[str, Any]:
    """A duration in days."""
    return {"value": count, "unit": "days", "code": "d", **fields}


def supply(days: float, repeats: int = 0, **fields: Any) -> dict[str, Any]:
    """A dispenseRequest."""
    return {"expectedSupplyDuration": days_supply(days), "numberOfRepeatsAllowed": repeats, **fields}


def dosage(**fields: Any) -> Dosage:
    """A Dosage, by FHIR field names."""
    return msgspec.convert(fields, Dosage)


def dose(value: float | str, unit: str | None, code: str | None = None) -> list[dict[str, Any]]:
    """A doseAndRate with one doseQuantity."""
    given = {"value": Decimal(str(value)), "unit": unit, "code": code}
    return [{"doseQuantity": {name: part for name, part in given.items() if part is not None}}]


def every(frequency: int | None = 1, period: float = 1, unit: str = "d", **fields: Any) -> dict[str, Any]:
    """A timing that repeats."""
    repeat = {"frequency": frequency, "period": Decimal(str(period)), "periodUnit": unit, **fields}
    return {"repeat": {name: part for name, part in repeat.items() if part is not None}}


def interval(start: date | str | None, end: date | str | None) -> Interval:
    """An interval of days or FHIR dates."""
    return Interval(_day(start), _day(end))


def _day(when: date | str | None) -> ClinicalDate | None:
    if when is None:
        return None
    return ClinicalDate.parse(when) if isinstance(when, str) else ClinicalDate.on(when)


def treatment(*intervals: Interval, source: str = "MedicationStatement/s1", **fields: Any) -> Treatment:
    """A treatment with metformin."""
    given: dict[str, Any] = {"medicine": Medicine.METFORMIN, "name": "metformin", "kind": RecordKind.STATEMENT}
    return Treatment(source=source, intervals=intervals, **{**given, **fields})
