"""CDS services that are wrong on purpose, so that each check is seen to fail."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.serving import make_server


def sloppy() -> Flask:
    """It has the right outline, and nearly each detail is wrong."""
    app = Flask("sloppy")

    @app.get("/cds-services")
    def discover() -> Any:
        return jsonify(services=[_entry("patient-view"), _entry("order-select"), _entry("order sign", "id with blank")])

    @app.post("/cds-services/<service_id>")
    def call(service_id: str) -> Any:
        if service_id == "no-such-service":
            return jsonify(cards=[])
        sent = request.get_json(silent=True)
        if not isinstance(sent, dict) or "context" not in sent or "unheardOf" in sent or _is_odd(sent):
            return "no", 500
        time.sleep(0.6)
        return jsonify(cards=[_card("1"), _card("1")], systemActions=[{"type": "create"}], extension={"short": 1})

    @app.post("/cds-services/<service_id>/feedback")
    def feedback(service_id: str) -> Any:
        return ("no", 500) if request.get_json()["feedback"][0]["outcome"] != "ignored" else jsonify(service_id)

    return app


def _entry(hook: str, service_id: str = "same") -> dict[str, Any]:
    return {
        "hook": hook,
        "id": service_id,
        "description": "",
        "usageRequirements": 5,
        "hookVersion": "newest",
        "prefetch": {
            "absolute": "https://ehr.example.org/Observation?patient={{context.patientId}}",
            "orders": "Observation?patient={{context.draftOrders}}&patient={{today()}}",
            "labs": "Observation?subject:Patient={{context.patientId}}&sort:desc=date&_include=*&date=ap2025",
        },
    }


def _is_odd(sent: dict[str, Any]) -> bool:
    labs = sent.get("prefetch", {}).get("labs", {})
    entries = (sent["context"].get("draftOrders") or {}).get("entry", [{}, {}])
    return not labs or not labs.get("entry") or "OperationOutcome" in str(labs) or len(entries) == 1


def _card(uuid: str) -> dict[str, Any]:
    return {
        "uuid": uuid,
        "summary": "x" * 140,
        "detail": {"html": "<b>"},
        "indicator": "hard-stop",
        "source": {"url": "/guideline", "icon": "icon.png", "topic": {"code": "b12"}},
        "overrideReasons": [{"code": "x", "system": "urn:x"}, "later"],
        "links": [
            {"label": "", "url": "app", "type": "smart", "appContext": {"patient": 1}},
            {"label": "Guideline", "url": "//host/page", "type": "page", "appContext": "x"},
        ],
        "selectionBehavior": "at-most-one",
        "suggestions": [
            {"isRecommended": True, "actionSelectionBehavior": "any", "actions": _actions()},
            {"label": "Two", "uuid": "1", "isRecommended": True, "actions": {}},
        ],
    }


def _actions() -> list[dict[str, Any]]:
    return [
        {"type": "create", "description": "Order", "resource": {"resourceType": "MedicationRequest", "status": 5}},
        {"type": "create", "description": "Order", "resource": {"resourceType": "Nonsense"}},
        {"type": "update", "description": "Change", "resource": {"resourceType": "Patient", "id": "another"}},
        {"type": "delete", "resource": {"resourceType": "MedicationRequest", "id": "draft-1"}},
        {"type": "replace", "description": None},
    ]


def stranger() -> Flask:
    """It answers JSON of shapes that nobody expects, in a latin alphabet of its own."""
    app = Flask("stranger")

    @app.get("/cds-services")
    def discover() -> Any:
        odd: list[Any] = [5, None, {"hook": "patient-view", "id": "a", "prefetch": {}, "extension": []}]
        return jsonify(services=[*odd, {"hook": "order-select", "id": "b", "prefetch": [1], "title": ["x"]}])

    @app.post("/cds-services/a")
    def call_a() -> Any:
        deep: Any = {"resourceType": "Questionnaire"}
        for _ in range(50):
            deep = {"resourceType": "Parameters", "parameter": [{"name": "x", "resource": deep}]}
        odd: list[Any] = [None, 5, [], {}, {"suggestions": 5, "links": {}, "source": "us", "summary": {}}]
        more = {"detail": "<script>", "suggestions": [{"actions": [{"type": {}, "resource": deep}, 5]}, 5]}
        return jsonify(cards=[*odd, more])

    @app.post("/cds-services/b")
    def call_b() -> Any:
        return Response(b'{"cards": [{"summary": "\xe9"}], }', content_type="text/plain")

    return app


def garbled() -> Flask:
    """Discovery is a page of a website."""
    app = Flask("garbled")

    @app.get("/cds-services")
    def discover() -> Any:
        return "<html>Sign in</html>", 302, {"Location": "https://login.example.org"}

    return app


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The address of `app` on this machine."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
