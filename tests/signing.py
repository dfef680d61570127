"""A CDS client's keys and tokens, good and bad: a token is built from any header, claims and signature."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm, get_default_algorithms

ALGORITHMS = ("ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "EdDSA")
_CURVES = {"ES256": ec.SECP256R1, "ES384": ec.SECP384R1, "ES512": ec.SECP521R1, "ES256K": ec.SECP256K1}
BASE = "https://cds.example.org"
SERVICE = f"{BASE}/cds-services/b12-patient-view"


def encoded(part: object) -> str:
    """A part of a token: JSON (or bytes as they are) in base64url."""
    body = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(body).rstrip(b"=").decode()


def jws(header: object, payload: object, sign: Callable[[bytes], bytes]) -> str:
    """A token of any header and payload."""
    signed = f"{encoded(header)}.{encoded(payload)}"
    return f"{signed}.{encoded(sign(signed.encode()))}"


@cache
def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """Dear to make, so made once."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@dataclass(frozen=True)
class Signer:
    """One key pair, and the algorithm that it signs with unless told otherwise."""

    alg: str
    kid: str
    key: Any

    @classmethod
    def of(cls, alg: str, kid: str = "key-1") -> Signer:
        """A signer with a new key (RSA: always the same)."""
        if alg.startswith("RS"):
            return cls(alg, kid, rsa_key())
        if alg == "EdDSA":
            return cls(alg, kid, ed25519.Ed25519PrivateKey.generate())
        if alg == "Ed448":
            return cls("EdDSA", kid, ed448.Ed448PrivateKey.generate())
        return cls(alg, kid, ec.generate_private_key(_CURVES[alg]()))

    @property
    def jwk(self) -> dict[str, Any]:
        """The public key."""
        return {**_to_jwk(self.key.public_key()), "kid": self.kid}

    @property
    def private_jwk(self) -> dict[str, Any]:
        """The private key, which has no place with us."""
        return {**_to_jwk(self.key), "kid": self.kid}

    def sign(self, message: bytes) -> bytes:
        """A signature."""
        return get_default_algorithms()[self.alg].sign(message, self.key)

    def token(self, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token that keeps the rules but for what is given; None leaves a member out."""
        head = {"alg": self.alg, "kid": self.kid, "typ": "JWT", **(header or {})}
        return jws(_given(head), _given(claims_of(**claims)), self.sign)

    def bearer(self, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """An Authorization header."""
        return f"Bearer {self.token(header, **claims)}"


def claims_of(**more: Any) -> dict[str, Any]:
    """Claims that keep the rules, of a client that is called "ehr" here."""
    now = int(time.time())
    given = {
        "iss": "https://ehr.example.org/fhir",
        "aud": SERVICE,
        "exp": now + 300,
        "iat": now,
        "jti": str(uuid.uuid4()),
    }
    return {**given, **more}


def _given(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _to_jwk(key: Any) -> dict[str, Any]:
    kind = RSAAlgorithm if hasattr(key, "key_size") and not hasattr(key, "curve") else OKPAlgorithm
    writer = ECAlgorithm if hasattr(key, "curve") else kind
    found: dict[str, Any] = writer.to_jwk(key, as_dict=True)
    return found
