"""A client's key and tokens: read from what people have, and accepted by our own gate."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cds_service.ehr.client_token import Client, ClientKey
from cds_service.ehr.patient_bundle import UnusableFile
from cds_service.web.trust.public_keys import read_key
from tests.signing import Signer

AT = datetime(2025, 10, 1, 9, 30, tzinfo=UTC)


def pem(signer: Signer) -> str:
    return str(signer.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


@pytest.mark.parametrize("alg", ["ES256", "ES384", "ES512", "RS384", "EdDSA"])
@pytest.mark.parametrize("form", ["pem", "jwk"])
def test_a_token_is_signed_for_one_address_and_moment(alg: str, form: str, tmp_path: Path) -> None:
    signer = Signer.of(alg)
    (tmp_path / "key").write_text(pem(signer) if form == "pem" else json.dumps(signer.private_jwk))
    key = ClientKey.read(tmp_path / "key")
    client = Client(key, "https://ehr.example.org", jku="https://ehr.example.org/jwks.json", tenant="t")
    token = client.token("https://cds.example.org/cds-services", AT)
    assert key.kid == ("key-1" if form == "jwk" else ClientKey.read(tmp_path / "key").kid)
    assert jwt.get_unverified_header(token) == {
        "alg": alg, "typ": "JWT", "kid": key.kid, "jku": "https://ehr.example.org/jwks.json"
    }  # fmt: skip
    claims = jwt.decode(
        token, signer.key.public_key(), [alg], audience="https://cds.example.org/cds-services",
        options={"verify_exp": False, "verify_iat": False},
    )  # fmt: skip
    assert (claims["iss"], claims["tenant"]) == ("https://ehr.example.org", "t")
    assert claims["exp"] - claims["iat"] == 300
    assert client.token("x", AT) != client.token("x", AT)


def test_a_new_key_is_read_back_and_its_public_half_is_one_that_the_service_takes(tmp_path: Path) -> None:
    key = ClientKey.new()
    (tmp_path / "key").write_text(json.dumps(key.private_jwk()))
    assert ClientKey.read(tmp_path / "key").kid == key.kid
    assert "d" not in key.public_jwk()
    assert read_key(key.public_jwk()).kid == key.kid


def test_a_kid_may_be_given(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(pem(Signer.of("ES384")))
    assert ClientKey.read(tmp_path / "key", "mine").kid == "mine"


def secp256k1() -> str:
    key = ec.generate_private_key(ec.SECP256K1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize(
    "text",
    ["", "SECRET", '{"kty": "EC", "d": "SECRET"}', json.dumps(Signer.of("ES384").jwk), "{", secp256k1()],
    ids=["empty", "words", "half a key", "a public key", "no JSON", "another curve"],
)
def test_what_is_no_private_key_is_refused_and_not_shown(text: str, tmp_path: Path) -> None:
    (tmp_path / "key").write_text(text)
    with pytest.raises(UnusableFile) as refused:
        ClientKey.read(tmp_path / "key")
    assert "SECRET" not in str(refused.value)
