"""After every story and vignette, neither the log nor the database holds anything of a patient, a user or a token."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import MetaData, create_engine, select

from cds_service.storage.store import Feedback, Store
from tests.conformance.server import ROOT, Running, running

# What no request of this test may leave anywhere, as a part of a longer text either.
PATIENT = "zqpatient"
MARKS = (PATIENT, "zqfamily", "zqgiven", "zqnote", "zqphone", "zquser", "zqencounter", "zqtoken", "zqjwt", "zqfhir")
JWT = "eyJhbGciOiJFUzM4NCJ9.eyJpc3MiOiJ6cWp3dCJ9.zqjwt"  # pragma: allowlist secret - signed by nobody
COMMENT = "zqcomment"
WORD = re.compile(r"[\w.:-]+")
# Fields of a log line whose numbers and times are of the service's own making.
OF_OURS = ("milliseconds", "timestamp", "request", "status", "cards", "items", "knowledge", "rules", "service")
# Columns whose ids and times are of the service's own making, or of the test's feedback.
NOT_OF_PATIENTS = (
    "id",
    "feedback",
    "card",
    "digest",
    "suggestions",
    "accepted_suggestions",
    "rules",
    "knowledge_version",
)


def disguised(value: Any, patient_id: str) -> Any:
    """The request with marks for the patient, wherever the patient is named, and in each free text."""
    if isinstance(value, dict):
        told = {name: disguised(member, patient_id) for name, member in value.items()}
        if told.get("resourceType") == "Patient":
            told |= {"name": [{"family": "zqfamily", "given": ["zqgiven"]}], "telecom": [{"value": "zqphone"}]}
        if told.get("resourceType") in ("Observation", "Condition", "MedicationRequest") and "note" not in told:
            told["note"] = [{"text": "zqnote"}]
        return told
    if isinstance(value, list):
        return [disguised(item, patient_id) for item in value]
    if isinstance(value, str) and (value == patient_id or value.endswith(f"/{patient_id}")):
        return value[: len(value) - len(patient_id)] + PATIENT
    return value


def values_of(value: Any) -> Iterator[str]:
    """The words of a request that could tell of a patient: ids, birth dates, and results."""
    if isinstance(value, dict):
        for name, member in value.items():
            if name in ("id", "birthDate", "effectiveDateTime", "authoredOn") and isinstance(member, str):
                yield member
            elif name == "value" and isinstance(member, int | float):
                yield str(member)
            else:
                yield from values_of(member)
    elif isinstance(value, list):
        for item in value:
            yield from values_of(item)


def sent(request: dict[str, Any], *, is_explained: bool) -> dict[str, Any]:
    patient_id = request["context"]["patientId"]
    made: dict[str, Any] = disguised(request, patient_id)
    made["context"] |= {"userId": "Practitioner/zquser", "encounterId": "zqencounter"}
    made["fhirServer"] = "https://zqfhir.example.org/fhir"
    made["fhirAuthorization"] = {"access_token": "zqtoken", "token_type": "Bearer", "subject": "zquser"}
    return made | ({"extension": {"org.b12-cds.explain": True}} if is_explained else {})


def fire(service: Running, bodies: list[dict[str, Any]]) -> set[str]:
    """Post every request, whole and broken, and feedback on each card; returns the words that must not be kept."""
    words: set[str] = set()
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {JWT}"
        for place, body in enumerate(bodies):
            url = f"{service.url}/cds-services/b12-{body['hook']}"
            whole = sent(body, is_explained=bool(place % 2))
            words.update(values_of(whole))
            answer = session.post(url, json=whole, timeout=30)
            assert answer.status_code in (200, 400, 412), answer.text
            session.post(url, json={**whole, "hookInstance": PATIENT, "context": {"patientId": "Patient/zqpatient"}})
            session.post(url, json={**whole, "prefetch": {"patient": {"resourceType": "Patient", "id": PATIENT}}})
            session.post(url, data=json.dumps(whole)[:-1], headers={"Content-Type": "application/json"})
            session.get(f"{service.url}/cds-services/{PATIENT}")
            items = [overridden(card["uuid"]) for card in answer.json().get("cards", [])]
            if items:
                assert session.post(f"{url}/feedback", json={"feedback": items}, timeout=30).status_code == 200
    return words


def overridden(card: str) -> dict[str, Any]:
    reason = {"reason": {"code": "declined", "system": "urn:x"}, "userComment": COMMENT}
    return {
        "card": card,
        "outcome": "overridden",
        "overrideReason": reason,
        "outcomeTimestamp": "2031-01-01T00:00:00Z",
    }


def told_in_log(log: Path) -> set[str]:
    """The words of the log, without those that are numbers of our own."""
    words: set[str] = set()
    for line in log.read_text(encoding="utf-8").splitlines():
        if line.startswith("{"):
            line = json.dumps({name: value for name, value in json.loads(line).items() if name not in OF_OURS})
        words.update(WORD.findall(line))
    return words


def told_in_database(database: Path) -> set[str]:
    """The words of every table, without those that are of our own making or of the test's feedback."""
    words: set[str] = set()
    engine = create_engine(f"sqlite:///{database}")
    tables = MetaData()
    tables.reflect(engine)
    assert {"feedback", "cards_shown", "feedback_comments"} <= tables.tables.keys()
    with engine.connect() as connection:
        for table in tables.sorted_tables:
            for row in connection.execute(select(table)).mappings():
                cells = (str(value) for name, value in row.items() if name not in NOT_OF_PATIENTS)
                words.update(word for cell in cells for word in WORD.findall(cell))
    engine.dispose()
    return words


def check_kept(log_file: Path, database: Path, words: set[str]) -> None:
    log = log_file.read_text(encoding="utf-8")
    assert log.count('"answered"') > 10
    assert [mark for mark in (*MARKS, JWT, COMMENT) if mark in log] == []
    assert {word for word in words if len(word) > 2} & told_in_log(log_file) == set()

    files = b"".join(path.read_bytes() for path in database.parent.glob(f"{database.name}*"))
    assert COMMENT.encode() in files, "what clinicians write is kept, in the table that says so"
    assert [mark for mark in (*MARKS, JWT) if mark.encode() in files] == []
    assert {word for word in words if len(word) > 2} & told_in_database(database) == set()


@pytest.mark.verifies("CDSH-58")
@pytest.mark.verifies("CDSH-117")
def test_no_story_leaves_anything_of_its_patient(tmp_path: Path) -> None:
    bodies = [json.loads(path.read_text()) for path in sorted((ROOT / "fixtures").glob("*/*.request.json"))]
    assert len(bodies) > 10
    with running(tmp_path, B12_WORKERS="1") as service:
        words = fire(service, bodies)
    check_kept(service.log, service.database, words)


def test_no_vignette_leaves_anything_of_its_patient(tmp_path: Path, shared: Path) -> None:
    bodies = [json.loads(path.read_text()) for path in sorted((shared / "cases").glob("*/request.json"))]
    assert len(bodies) > 50
    with running(tmp_path, B12_WORKERS="1") as service:
        words = fire(service, bodies)
    check_kept(service.log, service.database, words)


@pytest.mark.parametrize(
    ("line", "service"),
    [
        ('{"event": "answered", "error": "Patient/zqpatient"}', "b12"),
        ('{"event": "answered", "where": "B12 165"}', "b12"),
        ("Traceback: zqfamily", "b12"),
        ("", "zqgiven"),
        ("", "165"),
    ],
)
def test_what_is_kept_would_be_seen(line: str, service: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text('{"event": "answered", "milliseconds": 165.0}\n' * 11)
    store = Store(f"sqlite:///{tmp_path}/b12.sqlite3")
    now = datetime(2025, 10, 1, tzinfo=UTC)
    store.record_feedback([Feedback("b12", "card", "overridden", now, comment=COMMENT)], now)
    check_kept(log, tmp_path / "b12.sqlite3", {"165"})

    log.write_text(log.read_text() + line)
    store.record_feedback([Feedback(service, "card", "overridden", now)], now)
    store.close()

    with pytest.raises(AssertionError):
        check_kept(log, tmp_path / "b12.sqlite3", {"165"})
