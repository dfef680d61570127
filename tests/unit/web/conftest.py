"""A service that answers with one fixed card, so that what is tested here is the edge."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from cds_service.cards.card import Card, CardSource, Trace
from cds_service.config import Settings
from cds_service.facts.patient import DataKey
from cds_service.knowledge.model import Code, Indicator
from cds_service.service import CdsService, HookAnswer, HookCall
from cds_service.storage.store import Store
from cds_service.web import create_app
from tests.builders import knowledge

CARD_ID = "0d9e5b4e-3c1c-4f9e-9d2e-2f0a0f5b8f11"
PATIENT = {"resourceType": "Patient", "id": "p1"}
TEMPLATES = {
    DataKey.PATIENT: "Patient/{{context.patientId}}",
    DataKey.LABS: "Observation?patient={{context.patientId}}",
    DataKey.PROCEDURES: "Procedure?patient={{context.patientId}}",
}


def card(**more: Any) -> Card:
    """A card that keeps the rules."""
    given: dict[str, Any] = {
        "uuid": CARD_ID,
        "summary": "A summary",
        "detail": "**Detail**",
        "indicator": Indicator.WARNING,
        "source": CardSource("A guideline", "https://example.org/guideline", Code("urn:topics", "b12", "B12")),
        "trace": Trace(("B12-DX-01",), (), "v1"),
    }
    return Card(**{**given, **more})


class Edge:
    """An application over stand-in services, and what they were called with."""

    def __init__(self, folder: Path) -> None:
        self.calls: list[HookCall] = []
        self.answer: Callable[[HookCall], HookAnswer] = lambda _call: HookAnswer((card(),))
        self.concerns_us = True
        self.store = Store(f"sqlite:///{folder}/b12.sqlite3")
        self.folder = folder

    def service(self, hook: str) -> CdsService:
        def respond(call: HookCall) -> HookAnswer:
            self.calls.append(call)
            return self.answer(call)

        return CdsService(
            id=f"b12-{hook}",
            hook=hook,
            title="A title",
            description="A description",
            usage_requirements="",
            prefetch=TEMPLATES,
            required=(DataKey.PATIENT,),
            respond=respond,
            concerns_us=lambda _record: self.concerns_us,
        )

    def app(self, **settings: Any) -> Flask:
        services = [self.service("patient-view"), self.service("order-select")]
        return create_app(Settings(**settings), services, knowledge(), self.store)

    def client(self, **settings: Any) -> FlaskClient:
        return self.app(**settings).test_client()


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    made = Edge(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def client(edge: Edge) -> FlaskClient:
    return edge.client()


def hook_request(hook: str = "patient-view", **more: Any) -> dict[str, Any]:
    """A request that keeps the rules; members are replaced or, with None, left out."""
    given: dict[str, Any] = {
        "hook": hook,
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "Practitioner/u1", "patientId": "p1"},
        "prefetch": {"patient": PATIENT},
        **more,
    }
    return {name: value for name, value in given.items() if value is not None}


def context(**more: Any) -> dict[str, Any]:
    """A context that keeps the rules."""
    return {"userId": "Practitioner/u1", "patientId": "p1", **more}


def issues(response: Any) -> list[tuple[str, str, list[str]]]:
    """(code, text, expression) of each issue of an OperationOutcome."""
    body = response.get_json()
    assert body["resourceType"] == "OperationOutcome"
    assert all(issue["severity"] == "error" for issue in body["issue"])
    return [(issue["code"], issue["details"]["text"], issue.get("expression", [])) for issue in body["issue"]]


def paths(response: Any) -> list[str]:
    """The fields that an OperationOutcome names."""
    return [path for _, _, expression in issues(response) for path in expression]
