"""A chart's facts as an EHR would list them: what the Bundle says, unread, as text for the page to show."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

from cds_service.cards.words import begun
from cds_service.web.pages.playground import Json

_LONGEST_TEXT = 300
_MOST_ROWS = 200
_CUT = "\N{HORIZONTAL ELLIPSIS}"


def chart_facts(resources: Sequence[Json], patient_id: str) -> Json:
    """The patient and the sections of their chart, the newest first; a section says how many rows it leaves out."""
    return {
        "patient": patient_words(resources, patient_id),
        "sections": [_section(title, resources, kinds, row) for title, kinds, row in _SECTIONS],
    }


def patient_words(resources: Sequence[Json], patient_id: str) -> Json:
    """Name, sex and birth date of the patient, as text."""
    return _patient(next((r for r in _of(resources, "Patient") if r.get("id") == patient_id), {}))


def concept_text(concept: object) -> str:
    """What a CodeableConcept is called: its text, else the display or the code of its first coding."""
    if not isinstance(concept, Mapping):
        return ""
    codings = concept.get("coding")
    first = codings[0] if isinstance(codings, list) and codings and isinstance(codings[0], Mapping) else {}
    return _first(concept.get("text"), first.get("display"), first.get("code"))


def _of(resources: Iterable[Json], *kinds: str) -> Iterable[Json]:
    return (resource for resource in resources if resource.get("resourceType") in kinds)


def _section(title: str, resources: Sequence[Json], kinds: tuple[str, ...], row: Callable[[Json], Json]) -> Json:
    rows = sorted(map(row, _of(resources, *kinds)), key=lambda made: str(made["when"]), reverse=True)
    return {"title": title, "rows": rows[:_MOST_ROWS], "leftOut": max(0, len(rows) - _MOST_ROWS)}


def _patient(resource: Json) -> Json:
    names = resource.get("name")
    name = names[0] if isinstance(names, list) and names and isinstance(names[0], Mapping) else {}
    given = name.get("given") if isinstance(name.get("given"), list) else []
    told = _first(name.get("text")) or " ".join(filter(None, map(_first, [*(given or []), name.get("family")])))
    return {
        "name": told or "No name",
        "gender": begun(_first(resource.get("gender"))) or "Unknown sex",
        "birthDate": _first(resource.get("birthDate")) or "unknown",
    }


def _problem(resource: Json) -> Json:
    status = concept_text(resource.get("clinicalStatus"))
    when = _first(resource.get("onsetDateTime"), resource.get("recordedDate"), resource.get("performedDateTime"))
    return _row(concept_text(resource.get("code")), begun(status or _first(resource.get("status"))), when)


def _medicine(resource: Json) -> Json:
    named = concept_text(resource.get("medicationCodeableConcept"))
    reference = resource.get("medicationReference")
    if not named and isinstance(reference, Mapping):
        named = _first(reference.get("display"), reference.get("reference"))
    lines = resource.get("dosageInstruction") or resource.get("dosage")
    line = lines[0] if isinstance(lines, list) and lines else lines
    sig = _first(line.get("text")) if isinstance(line, Mapping) else ""
    period = resource.get("effectivePeriod")
    began = period.get("start") if isinstance(period, Mapping) else None
    dates = ("authoredOn", "effectiveDateTime", "whenHandedOver", "dateAsserted")
    status = " · ".join(filter(None, (sig, begun(_first(resource.get("status"))))))
    return _row(named, status, _first(began, *(resource.get(name) for name in dates)))


def _result(resource: Json) -> Json:
    quantity = resource.get("valueQuantity")
    told = ""
    if isinstance(quantity, Mapping):
        parts = (quantity.get(name) for name in ("comparator", "value", "unit"))
        told = " ".join(_first(part) for part in parts if part not in (None, ""))
    told = told or concept_text(resource.get("valueCodeableConcept")) or _first(resource.get("valueString"))
    absent = concept_text(resource.get("dataAbsentReason"))
    when = _first(resource.get("effectiveDateTime"), resource.get("issued"))
    return _row(concept_text(resource.get("code")), told or absent or "No value", when)


def _allergy(resource: Json) -> Json:
    return _row(concept_text(resource.get("code")), begun(concept_text(resource.get("clinicalStatus"))), "")


def _row(what: str, told: str, when: str) -> Json:
    return {"what": what or "Not named", "told": told, "when": when[:10]}


def _first(*values: object) -> str:
    """The first value that can be shown as text, cut to what fits a row."""
    for value in values:
        text = str(value) if isinstance(value, str | int | float | Decimal) else ""
        if text.strip():
            return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + _CUT
    return ""


_SECTIONS: tuple[tuple[str, tuple[str, ...], Callable[[Json], Json]], ...] = (
    ("Problems", ("Condition", "Procedure"), _problem),
    (
        "Medicines",
        ("MedicationRequest", "MedicationStatement", "MedicationDispense", "MedicationAdministration"),
        _medicine,
    ),
    ("Results", ("Observation",), _result),
    ("Allergies", ("AllergyIntolerance",), _allergy),
)
