"""The file that lists the CDS clients (B12_CLIENTS), read once at start: every fault of it stops the start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from marshmallow import ValidationError

from cds_service.config import Settings
from cds_service.errors import InvalidSettings, OutboundRefused
from cds_service.knowledge.loader.documents import UnreadableDocument, parse
from cds_service.outbound.addresses import AddressRules, Origin
from cds_service.outbound.session import GuardedSession
from cds_service.service import CdsService
from cds_service.web.schemas import problems_of
from cds_service.web.trust.client import Client
from cds_service.web.trust.client_schema import DEFAULT_ALGORITHMS, ClientSchema
from cds_service.web.trust.key_source import MAX_JWKS_BYTES, FetchedKeys, KeySource, ListedKeys


def read_clients(settings: Settings, services: Sequence[CdsService]) -> dict[str, Client]:
    """The clients of the file that the settings name, by issuer.

    Raises:
        InvalidSettings: with every problem: file, client, field, what is wrong and how to mend it.
    """
    path = settings.clients
    if path is None:
        raise InvalidSettings("B12_CLIENTS: is not set; name the YAML file that lists your CDS clients.")
    try:
        document = parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"B12_CLIENTS: {path.name}: cannot be read; save it as UTF-8 text.") from error
    except UnreadableDocument as error:
        raise InvalidSettings(f"B12_CLIENTS: {path.name}: {error}") from error
    return clients_of(document, path.name, settings, services)


def clients_of(
    document: object, name: str, settings: Settings, services: Sequence[CdsService]
) -> dict[str, Client]:
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
    problems += (f"{what}; give each client its own" for what in _shared(read, "id", "issuer"))
    if problems:
        raise InvalidSettings("\n".join(f"B12_CLIENTS: {name}: {problem}" for problem in problems))
    return {entry["issuer"]: _client(entry, settings) for entry in read}


def _label(entry: object, position: int) -> str:
    name = entry.get("id") if isinstance(entry, dict) else None
    return f"client {name[:64]!r}" if isinstance(name, str) and name else f"client number {position}"


def _shared(read: Iterable[Mapping[str, Any]], *names: str) -> Iterator[str]:
    rows = list(read)
    for name in names:
        for value, times in Counter(row[name] for row in rows).items():
            if times > 1:
                yield f"{name}: {value!r} stands at {times} clients"


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


def _client(entry: dict[str, Any], settings: Settings) -> Client:
    url = entry.get("jwks_url")
    return Client(
        id=entry["id"],
        issuer=entry["issuer"],
        keys=_keys(entry, settings),
        algorithms=frozenset(entry.get("algorithms") or DEFAULT_ALGORITHMS),
        services=frozenset(entry["services"]),
        jku=url or entry.get("jku", ""),
        tenants=_optional(frozenset, entry.get("tenants")),
        fhir_origins=_optional(tuple, entry.get("fhir_origins")),
        never_sent=_optional(tuple, entry.get("never_sent")),
        one_action=entry.get("one_action"),
    )


def _keys(entry: Mapping[str, Any], settings: Settings) -> KeySource:
    url = entry.get("jwks_url")
    if url is None:
        return ListedKeys(entry["keys"])
    session = GuardedSession(_rules(url, settings), MAX_JWKS_BYTES)
    return FetchedKeys(entry["id"], url, session, settings.deadline_seconds)


def _optional(kind: Callable[[Any], Any], value: Any) -> Any:
    return None if value is None else kind(value)
