"""What one client of the client file may say, each problem told with how to mend it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from marshmallow import ValidationError, fields, validates_schema

from cds_service.config import is_origin
from cds_service.knowledge.schemas.base import StrictSchema, list_of, plain_text, read_flag, read_text, read_with
from cds_service.service import CdsService
from cds_service.web.never_sent import never_sent_problems
from cds_service.web.trust.public_keys import MAX_KEYS, Algorithm, UnusableKey, read_listed_keys

DEFAULT_ALGORITHMS: Final = frozenset({"ES384", "RS384"})  # those that CDS Hooks 2.0.1 recommends
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_MAX_ISSUER: Final = 500


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


class ClientSchema(StrictSchema):
    """One client of the file. Made for the services that are offered, which it may name and no others."""

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
        allowed = frozenset(data.get("algorithms") or DEFAULT_ALGORITHMS)
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
