"""A CDS client's token: read strictly, its claims checked before its signature, so that a bad one costs nothing.

Claims are those of CDS Hooks 2.0.1, "Trusting CDS Clients"; the order follows its best practices: issuer, audience,
time, tenant, then key and signature. Whether it was used before is asked last, by whoever holds the store.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

import jwt
import msgspec

from cds_service.errors import UntrustedClient
from cds_service.web.trust.client import Client, Clients

SKEW_SECONDS: Final = 60
MAX_LIFETIME_SECONDS: Final = 3600
_MAX_TOKEN: Final = 8192
_MAX_AUDIENCES: Final = 20
_MAX_JTI: Final = 512
# One bearer token and nothing else: two headers arrive joined by a comma, which has no place here.
_BEARER = re.compile(r"(?i:bearer) +((?:[A-Za-z0-9_-]+\.){2}[A-Za-z0-9_-]+)")
_SIGNATURES = jwt.PyJWS(algorithms=["ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "EdDSA"])


class Refusal(StrEnum):
    """Why a caller is not admitted: for the log only. The caller is never told."""

    NO_BEARER = "no-bearer"
    NO_JWT = "no-jwt"
    HEADER = "header"
    CLAIMS = "claims"
    ISSUER = "issuer"
    ALGORITHM = "algorithm"
    JKU = "jku"
    SERVICE = "service"
    AUDIENCE = "audience"
    EXPIRED = "expired"
    NOT_YET = "not-yet"
    LIFETIME = "lifetime"
    TENANT = "tenant"
    KEY = "key"
    KEY_ALGORITHM = "key-algorithm"
    SIGNATURE = "signature"
    REPLAYED = "replayed"


class _Header(msgspec.Struct):
    alg: str
    kid: str
    typ: str | None = None
    jku: str | None = None
    crit: Any = None
    b64: Any = None


class _Claims(msgspec.Struct):
    iss: str
    aud: str | list[str]
    exp: float
    iat: float
    jti: str
    nbf: float | None = None
    tenant: str | None = None


_HEADER = msgspec.json.Decoder(_Header)
_CLAIMS = msgspec.json.Decoder(_Claims)


@dataclass(frozen=True, slots=True, repr=False)
class UncheckedToken:
    """A token that is well formed. Nothing in it is known to be true until `verify_signature`."""

    text: str
    header: _Header
    claims: _Claims
    payload: bytes

    @property
    def expires(self) -> datetime:
        """When the token ends."""
        return datetime.fromtimestamp(self.claims.exp, UTC)


def read_token(authorization: str) -> UncheckedToken:
    """The token of an Authorization header.

    Raises:
        UntrustedClient: there is none, or it is not well formed.
    """
    found = _BEARER.fullmatch(authorization) if len(authorization) <= _MAX_TOKEN else None
    if found is None:
        raise UntrustedClient(Refusal.NO_BEARER)
    text = found[1]
    head, payload, _ = text.split(".")
    try:
        header_bytes, payload_bytes = jwt.utils.base64url_decode(head), jwt.utils.base64url_decode(payload)
    except ValueError as error:
        raise UntrustedClient(Refusal.NO_JWT) from error
    header = _decoded(_HEADER, header_bytes, Refusal.HEADER)
    claims = _decoded(_CLAIMS, payload_bytes, Refusal.CLAIMS)
    if not header.kid or header.crit is not None or header.b64 is not None or (header.typ or "JWT").upper() != "JWT":
        raise UntrustedClient(Refusal.HEADER)
    if not 0 < len(claims.jti) <= _MAX_JTI or not _is_a_time(claims):
        raise UntrustedClient(Refusal.CLAIMS)
    return UncheckedToken(text, header, claims, payload_bytes)


def client_of(token: UncheckedToken, clients: Clients) -> Client:
    """The client that the token says it is of, by its issuer and tenant.

    Raises:
        UntrustedClient: there is no such client.
    """
    of_this_issuer = clients.get(token.claims.iss)
    if not of_this_issuer:
        raise UntrustedClient(Refusal.ISSUER)
    for client in of_this_issuer:
        if client.tenants is None or token.claims.tenant in client.tenants:
            return client
    raise UntrustedClient(Refusal.TENANT, of_this_issuer[0].id if len(of_this_issuer) == 1 else "")


def check_header(token: UncheckedToken, client: Client) -> None:
    """Whether what the token chooses is what the client is registered with.

    Raises:
        UntrustedClient: the algorithm or the key address is not the client's.
    """
    if token.header.alg not in client.algorithms:
        raise UntrustedClient(Refusal.ALGORITHM)
    if token.header.jku is not None and (not client.jku or token.header.jku != client.jku):
        raise UntrustedClient(Refusal.JKU)


def check_audience(token: UncheckedToken, addresses: Collection[str]) -> None:
    """Whether the token is for one of the addresses, exactly.

    Raises:
        UntrustedClient: it is for another endpoint or service.
    """
    named = [token.claims.aud] if isinstance(token.claims.aud, str) else token.claims.aud
    if len(named) > _MAX_AUDIENCES or not any(audience in addresses for audience in named):
        raise UntrustedClient(Refusal.AUDIENCE)


def check_times(token: UncheckedToken, now: datetime) -> None:
    """Whether the token holds now, with a minute for clocks that differ.

    Raises:
        UntrustedClient: it has ended, has not begun, or would hold for more than an hour.
    """
    moment = now.timestamp()
    claims = token.claims
    if claims.exp + SKEW_SECONDS <= moment:
        raise UntrustedClient(Refusal.EXPIRED)
    begins = claims.iat if claims.nbf is None else max(claims.iat, claims.nbf)
    if begins - SKEW_SECONDS > moment:
        raise UntrustedClient(Refusal.NOT_YET)
    if not 0 < claims.exp - claims.iat <= MAX_LIFETIME_SECONDS:
        raise UntrustedClient(Refusal.LIFETIME)


def verify_signature(token: UncheckedToken, client: Client, now: datetime) -> None:
    """Whether the client signed the token, with a key that is for this algorithm.

    Raises:
        UntrustedClient: the key is not known or not for this, or the signature does not hold.
    """
    key = client.keys.find(token.header.kid, now)
    if key is None:
        raise UntrustedClient(Refusal.KEY)
    if token.header.alg not in key.algorithms:
        raise UntrustedClient(Refusal.KEY_ALGORITHM)
    try:
        signed = _SIGNATURES.decode_complete(token.text, key.key, algorithms=[token.header.alg])["payload"]
    except (jwt.PyJWTError, ValueError) as error:
        raise UntrustedClient(Refusal.SIGNATURE) from error
    if signed != token.payload:  # two readers of one text: what was checked must be what was signed
        raise UntrustedClient(Refusal.SIGNATURE)


def _decoded(decoder: msgspec.json.Decoder[Any], body: bytes, refusal: Refusal) -> Any:
    try:
        return decoder.decode(body.decode())  # as text: msgspec does not look into strings that it skips
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise UntrustedClient(refusal) from error


def _is_a_time(claims: _Claims) -> bool:
    """Whether all times are of this age of the world; others would overflow where they are made a date."""
    times = (claims.exp, claims.iat, claims.nbf or 0.0)
    return all(0 <= moment < 1e11 for moment in times)
