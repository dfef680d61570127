"""The file that lists the CDS clients (B12_CLIENTS), read once at start: every fault of it stops the start."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from marshmallow import ValidationError, fields, validates_schema

from cds_service.config import Settings, is_origin
from cds_service.errors import InvalidSettings, OutboundRefused
from cds_service.knowledge.loader.documents import UnreadableDocument, parse
from cds_service.knowledge.schemas.base import StrictSchema, list_of, plain_text, read_flag, read_text, read_with
from cds_service.outbound.addresses import AddressRules, Origin
from cds_service.outbound.session import GuardedSession
from cds_service.service import CdsService
from cds_service.web.never_sent import never_sent_problems
from cds_service.web.schemas import problems_of
from cds_service.web.trust.client import Client
from cds_service.web.trust.key_source import MAX_JWKS_BYTES, FetchedKeys, KeySource, ListedKeys
from cds_service.web.trust.public_keys import MAX_KEYS, Algorithm, UnusableKey, read_listed_keys

_DEFAULT_ALGORITHMS: Final = frozenset({"ES384", "RS384"})  # those that CDS Hooks 2.0.1 recommends
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_MAX_ISSUER: Final = 500


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
    schema = _ClientSchema(services)
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
        algorithms=frozenset(entry.get("algorithms") or _DEFAULT_ALGORITHMS),
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


@dataclass(frozen=True, slots=True)
class _OneOf:
    """Reads one of the known words."""

    known: tuple[str, ...]

    def __call__(self, value: object) -> str:
        if value not in self.known:
            raise ValidationError(f"{str(value)[:64]!r} is not known; write one of {', '.join(self.known)}")
        return str(value)


def _read_id(value: object) -> str:
    text = read_text(value)
    if not _ID.fullmatch(text):
        raise ValidationError("must be lower-case letters, digits and hyphens, such as st-elsewhere-test; mend it")
    return text


def _read_issuer(value: object) -> str:
    text = read_text(value)
    if len(text) > _MAX_ISSUER:
        raise ValidationError(f"is longer than {_MAX_ISSUER} characters; write the iss of the client's tokens")
    return text


def _read_origin(value: object) -> str:
    text = read_text(value)
    if not is_origin(text):
        raise ValidationError(
            f"{text[:200]!r} is no origin; write scheme, host and, if needed, port, in lower case and without a path, "
            "such as https://ehr.example.org"
        )
    return text


def _read_keys(value: object) -> Any:
    entries = value.get("keys") if isinstance(value, dict) and set(value) == {"keys"} else value
    if not isinstance(entries, list) or not 0 < len(entries) <= MAX_KEYS:
        raise ValidationError(f"must be a list of 1 to {MAX_KEYS} public keys (JWK); copy those of the client")
    try:
        return read_listed_keys(entries)
    except UnusableKey as error:
        raise ValidationError(str(error)) from error


class _ClientSchema(StrictSchema):
    """One client."""

    id = read_with(_read_id, required=True)
    issuer = read_with(_read_issuer, required=True)
    jwks_url = plain_text()
    keys = read_with(_read_keys)
    jku = plain_text()
    algorithms = list_of(read_with(_OneOf(tuple(Algorithm))))
    tenants = list_of(plain_text())
    services: fields.Field[Any] = list_of(plain_text(), required=True)
    fhir_origins = list_of(read_with(_read_origin))
    never_sent = list_of(plain_text())
    one_action = read_with(read_flag)

    def __init__(self, services: Sequence[CdsService]) -> None:
        super().__init__()
        self._offered = services

    @validates_schema
    def has_keys_of_one_kind(self, data: Mapping[str, Any], **_: Any) -> None:
        """Keys are fetched or written down, and never a mixture, of which one part would be forgotten."""
        if ("jwks_url" in data) == ("keys" in data):
            raise ValidationError("give either jwks_url or keys, and not both; keep one of the two", "jwks_url")
        if "jku" in data and "jwks_url" in data:
            raise ValidationError("stands beside jwks_url, which is the jku of this client; take it out", "jku")

    @validates_schema
    def keys_fit_the_algorithms(self, data: Mapping[str, Any], **_: Any) -> None:
        """A key that no allowed algorithm can use is a mistake in one of the two lists."""
        allowed = frozenset(data.get("algorithms") or _DEFAULT_ALGORITHMS)
        for key in data.get("keys", {}).values():
            if not key.algorithms & allowed:
                fitting = " or ".join(sorted(key.algorithms))
                raise ValidationError(f"do not allow the key {key.kid[:64]!r}; add {fitting}", "algorithms")

    @validates_schema
    def lists_are_not_empty(self, data: Mapping[str, Any], **_: Any) -> None:
        """An empty list could be meant as all or as none."""
        empty = [name for name in ("algorithms", "tenants", "services") if data.get(name) == []]
        if empty:
            raise ValidationError({name: ["is empty; list at least one, or leave the key out"] for name in empty})

    @validates_schema
    def names_what_is_offered(self, data: Mapping[str, Any], **_: Any) -> None:
        """Services and prefetch keys must be those that there are."""
        offered = {service.id: service for service in self._offered}
        unknown = [name for name in data["services"] if name not in offered]
        if unknown:
            what = f"{unknown[0][:64]!r} is no service; write some of {', '.join(offered)}"
            raise ValidationError(what, "services")
        its_own = [offered[name] for name in data["services"]]
        for problem in never_sent_problems(data.get("never_sent", ()), its_own):
            raise ValidationError(problem, "never_sent")
