"""What is fuzzed: for each target its seeds, and what must be true of any bytes at all.

A target raises nothing on good behaviour. The service's own errors are good behaviour where the docstring of what is
called names them; anything else that is raised, and any broken promise, is a finding.
"""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from cds_service.cards.words import filled_detail, filled_summary
from cds_service.composition import services
from cds_service.errors import InvalidHookRequest, PatientDataUnavailable, UntrustedClient
from cds_service.facts.dates import ClinicalDate
from cds_service.fhir import prefetch
from cds_service.fhir.dosage import daily_dose
from cds_service.fhir.observations import read_labs
from cds_service.fhir.result_text import AmbiguousNumber, parse_result
from cds_service.fhir.sieve import Sieve
from cds_service.knowledge.loader import load
from cds_service.knowledge.model import Knowledge
from cds_service.offline import offline_edge
from cds_service.web.edge import Edge
from cds_service.web.feedback import record_feedback
from cds_service.web.hook_answer import answer_hook
from cds_service.web.trust.client import Client
from cds_service.web.trust.gate import Endpoint, Gate
from cds_service.web.trust.key_source import ListedKeys
from cds_service.web.trust.public_keys import Algorithm, read_listed_keys
from tests.builders import TODAY, concept, observation, record
from tests.harmless import check_harmless
from tests.medication_builders import dosage
from tests.signing import BASE, Signer, claims_of, encoded, jws
from tests.spec.test_hostile_text import HOSTILE
from tests.spec.test_sigs import SIGS, TABLET_5_MG

ROOT = Path(__file__).resolve().parents[2]
FOUND = Path(__file__).with_name("found")
FIXTURES = ROOT / "fixtures"
SPELLINGS = ROOT / "tests" / "spec" / "result_spellings.yaml"


@dataclass(frozen=True)
class Target:
    """`check` takes any bytes. `longest` is the most bytes tried; `is_json` says that inputs are changed as JSON."""

    check: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]
    longest: int
    is_json: bool = False

    def found(self, name: str) -> list[Path]:
        """The inputs that once broke something."""
        return sorted((FOUND / name).glob("*"))


@cache
def _knowledge() -> Knowledge:
    return load()


@cache
def _edge() -> Edge:
    return offline_edge(services(_knowledge()), _knowledge(), TODAY)


@cache
def _addresses() -> frozenset[str]:
    return frozenset(source.url for source in _knowledge().sources.values())


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def check_body(data: bytes) -> None:
    """A hook body is answered with harmless cards, or refused with the paths of its fields.

    What earlier bodies taught the service to pass over changes no answer, and both its readers read the same.
    """
    edge = _edge()
    wanted = next((hook for hook in ("order-sign", "order-select") if hook.encode() in data), "patient-view")
    service = next(service for service in edge.services.values() if service.hook == wanted)
    try:
        answer, _ = answer_hook(edge, edge.anyone(), service, data)
    except InvalidHookRequest as refused:
        assert refused.problems
        assert all(isinstance(path, str) and what for path, what in refused.problems)
        return
    except PatientDataUnavailable as refused:
        assert {key for key, _ in refused.missing} <= set(service.required)
        return
    body = json.loads(answer)
    knows_nothing_yet = dataclasses.replace(edge, sieve=Sieve(edge.knowledge))
    anew, _ = answer_hook(knows_nothing_yet, edge.anyone(), service, data)
    assert _without_ids(json.loads(anew)) == _without_ids(body)
    for card in body["cards"]:
        check_harmless(card, _addresses())
    _check_readers_agree(data)


def _without_ids(value: Any) -> Any:
    """Without the ids that each answer gives anew."""
    if isinstance(value, dict):
        return {name: _without_ids(member) for name, member in value.items() if name not in ("uuid", "id")}
    return [_without_ids(item) for item in value] if isinstance(value, list) else value


def _check_readers_agree(data: bytes) -> None:
    """The quick and the patient reader are two, and one body must not depend on which of them took it."""
    read = prefetch.decode_hook_body(data)
    patient = prefetch._decode_patiently(data.removeprefix(b"\xef\xbb\xbf"), None)
    assert read.readings == patient.readings
    assert read.drafts == patient.drafts


def _bodies() -> Iterator[bytes]:
    for path in sorted(FIXTURES.glob("*/*.request.json")):
        sent = json.loads(path.read_text(encoding="utf-8"))
        yield json.dumps(sent).encode()
        odd = copy.deepcopy(sent)
        odd["extension"] = {"org.b12-cds.explain": True}
        odd["prefetch"].setdefault("labs", {"resourceType": "Bundle"})["total"] = "odd"  # read by the patient reader
        yield json.dumps(odd).encode()


def check_sig(data: bytes) -> None:
    """Directions are read or refused with a reason; the highest reading is no lower than the lowest."""
    text = _text(data)
    told = [daily_dose([dosage(text=text)], TABLET_5_MG, takes_upper=upper) for upper in (False, True)]
    for one in told:
        assert one.mg_per_day > 0 if one.mg_per_day is not None else one.reason
    lowest, highest = (one.mg_per_day for one in told)
    assert lowest is None or highest is None or lowest <= highest
    if text.isascii():  # beyond it, capitals are other letters (ß, ı)
        loud = daily_dose([dosage(text=f"  {text.strip().upper()} ")], TABLET_5_MG, takes_upper=False)
        assert loud.mg_per_day == told[0].mg_per_day or len(text) > 490  # blanks may push it beyond what is read


def check_date(data: bytes) -> None:
    """A date is an interval that its own spelling gives again, or a ValueError."""
    text = _text(data)
    try:
        read = ClinicalDate.parse(text)
    except ValueError:
        return
    assert read.earliest <= read.latest
    again = ClinicalDate.parse(str(read))
    assert (again.earliest, again.latest) == (read.earliest, read.latest)
    assert text.strip().startswith(str(read))


def check_result(data: bytes) -> None:
    """A result in words or numbers is one that is believable, or is told to be unusable; it never vanishes."""
    value, unit, limits, flag = (*_text(data).split("\n"), "", "", "")[:4]
    try:
        written = parse_result(value)
    except AmbiguousNumber:
        written = None
    if written is not None:
        assert written.value >= 0
        assert written.until is None or written.until >= written.value
    flags = [concept(text=flag)] if flag else None
    ranges = [{"text": limits}] if limits else None
    sent: list[dict[str, Any]] = [{"valueString": value}, {"valueCodeableConcept": concept(text=value)}]
    if written is not None and written.value.is_finite():
        sent.append({"valueQuantity": {"value": written.value, "unit": unit}})
        sent.append({"valueQuantity": {"value": written.value, "unit": unit, "code": unit, "system": "x"}})
    for fields in sent:
        given = observation("2132-9", **fields, referenceRange=ranges, interpretation=flags)
        results, issues = read_labs(record(labs=[given]), _knowledge(), TODAY)
        assert results or issues or not value.strip(), fields
        for result in results:
            assert (result.value is None) == (result.finding is not None)
            assert result.value is None or (result.value.is_finite() and result.value >= 0)


def _results() -> Iterator[bytes]:
    rows: list[dict[str, Any]] = yaml.safe_load(SPELLINGS.read_text(encoding="utf-8"))
    for row in rows:
        measured = row.get("quantity") or {}
        text = row.get("string") or f"{measured.get('value', 150)} {measured.get('unit', '')}"
        yield f"{text}\n{measured.get('unit', 'pg/mL')}\n200 - 900 pg/mL\n{row.get('flag', 'low')}".encode()


def check_markdown(data: bytes) -> None:
    """No text of a record does anything in a card, wherever in it the text stands."""
    text = _text(data)
    values = {"a": text, "b": text[::-1]}
    card = {
        "summary": filled_summary("{a}: {b}", values),
        "detail": filled_detail("{a} and {b}.\n\n- {a}\n- **{b}** x{a}y\n\n| {a} | {b} |\n|---|---|\n| {b} |", values),
    }
    assert len(card["summary"]) < 140
    check_harmless(card, ())


def check_feedback(data: bytes) -> None:
    """Feedback is stored and can be read again, or is refused with the paths of its fields."""
    edge = _edge()
    try:
        count = record_feedback(edge, "b12-patient-view", data).items
    except InvalidHookRequest as refused:
        assert refused.problems
        count = 0
    stored = edge.store.feedback_history()
    assert len(stored) >= (count > 0)
    if stored:
        edge.store.purge_feedback(edge.now() + timedelta(days=1))


def _feedback() -> Iterator[bytes]:
    accepted = {
        "card": "f6b95768-b1c8-40dc-8385-bf3504b82ffb",
        "outcome": "accepted",
        "acceptedSuggestions": [{"id": "01e7d4f5-5b2d-4a8d-8ad2-5f7d2d3a5f6b"}],
        "outcomeTimestamp": "2025-10-01T09:30:00Z",
    }
    reason = {"reason": {"code": "declined", "system": "urn:x", "display": "No"}, "userComment": "Not today"}
    overridden = {
        "card": "9368d37b-283f-44a0-93ea-547cebab93ed",
        "outcome": "overridden",
        "overrideReason": reason,
        "outcomeTimestamp": "2025-10-01T09:30:00.123+02:00",
    }
    for items in ([accepted], [overridden], [accepted, overridden], [{"card": "x"}]):
        yield json.dumps({"feedback": items}).encode()


_KEY = Signer.of("ES256", "ec")


@cache
def _gate() -> Gate:
    client = Client(
        id="ehr",
        issuer="https://ehr.example.org/fhir",
        keys=ListedKeys(read_listed_keys([_KEY.jwk])),
        algorithms=frozenset(Algorithm),
        services=frozenset({"b12-patient-view"}),
    )
    return Gate({client.issuer: (client,)}, (BASE,), _edge().store)


def check_token(data: bytes) -> None:
    """Whatever stands in an Authorization header, signed or not, is refused, or is a token that holds now.

    The input is a header of a token, its claims, and anything, in lines; the service sees them signed by the right key,
    unsigned, and as a bare header value. Whatever carries no signature of ours never opens.
    """
    head, claims, rest = (*data.split(b"\n"), b"", b"")[:3]
    now = datetime.now(UTC)
    unsigned = f"Bearer {encoded(head)}.{encoded(claims)}.{encoded(rest)}"
    for authorization in (unsigned, data.decode("latin-1"), f"Bearer {data.decode('latin-1')}"):
        assert not _is_admitted(authorization, now)
    if _is_admitted("Bearer " + jws(head, claims, _KEY.sign), now):
        told = json.loads(claims)
        assert f"{BASE}/cds-services/b12-patient-view" in told["aud"]
        assert told["exp"] + 60 > now.timestamp()
        assert not _is_admitted("Bearer " + jws(head, claims, _KEY.sign), now)


def _is_admitted(authorization: str, now: datetime) -> bool:
    try:
        _gate().admit(authorization, Endpoint("b12-patient-view"), now)
    except UntrustedClient:
        return False
    return True


def _tokens() -> Iterator[bytes]:
    now = int(datetime.now(UTC).timestamp())
    for head in ({"alg": "ES256", "kid": "ec", "typ": "JWT"}, {"alg": "none"}, {"alg": "HS256", "kid": "ec", "b64": 0}):
        claims = claims_of(iat=now, exp=now + 3600, nbf=now, tenant="t")
        yield b"\n".join((json.dumps(head).encode(), json.dumps(claims).encode(), b"signature"))
    yield Signer.of("ES256", "ec").token().encode()  # of a stranger who knows the key's name


TARGETS = {
    "body": Target(check_body, _bodies, 40_000, is_json=True),
    "sig": Target(check_sig, lambda: (text.encode() for text, _ in SIGS), 520),
    "date": Target(
        check_date,
        lambda: iter((b"2025", b"2025-02", b"2024-02-29", b"2025-09-20T08:15:30.123Z", b"2025-09-20 08:15:30,5+0200")),
        60,
    ),
    "result": Target(check_result, _results, 400),
    "markdown": Target(check_markdown, lambda: (text.encode("utf-8", "replace") for text in HOSTILE), 400),
    "feedback": Target(check_feedback, _feedback, 4_000, is_json=True),
    "token": Target(check_token, _tokens, 2_000),
}
