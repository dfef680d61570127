"""The Flask application: made from values that are passed in, so that a test makes its own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from flask import Flask
from flask_smorest import Api

from cds_service.config import Settings
from cds_service.errors import InvalidSettings
from cds_service.fhir.retrieve import Retriever
from cds_service.fhir.sieve import Sieve
from cds_service.knowledge.model import Knowledge
from cds_service.service import CdsService
from cds_service.storage.store import Store
from cds_service.web.api_page import add_api_page
from cds_service.web.callers import Retrievers
from cds_service.web.cors import allow_origins
from cds_service.web.edge import Edge
from cds_service.web.errors import register_error_answers
from cds_service.web.front import Front, Limits
from cds_service.web.headers import with_safe_headers
from cds_service.web.never_sent import never_sent_problems
from cds_service.web.pages import add_operations_page, add_pages
from cds_service.web.pages.playground import PlaygroundEhr
from cds_service.web.rate_limit import limiting
from cds_service.web.refusal import refusals
from cds_service.web.routes import CDS_HOOKS, cds_hooks_routes, operations_routes
from cds_service.web.traffic import watch_traffic
from cds_service.web.trust.admission import Admission, admission

_EDGE = "b12-cds edge"


class _PlainFlask(Flask):
    """Flask without coroutines: it would ask of each function, at each request, whether it is one."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


def create_app(
    settings: Settings,
    services: Sequence[CdsService],
    knowledge: Knowledge,
    store: Store | None = None,
    retriever: Retriever | None = None,
    playground: PlaygroundEhr | None = None,
) -> Flask:
    """The service as a WSGI application; store and retriever are made from the settings where none are given.

    `playground` is the EHR behind the page at `/`; None switches it off.

    Raises:
        InvalidSettings: a setting or the client file does not fit the services.
    """
    _check_never_sent(settings, services)
    sieve = Sieve(knowledge)
    retrievers = Retrievers(settings, sieve)
    edge = Edge(
        settings,
        {service.id: service for service in services},
        knowledge,
        store or Store(settings.database_url),
        retriever or retrievers.of(settings.fhir_origins),
        sieve,
    )
    callers = admission(edge, retrievers, CDS_HOOKS)
    app = _PlainFlask("cds_service", static_folder=None)
    app.url_map.strict_slashes = False
    _add_openapi(app, edge, callers)
    add_pages(app, edge, playground)
    add_operations_page(app, edge, callers)
    register_error_answers(app)
    limit = limiting(settings.rate_per_minute, CDS_HOOKS)
    watch_traffic(app, edge, callers.admit, limit)
    app.extensions[_EDGE] = edge
    if settings.cors_origins:
        allow_origins(app, settings)
    app.wsgi_app = with_safe_headers(app.wsgi_app)  # type: ignore[assignment, method-assign]  # Flask's own way
    return app


def create_front(settings: Settings, app: Flask) -> Front:
    """The application behind its front: ASGI, for a server that runs one event loop a process."""
    limits = Limits(settings.max_body_bytes, settings.body_seconds, settings.threads, settings.max_waiting)
    return Front(app.wsgi_app, limits, refusals(app, app.extensions[_EDGE]))


def _add_openapi(app: Flask, edge: Edge, callers: Admission) -> None:
    app.config.update(
        API_TITLE="B12 CDS Hooks",
        API_VERSION="2.0.1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
    )
    api = Api(app)
    api.register_blueprint(cds_hooks_routes(edge))
    api.register_blueprint(operations_routes(edge, callers.trouble_with_clients))
    for endpoint, view in app.view_functions.items():  # described by now: the wrappers that describe need not stay
        app.view_functions[endpoint] = inspect.unwrap(view)
    add_api_page(app, api)


def _check_never_sent(settings: Settings, services: Sequence[CdsService]) -> None:
    for problem in never_sent_problems(settings.never_sent, services):
        raise InvalidSettings(f"B12_NEVER_SENT: {problem}")
