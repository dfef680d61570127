"""A CDS Hooks service as a black box: ours in this process, or whatever answers at B12_BASE_URL."""

from __future__ import annotations

import copy
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import pytest
import requests
from flask.testing import FlaskClient

from cds_service.config import Settings
from cds_service.knowledge.model import Knowledge
from cds_service.service import CdsService
from cds_service.storage.store import Store
from cds_service.web import create_app

Services = Mapping[str, Mapping[str, Any]]
SANDBOX = "http://localhost:8080"
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which must be JSON in every answer but to a preflight."""
        return json.loads(self.body)

    @property
    def expressions(self) -> list[str]:
        """The fields that an OperationOutcome names."""
        assert self.json["resourceType"] == "OperationOutcome"
        return [path for issue in self.json["issue"] for path in issue.get("expression", [])]


class Service(Protocol):
    """How the tests reach a service."""

    def send(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        """Send one request."""


class _InProcess:
    def __init__(self, client: FlaskClient) -> None:
        self._client = client

    def send(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        response = self._client.open(path, method=method, data=body, headers=dict(headers or {}))
        return Answer(response.status_code, response.headers, response.get_data())


class _OverHttp:
    def __init__(self, base: str) -> None:
        self._base = base.rstrip("/")
        self._session = requests.Session()

    def send(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        response = self._session.request(method, self._base + path, data=body, headers=dict(headers or {}), timeout=30)
        return Answer(response.status_code, response.headers, response.content)

    def close(self) -> None:
        self._session.close()


@pytest.fixture(scope="module")
def service(
    knowledge: Knowledge, offered: tuple[CdsService, ...], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """The service under test."""
    base = os.environ.get("B12_BASE_URL")
    if base:
        remote = _OverHttp(base)
        yield remote
        remote.close()
        return
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('conformance')}/b12.sqlite3")
    yield _InProcess(create_app(Settings(today=date(2025, 10, 1)), offered, knowledge, store).test_client())
    store.close()


@pytest.fixture(scope="module")
def services(service: Service) -> dict[str, dict[str, Any]]:
    """The entries of discovery, by hook."""
    listed = service.send("GET", "/cds-services").json["services"]
    return {entry["hook"]: entry for entry in listed}


def call(
    service: Service, services: Mapping[str, Mapping[str, Any]], request: Any, hook: str = "patient-view"
) -> Answer:
    """Fire a hook."""
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    return service.send("POST", f"/cds-services/{services[hook]['id']}", body, JSON)


CLOCK = time.perf_counter if os.environ.get("B12_BASE_URL") else time.process_time
"""Of a service in this process it tells the work alone, so that a machine that does much else fails no test."""
OPTIONAL = (
    "medicationStatements",
    "medicationRequests",
    "medicationDispenses",
    "medicationAdministrations",
    "conditions",
    "procedures",
    "allergies",
    "serviceRequests",
    "socialHistory",
)
PATIENT = {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1960-03-14"}
UCUM = "http://unitsofmeasure.org"
LOW_B12: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "b12",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "2132-9", "display": "Vitamin B12"}]},
    "subject": {"reference": "Patient/p1"},
    "effectiveDateTime": "2025-09-20T08:15:00Z",
    "valueQuantity": {"value": 150, "unit": "pg/mL", "system": UCUM, "code": "pg/mL"},
}
FOLIC_ACID = {
    "resourceType": "MedicationRequest",
    "id": "draft-1",
    "status": "draft",
    "intent": "order",
    "subject": {"reference": "Patient/p1"},
    "medicationCodeableConcept": {
        "coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "199318"}],
        "text": "Folic acid 5 MG Oral Tablet",
    },
    "dosageInstruction": [
        {
            "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
            "doseAndRate": [
                {"doseQuantity": {"value": 5, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}}
            ],
        }
    ],
}


def bundle(*resources: Any, **more: Any) -> dict[str, Any]:
    """A searchset."""
    entries = [{"resource": copy.deepcopy(one)} for one in resources]
    return {"resourceType": "Bundle", "type": "searchset", "entry": entries, **more}


def hook_request(hook: str = "patient-view", **more: Any) -> dict[str, Any]:
    """A request that keeps the rules, on a patient with a low B12."""
    context: dict[str, Any] = {"userId": "Practitioner/u1", "patientId": "p1"}
    if hook != "patient-view":
        context["draftOrders"] = bundle(FOLIC_ACID)
    empty = {key: bundle() for key in OPTIONAL}
    return {
        "hook": hook,
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": context,
        "prefetch": {"patient": PATIENT, "labs": bundle(LOW_B12), **empty},
        **more,
    }


def explained(**more: Any) -> dict[str, Any]:
    """A request that asks for the assessment."""
    return hook_request(extension={"org.b12-cds.explain": True}, **more)


def with_labs(labs: Any) -> dict[str, Any]:
    """An explained request with these labs."""
    request = explained()
    request["prefetch"]["labs"] = labs
    return request
