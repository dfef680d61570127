"""Which callers there are and what holds for each, from the settings and the client file."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from cds_service.config import Settings
from cds_service.fhir.retrieve import Retriever, threads_for
from cds_service.fhir.sieve import Sieve
from cds_service.outbound.addresses import AddressRules
from cds_service.outbound.session import GuardedSession
from cds_service.web.edge import Caller
from cds_service.web.trust.client import Client


@dataclass(slots=True)
class Retrievers:
    """One way to FHIR servers for each list of origins: what one client may reach, another may not."""

    settings: Settings
    sieve: Sieve
    _pool: ThreadPoolExecutor = field(init=False)
    _made: dict[tuple[str, ...], Retriever] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """One pool for all: so many requests are worked on at once, whosever they are."""
        self._pool = threads_for(self.settings.threads)

    def of(self, origins: tuple[str, ...]) -> Retriever:
        """The retriever that may call these origins and no other."""
        if origins not in self._made:
            rules = AddressRules.of(
                origins,
                allow_http_localhost=self.settings.fhir_allow_http_localhost,
                private_networks=self.settings.fhir_private_networks,
            )
            seconds = self.settings.deadline_seconds
            self._made[origins] = Retriever(GuardedSession(rules), seconds, self._pool, self.sieve)
        return self._made[origins]


def callers_of(clients: Iterable[Client], anyone: Caller, retrievers: Retrievers) -> dict[str, Caller]:
    """What holds for each client, by its id: its own entries, and where it has none, those of the settings."""
    return {client.id: _caller(client, anyone, retrievers) for client in clients}


def _caller(client: Client, anyone: Caller, retrievers: Retrievers) -> Caller:
    return Caller(
        client=client.id,
        services=client.services,
        retriever=anyone.retriever if client.fhir_origins is None else retrievers.of(client.fhir_origins),
        never_sent=anyone.never_sent if client.never_sent is None else client.never_sent,
        one_action=anyone.one_action if client.one_action is None else client.one_action,
    )
