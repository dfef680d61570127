"""A registered CDS client: whose tokens it signs, and what it may do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cds_service.web.trust.key_source import KeySource


@dataclass(frozen=True, slots=True)
class Client:
    """One entry of the client file. `id` is ours, for the log; `issuer` is the `iss` of its tokens.

    `jku` is the only key address that its tokens may name ("" for none); it is compared, and never called because a
    token names it. `tenants` None: any tenant, or none, will do. `fhir_origins`, `never_sent` and `one_action` are
    None where those of the settings hold.
    """

    id: str
    issuer: str
    keys: KeySource
    algorithms: frozenset[str]
    services: frozenset[str]
    jku: str = ""
    tenants: frozenset[str] | None = None
    fhir_origins: tuple[str, ...] | None = None
    never_sent: tuple[str, ...] | None = None
    one_action: bool | None = None


Clients = Mapping[str, tuple[Client, ...]]
"""Clients by issuer; where several have one issuer, each lists tenants, and no tenant stands at two of them."""
