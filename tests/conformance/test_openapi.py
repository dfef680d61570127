"""What /openapi.json says is what the service does, whatever is sent to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from cds_service.config import Settings
from cds_service.knowledge.model import Knowledge
from cds_service.service import CdsService
from cds_service.storage.store import Store
from cds_service.web import create_app

# More of them, and other ones each time: make fuzz-api.
EXAMPLES = int(os.environ.get("B12_API_EXAMPLES") or 0)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def app(
    knowledge: Knowledge, offered: tuple[CdsService, ...], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Flask]:
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('openapi')}/b12.sqlite3")
    yield create_app(Settings(today=date(2025, 10, 1)), offered, knowledge, store)
    store.close()


@pytest.fixture(scope="module")
def described(app: Flask) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_wsgi("/openapi.json", app)


@pytest.mark.verifies("CDSH-63")
@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/cds-services", {200}),
        ("POST", "/cds-services/{service_id}", {400, 412}),
        ("POST", "/cds-services/{service_id}/feedback", {200, 400}),
        ("GET", "/healthz", {200}),
        ("GET", "/readyz", {200}),
    ],
)
def test_no_request_is_answered_in_a_way_that_is_not_described(
    method: str, path: str, expected: set[int], described: schemathesis.BaseSchema
) -> None:
    operation = described[path][method]
    seen: set[int] = set()

    def is_as_described(case: schemathesis.Case) -> None:
        if "service_id" in case.path_parameters:
            case.path_parameters["service_id"] = "b12-patient-view"
        if isinstance(case.body, dict) and isinstance(case.body.get("hook"), str):
            case.body["hook"] = "patient-view"  # no other text gets beyond the gate
        seen.add(case.call_and_validate(checks=CHECKS).status_code)

    # A request without a body or a parameter has nothing that could be wrong.
    for mode in GenerationMode if method == "POST" else (GenerationMode.POSITIVE,):
        examples = settings(
            max_examples=EXAMPLES or 40,
            deadline=None,
            derandomize=not EXAMPLES,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        examples(given(case=operation.as_strategy(generation_mode=mode))(is_as_described))()
    assert expected <= seen, "some of what is sent must be whole"
