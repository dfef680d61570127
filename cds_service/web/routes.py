"""The routes of CDS Hooks 2.0.1 and of operations, with what OpenAPI says of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

import structlog
from flask import Response, g
from flask_smorest import Blueprint
from werkzeug.datastructures import Headers

from cds_service.errors import IncompatibleDatabase, TemporarilyUnavailable
from cds_service.storage.store import Store
from cds_service.web.answer import discovery_json, encoded
from cds_service.web.current import current
from cds_service.web.edge import Edge
from cds_service.web.feedback import record_feedback
from cds_service.web.hook_answer import answer_hook
from cds_service.web.schemas import (
    CardsSchema,
    DiscoverySchema,
    DocumentedHookRequestSchema,
    FeedbackSchema,
    HealthSchema,
    OperationOutcomeSchema,
    ReadySchema,
    StoredSchema,
)

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

JSON = "application/json"
CDS_HOOKS = "CDS Hooks"
_BODY_ERRORS = (400, 401, 404, 405, 408, 413, 415, 429, 500, 503)
_HOOK_ERRORS = (*_BODY_ERRORS, 412)
_log = structlog.get_logger()


def cds_hooks_routes(edge: Edge) -> Any:
    """Discovery, the services, and feedback."""
    routes = Blueprint(CDS_HOOKS, __name__, description="CDS Hooks 2.0.1 for FHIR R4")

    @cache
    def discovery(offered: frozenset[str]) -> bytes:
        return encoded(discovery_json([service for service in edge.services.values() if service.id in offered]))

    def discover() -> Response:
        """Which services there are for this caller, and what data they ask for."""
        return _json(discovery(g.caller.services))

    def call(service_id: str) -> Response:
        """Assess the patient of a hook, and answer with cards."""
        service, noted = edge.service(service_id), current(g)
        noted.service = service.id
        body, noted.cards = answer_hook(edge, noted.caller, service, noted.body)
        return _json(body)

    def feedback(service_id: str) -> Response:
        """Keep what a clinician did with cards."""
        g.service = edge.service(service_id).id
        kept = record_feedback(edge, service_id, g.body)
        g.items = kept.items
        left_out = {"suggestionsLeftOut": kept.suggestions_left_out} if kept.suggestions_left_out else {}
        return _json(encoded({"stored": kept.items} | left_out))

    one = "/cds-services/<service_id>"
    _add(routes, "/cds-services", "GET", discover, DiscoverySchema, errors=(401, 429, 500, 503))
    _add(routes, one, "POST", call, CardsSchema, DocumentedHookRequestSchema, _HOOK_ERRORS)
    _add(routes, f"{one}/feedback", "POST", feedback, StoredSchema, FeedbackSchema, _BODY_ERRORS)
    return routes


def operations_routes(edge: Edge, trouble_with_clients: Callable[[], str | None]) -> Any:
    """Whether the process lives, and whether it can do all its work."""
    routes = Blueprint("Operations", __name__, description="For whoever runs the service")

    def health() -> Response:
        """The process answers."""
        return _json(encoded({"status": "ok"}))

    def ready() -> Response:
        """The knowledge is loaded, the database can be used, and the file of clients is in force as it stands."""
        trouble = database_trouble(edge.store)
        body = {
            "status": "not ready" if trouble else "ready",
            "knowledgeVersion": edge.knowledge.version,
            "database": trouble or "ok",
        }
        # The log says what is wrong: this is for anyone to read. Calls are answered as before, so it stays ready.
        with_clients = trouble_with_clients()
        if with_clients is not None:
            body["clients"] = "the changed file cannot be used; the clients from before hold" if with_clients else "ok"
        return _json(encoded(body), 503 if trouble else 200)

    for path in ("/health", "/healthz"):
        _add(routes, path, "GET", health, HealthSchema)
    for path in ("/ready", "/readyz"):
        _add(routes, path, "GET", ready, ReadySchema, others=((503, ReadySchema),))
    return routes


def database_trouble(store: Store) -> str:
    """Why the database cannot be used, for anyone to read; the log has what it said."""
    try:
        store.check()
    except IncompatibleDatabase as problem:
        _log.error("not ready", error=problem.cause)
        return "is of a newer release"
    except TemporarilyUnavailable as problem:
        _log.warning("not ready", error=problem.cause)
        return "cannot be reached"
    return ""


class _Whole(Response):
    """An answer of ours: bytes of known length and no Location, so that there is nothing for werkzeug to mend."""

    def get_wsgi_headers(self, _environ: WSGIEnvironment) -> Headers:
        """As they stand."""
        return self.headers


def _json(body: bytes, status: int = 200) -> Response:
    return _Whole(body, status, content_type=JSON)


def _add(
    routes: Any,
    path: str,
    method: str,
    view: Any,
    answer: Any = None,
    request: Any = None,
    errors: tuple[int, ...] = (),
    others: tuple[tuple[int, Any], ...] = (),
) -> None:
    """Add a route and describe it. Bodies are read and written by us: these schemas only document them."""
    described = routes.response(200, answer)(view) if answer else routes.response(200)(view)
    for status, schema in (*((status, OperationOutcomeSchema) for status in errors), *others):
        described = routes.alt_response(status, schema=schema)(described)
    if request is not None:
        content = {JSON: {"schema": request}}
        described = routes.doc(requestBody={"required": True, "content": content})(described)
    routes.route(path, methods=[method])(described)
