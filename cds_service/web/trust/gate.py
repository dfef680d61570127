"""Who is let in: one question an endpoint, asked before anything of the request is used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cds_service.errors import UntrustedClient
from cds_service.storage.store import Store
from cds_service.web.trust.client import Client, Clients
from cds_service.web.trust.token import (
    Refusal,
    UncheckedToken,
    check_audience,
    check_header,
    check_times,
    client_of,
    read_token,
    verify_signature,
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What is called: discovery (no service), a service, or its feedback."""

    service: str = ""
    is_feedback: bool = False

    def addresses(self, base: str) -> Iterable[str]:
        """The `aud` of a token for this endpoint; for feedback the service's too, as clients differ in it."""
        discovery = f"{base}/cds-services"
        if not self.service:
            return (discovery,)
        service = f"{discovery}/{self.service}"
        return (f"{service}/feedback", service) if self.is_feedback else (service,)


@dataclass(frozen=True, slots=True)
class Gate:
    """The clients, the addresses under which they call this service, and the store that remembers used tokens."""

    clients: Clients
    bases: tuple[str, ...]
    store: Store

    def admit(self, authorization: str, endpoint: Endpoint, now: datetime) -> Client:
        """The client that calls.

        Its token is spent with this: it is written down, for every process to see, before anything is answered.

        Raises:
            UntrustedClient: the caller is not one who may call this; the reason is a `Refusal`.
            TemporarilyUnavailable: whether the token was used before cannot be told.
        """
        token = read_token(authorization)
        client = client_of(token, self.clients)
        try:
            self._check(token, client, endpoint, now)
        except UntrustedClient as refused:
            raise UntrustedClient(refused.reason, client.id) from refused
        return client

    def _check(self, token: UncheckedToken, client: Client, endpoint: Endpoint, now: datetime) -> None:
        check_header(token, client)
        if endpoint.service and endpoint.service not in client.services:
            raise UntrustedClient(Refusal.SERVICE)
        check_audience(token, {address for base in self.bases for address in endpoint.addresses(base)})
        check_times(token, now)
        verify_signature(token, client, now)
        if not self.store.use_token(client.issuer, token.claims.jti, token.expires, now):
            raise UntrustedClient(Refusal.REPLAYED)
