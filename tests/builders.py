"""Small builders for tests: FHIR resources as we decode them, records, and knowledge of a few things.

Each takes what a test is about and supplies the rest. Dates are relative to TODAY.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec

from cds_service.facts.patient import Availability, DataKey
from cds_service.fhir.record import PatientRecord, Section
from cds_service.fhir.resources import Entry, Resource
from cds_service.knowledge.model import (
    AnalyteKnowledge,
    Code,
    CodeUse,
    ConditionKnowledge,
    Knowledge,
    MedicineCode,
    MedicineKnowledge,
    Parameters,
    ProblemRole,
    Property,
    Review,
    ReviewStatus,
    Scale,
)

TODAY = date(2025, 10, 1)
PATIENT_ID = "p1"
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"
UCUM = "http://unitsofmeasure.org"


def concept(*codings: tuple[str, str] | tuple[str, str, str], text: str | None = None) -> dict[str, Any]:
    """A CodeableConcept of (system, code[, display]) codings and a text."""
    names = ("system", "code", "display")
    return {"coding": [dict(zip(names, coding, strict=False)) for coding in codings], "text": text}


def quantity(value: float | str, unit: str | None = "pg/mL", code: str | None = None, **more: str) -> dict[str, Any]:
    """A Quantity; the UCUM code is the unit unless another is given."""
    return {"value": Decimal(str(value)), "unit": unit, "code": unit if code is None else code, "system": UCUM, **more}


def resource(kind: str, **fields: Any) -> Resource:
    """A resource of the context patient, by FHIR field names; a field that is None is left out."""
    given = {"resourceType": kind, "id": "r1", "subject": {"reference": f"Patient/{PATIENT_ID}"}, **fields}
    return msgspec.convert(_without_none(given), Resource)


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_none(part) for name, part in value.items() if part is not None}
    return [_without_none(part) for part in value] if isinstance(value, list) else value


def observation(of: str = "2132-9", value: float | str | None = None, unit: str = "pg/mL", **fields: Any) -> Resource:
    """A final laboratory result of today's patient, drawn on 2025-09-20; `of` is its LOINC code."""
    given: dict[str, Any] = {
        "status": "final",
        "code": concept((LOINC, of)),
        "effectiveDateTime": "2025-09-20T08:15:00Z",
        "valueQuantity": None if value is None else quantity(value, unit),
    }
    return resource("Observation", **{**given, **fields})


def condition(system: str, of: str, /, **fields: Any) -> Resource:
    """An active, confirmed problem with one code."""
    given = {
        "code": concept((system, of)),
        "clinicalStatus": concept(("http://terminology.hl7.org/CodeSystem/condition-clinical", "active")),
        "verificationStatus": concept(("http://terminology.hl7.org/CodeSystem/condition-ver-status", "confirmed")),
    }
    return resource("Condition", **{**given, **fields})


def record(**sections: Iterable[Resource]) -> PatientRecord:
    """A record by prefetch key (`labs=[...]`); keys not named were asked for and are empty."""
    patient = [resource("Patient", id=PATIENT_ID, subject=None, birthDate="1960-03-14", gender="female")]
    given: Mapping[str, Iterable[Resource]] = {"patient": patient, **sections}
    unknown = set(given) - {key.value for key in DataKey}
    if unknown:
        raise ValueError(f"no prefetch keys: {sorted(unknown)}")
    return PatientRecord(
        PATIENT_ID,
        {
            key: Section(Availability.COMPLETE, tuple(Entry(resource=one) for one in given.get(key.value, ())))
            for key in DataKey
        },
    )


REVIEW = Review("a test", date(2026, 1, 1), ReviewStatus.DRAFT)


def scale(unit: str, kind: Property, units: Mapping[str, str], low: str, high: str, **limits: str) -> Scale:
    """A scale: spellings with their factors, what is plausible, and limits."""
    factors = {spelling: Decimal(factor) for spelling, factor in units.items()}
    numbers = {name: Decimal(limit) for name, limit in limits.items()}
    return Scale(unit, kind, factors, Decimal(low), Decimal(high), **numbers)


def analyte(id_: str, codes: Iterable[Code], names: tuple[str, ...], *scales: Scale, **fields: Any) -> AnalyteKnowledge:
    """An analyte file."""
    title = fields.pop("title", id_)
    not_names = fields.pop("not_names", ())
    refused = fields.pop("refused_units", {})
    return AnalyteKnowledge(id_, title, title, tuple(codes), names, not_names, scales, refused, (), REVIEW)


def problem_kind(
    id_: str,
    codes: Iterable[Code],
    names: tuple[str, ...] = (),
    not_names: tuple[str, ...] = (),
    beside: tuple[str, ...] = (),
    role: ProblemRole = ProblemRole.FEATURE,
    is_reversible: bool | None = None,
) -> ConditionKnowledge:
    """A condition file."""
    return ConditionKnowledge(id_, id_, role, tuple(codes), names, not_names, (), REVIEW, is_reversible, beside=beside)


def loinc(code: str, kind: Property = Property.OTHER, use: CodeUse = CodeUse.MATCH) -> Code:
    """A LOINC code."""
    return Code(LOINC, code, f"display of {code}", use, property=kind)


def knowledge(
    analytes: Iterable[AnalyteKnowledge] = (),
    conditions: Iterable[ConditionKnowledge] = (),
    medicines: Iterable[MedicineKnowledge] = (),
) -> Knowledge:
    """Knowledge of just these things, with its look-ups."""
    numbers: dict[str, Any] = dict.fromkeys(Parameters.__annotations__, 1)
    parameters = Parameters(**{**numbers, "pregnancy_weeks": 42})
    by_code: dict[tuple[str, str], list[tuple[str, Code]]] = {}
    for kind in (conditions := tuple(conditions)):
        for code in kind.codes:
            by_code.setdefault((code.system, code.code), []).append((kind.id, code))
    medicine_codes: dict[tuple[str, str], list[tuple[str, MedicineCode]]] = {}
    for medicine in (medicines := tuple(medicines)):
        for medicine_code in medicine.codes:
            medicine_codes.setdefault((medicine_code.system, medicine_code.code), []).append(
                (medicine.id, medicine_code)
            )
    analytes = tuple(analytes)
    return Knowledge(
        version="test",
        analytes={one.id: one for one in analytes},
        tests={},
        medicines={one.id: one for one in medicines},
        conditions={one.id: one for one in conditions},
        regimens={},
        rules={},
        parameters=parameters,
        parameter_files={},
        sources={},
        override_reasons={},
        analytes_by_code={(code.system, code.code): (one.id, code) for one in analytes for code in one.codes},
        medicines_by_code={key: tuple(found) for key, found in medicine_codes.items()},
        conditions_by_code={key: tuple(found) for key, found in by_code.items()},
    )
