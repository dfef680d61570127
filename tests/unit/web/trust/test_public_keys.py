"""Public keys: one odd key hides no other, and none is used for what it is not made for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cds_service.web.trust.public_keys import MAX_KEYS, UnusableKey, read_key, read_key_set
from tests.signing import Signer, rsa_key

EC = Signer.of("ES384", "ec")
RSA = Signer.of("RS384", "rsa")


def key_set(*keys: Any) -> bytes:
    return json.dumps({"keys": keys}).encode()


@pytest.mark.parametrize(
    ("alg", "algorithms"),
    [
        ("ES256", {"ES256"}),
        ("ES384", {"ES384"}),
        ("ES512", {"ES512"}),
        ("RS256", {"RS256", "RS384", "RS512"}),
        ("EdDSA", {"EdDSA"}),
        ("Ed448", {"EdDSA"}),
    ],
)
def test_a_key_verifies_the_algorithms_of_its_kind_and_curve(alg: str, algorithms: set[str]) -> None:
    key = read_key(Signer.of(alg, "k").jwk)

    assert (key.kid, key.algorithms) == ("k", algorithms)


def test_a_key_that_names_its_algorithm_is_for_that_one_only() -> None:
    assert read_key({**RSA.jwk, "alg": "RS512"}).algorithms == {"RS512"}


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("text", "must be an object"),
        (None, "must be an object"),
        ({}, "needs a kid"),
        ({**EC.jwk, "kid": 7}, "needs a kid"),
        ({**EC.jwk, "kid": ""}, "needs a kid"),
        ({**EC.jwk, "kid": "k" * 257}, "needs a kid"),
        ({"kid": "k", "kty": "oct", "k": "c2VjcmV0"}, "private or secret"),
        ({"kid": "k", "kty": "oct"}, "not EC, RSA or OKP"),
        ({"kid": "k", "kty": ["EC"]}, "not EC, RSA or OKP"),
        ({**EC.private_jwk}, "private or secret"),
        ({**RSA.private_jwk}, "private or secret"),
        ({**EC.jwk, "use": "enc"}, "not for signatures"),
        ({**EC.jwk, "key_ops": ["encrypt"]}, "not for signatures"),
        ({**EC.jwk, "key_ops": 7}, "not for signatures"),
        ({**EC.jwk, "alg": "ES256"}, "alg that does not fit"),
        ({**EC.jwk, "alg": ["ES384"]}, "alg that does not fit"),
        ({**RSA.jwk, "alg": "HS256"}, "alg that does not fit"),
        ({**RSA.jwk, "alg": "none"}, "alg that does not fit"),
        ({**EC.jwk, "crv": "P-256"}, "is broken"),
        ({**EC.jwk, "crv": "P-999"}, "is broken"),
        ({**EC.jwk, "x": EC.jwk["y"]}, "is broken"),
        ({**EC.jwk, "x": 7}, "is broken"),
        ({**EC.jwk, "y": None}, "is broken"),
        ({"kid": "k", "kty": "EC"}, "is broken"),
        ({"kid": "k", "kty": "RSA"}, "is broken"),
        ({"kid": "k", "kty": "OKP", "crv": "X25519", "x": "AA"}, "is broken"),
        ({**RSA.jwk, "n": "AQAB"}, "is broken"),
        ({**RSA.jwk, "e": "AQ"}, "is broken"),
        ({**RSA.jwk, "n": "!"}, "is broken"),
        (Signer.of("ES256K", "k").jwk, "a curve that is not used"),
        (Signer("RS384", "k", rsa_key(1024)).jwk, "has 1024 bits"),
        ({**RSA.jwk, "n": "_" * 5000}, "bits; an RSA key needs"),
    ],
)
def test_a_key_that_cannot_be_used_says_why(entry: Any, why: str) -> None:
    with pytest.raises(UnusableKey, match=why):
        read_key(entry)


def test_an_odd_key_hides_no_other() -> None:
    odd = ["text", 7, None, {}, {"kid": "k"}, {"kty": "RSA", "kid": "rsa-enc", "use": "enc"}]

    assert set(read_key_set(key_set(*odd, EC.jwk, RSA.jwk))) == {"ec", "rsa"}


def test_of_two_keys_with_one_id_neither_is_used() -> None:
    other = Signer.of("ES384", "ec")

    assert set(read_key_set(key_set(EC.jwk, other.jwk, RSA.jwk))) == {"rsa"}
    assert set(read_key_set(key_set(EC.jwk, {"kid": "ec", "kty": "oct"}, RSA.jwk))) == {"rsa"}


def test_a_client_without_keys_has_withdrawn_them() -> None:
    assert read_key_set(b'{"keys": []}') == {}


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"[]", b"{}", b'{"keys": {}}', b'{"keys": null}', b"\xff\xfe", b'{"keys":' + b"[" * 100_000],
)
def test_what_is_no_set_of_keys_is_not_taken_for_an_empty_one(body: bytes) -> None:
    with pytest.raises(UnusableKey, match="is no JWKS"):
        read_key_set(body)


def test_a_set_of_very_many_keys_is_not_read() -> None:
    with pytest.raises(UnusableKey, match="more than 100"):
        read_key_set(key_set(*[EC.jwk] * (MAX_KEYS + 1)))
