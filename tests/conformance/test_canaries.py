"""A canary in every text and number of every story, in all that can go wrong with it, and then a search for canaries.

`test_nothing_is_kept` looks for what identifies a patient after ordinary calls. Here nothing that was sent may come
back from anywhere but the answer of 200 that it was sent for: not from the log, the database, an error, readiness, a
page, or the command line's complaints.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.conformance.server import ROOT, Running, running

Json = dict[str, Any]
STORIES = [json.loads(path.read_text()) for path in sorted((ROOT / "fixtures").glob("*/*.request.json"))]
# In feedback: what a clinician says of a card. It is kept, in the tables that say so, and nowhere else.
FEEDBACK = "qzfeedback"
CANARY = re.compile(r"qz[a-z]+|73194826")
NUMBER = "73194826"
IDS = frozenset({"id", "reference", "fullUrl", "patientId", "userId", "encounterId"})
SPOKEN = frozenset({"display", "text", "unit", "family", "given", "valueString", "patientInstruction", "value"})


def replaced(value: Any, change: Callable[[str, Any], Any], name: str = "") -> Any:
    """The JSON with each text and number changed; `change` is told the name that it stands under."""
    if isinstance(value, dict):
        return {key: replaced(member, change, key) for key, member in value.items()}
    if isinstance(value, list):
        return [replaced(item, change, name) for item in value]
    return change(name, value) if isinstance(value, str | int | float) and not isinstance(value, bool) else value


def usable(name: str, value: Any) -> Any:
    """A canary in each text and number that leaves the story what it is."""
    if isinstance(value, str):
        if name in IDS or name == "selections":
            return f"{value}qzid"
        return f"{value} qztext" if name in SPOKEN else value
    return float(f"{value}.{NUMBER}") if name == "value" and float(value).is_integer() else value


def whole(_name: str, value: Any) -> Any:
    """Nothing but canaries: what is refused then is told by its field."""
    return "qzwhole" if isinstance(value, str) else int(NUMBER)


def mistyped(name: str, value: Any) -> Any:
    """Texts where numbers belong, and numbers where texts do: what the patient reader is for."""
    if name in IDS or name in ("hook", "hookInstance", "resourceType"):
        return usable(name, value)
    return int(NUMBER) if isinstance(value, str) else "qzmistyped"


def bodies(story: Json) -> Iterator[bytes]:
    envelope = {"hook": story["hook"], "hookInstance": story["hookInstance"]}
    for change in (usable, whole, mistyped):
        changed = replaced(story, change)
        yield json.dumps(changed).encode()
        yield json.dumps({**changed, **envelope, "extension": {"org.b12-cds.explain": True}}).encode()
        yield json.dumps({**changed, **envelope, "prefetch": replaced(story["prefetch"], mistyped)}).encode()
        yield json.dumps({**changed, **envelope, "prefetch": "qzprefetch"}).encode()
        yield json.dumps({**changed, **envelope, "qzmember": "qzmember"}).encode()
    sent = json.dumps(replaced(story, usable))
    yield sent[:-1].encode()
    yield sent.replace("qztext", "\\ud800qzhalf").encode()
    yield sent.replace("qztext", "qz\xff").encode("latin-1")
    yield sent.replace("{", '{"qzname": 1e999999, ', 3).encode()


class CanaryServer:
    """A FHIR server that fails in every way, with a canary in each."""

    def __init__(self, server: HTTPServer) -> None:
        self.base = server.url_for("/fhir").replace("127.0.0.1", "localhost")
        outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "diagnostics": "qzdiagnostics"}]}
        bundle = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "qzkind", "id": "qz" * 40}}]}
        self._answers = [
            Response(json.dumps(outcome), 500),
            Response(json.dumps(outcome), 403),
            Response("<html>qzhtml</html>", 200, content_type="text/html"),
            Response(json.dumps(outcome), 200),
            Response(json.dumps(bundle), 200),
            Response(json.dumps({**bundle, "link": [{"relation": "next", "url": "https://qzlink.example.org"}]}), 200),
            Response("", 302, {"Location": "https://qzlocation.example.org/"}),
            Response('{"resourceType": "qzcut', 200),
        ]
        self.asked = 0
        server.expect_request(re.compile("/fhir.*")).respond_with_handler(self._answer)

    def _answer(self, _request: Request) -> Response:
        self.asked += 1
        return self._answers[self.asked % len(self._answers)]


@pytest.fixture
def fhir() -> Iterator[CanaryServer]:
    with HTTPServer(host="127.0.0.1", threaded=True) as server:
        yield CanaryServer(server)


def fetching(story: Json, base: str) -> bytes:
    """All but the patient is to be fetched."""
    changed = replaced(story, usable)
    prefetch = {key: value for key, value in changed["prefetch"].items() if key == "patient"}
    token = {"access_token": "qztoken", "token_type": "Bearer", "subject": "qzsubject"}
    return json.dumps({**changed, "prefetch": prefetch, "fhirServer": base, "fhirAuthorization": token}).encode()


def feedback(answer: requests.Response) -> Iterator[bytes]:
    """On each card, and some that is refused."""
    cards = answer.json().get("cards", []) if answer.status_code == 200 else []
    ids = [card["uuid"] for card in cards] + [f"{FEEDBACK}card"]
    reason = {"reason": {"code": FEEDBACK, "system": FEEDBACK, "display": FEEDBACK}, "userComment": FEEDBACK}
    for card in ids:
        item: Json = {"card": card, "outcome": "overridden", "overrideReason": reason}
        yield json.dumps({"feedback": [{**item, "outcomeTimestamp": "2025-10-01T09:30:00Z"}]}).encode()
        yield json.dumps({"feedback": [{**item, "outcomeTimestamp": FEEDBACK}]}).encode()
        yield json.dumps({"feedback": [{**item, "outcome": FEEDBACK}, {**item, "card": [FEEDBACK]}, FEEDBACK]}).encode()
    yield json.dumps({"feedback": FEEDBACK}).encode()[:-1]


PAGES = (
    "/",
    "/health",
    "/ready",
    "/cds-services",
    "/openapi.json",
    "/docs",
    "/operations",
    "/knowledge",
    "/playground/setup",
    "/playground/timeline",
    "/playground/patient",
)


class Witness:
    """What came back that may hold nothing of what was sent."""

    def __init__(self, service: Running) -> None:
        self.service = service
        self.told: list[str] = []
        self.statuses: set[int] = set()

    def post(self, session: requests.Session, path: str, body: bytes, **headers: str) -> requests.Response:
        marked = {"X-Request-Id": "qzheader", "Authorization": "Bearer qzjwt"}
        sent = {"Content-Type": "application/json", **marked, **headers}
        answer = session.post(self.service.url + path, data=body, headers=sent, timeout=60)
        self.note(answer)
        return answer

    def note(self, answer: requests.Response) -> None:
        self.statuses.add(answer.status_code)
        self.told.append(str(answer.headers))
        if answer.status_code != 200:
            self.told.append(answer.text)


def canaries(text: str, but: str = "") -> set[str]:
    return {found for found in CANARY.findall(text) if not (but and found.startswith(but))}


def test_no_canary_is_left_anywhere(tmp_path: Path, fhir: CanaryServer) -> None:
    assert len(STORIES) > 20
    settings = {
        "B12_WORKERS": "1",
        "B12_FHIR_ORIGINS": fhir.base.removesuffix("/fhir"),
        "B12_FHIR_ALLOW_HTTP_LOCALHOST": "true",
        "B12_RATE_PER_MINUTE": "0",
    }
    with running(tmp_path, **settings) as service, requests.Session() as session:
        witness = Witness(service)
        for story in STORIES:
            path = f"/cds-services/b12-{story['hook']}"
            for body in (*bodies(story), fetching(story, fhir.base)):
                answer = witness.post(session, path, body)
            answer = witness.post(session, path, json.dumps(replaced(story, usable)).encode())
            for item in feedback(answer):
                witness.post(session, f"{path}/feedback", item)
        sent = json.dumps(replaced(STORIES[0], usable)).encode()
        witness.post(session, "/cds-services/qzservice", sent)
        witness.post(session, "/cds-services/b12-patient-view?qz=qzquery", sent, **{"Content-Type": "text/qztype"})
        witness.post(session, "/playground/chart", json.dumps({"bundle": "qzbundle", "patientId": "qzid"}).encode())
        witness.note(session.get(f"{service.url}/knowledge/qzkind/qzname", timeout=30))
        pages = [session.get(service.url + page, timeout=30) for page in PAGES]

    assert {200, 400, 404, 412, 415} <= witness.statuses
    assert {500, 503} & witness.statuses == set()
    assert fhir.asked > len(STORIES)
    assert {page.status_code for page in pages} == {200}
    log = service.log.read_text(encoding="utf-8")
    assert log.count('"answered"') > 15 * len(STORIES)
    assert canaries(log) == set()
    assert canaries("\n".join(witness.told)) == set()
    assert canaries("\n".join(page.text for page in pages)) == set()
    files = b"".join(path.read_bytes() for path in tmp_path.glob("b12.sqlite3*")).decode("latin-1")
    assert FEEDBACK in files, "what a clinician says of a card is kept, or nothing was searched"
    assert canaries(files, but=FEEDBACK) == set()


@pytest.mark.parametrize("cut", [False, True], ids=["whole", "cut"])
@pytest.mark.parametrize("change", [usable, whole, mistyped])
def test_what_the_command_line_complains_of_holds_no_canary(
    change: Callable[[str, Any], Any], cut: bool, tmp_path: Path
) -> None:
    """What it prints of a patient is the answer that was asked for; its complaints may be copied into any log."""
    file = tmp_path / "request.json"
    text = json.dumps({**replaced(STORIES[0], change), "hook": STORIES[0]["hook"]})
    file.write_text(text[:-1] if cut else text)
    command = [sys.executable, "-m", "cds_service.cli", "assess", str(file)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)

    assert (done.returncode != 0) == (cut or change is whole)
    assert canaries(done.stderr) == set()
    assert bool(done.stderr) == (done.returncode != 0)


@pytest.mark.parametrize("text", ["B12 150.73194826 ng/L", "Patient/p1qzid", "vitamin qztext", "qzfeedback"])
def test_a_canary_would_be_seen(text: str) -> None:
    assert canaries(text)
    assert bool(canaries(text, but=FEEDBACK)) == (text != FEEDBACK)
