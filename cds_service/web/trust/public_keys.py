"""Public keys of a client (a JWKS, RFC 7517), and which algorithm each may verify.

An algorithm is bound to the kind of key: a token cannot choose another reading of a key than its owner's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import InvalidKeyError
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

MAX_KEYS: Final = 100
_MAX_KID: Final = 256
_RSA_BITS: Final = (2048, 8192)  # fewer can be broken; more would make each call dear
_CURVE_ALGORITHM: Final = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_RSA_ALGORITHMS: Final = frozenset({"RS256", "RS384", "RS512"})
_PRIVATE_MEMBERS: Final = ("d", "p", "q", "dp", "dq", "qi", "k")
_READERS: Final = {"EC": ECAlgorithm.from_jwk, "RSA": RSAAlgorithm.from_jwk, "OKP": OKPAlgorithm.from_jwk}

PublicKey = EllipticCurvePublicKey | RSAPublicKey | Ed25519PublicKey | Ed448PublicKey


class Algorithm(StrEnum):
    """The signature algorithms that a client may be registered with; none is symmetric, and `none` is none of them."""

    ES256 = "ES256"
    ES384 = "ES384"
    ES512 = "ES512"
    RS256 = "RS256"
    RS384 = "RS384"
    RS512 = "RS512"
    EDDSA = "EdDSA"


class UnusableKey(Exception):
    """A key, or a whole set, that cannot be used; the message says why and how to mend it."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """One public key and the algorithms that it verifies."""

    kid: str
    key: PublicKey
    algorithms: frozenset[str]


class _KeySet(msgspec.Struct):
    keys: list[Any]


def read_key_set(body: bytes) -> dict[str, VerificationKey]:
    """The usable keys of a fetched JWKS, by `kid`.

    A key that cannot be used is left out and hides no other; so is every key of a `kid` that stands twice, as nobody
    could tell which of them is meant.

    Raises:
        UnusableKey: the body is no JWKS, or holds too many keys.
    """
    try:
        entries = msgspec.json.decode(body, type=_KeySet).keys
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise UnusableKey("is no JWKS") from error
    if len(entries) > MAX_KEYS:
        raise UnusableKey(f"holds more than {MAX_KEYS} keys")
    kids = Counter(kid for entry in entries if isinstance(entry, dict) and isinstance(kid := entry.get("kid"), str))
    usable: dict[str, VerificationKey] = {}
    for entry in entries:
        try:
            key = read_key(entry)
        except UnusableKey:
            continue
        if kids[key.kid] == 1:
            usable[key.kid] = key
    return usable


def read_listed_keys(entries: Sequence[Any]) -> dict[str, VerificationKey]:
    """The keys that an operator wrote down, by `kid`; here every one must be usable.

    Raises:
        UnusableKey: one is not, or a `kid` stands twice.
    """
    keys: dict[str, VerificationKey] = {}
    for position, entry in enumerate(entries, start=1):
        try:
            key = read_key(entry)
        except UnusableKey as error:
            raise UnusableKey(f"key {position} {error}") from error
        if key.kid in keys:
            raise UnusableKey(f"key {position} has the kid of another key; give each key a kid of its own")
        keys[key.kid] = key
    return keys


def read_key(entry: object) -> VerificationKey:
    """One public signature key.

    Raises:
        UnusableKey: it is of another kind, private, too weak, or broken.
    """
    if not isinstance(entry, Mapping):
        raise UnusableKey("must be an object with kty, kid and the members of a public key")
    kid = entry.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= _MAX_KID:
        raise UnusableKey(f"needs a kid: text of at most {_MAX_KID} characters, as the client's tokens carry it")
    if any(member in entry for member in _PRIVATE_MEMBERS):
        raise UnusableKey("holds a private or secret key; write its public members only, and replace the key")
    operations = entry.get("key_ops", ["verify"])
    if entry.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        raise UnusableKey("is not for signatures (use or key_ops); list the key that signs the tokens")
    key = _public_key(entry)
    algorithms = _algorithms(key)
    named = entry.get("alg")
    if named is not None:
        if str(named) not in algorithms:
            raise UnusableKey(f"has an alg that does not fit its kty and crv; write {' or '.join(sorted(algorithms))}")
        algorithms = frozenset({str(named)})
    return VerificationKey(kid, key, algorithms)


def _public_key(entry: Mapping[str, Any]) -> PublicKey:
    kind = entry.get("kty")
    reader = _READERS.get(kind) if isinstance(kind, str) else None
    if reader is None:
        raise UnusableKey("has a kty that is not EC, RSA or OKP; symmetric keys are never used")
    try:
        key = reader(dict(entry))
    except (InvalidKeyError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise UnusableKey("is broken: its members make no public key; copy it again from the client") from error
    if not isinstance(key, EllipticCurvePublicKey | RSAPublicKey | Ed25519PublicKey | Ed448PublicKey):
        raise UnusableKey("is no public signature key")
    if isinstance(key, RSAPublicKey) and not _RSA_BITS[0] <= key.key_size <= _RSA_BITS[1]:
        raise UnusableKey(f"has {key.key_size} bits; an RSA key needs {_RSA_BITS[0]} to {_RSA_BITS[1]}")
    return key


def _algorithms(key: PublicKey) -> frozenset[str]:
    if isinstance(key, RSAPublicKey):
        return _RSA_ALGORITHMS
    if isinstance(key, EllipticCurvePublicKey):
        if key.curve.name not in _CURVE_ALGORITHM:
            raise UnusableKey("is on a curve that is not used; P-256, P-384 and P-521 are")
        return frozenset({_CURVE_ALGORITHM[key.curve.name]})
    return frozenset({"EdDSA"})
