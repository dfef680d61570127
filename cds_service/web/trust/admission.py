"""Asking who calls, around every request to CDS Hooks endpoints; a preflight carries no token and is not asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import structlog
from flask import g, request

from cds_service.config import Settings, Trust
from cds_service.errors import InvalidSettings, UntrustedClient
from cds_service.web.callers import Retrievers, callers_of
from cds_service.web.edge import Caller, Edge
from cds_service.web.trust.client import Clients
from cds_service.web.trust.client_file import clients_of, read_clients
from cds_service.web.trust.demo_sandbox import demo_document
from cds_service.web.trust.gate import Endpoint, Gate

_log = structlog.get_logger()


def admission(edge: Edge, retrievers: Retrievers, blueprint: str) -> Callable[[], None]:
    """A function to run before each request: it notes who calls in `g.caller`, or refuses to go on.

    `blueprint` is the one whose routes are for clients only, where the settings ask for that.

    Raises:
        InvalidSettings: the client file cannot be used.
    """
    anyone = edge.anyone()
    if not edge.settings.trust.checks_callers:
        return _admitting_all(anyone)
    clients = _clients(edge)
    callers = callers_of(clients.values(), anyone, retrievers)
    return _admitting(Gate(clients, _bases(edge.settings), edge.store), callers, blueprint, edge.now)


def _admitting_all(anyone: Caller) -> Callable[[], None]:
    def admit() -> None:
        g.caller = anyone

    return admit


def _admitting(
    gate: Gate, callers: Mapping[str, Caller], blueprint: str, now: Callable[[], datetime]
) -> Callable[[], None]:
    def admit() -> None:
        if request.blueprint != blueprint or request.method == "OPTIONS":
            return
        try:
            client = gate.admit(request.headers.get("Authorization", ""), _endpoint(), now())
        except UntrustedClient as refused:
            _log.warning("not admitted", request=g.request_id, client=refused.client, error=refused.reason)
            raise
        g.caller = callers[client.id]

    return admit


def _endpoint() -> Endpoint:
    rule = request.url_rule.rule if request.url_rule is not None else ""
    return Endpoint((request.view_args or {}).get("service_id", ""), rule.endswith("/feedback"))


def _clients(edge: Edge) -> Clients:
    services = tuple(edge.services.values())
    if edge.settings.trust is Trust.DEMO_SANDBOX:
        _log.warning(
            "ANYONE CAN SIGN AS THE CDS HOOKS SANDBOX: its private key is public. For demonstrations on this machine "
            "only, and never with data of patients.",
            setting="B12_TRUST=demo-sandbox",
        )
        return clients_of(demo_document(services), "demo-sandbox", edge.settings, services)
    return read_clients(edge.settings, services)


def _bases(settings: Settings) -> tuple[str, ...]:
    """Where clients call us, as their tokens say it; never what a request's Host header says."""
    if settings.external_url:
        return (settings.external_url.rstrip("/"),)
    if settings.trust is Trust.DEMO_SANDBOX:
        return tuple(f"http://{host}:{settings.port}" for host in ("localhost", "127.0.0.1"))
    raise InvalidSettings("B12_EXTERNAL_URL: is not set, and B12_TRUST=required needs it.")
