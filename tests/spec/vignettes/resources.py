"""One line of a vignette as the FHIR R4 resource that an EHR would hold; the lines are described in build.py."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]
Line = Mapping[str, Any]
TODAY = date(2025, 10, 1)
WORDS = yaml.safe_load((Path(__file__).parent / "words.yaml").read_text(encoding="utf-8"))

_UCUM = "http://unitsofmeasure.org"
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_VALUE = re.compile(r"(?P<comparator>[<>]=?|~)?(?P<number>-?[\d.]+(?:e\d+)?)(?: (?P<unit>\S+))?")
_DOSE = re.compile(
    r"(?P<amount>\S+ \S+)(?: (?P<times>\d+) times)? (?P<often>daily|weekly|monthly|when needed|every \d+ months)"
    r"(?: (?P<route>intramuscular|intranasal))?"
)
_PERIODS = {"daily": (1, "d"), "weekly": (1, "wk"), "monthly": (1, "mo")}


def refuse_unknown(told: Line, known: Iterable[str]) -> None:
    """A misspelt key would make a weaker story without a word."""
    if unknown := set(told) - set(known):
        raise ValueError(f"{sorted(unknown)} in {dict(told)}: not among {sorted(known)}")


def of_patient(patient_id: str, id_: str, made: Json) -> Json:
    """The resource with its id, about this patient unless it already is about another."""
    person = "patient" if made["resourceType"] == "AllergyIntolerance" else "subject"
    return {"id": id_, person: {"reference": f"Patient/{patient_id}"}, **made}


def patient(patient_id: str, line: Line) -> Json:
    """The patient: born on 1965-03-14, female and alive unless the story says otherwise."""
    refuse_unknown(line, ("born", "sex", "deceased"))
    made: Json = {
        "resourceType": "Patient",
        "id": patient_id,
        "active": True,
        "name": [{"family": "Vignette", "given": ["Synthetic"]}],
        "gender": line.get("sex", "female"),
    }
    if (born := line.get("born", "1965-03-14")) is not None:
        made["birthDate"] = str(born)
    match line.get("deceased"):
        case None:
            return made
        case bool(deceased):
            return made | {"deceasedBoolean": deceased}
        case day:
            return made | {"deceasedDateTime": str(day)}


def _day(told: Any) -> str:
    ago = re.fullmatch(r"(\d+) days ago", str(told))
    return str(TODAY - timedelta(days=int(ago[1])) if ago else told)


def _concept(section: str, name: str | Line) -> Json:
    if isinstance(name, Mapping):
        return dict(name)
    word = WORDS[section][name]
    if "coding" not in word:
        return {"text": word["text"]}
    system, code, display = word["coding"]
    return {"coding": [{"system": WORDS["systems"][system], "code": code, "display": display}], "text": word["text"]}


def _status(system: str, code: str) -> Json:
    return {"coding": [{"system": f"{_TERMINOLOGY}/{system}", "code": code}]}


def _quantity(told: Any) -> Json:
    found = _VALUE.fullmatch(str(told))
    if found is None:
        raise ValueError(f"{told!r} is not a printed result such as '<150 pg/mL'")
    number = found["number"]
    made: Json = {"value": float(number) if re.search(r"[.e]", number) else int(number)}
    if found["comparator"]:
        made["comparator"] = found["comparator"]
    if unit := found["unit"]:
        made |= {"unit": unit, "system": _UCUM, "code": WORDS["units"].get(unit, unit)}
    return made


def _lab(line: Line) -> Json:
    (test, result), *_ = line.items()
    refuse_unknown(line, (test, "code", "day", "status", "range", "fhir"))
    made: Json = {
        "resourceType": "Observation",
        "status": line.get("status", "final"),
        "category": [_status("observation-category", "laboratory")],
        "code": line.get("code") or _concept("tests", test),
    }
    match result:
        case None:
            pass
        case {"text": text}:
            made["valueString"] = text
        case {"word": word}:
            made["valueCodeableConcept"] = {"text": word}
        case _:
            made["valueQuantity"] = _quantity(result)
    if (told := line.get("day", "2025-09-20")) is not None:
        day = _day(told)
        whole = len(day) == len("2025-09-20")
        made |= (
            {"effectiveDateTime": f"{day}T08:15:00Z", "issued": f"{day}T14:30:00Z"}
            if whole
            else {"effectiveDateTime": day}
        )
    if "range" in line:
        unit = str(result).split()[1]
        low, high = (_quantity(f"{limit} {unit}") for limit in line["range"])
        made["referenceRange"] = [{"low": low, "high": high}]
    return {**made, **line.get("fhir", {})}


def _problem(line: Line) -> Json:
    refuse_unknown(line, ("problem", "since", "recorded", "status", "verification"))
    verification = line.get("verification", "confirmed")
    made: Json = {
        "resourceType": "Condition",
        "verificationStatus": _status("condition-ver-status", verification),
        "code": _concept("problems", line["problem"]),
        "onsetDateTime": _day(line.get("since", "2025-02-10")),
    }
    if "recorded" in line:
        made["recordedDate"] = _day(line["recorded"])
    if verification != "entered-in-error":  # FHIR R4 con-5: an error has no clinical status
        made["clinicalStatus"] = _status("condition-clinical", line.get("status", "active"))
    return made


def _allergy(line: Line) -> Json:
    refuse_unknown(line, ("allergy", "verification"))
    return {
        "resourceType": "AllergyIntolerance",
        "clinicalStatus": _status("allergyintolerance-clinical", "active"),
        "verificationStatus": _status("allergyintolerance-verification", line.get("verification", "confirmed")),
        "code": _concept("allergies", line["allergy"]),
    }


def _procedure(line: Line) -> Json:
    refuse_unknown(line, ("procedure", "day", "status"))
    return {
        "resourceType": "Procedure",
        "status": line.get("status", "completed"),
        "code": _concept("procedures", line["procedure"]),
        "performedDateTime": _day(line["day"]),
    }


def _order(line: Line) -> Json:
    (test, day), *_ = line.items()
    refuse_unknown(line, (test, "status"))
    return _test_order(test, day) | {"status": line.get("status", "active")}


def _test_order(test: str, day: Any) -> Json:
    return {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "order",
        "code": _concept("tests", test),
        "authoredOn": _day(day),
    }


def _dosage(told: str | Line) -> list[Json]:
    if isinstance(told, Mapping):
        return [dict(told)]
    found = _DOSE.fullmatch(told)
    if found is None:
        raise ValueError(f"{told!r} is not a dose such as '2000 mcg daily' or '1 mL monthly intramuscular'")
    made: Json = {"text": told, "route": _concept("routes", found["route"] or "oral")}
    made["doseAndRate"] = [{"doseQuantity": _quantity(found["amount"])}]
    if found["often"] == "when needed":
        return [made | {"asNeededBoolean": True}]
    period, unit = _PERIODS.get(found["often"]) or (int(found["often"].split()[1]), "mo")
    repeat = {"frequency": int(found["times"] or 1), "period": period, "periodUnit": unit}
    return [made | {"timing": {"repeat": repeat}}]


def _days(told: str) -> Json:
    number, _ = told.split(" days")
    return {"value": int(number), "unit": "days", "system": _UCUM, "code": "d"}


def _medicine(kind: str, status: str, name: str | Line | None, line: Line, dosage: str) -> Json:
    made: Json = {"resourceType": kind, "status": status}
    if name is not None:
        made["medicationCodeableConcept"] = _concept("medicines", name)
    return made | ({dosage: _dosage(line["dose"])} if "dose" in line else {})


def _statement(line: Line) -> Json:
    refuse_unknown(line, ("takes", "since", "until", "status", "dose"))
    made = _medicine("MedicationStatement", line.get("status", "active"), line["takes"], line, "dosage")
    period = {name: _day(line[ours]) for name, ours in (("start", "since"), ("end", "until")) if ours in line}
    return made | ({"effectivePeriod": period} if period else {})


def _request(line: Line) -> Json:
    refuse_unknown(line, ("prescribed", "day", "supply", "refills", "status", "dose", "fhir"))
    status, day = line.get("status", "active"), _day(line["day"])
    made = _medicine("MedicationRequest", status, line["prescribed"], line, "dosageInstruction")
    made |= {"intent": "order", "authoredOn": day}
    if "supply" in line:
        made["dispenseRequest"] = {
            "validityPeriod": {"start": day},
            "numberOfRepeatsAllowed": line["refills"],
            "expectedSupplyDuration": _days(line["supply"]),
        }
    return {**made, **line.get("fhir", {})}


def _dispense(line: Line) -> Json:
    refuse_unknown(line, ("dispensed", "day", "supply", "dose"))
    made = _medicine("MedicationDispense", "completed", line["dispensed"], line, "dosageInstruction")
    return made | {"whenHandedOver": f"{_day(line['day'])}T10:00:00Z", "daysSupply": _days(line["supply"])}


def _administration(line: Line) -> Json:
    refuse_unknown(line, ("given", "day"))
    made = _medicine("MedicationAdministration", "completed", line["given"], line, "dosage")
    dose = {"route": _concept("routes", "intramuscular"), "dose": _quantity("1 mg")}
    return made | {"effectiveDateTime": f"{_day(line['day'])}T09:30:00Z", "dosage": dose}


def draft(patient_id: str, number: int, line: Line) -> Json:
    """An order that is being written: of a medicine, or of a test."""
    if "draft_test" in line:
        return of_patient(patient_id, f"draft-{number}", _test_order(line["draft_test"], TODAY))
    refuse_unknown(line, ("draft", "dose", "selected", "fhir"))
    made = _medicine("MedicationRequest", "draft", line["draft"], line, "dosageInstruction")
    made |= {"intent": "order", "authoredOn": str(TODAY)}
    return of_patient(patient_id, f"draft-{number}", made | line.get("fhir", {}))


MAKERS: Mapping[str, Callable[[Line], Json]] = {
    "labs": _lab,
    "problems": _problem,
    "procedures": _procedure,
    "allergies": _allergy,
    "ordered": _order,
    "takes": _statement,
    "prescribed": _request,
    "dispensed": _dispense,
    "given": _administration,
}
