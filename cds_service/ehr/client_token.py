"""The token that a CDS client signs for each call (CDS Hooks 2.0.1, "Trusting CDS Clients"), and a key to sign with."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from cds_service.ehr.patient_bundle import Json, UnusableFile

_LIVES = timedelta(minutes=5)
_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
_THUMBPRINT = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n"), "OKP": ("crv", "kty", "x")}
_ALGORITHMS = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True, slots=True)
class ClientKey:
    """A private key, the id that its public half goes by, and the algorithm to sign with."""

    key: _PrivateKey
    kid: str
    algorithm: str

    @classmethod
    def new(cls) -> ClientKey:
        """A new key for ES384, one of the two algorithms that CDS Hooks recommends."""
        key = ec.generate_private_key(ec.SECP384R1())
        return cls(key, _thumbprint(_jwk(key)), "ES384")

    @classmethod
    def read(cls, path: Path, kid: str = "") -> ClientKey:
        """The private key in a file, a JWK or PEM; `kid` otherwise is that of the JWK, otherwise its thumbprint.

        Raises:
            UnusableFile: there is no private key in it that could sign. The message never shows what the file holds.
        """
        try:
            text = path.read_text(encoding="utf-8")
            found = json.loads(text) if text.lstrip().startswith("{") else {}
            key = _from_jwk(found) if found else load_pem_private_key(text.encode(), password=None)
        except (OSError, ValueError, TypeError, KeyError, jwt.exceptions.PyJWTError):
            raise UnusableFile(f"{path}: holds no private key; a JWK or an unencrypted PEM is needed.") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
            raise UnusableFile(f"{path}: holds no private key of a kind that can sign (EC, RSA or Ed25519).")
        return cls(key, kid or str(found.get("kid") or _thumbprint(_jwk(key))), _algorithm(key, path))

    def private_jwk(self) -> Json:
        """The key, for a file that only its owner reads."""
        return {**_jwk(self.key), "kid": self.kid, "alg": self.algorithm}

    def public_jwk(self) -> Json:
        """The public half, for the service's list of clients."""
        return {name: value for name, value in self.private_jwk().items() if name not in _PRIVATE}


@dataclass(frozen=True, slots=True)
class Client:
    """Who signs: the key, the issuer that the service knows it by, and what else its tokens say."""

    key: ClientKey
    issuer: str
    jku: str = ""
    tenant: str = ""

    def token(self, audience: str, now: datetime) -> str:
        """A token for one call to `audience`."""
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": audience,
            "iat": now,
            "exp": now + _LIVES,
            "jti": str(uuid4()),
            **({"tenant": self.tenant} if self.tenant else {}),
        }
        header = {"kid": self.key.kid, **({"jku": self.jku} if self.jku else {})}
        return jwt.encode(claims, self.key.key, algorithm=self.key.algorithm, headers=header)


def _from_jwk(found: Mapping[str, Any]) -> Any:
    return jwt.PyJWK.from_dict(dict(found) | {"alg": _ALG_OF_JWK.get(str(found.get("crv")), "RS384")}).key


_ALG_OF_JWK = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "Ed25519": "EdDSA"}


def _algorithm(key: _PrivateKey, path: Path) -> str:
    if isinstance(key, rsa.RSAPrivateKey):
        return "RS384"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "EdDSA"
    if key.curve.name not in _ALGORITHMS:
        raise UnusableFile(f"{path}: a key on the curve {key.curve.name} cannot sign here; take P-384.")
    return _ALGORITHMS[key.curve.name]


def _jwk(key: _PrivateKey) -> Json:
    if isinstance(key, rsa.RSAPrivateKey):
        found = RSAAlgorithm.to_jwk(key, as_dict=True)
    elif isinstance(key, ed25519.Ed25519PrivateKey):
        found = OKPAlgorithm.to_jwk(key, as_dict=True)
    else:
        found = ECAlgorithm.to_jwk(key, as_dict=True)
    return {name: value for name, value in found.items() if name != "key_ops"}


def _thumbprint(jwk: Mapping[str, Any]) -> str:
    """RFC 7638: the same key has the same id wherever it is read."""
    members = {name: jwk[name] for name in _THUMBPRINT[jwk["kty"]]}
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()
