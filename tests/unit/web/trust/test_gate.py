"""Whatever comes as an Authorization header, the gate says yes or no and never fails; no byte of a token is loose."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.errors import TemporarilyUnavailable, UntrustedClient
from cds_service.storage.store import Store
from cds_service.web.trust.client import Client
from cds_service.web.trust.gate import Endpoint, Gate
from cds_service.web.trust.key_source import ListedKeys
from cds_service.web.trust.public_keys import Algorithm, read_listed_keys
from cds_service.web.trust.token import Refusal
from tests.signing import BASE, Signer, claims_of, encoded, jws

KEY = Signer.of("ES384", "ec")
RSA = Signer.of("RS256", "rsa")
HERE = Endpoint("b12-patient-view")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
CLAIMS = st.sampled_from(["iss", "aud", "exp", "iat", "jti", "nbf", "tenant"])
HEADER = st.sampled_from(["alg", "kid", "typ", "jku", "crit", "b64"])


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    folder: Path = tmp_path_factory.mktemp("gate")
    store = Store(f"sqlite:///{folder}/b12.sqlite3")
    client = Client(
        id="ehr",
        issuer="https://ehr.example.org/fhir",
        keys=ListedKeys(read_listed_keys([KEY.jwk, RSA.jwk])),
        algorithms=frozenset(Algorithm),
        services=frozenset({"b12-patient-view"}),
    )
    yield Gate({client.issuer: (client,)}, (BASE,), store)
    store.close()


def is_admitted(gate: Gate, authorization: str) -> bool:
    try:
        gate.admit(authorization, HERE, datetime.now(UTC))
    except UntrustedClient as error:
        refused = error
    else:
        return True
    assert refused.reason in list(Refusal)
    return False


def test_a_good_token_opens(gate: Gate) -> None:
    assert is_admitted(gate, KEY.bearer())


def test_a_refusal_names_the_client_that_the_token_claims_to_be_of(gate: Gate) -> None:
    for authorization, client in ((KEY.bearer(aud="x"), "ehr"), (KEY.bearer(iss="x"), ""), ("", "")):
        with pytest.raises(UntrustedClient) as refused:
            gate.admit(authorization, HERE, datetime.now(UTC))
        assert refused.value.client == client


@given(text=st.text(max_size=200) | st.text(st.sampled_from("aA0-_.=,e B"), max_size=200).map("Bearer {}".format))
def test_no_text_opens_or_fails(text: str, gate: Gate) -> None:
    assert not is_admitted(gate, text)


@given(header=st.binary(max_size=60), payload=st.binary(max_size=60))
def test_no_bytes_open_or_fail_though_well_signed(header: bytes, payload: bytes, gate: Gate) -> None:
    assert not is_admitted(gate, "Bearer " + jws(header, payload, KEY.sign))


@given(name=HEADER, value=JSON)
@settings(deadline=None)
def test_no_odd_header_member_makes_it_fail(name: str, value: object, gate: Gate) -> None:
    head = {"alg": "ES384", "kid": "ec", "typ": "JWT", name: value}
    is_admitted(gate, "Bearer " + jws(head, claims_of(), KEY.sign))


@given(name=CLAIMS, value=JSON)
@settings(deadline=None)
def test_no_odd_claim_makes_it_fail(name: str, value: object, gate: Gate) -> None:
    head = {"alg": "ES384", "kid": "ec", "typ": "JWT"}
    is_admitted(gate, "Bearer " + jws(head, claims_of(**{name: value}), KEY.sign))


def test_no_character_of_a_token_can_be_changed(gate: Gate) -> None:
    token = KEY.token()
    for place, character in enumerate(token):
        other = "A" if character != "A" else "B"
        assert not is_admitted(gate, f"Bearer {token[:place]}{other}{token[place + 1 :]}"), place
    assert is_admitted(gate, f"Bearer {token}")


def test_the_last_character_has_one_form(gate: Gate) -> None:
    """Base64 may leave bits over at the end, which must not give one token two spellings."""
    token = RSA.token()
    signature = token.rpartition(".")[2]
    spellings = {
        f"{token[:-1]}{last}"
        for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"  # pragma: allowlist secret
        if base64.urlsafe_b64decode(signature[:-1] + last + "=" * (-len(signature) % 4))
        == base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    }

    assert len(spellings) == 16
    assert sum(is_admitted(gate, f"Bearer {spelling}") for spelling in spellings) == 1


def test_claims_that_are_not_utf_8_are_none(gate: Gate) -> None:
    """Also where nobody reads them."""
    for place in (0, 1):
        parts = [json.dumps(part)[:-1].encode() for part in ({"alg": "ES384", "kid": "ec"}, claims_of())]
        parts = [part + (b', "x": "\xff"}' if place == index else b"}") for index, part in enumerate(parts)]
        assert not is_admitted(gate, "Bearer " + jws(*parts, KEY.sign))


def test_a_name_that_stands_twice_cannot_say_two_things(gate: Gate) -> None:
    """What is checked before the signature is what is signed, whichever of the two a reader takes."""
    claims = json.dumps(claims_of(aud="https://elsewhere.example.org"))[:-1]
    payload = f'{claims}, "aud": "{BASE}/cds-services/b12-patient-view"}}'.encode()
    mallory = Signer.of("ES384", "ec")

    assert not is_admitted(gate, "Bearer " + jws({"alg": "ES384", "kid": "ec"}, payload, mallory.sign))
    assert not is_admitted(gate, f"Bearer {encoded({'alg': 'ES384', 'kid': 'ec'})}.{encoded(payload)}.AAAA")


@pytest.mark.parametrize(
    ("endpoint", "addresses"),
    [
        (Endpoint(), {"b/cds-services"}),
        (Endpoint("s"), {"b/cds-services/s"}),
        (Endpoint("s", is_feedback=True), {"b/cds-services/s", "b/cds-services/s/feedback"}),
    ],
)
def test_each_endpoint_has_its_addresses(endpoint: Endpoint, addresses: set[str]) -> None:
    assert set(endpoint.addresses("b")) == addresses


def test_a_store_that_is_away_is_no_refusal(gate: Gate, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(f"sqlite:///{tmp_path}/file/b12.sqlite3")
    with pytest.raises(TemporarilyUnavailable):
        Gate(gate.clients, gate.bases, store).admit(KEY.bearer(), HERE, datetime.now(UTC))
    store.close()
