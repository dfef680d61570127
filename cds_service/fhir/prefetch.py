"""A hook request's body, decoded once, straight into typed values.

msgspec reads the whole body in one pass and skips what nobody uses. It refuses all of it when one field anywhere has
another type than expected: then `tolerant` reads value by value and reports what does not fit. Where an object holds
the same member twice, the last one counts, here as in most JSON readers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from cds_service.errors import InvalidHookRequest
from cds_service.facts.patient import DRAFTS, DataIssue, DataKey
from cds_service.fhir import tolerant
from cds_service.fhir.bundles import (
    EMPTY,
    MOST_ENTRIES,
    TOO_MANY,
    PatientValue,
    Reading,
    is_match,
    read_bundle,
    read_patient,
)
from cds_service.fhir.codings import words_of
from cds_service.fhir.record import UnreadEntry
from cds_service.fhir.remembered import MOST_ANSWERS
from cds_service.fhir.resource_types import NO_TYPE
from cds_service.fhir.resources import Bundle, Entry, RawBundle, Resource, resource_name
from cds_service.fhir.sieve import MOST_NAMED, MOST_WORDS, Sieve, longest_named

_LONGEST_TYPE = 64
_TYPE_NAME = re.compile(r"(?:[A-Z][a-z0-9]+)+")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MOST_DRAFTS = 1000  # of one signing; each is read on its own
_TOO_MANY_NAMES = "it names more different tests than are read at once, and results with long names were not read"
_SearchAnswer = Bundle | None | UnsetType


class _Prefetch(Struct, gc=False, rename="camel"):
    """One field for each DataKey, so that a missing key and `null` are told apart; other keys are skipped."""

    patient: PatientValue | UnsetType | None = UNSET
    labs: RawBundle | UnsetType | None = UNSET
    medication_statements: _SearchAnswer = UNSET
    medication_requests: _SearchAnswer = UNSET
    medication_dispenses: _SearchAnswer = UNSET
    medication_administrations: _SearchAnswer = UNSET
    conditions: _SearchAnswer = UNSET
    procedures: _SearchAnswer = UNSET
    allergies: _SearchAnswer = UNSET
    service_requests: _SearchAnswer = UNSET
    social_history: _SearchAnswer = UNSET


class _Context(Struct, rename="camel"):
    user_id: Any = UNSET
    patient_id: Any = UNSET
    encounter_id: Any = UNSET
    selections: Any = UNSET
    draft_orders: Raw | UnsetType = UNSET


class _Envelope(Struct, rename="camel"):
    """The members are `Any`: what they must be is checked, and told member by member, when they are validated."""

    hook: Any = UNSET
    hook_instance: Any = UNSET
    fhir_server: Any = UNSET
    fhir_authorization: Any = UNSET
    extension: Any = UNSET
    context: _Context | UnsetType = UNSET
    prefetch: _Prefetch | UnsetType | None = UNSET


class _JustPrefetch(Struct):
    prefetch: dict[str, Raw]


class _ContextOfDrafts(Struct, rename="camel"):
    draft_orders: Raw | UnsetType = UNSET


class _JustDrafts(Struct):
    context: _ContextOfDrafts


class _DraftEntry(Struct, rename="camel"):
    full_url: str | None = None
    resource: Raw | UnsetType = UNSET


class _DraftBundle(Struct, rename="camel"):
    resource_type: str | None = None
    entry: list[Raw] | None = None
    total: Any = None
    link: Any = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_JUST_PREFETCH = msgspec.json.Decoder(_JustPrefetch)
_JUST_DRAFTS = msgspec.json.Decoder(_JustDrafts)
_DRAFTS = msgspec.json.Decoder(_DraftBundle)
_DRAFT = msgspec.json.Decoder(_DraftEntry)
_ENCODER = msgspec.json.Encoder()
_RESOURCE = msgspec.json.Decoder(Resource)
_RAW_BUNDLE = msgspec.json.Decoder(RawBundle)
_BUNDLE = msgspec.json.Decoder(Bundle)
_PATIENT = msgspec.json.Decoder(PatientValue)
_ENVELOPE_MEMBERS = {
    "hook": "hook",
    "hookInstance": "hook_instance",
    "fhirServer": "fhir_server",
    "fhirAuthorization": "fhir_authorization",
    "extension": "extension",
}
_CONTEXT_MEMBERS = {
    "userId": "user_id",
    "patientId": "patient_id",
    "encounterId": "encounter_id",
    "selections": "selections",
}
_FIELDS = tuple((key, name) for key, name in zip(DataKey, _Prefetch.__struct_fields__, strict=True))


@dataclass(frozen=True, slots=True)
class HookBody:
    """A body as it came. `envelope` is all but the FHIR data, unchecked; `problems` are what is wrong beyond it.

    `draft_json` holds each drafted resource as it was sent, by `Type/id`; None where no draft orders were sent.
    """

    envelope: Mapping[str, Any]
    readings: Mapping[DataKey, Reading]
    drafts: tuple[Entry, ...] = ()
    draft_json: Mapping[str, bytes] | None = None
    issues: tuple[DataIssue, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()


def decode_hook_body(body: bytes, sieve: Sieve | None = None) -> HookBody:
    """Decode the body of a hook request; with a `sieve`, laboratory results that concern nobody here stay unread.

    Raises:
        InvalidHookRequest: it is not UTF-8, not JSON, nested too deeply, or no object.
    """
    body = body.removeprefix(_BYTE_ORDER_MARK)
    _check_utf8(body)
    try:
        sent = _ENVELOPE.decode(body)
    except msgspec.ValidationError:
        return _decode_patiently(body, sieve)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _not_json(error) from error
    return _read(sent, sieve)


def decode_json(body: bytes) -> Any:
    """Any JSON, as plain values with exact decimals.

    Raises:
        InvalidHookRequest: it is not UTF-8, not JSON, or nested too deeply.
    """
    body = body.removeprefix(_BYTE_ORDER_MARK)
    _check_utf8(body)
    return _generic(body)


def read_answer(key: DataKey, body: bytes, sieve: Sieve | None = None) -> Reading:
    """A FHIR server's answer to the query of `key`, read as the same value in a prefetch would be.

    Raises:
        InvalidHookRequest: as `decode_hook_body`.
    """
    _check_utf8(body)
    try:
        if key is DataKey.PATIENT:
            return read_patient(_PATIENT.decode(body))
        if key is DataKey.LABS:
            return _read_one_by_one(key, _RAW_BUNDLE.decode(body), sieve)
        return read_bundle(key, _BUNDLE.decode(body))
    except msgspec.ValidationError:
        return tolerant.read_value(key, _generic(body))
    except (msgspec.DecodeError, RecursionError) as error:
        raise _not_json(error) from error


def read_single(body: bytes, where: str) -> tuple[Resource | None, tuple[DataIssue, ...]]:
    """One resource as a FHIR server sends it, and what of it could not be used.

    Raises:
        InvalidHookRequest: as `decode_hook_body`.
    """
    _check_utf8(body)
    try:
        return _RESOURCE.decode(body), ()
    except msgspec.ValidationError:
        return tolerant.read_resource(_generic(body), where)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _not_json(error) from error


def _check_utf8(body: bytes) -> None:
    """msgspec does not look into the strings that it skips."""
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError as error:
            problem = f"is not UTF-8 (byte {error.start}); send the JSON encoded as UTF-8"
            raise InvalidHookRequest([("", problem)]) from error


def _not_json(error: Exception) -> InvalidHookRequest:
    if isinstance(error, RecursionError):
        return InvalidHookRequest([("", "is nested too deeply to be a hook request; send the data as they are")])
    return InvalidHookRequest([("", f"is not JSON that can be read ({error}); send one JSON object")])


def _generic(body: bytes) -> Any:
    try:
        return tolerant.GENERIC.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _not_json(error) from error


def _read(sent: _Envelope, sieve: Sieve | None) -> HookBody:
    readings = {}
    if isinstance(sent.prefetch, _Prefetch):
        for key, name in _FIELDS:
            value = getattr(sent.prefetch, name)
            if value is not UNSET:
                readings[key] = _reading(key, value, sieve)
    envelope = _members(sent, _ENVELOPE_MEMBERS)
    drafts = _Drafts.none()
    if isinstance(sent.context, _Context):
        envelope["context"] = _members(sent.context, _CONTEXT_MEMBERS)
        drafts = _read_drafts(sent.context.draft_orders)
    return HookBody(envelope, readings, drafts.entries, drafts.json, drafts.issues, drafts.problems)


def _reading(key: DataKey, value: PatientValue | Bundle | RawBundle | None, sieve: Sieve | None) -> Reading:
    if value is None:
        return EMPTY
    if isinstance(value, PatientValue):
        return read_patient(value)
    return _read_one_by_one(key, value, sieve) if isinstance(value, RawBundle) else read_bundle(key, value)


def _read_one_by_one(key: DataKey, bundle: RawBundle, sieve: Sieve | None) -> Reading:
    """A search answer of which most entries may concern nobody: each is read on its own, or passed over."""
    entries: list[Entry] = []
    places: list[int] = []
    lost: dict[int, UnreadEntry] = {}
    mended: list[DataIssue] = []
    met: dict[bytes, None] = {}
    passed_over, misfits, still_to_learn = 0, 0, MOST_NAMED
    for index, raw in enumerate((bundle.entry or [])[:MOST_ENTRIES]):
        sent = raw.resource
        resource: Resource | None = None
        code: bytes | None = None
        if sent is not UNSET:
            try:
                code = sieve.spelled_code(sent) if sieve is not None else None
                if code is not None:
                    met[code] = None
                if sieve is not None and code in sieve.of_others:
                    passed_over += is_match(raw.search)
                    continue
                resource = _RESOURCE.decode(sent)
                if code is None:
                    met[_ENCODER.encode(resource.code)] = None
                elif sieve is not None and len(places) < MOST_ANSWERS and still_to_learn > 0:
                    still_to_learn -= sieve.learn(code, resource)  # more would push out what was learnt, or take long
            except msgspec.ValidationError:
                if sieve is not None and code is not None:
                    if still_to_learn > 0:
                        still_to_learn -= sieve.learn_of_misfit(code)
                    if code in sieve.of_others:
                        passed_over += is_match(raw.search)
                        continue
                may_mend = misfits < tolerant.MOST_MISFITS
                resource, issues = _misfitting(bytes(sent), f"{key} entry[{index}]", may_mend=may_mend)
                misfits += len(issues)
                if resource is None and issues:
                    lost[index] = UnreadEntry(issues, tolerant.what_it_is(_generic(bytes(sent))))
                else:
                    mended += issues
        places.append(index)
        entries.append(Entry(raw.full_url, resource, raw.search))
    fault = TOO_MANY if len(bundle.entry or ()) > MOST_ENTRIES else ""
    if (longest := longest_named(met)) is not None:
        fault = fault or _TOO_MANY_NAMES
        is_read = [_is_named_in_short(entry.resource, longest) for entry in entries]
        passed_over += sum(is_match(entry.search) for entry, read in zip(entries, is_read, strict=True) if not read)
        entries, places = list(compress(entries, is_read)), list(compress(places, is_read))
    all_entries = None if bundle.entry is None else entries
    read = Bundle(bundle.resource_type, bundle.type, bundle.total, bundle.link, all_entries, bundle.issue)
    reading = read_bundle(key, read, lost, places=places, passed_over=passed_over, fault=fault)
    return replace(reading, issues=(*mended, *reading.issues)) if mended else reading


def _is_named_in_short(resource: Resource | None, longest: int) -> bool:
    """Whether a result has no longer a name than is read; one of MOST_WORDS is counted elsewhere, and told there."""
    words = words_of(resource.code) if resource is not None and resource.resource_type == "Observation" else 0
    return words <= longest or words > MOST_WORDS


def _misfitting(sent: bytes, where: str, *, may_mend: bool) -> tuple[Resource | None, tuple[DataIssue, ...]]:
    """A resource of which something does not fit; nothing, without an issue, where there is none."""
    return (None, ()) if sent == b"null" else tolerant.read_resource(_generic(sent), where, may_mend=may_mend)


def _members(struct: Struct, names: Mapping[str, str]) -> dict[str, Any]:
    """What was sent of a struct, under the names it was sent with."""
    values = ((sent_as, getattr(struct, name)) for sent_as, name in names.items())
    return {sent_as: value for sent_as, value in values if value is not UNSET}


def _decode_patiently(body: bytes, sieve: Sieve | None) -> HookBody:
    sent = _generic(body)
    if not isinstance(sent, dict):
        raise InvalidHookRequest([("", "is not a JSON object; send the request as one")])
    problems: list[tuple[str, str]] = []
    prefetch = sent.get("prefetch")
    if not isinstance(prefetch, dict | None):
        problems.append(("prefetch", "must be an object that holds the prefetched data by their keys"))
        prefetch = None
    readings = {key: tolerant.read_value(key, prefetch[key]) for key in DataKey if prefetch and key.value in prefetch}
    if DataKey.LABS in readings:
        readings[DataKey.LABS] = read_answer(DataKey.LABS, bytes(_JUST_PREFETCH.decode(body).prefetch["labs"]), sieve)
    context = sent.get("context")
    drafts = _Drafts.none()
    if isinstance(context, dict) and "draftOrders" in context:
        drafts = _read_drafts(_JUST_DRAFTS.decode(body).context.draft_orders)
    envelope = {name: sent[name] for name in (*_ENVELOPE_MEMBERS, "context") if name in sent}
    problems.extend(drafts.problems)
    return HookBody(envelope, readings, drafts.entries, drafts.json, drafts.issues, tuple(problems))


@dataclass(frozen=True, slots=True)
class _Drafts:
    entries: tuple[Entry, ...]
    json: Mapping[str, bytes] | None
    issues: tuple[DataIssue, ...]
    problems: tuple[tuple[str, str], ...]

    @classmethod
    def none(cls, *problems: tuple[str, str]) -> _Drafts:
        return cls((), None, (), problems)


def _read_drafts(sent: Raw | UnsetType) -> _Drafts:
    """The drafts, each read on its own. That they must be there at all is for the hook to say."""
    if sent is UNSET or bytes(sent) == b"null":
        return _Drafts.none()
    try:
        bundle = _DRAFTS.decode(sent)
    except msgspec.ValidationError:
        return _Drafts.none(("context.draftOrders", "must be a FHIR Bundle of the draft orders"))
    if bundle.resource_type not in (None, "Bundle"):
        return _Drafts.none(("context.draftOrders.resourceType", "must be Bundle"))
    if len(bundle.entry or ()) > _MOST_DRAFTS:
        problem = f"holds more than {_MOST_DRAFTS} draft orders; send those of this patient that are being written"
        return _Drafts.none(("context.draftOrders.entry", problem))
    entries: list[Entry] = []
    sent_as: dict[str, set[bytes]] = {}
    issues = _not_all(bundle)
    for index, sent_entry in enumerate(bundle.entry or []):
        where = f"draftOrders entry[{index}]"
        entry = _draft_entry(sent_entry)
        if entry is None or entry.resource is UNSET:
            issues.append(DataIssue(where, "resource", "The entry holds no resource; it was not used.", DRAFTS))
            continue
        resource, odd = read_single(bytes(entry.resource), where)
        if resource is not None and not _is_an_order(resource.resource_type or ""):
            resource, odd = None, (*odd, DataIssue(where, "resourceType", NO_TYPE))
        issues.extend(odd if resource is not None else (replace(issue, matters_to=DRAFTS) for issue in odd))
        if resource is not None:
            entries.append(Entry(entry.full_url, resource))
            if resource.id:
                sent_as.setdefault(resource_name(resource), set()).add(bytes(entry.resource))
    json, doubled = _told_apart(sent_as)
    return _Drafts(tuple(entries), json, (*issues, *doubled), ())


def _is_an_order(kind: str) -> bool:
    """Whether a draft's type may be one of another kind of order, of any FHIR release: then it is none of ours."""
    return len(kind) <= _LONGEST_TYPE and bool(_TYPE_NAME.fullmatch(kind)) and kind != "OperationOutcome"


def _not_all(bundle: _DraftBundle) -> list[DataIssue]:
    """That the Bundle of drafts says itself that it does not hold all of them."""
    given = len(bundle.entry or [])
    where = "context.draftOrders"
    if isinstance(bundle.total, int) and bundle.total > given:
        return [DataIssue(where, "total", f"There are {bundle.total} drafts, but only {given} were given.", DRAFTS)]
    if bundle.link and any(not isinstance(link, dict) or link.get("relation") != "self" for link in bundle.link):
        return [DataIssue(where, "link", "It may have further pages, which were not given.", DRAFTS)]
    return []


def _told_apart(sent_as: Mapping[str, set[bytes]]) -> tuple[dict[str, bytes], list[DataIssue]]:
    """The drafts by name, without those of one name and several contents: a change to one of them, even of another
    patient, would be proposed for the other."""
    json = {name: next(iter(contents)) for name, contents in sent_as.items() if len(contents) == 1}
    issue = "Several different drafts have this id, so no change to it is proposed."
    return json, [DataIssue(name, "id", issue) for name in sent_as if name not in json]


def _draft_entry(sent: Raw) -> _DraftEntry | None:
    try:
        return _DRAFT.decode(sent)
    except msgspec.ValidationError:
        return None
