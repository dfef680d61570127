"""The file that lists the CDS clients (B12_CLIENTS): at the start every fault of it stops the start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from marshmallow import ValidationError

from cds_service.config import Settings
from cds_service.errors import InvalidSettings, OutboundRefused
from cds_service.knowledge.loader.documents import UnreadableDocument, parse
from cds_service.outbound.addresses import AddressRules, Origin
from cds_service.outbound.session import GuardedSession
from cds_service.service import CdsService
from cds_service.web.schemas import problems_of
from cds_service.web.trust.client import Client, Clients
from cds_service.web.trust.client_schema import DEFAULT_ALGORITHMS, ClientSchema
from cds_service.web.trust.key_source import MAX_JWKS_BYTES, FetchedKeys, ListedKeys


class FetchedKeySets:
    """One `FetchedKeys` for each address: clients that share one share it, and a file that is read again keeps it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._made: dict[str, FetchedKeys] = {}

    def of(self, client: str, url: str) -> FetchedKeys:
        """The keys at this address; `client` is named in the log where it is the first to name the address."""
        if url not in self._made:
            session = GuardedSession(_rules(url, self._settings), MAX_JWKS_BYTES)
            self._made[url] = FetchedKeys(client, url, session, self._settings.deadline_seconds)
        return self._made[url]


def client_file(settings: Settings) -> Path:
    """The file that the settings name.

    Raises:
        InvalidSettings: they name none.
    """
    if settings.clients is None:
        raise InvalidSettings("B12_CLIENTS: is not set; name the YAML file that lists your CDS clients.")
    return settings.clients


def read_clients(settings: Settings, services: Sequence[CdsService], key_sets: FetchedKeySets | None = None) -> Clients:
    """The clients of the file that the settings name, by issuer.

    Raises:
        InvalidSettings: with every problem: file, client, field, what is wrong and how to mend it.
    """
    path = client_file(settings)
    try:
        document = parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"B12_CLIENTS: {path.name}: cannot be read; save it as UTF-8 text.") from error
    except UnreadableDocument as error:
        raise InvalidSettings(f"B12_CLIENTS: {path.name}: {error}") from error
    return clients_of(document, path.name, settings, services, key_sets)


def clients_of(
    document: object,
    name: str,
    settings: Settings,
    services: Sequence[CdsService],
    key_sets: FetchedKeySets | None = None,
) -> Clients:
    """The clients of a document of that file's shape, by issuer.

    Raises:
        InvalidSettings: with every problem.
    """
    entries = document.get("clients") if isinstance(document, dict) and set(document) == {"clients"} else None
    if not isinstance(entries, list) or not entries:
        raise InvalidSettings(f"B12_CLIENTS: {name}: must hold one key, `clients:`, with a list of at least one client")
    schema = ClientSchema(services)
    read: list[dict[str, Any]] = []
    problems: list[str] = []
    for position, entry in enumerate(entries, start=1):
        label = _label(entry, position)
        try:
            read.append(schema.load(entry))
        except ValidationError as error:
            problems += (f"{label}: {field or 'it'}: {what}" for field, what in problems_of(error))
            continue
        problems += (f"{label}: jwks_url: {what}" for what in _unreachable(read[-1], settings))
    problems += _shared(read)
    if problems:
        raise InvalidSettings("\n".join(f"B12_CLIENTS: {name}: {problem}" for problem in problems))
    sets = key_sets or FetchedKeySets(settings)
    clients: dict[str, tuple[Client, ...]] = {}
    for entry in read:
        clients[entry["issuer"]] = (*clients.get(entry["issuer"], ()), _client(entry, sets))
    return clients


def _label(entry: object, position: int) -> str:
    name = entry.get("id") if isinstance(entry, dict) else None
    return f"client {name[:64]!r}" if isinstance(name, str) and name else f"client number {position}"


def _shared(read: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Where two entries could mean the same caller."""
    rows = list(read)
    for value, times in Counter(row["id"] for row in rows).items():
        if times > 1:
            yield f"id: {value!r} stands at {times} clients; give each client its own"
    for value, times in Counter(row["issuer"] for row in rows).items():
        its_tenants = [row.get("tenants") for row in rows if row["issuer"] == value]
        if times > 1 and None in its_tenants:
            yield (
                f"issuer: {value!r} stands at {times} clients; give each of them its own issuer, or tenants that tell "
                "them apart"
            )
        for tenant, claims in Counter(tenant for listed in its_tenants for tenant in set(listed or ())).items():
            if claims > 1:
                yield f"tenants: {tenant!r} stands at {claims} clients of the issuer {value!r}; leave it at one of them"


def _unreachable(entry: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    url = entry.get("jwks_url")
    if url is None:
        return
    try:
        _rules(url, settings).check_url(url)
    except OutboundRefused as refused:
        yield f"{refused}; write an https address (http://localhost with B12_FHIR_ALLOW_HTTP_LOCALHOST)"


def _rules(url: str, settings: Settings) -> AddressRules:
    """Only the origin of this address, and the networks in which servers of this site live."""
    rules = AddressRules.of(
        (), allow_http_localhost=settings.fhir_allow_http_localhost, private_networks=settings.fhir_private_networks
    )
    return AddressRules(frozenset({Origin.of(url)}), rules.allow_http_localhost, rules.private_networks)


def _client(entry: dict[str, Any], key_sets: FetchedKeySets) -> Client:
    url = entry.get("jwks_url", "")
    return Client(
        id=entry["id"],
        issuer=entry["issuer"],
        keys=key_sets.of(entry["id"], url) if url else ListedKeys(entry["keys"]),
        algorithms=frozenset(entry.get("algorithms") or DEFAULT_ALGORITHMS),
        services=frozenset(entry["services"]),
        jku=url or entry.get("jku", ""),
        tenants=_optional(frozenset, entry.get("tenants")),
        fhir_origins=_optional(tuple, entry.get("fhir_origins")),
        never_sent=_optional(tuple, entry.get("never_sent")),
        one_action=entry.get("one_action"),
    )


def _optional(kind: Callable[[Any], Any], value: Any) -> Any:
    return None if value is None else kind(value)
