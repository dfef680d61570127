"""A HAPI FHIR server that runs already (`make hapi`), and the service beside it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from flask.testing import FlaskClient

from tests.conformance.server import STORY_DAY

if TYPE_CHECKING:
    from cds_service.knowledge.model import Knowledge
    from cds_service.service import CdsService
    from tests.integration.clinic import Clinic

Fire = Callable[[dict[str, Any]], dict[str, Any]]


@pytest.fixture(scope="session")
def clinic() -> Iterator[Clinic]:
    """An EHR on HAPI FHIR."""
    from cds_service.errors import NotFhir, ServerUnreachable
    from tests.integration.clinic import Clinic

    base = os.environ.get("B12_HAPI_URL", "http://127.0.0.1:8081/fhir")
    try:
        opened = Clinic(base)
    except (NotFhir, ServerUnreachable) as error:
        pytest.skip(f"no HAPI FHIR server at {base} ({error}); start one with: make hapi")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def service(
    clinic: Clinic, knowledge: Knowledge, offered: tuple[CdsService, ...], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FlaskClient]:
    """The service on the day of the stories, which may call that server and wait for it."""
    from cds_service.config import Settings
    from cds_service.facts.dates import parse_day
    from cds_service.storage.store import Store
    from cds_service.web import create_app

    settings = Settings(
        today=parse_day(STORY_DAY),
        fhir_origins=(clinic.origin,),
        fhir_allow_http_localhost=True,
        deadline_seconds=60,
    )
    store = Store(f"sqlite:///{tmp_path_factory.mktemp('service')}/b12.sqlite3")
    yield create_app(settings, offered, knowledge, store).test_client()
    store.close()


@pytest.fixture(scope="module")
def fire(service: FlaskClient) -> Fire:
    """Sends a hook request and gives the answer, which must be one."""

    def sent(request: dict[str, Any]) -> dict[str, Any]:
        response = service.post(f"/cds-services/b12-{request['hook']}", json=request)
        assert response.status_code == 200, response.get_data(as_text=True)
        answer: dict[str, Any] = response.get_json()
        return answer

    return sent
