"""Discovery is always there; health, readiness and the description of the interface for whoever runs the service."""

from __future__ import annotations

from pathlib import Path

from flask.testing import FlaskClient

from cds_service.storage.store import Store
from tests.databases import Database
from tests.unit.web.conftest import Edge


def test_discovery_lists_the_services_without_empty_members(client: FlaskClient) -> None:
    response = client.get("/cds-services")

    assert response.status_code == 200
    assert [service["id"] for service in response.get_json()["services"]] == ["b12-patient-view", "b12-order-select"]
    assert response.get_json()["services"][0] == {
        "hook": "patient-view",
        "title": "A title",
        "description": "A description",
        "id": "b12-patient-view",
        "version": "2.0.1",
        "hookVersion": "1.0",
        "prefetch": {
            "patient": "Patient/{{context.patientId}}",
            "labs": "Observation?patient={{context.patientId}}",
            "procedures": "Procedure?patient={{context.patientId}}",
        },
    }


def test_a_slash_at_the_end_is_no_other_address(client: FlaskClient) -> None:
    assert client.get("/cds-services/").status_code == 200


def test_ready_tells_the_knowledge_and_the_database(client: FlaskClient) -> None:
    response = client.get("/ready")

    assert response.status_code == 200
    assert response.get_json() == {"status": "ready", "knowledgeVersion": "test", "database": "ok"}


def test_without_a_database_the_service_lives_and_is_not_ready(edge: Edge, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    edge.store = Store(f"sqlite:///{tmp_path}/file/b12.sqlite3")
    client = edge.client()

    assert [client.get(path).status_code for path in ("/health", "/healthz", "/readyz")] == [200, 200, 503]
    assert client.get("/cds-services").status_code == 200
    assert client.get("/ready").status_code == 503
    assert client.get("/ready").get_json()["status"] == "not ready"


def test_a_database_of_a_newer_release_is_told_apart_and_no_client_is_told_of_it(edge: Edge) -> None:
    edge.store.prepare()
    database = Database(f"sqlite:///{edge.folder}/b12.sqlite3")
    database.execute("UPDATE alembic_version SET version_num = '9999'")
    edge.store = database.store()
    client = edge.client()

    assert client.get("/ready").get_json()["database"] == "is of a newer release"
    item = {"card": "c", "outcome": "overridden", "outcomeTimestamp": "2025-10-01T09:30:00Z"}
    refused = client.post("/cds-services/b12-patient-view/feedback", json={"feedback": [item]})
    assert refused.status_code == 503
    assert "9999" not in refused.get_data(as_text=True)
    assert "the database is not usable" in refused.get_data(as_text=True)


def test_openapi_describes_every_route_and_points_to_no_other_server(client: FlaskClient) -> None:
    described = client.get("/openapi.json").get_json()

    assert described["paths"].keys() == {
        "/cds-services",
        "/cds-services/{service_id}",
        "/cds-services/{service_id}/feedback",
        "/health",
        "/healthz",
        "/ready",
        "/readyz",
    }
    call = described["paths"]["/cds-services/{service_id}"]["post"]
    schema = call["requestBody"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/DocumentedHookRequest"}
    assert {"200", "400", "404", "412"} <= call["responses"].keys()
    assert "servers" not in described
    assert not [path for path in ("/swagger-ui", "/redoc", "/rapidoc") if client.get(path).status_code != 404]
