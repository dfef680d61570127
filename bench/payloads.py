"""Hook requests as a talkative EHR sends them: about 1.6 kB a resource, the same bytes on every machine."""

from __future__ import annotations

import json
import random
from datetime import date, timedelta
from typing import Any
from uuid import UUID

Json = dict[str, Any]
TODAY = date(2025, 10, 1)
_LOINC, _UCUM, _RXNORM = "http://loinc.org", "http://unitsofmeasure.org", "http://www.nlm.nih.gov/research/umls/rxnorm"
_CORE = "http://hl7.org/fhir/us/core/StructureDefinition"
_TERMS = "http://terminology.hl7.org/CodeSystem"

# code, display, unit, lowest and highest value, decimals, reference range
_OF_INTEREST = (
    ("2132-9", "Cobalamin (Vitamin B12) [Mass/volume] in Serum or Plasma", "pg/mL", 90, 900, 0, (187, 883)),
    ("718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL", 9, 16, 1, (12, 16)),
    ("787-2", "MCV [Entitic volume] by Automated count", "fL", 78, 112, 0, (80, 100)),
    ("33914-3", "Glomerular filtration rate/1.73 sq M.predicted by MDRD", "mL/min/{1.73_m2}", 45, 110, 0, (60, 120)),
)
_OTHER = (
    ("2345-7", "Glucose [Mass/volume] in Serum or Plasma", "mg/dL", 70, 220, 0, (70, 99)),
    ("2951-2", "Sodium [Moles/volume] in Serum or Plasma", "mmol/L", 130, 148, 0, (136, 145)),
    ("2823-3", "Potassium [Moles/volume] in Serum or Plasma", "mmol/L", 3, 6, 1, (4, 5)),
    ("4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "%", 5, 10, 1, (4, 6)),
    ("8480-6", "Systolic blood pressure", "mm[Hg]", 100, 180, 0, (90, 140)),
    ("29463-7", "Body weight", "kg", 50, 120, 1, (50, 100)),
)
_MEDICINES = (("861004", "metformin hydrochloride 1000 MG Oral Tablet"), ("314076", "lisinopril 10 MG Oral Tablet"))
FOLIC_ACID = ("310410", "folic acid 1 MG Oral Tablet")
OTHER_DRUG = ("314076", "lisinopril 10 MG Oral Tablet")
_CONDITIONS = (
    ("G62.9", "Polyneuropathy, unspecified"),
    ("I10", "Essential (primary) hypertension"),
    ("E11.9", "Type 2 diabetes mellitus without complications"),
)


def requests_of(resources: int, patients: int) -> list[bytes]:
    """One patient-view request a patient, each with so many resources in its prefetch."""
    return [json.dumps(_request(resources, number), separators=(",", ":")).encode() for number in range(patients)]


def orders_of(resources: int, patients: int, drug: tuple[str, str]) -> list[bytes]:
    """One order-sign request a patient, with two drafts of the drug (RxNorm code and name) and so many resources."""
    return [json.dumps(_signing(resources, number, drug), separators=(",", ":")).encode() for number in range(patients)]


def bundles_of(resources: int, number: int) -> dict[str, bytes]:
    """What a FHIR server answers to each of our queries about one patient, by prefetch key."""
    prefetch = _request(resources, number)["prefetch"]
    return {key: json.dumps(value, separators=(",", ":")).encode() for key, value in prefetch.items()}


def _signing(resources: int, number: int, drug: tuple[str, str]) -> Json:
    request = _request(resources, number)
    patient = request["context"]["patientId"]
    chance = random.Random(f"orders/{number}")  # nosec B311 # made data, no secrets
    drafts = [_medicine(patient, place, chance, drug) | {"status": "draft", "id": f"draft-{place}"} for place in (0, 1)]
    entry = [{"resource": draft} for draft in drafts]
    request["context"]["draftOrders"] = {"resourceType": "Bundle", "type": "collection", "entry": entry}
    return request | {"hook": "order-sign"}


def _request(resources: int, number: int) -> Json:
    chance = random.Random(f"{resources}/{number}")  # nosec B311 # made data, no secrets
    patient = f"bench-{resources}-{number}"
    results = resources * 8 // 10
    medicines = (resources - results) // 2
    return {
        "hook": "patient-view",
        "hookInstance": str(UUID(int=chance.getrandbits(128), version=4)),
        "context": {"userId": "Practitioner/bench", "patientId": patient},
        "prefetch": {
            "patient": _patient(patient, chance),
            "labs": _searchset(_result(patient, place, chance) for place in range(results)),
            "medicationRequests": _searchset(_medicine(patient, place, chance) for place in range(medicines)),
            "conditions": _searchset(
                _condition(patient, place, chance) for place in range(resources - results - medicines)
            ),
            **{
                key: {"resourceType": "Bundle", "type": "searchset", "total": 0}
                for key in ("medicationStatements", "medicationDispenses", "medicationAdministrations", "procedures")
            },
            **{
                key: {"resourceType": "Bundle", "type": "searchset", "total": 0}
                for key in ("allergies", "serviceRequests", "socialHistory")
            },
        },
    }


def _searchset(resources: Any) -> Json:
    entry = [
        {
            "link": [{"relation": "self", "url": f"https://ehr.example.org/fhir/{r['resourceType']}/{r['id']}"}],
            "fullUrl": f"https://ehr.example.org/fhir/{r['resourceType']}/{r['id']}",
            "resource": r,
            "search": {"mode": "match"},
        }
        for r in resources
    ]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(entry), "entry": entry}


def _patient(name: str, chance: random.Random) -> Json:
    born = date(1935, 1, 1) + timedelta(days=chance.randrange(25_000))
    return {
        "resourceType": "Patient",
        "id": name,
        "identifier": [{"system": "https://ehr.example.org/mrn", "value": name}],
        "name": [{"use": "official", "family": "Bench", "given": ["Synthetic"]}],
        "gender": chance.choice(("female", "male")),
        "birthDate": born.isoformat(),
    }


def _common(kind: str, patient: str, place: int, profile: str, words: str) -> Json:
    """What every resource of a talkative EHR carries and nobody here reads."""
    return {
        "resourceType": kind,
        "id": f"{patient}-{kind[:3].lower()}-{place}",
        "meta": {
            "versionId": "3",
            "lastUpdated": "2025-09-28T04:12:33.125+00:00",
            "source": "https://ehr.example.org/interfaces/lab#a1b2c3d4",
            "profile": [f"{_CORE}/{profile}"],
        },
        "text": {
            "status": "generated",
            "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><p><b>{kind}</b>: {words}</p><p>Source: EHR</p></div>',
        },
        "identifier": [{"system": f"https://ehr.example.org/{kind}", "value": f"{place:012d}"}],
        "subject": {"reference": f"Patient/{patient}", "display": "Bench, Synthetic"},
        "encounter": {"reference": f"Encounter/{patient}-{place % 7}", "display": "Office Visit"},
    }


def _past(chance: random.Random) -> str:
    return (TODAY - timedelta(days=chance.randrange(1, 1500))).isoformat()


def _result(patient: str, place: int, chance: random.Random) -> Json:
    of_interest = place % 4 == 0 if place < 16 else chance.random() < 0.185
    code, display, unit, low, high, decimals, (normal_low, normal_high) = chance.choice(
        _OF_INTEREST if of_interest else _OTHER
    )
    day, time = _past(chance), f"{chance.randrange(7, 18):02d}:{chance.randrange(60):02d}:{chance.randrange(60):02d}"

    def quantity(value: float) -> Json:
        return {"value": value, "unit": unit, "system": _UCUM, "code": unit}

    return _common("Observation", patient, place, "us-core-observation-lab", display) | {
        "status": "final",
        "category": [
            {"coding": [{"system": f"{_TERMS}/observation-category", "code": "laboratory", "display": "Laboratory"}]}
        ],
        "code": {"coding": [{"system": _LOINC, "code": code, "display": display}], "text": display},
        "effectiveDateTime": f"{day}T{time}Z",
        "issued": f"{day}T{time}.{chance.randrange(1000):03d}Z",
        "performer": [{"reference": "Organization/lab", "display": "Central Laboratory"}],
        "valueQuantity": quantity(round(chance.uniform(low, high), decimals)),
        "referenceRange": [
            {
                "low": quantity(normal_low),
                "high": quantity(normal_high),
                "text": f"{normal_low} to {normal_high} {unit}",
            }
        ],
    }


def _medicine(patient: str, place: int, chance: random.Random, drug: tuple[str, str] | None = None) -> Json:
    code, display = drug or chance.choice(_MEDICINES)
    return _common("MedicationRequest", patient, place, "us-core-medicationrequest", display) | {
        "status": chance.choice(("active", "completed", "stopped")),
        "intent": "order",
        "medicationCodeableConcept": {
            "coding": [{"system": _RXNORM, "code": code, "display": display}],
            "text": display,
        },
        "authoredOn": _past(chance),
        "requester": {"reference": "Practitioner/1", "display": "Bench, Doctor"},
        "dosageInstruction": [
            {
                "text": "1 tablet daily",
                "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
                "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet", "system": _UCUM, "code": "{tbl}"}}],
            }
        ],
        "dispenseRequest": {
            "numberOfRepeatsAllowed": chance.randrange(6),
            "expectedSupplyDuration": {"value": 90, "unit": "days", "system": _UCUM, "code": "d"},
        },
    }


def _condition(patient: str, place: int, chance: random.Random) -> Json:
    code, display = chance.choice(_CONDITIONS)

    def concept(system: str, word: str) -> Json:
        return {"coding": [{"system": f"{_TERMS}/{system}", "code": word, "display": word.title()}]}

    return _common("Condition", patient, place, "us-core-condition-problems-health-concerns", display) | {
        "clinicalStatus": concept("condition-clinical", "active"),
        "verificationStatus": concept("condition-ver-status", "confirmed"),
        "category": [concept("condition-category", "problem-list-item")],
        "code": {
            "coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code, "display": display}],
            "text": display,
        },
        "onsetDateTime": _past(chance),
        "recordedDate": _past(chance),
    }
