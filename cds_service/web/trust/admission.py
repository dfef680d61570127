"""Asking who calls, around every request to CDS Hooks endpoints; a preflight carries no token and is not asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from flask import Request, g, request

from cds_service.config import Settings, Trust
from cds_service.errors import InvalidSettings, UntrustedClient
from cds_service.web.callers import Retrievers, callers_of
from cds_service.web.current import current
from cds_service.web.edge import Caller, Edge
from cds_service.web.trust.client import Client, Clients
from cds_service.web.trust.client_file import FetchedKeySets, client_file, clients_of, read_clients
from cds_service.web.trust.demo_sandbox import demo_document
from cds_service.web.trust.gate import Endpoint, Gate
from cds_service.web.trust.reread import Reread

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Admission:
    """`admit` runs before each request: it notes who calls in `g.caller`, or refuses to go on.

    `trouble_with_clients` says why a changed client file is not in force, "" where nothing is wrong, and None where
    there is no such file. `clients` are those in force, none where nobody is asked who they are.
    """

    admit: Callable[[], None]
    trouble_with_clients: Callable[[], str | None]
    clients: Callable[[], Sequence[Client]]


def admission(edge: Edge, retrievers: Retrievers, blueprint: str) -> Admission:
    """Who is let in, as the settings say.

    `blueprint` is the one whose routes are for clients only, where the settings ask for that.

    Raises:
        InvalidSettings: the client file cannot be used.
    """
    anyone = edge.anyone()
    settings, services = edge.settings, tuple(edge.services.values())
    if not settings.trust.checks_callers:
        return Admission(_admitting_all(anyone), lambda: None, tuple)
    bases = _bases(settings)

    def registered(clients: Clients) -> _Registered:
        listed = [client for of_one_issuer in clients.values() for client in of_one_issuer]
        return _Registered(Gate(clients, bases, edge.store), callers_of(listed, anyone, retrievers), listed)

    if settings.trust is Trust.DEMO_SANDBOX:
        _warn_of_the_sandbox()
        sandbox = registered(clients_of(demo_document(services), "demo-sandbox", settings, services))
        return Admission(_admitting(lambda: sandbox, blueprint, edge.now), lambda: None, lambda: sandbox.clients)
    key_sets = FetchedKeySets(settings)
    file = Reread(client_file(settings), "B12_CLIENTS", lambda: registered(read_clients(settings, services, key_sets)))

    def trouble() -> str:
        file.current()
        return file.trouble

    return Admission(_admitting(file.current, blueprint, edge.now), trouble, lambda: file.current().clients)


@dataclass(frozen=True, slots=True)
class _Registered:
    """What one reading of the client file means; it is replaced as a whole."""

    gate: Gate
    callers: Mapping[str, Caller]
    clients: Sequence[Client]


def _admitting_all(anyone: Caller) -> Callable[[], None]:
    def admit() -> None:
        g.caller = anyone

    return admit


def _admitting(
    registered: Callable[[], _Registered], blueprint: str, now: Callable[[], datetime]
) -> Callable[[], None]:
    def admit() -> None:
        sent = current(request)
        if sent.blueprint != blueprint or sent.method == "OPTIONS":
            return
        held = registered()
        try:
            client = held.gate.admit(sent.headers.get("Authorization", ""), _endpoint(sent), now())
        except UntrustedClient as refused:
            _log.warning("not admitted", request=g.request_id, client=refused.client, error=refused.reason)
            raise
        g.caller = held.callers[client.id]

    return admit


def _endpoint(sent: Request) -> Endpoint:
    rule = sent.url_rule.rule if sent.url_rule is not None else ""
    return Endpoint((sent.view_args or {}).get("service_id", ""), rule.endswith("/feedback"))


def _warn_of_the_sandbox() -> None:
    _log.warning(
        "ANYONE CAN SIGN AS THE CDS HOOKS SANDBOX: its private key is public. For demonstrations on this machine "
        "only, and never with data of patients.",
        setting="B12_TRUST=demo-sandbox",
    )


def _bases(settings: Settings) -> tuple[str, ...]:
    """Where clients call us, as their tokens say it; never what a request's Host header says."""
    if settings.external_url:
        return (settings.external_url.rstrip("/"),)
    if settings.trust is Trust.DEMO_SANDBOX:
        return tuple(f"http://{host}:{settings.port}" for host in ("localhost", "127.0.0.1"))
    raise InvalidSettings("B12_EXTERNAL_URL: is not set, and B12_TRUST=required needs it.")
