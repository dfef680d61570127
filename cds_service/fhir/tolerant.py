"""The slow, patient way to read FHIR JSON: for a body in which something does not fit, so that the rest is not lost.

Each resource is decoded on its own. A part that does not fit is left out and reported, and the resource read again
without it, but only where leaving it out makes us know less and never believe something else: a Quantity without its
comparator would be another result, an order without `doNotPerform` the opposite of one. Otherwise the whole resource
is left out and reported.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final, TypeVar

import msgspec

from cds_service.facts.patient import DataIssue, DataKey
from cds_service.fhir.bundles import (
    EMPTY,
    MOST_ENTRIES,
    TOO_MANY,
    PatientValue,
    Reading,
    failed,
    read_bundle,
    read_patient,
)
from cds_service.fhir.record import UnreadEntry
from cds_service.fhir.resources import Bundle, Entry, Link, Resource, Search
from cds_service.fhir.unusable import quoted

_WHERE = " - at `$"
_KINDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "decimal": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "an object",
}
_TYPE = re.compile(r"[A-Za-z]{1,64}")
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_Fhir = TypeVar("_Fhir")
_TRIES = 12  # more misfits than this in one resource, and it is not worth reading
MOST_MISFITS: Final = 10_000
"""Parts that do not fit in one answer: one in each entry. After so many no resource is read again without such a part.
"""
_MOST_LINKS = 100  # of one answer

# Top-level fields that can be left out whole without turning what the resource says into something else.
_DISPENSABLE = frozenset(
    {
        "valueQuantity",
        "valueString",
        "valueCodeableConcept",
        "valueRange",
        "valueBoolean",
        "valueInteger",
        "valueDateTime",
        "interpretation",
        "issued",
        "identifier",
        "contained",
        "gender",
        "birthDate",
        "dosageInstruction",
        "dosage",
        "priorPrescription",
        "whenHandedOver",
        "whenPrepared",
        "daysSupply",
        "quantity",
        "authorizingPrescription",
        "ingredient",
        "dateAsserted",
        "authoredOn",
        "onsetDateTime",
        "onsetPeriod",
        "recordedDate",
        "performedDateTime",
        "performedPeriod",
        "reaction",
        "replaces",
        "orderDetail",
        "specimen",
        "type",
    }
)
# What tells what a resource is of: its own fields, and those of its components and reactions.
_NAMING = (
    "code",
    "medicationCodeableConcept",
    "medicationReference",
    "contained",
    "valueCodeableConcept",
    "valueString",
)
_NAMING_WITHIN = {"component": "code", "reaction": "substance"}
_DISPENSABLE_IN_PATIENT = _DISPENSABLE | {"deceasedBoolean", "deceasedDateTime", "link", "total"}


def _exact(text: str) -> Decimal | str:
    """A JSON number as it is written; one that no Decimal can hold stays text and so fits no field."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


GENERIC = msgspec.json.Decoder(float_hook=_exact)


def read_value(key: DataKey, value: Any) -> Reading:
    """One prefetch value, decoded to plain Python values before: `null`, a Bundle, or anything else."""
    if value is None:
        return EMPTY
    if not isinstance(value, dict):
        kind = "an array" if isinstance(value, list) else "a plain value"
        return failed(f"it holds {kind} where a FHIR resource belongs; it was not used")
    if key is DataKey.PATIENT and value.get("resourceType") != "Bundle":
        return _patient(value)
    return _bundle(key, value)


def read_resource(value: Any, where: str, *, may_mend: bool = True) -> tuple[Resource | None, tuple[DataIssue, ...]]:
    """One resource, and what of it could not be used; None where the rest cannot be trusted without that.

    `where` names the resource in issues when it has no usable type and id of its own. Without `may_mend` the rest is
    not read where a part does not fit.
    """
    if not isinstance(value, dict):
        return None, (DataIssue(where, "", "This is not a FHIR resource; it was not used."),)
    return _fitting(value, Resource, _name(value, where), _TRIES if may_mend else 1)


def _patient(value: dict[str, Any]) -> Reading:
    patient, issues = _fitting(value, PatientValue, _name(value, DataKey.PATIENT))
    if patient is None:
        return failed("the Patient could not be read")
    reading = read_patient(patient)
    return dataclasses.replace(reading, issues=(*issues, *reading.issues))


def _bundle(key: DataKey, value: dict[str, Any]) -> Reading:
    sent = value.get("entry")
    if sent is not None and not isinstance(sent, list):
        return failed("it holds a Bundle whose entry is not a list; it was not used")
    entries: list[Entry] = []
    lost: dict[int, UnreadEntry] = {}
    mended: list[DataIssue] = []
    misfits = 0
    for index, item in enumerate((sent or [])[:MOST_ENTRIES]):
        entry, issues = _entry(item, f"{key} entry[{index}]", may_mend=misfits < MOST_MISFITS)
        misfits += len(issues)
        entries.append(entry)
        if entry.resource is None and issues:
            lost[index] = UnreadEntry(issues, what_it_is(item.get("resource") if isinstance(item, dict) else None))
        else:
            mended.extend(issues)
    kind = value.get("resourceType")
    bundle = Bundle(
        resource_type=kind if isinstance(kind, str | None) else quoted(str(kind)),
        type=_converted(value.get("type"), str),
        total=_converted(value.get("total"), int),
        link=_links(value.get("link")),
        entry=entries if sent is not None else None,
    )
    reading = read_bundle(key, bundle, lost, fault=TOO_MANY if sent is not None and len(sent) > MOST_ENTRIES else "")
    return dataclasses.replace(reading, issues=(*mended, *reading.issues))


def _links(sent: Any) -> list[Link] | None:
    """The links of a Bundle; one that cannot be read stays as a link of which nothing is known."""
    if sent is None:
        return None
    links = sent if isinstance(sent, list) else [sent]
    unread = [Link()] if len(links) > _MOST_LINKS else []
    return [_converted(link, Link) or Link() for link in links[:_MOST_LINKS]] + unread


def _entry(item: Any, where: str, *, may_mend: bool) -> tuple[Entry, tuple[DataIssue, ...]]:
    """The entry; without its resource where that cannot be used, and without issues where it holds none at all, which
    is reported with the others that hold none."""
    if not isinstance(item, dict):
        return Entry(), (DataIssue(where, "", "This is not an object; it was not used."),)
    resource: Resource | None = None
    issues: tuple[DataIssue, ...] = ()
    if item.get("resource") is not None:
        resource, issues = read_resource(item["resource"], where, may_mend=may_mend)
    full_url, search = item.get("fullUrl"), _converted(item.get("search"), Search)
    return Entry(full_url if isinstance(full_url, str) else None, resource, search), issues


def what_it_is(sent: Any) -> Resource | None:
    """Of a resource that cannot be used: the parts that tell what it is of; None where one of them cannot be read."""
    if not isinstance(sent, dict):
        return None
    told = {name: sent[name] for name in _NAMING if name in sent}
    for name, part in _NAMING_WITHIN.items():
        within = sent.get(name)
        if isinstance(within, list):
            told[name] = [{part: one.get(part)} if isinstance(one, dict) else one for one in within]
        elif within is not None:
            return None
    return _converted(told, Resource)


def _fitting(
    value: dict[str, Any], kind: type[_Fhir], name: str, tries: int = _TRIES
) -> tuple[_Fhir | None, tuple[DataIssue, ...]]:
    """The value as a `kind`, leaving out what does not fit as long as that is safe; None where it is not."""
    dispensable = _DISPENSABLE_IN_PATIENT if value.get("resourceType") == "Patient" else _DISPENSABLE
    issues: list[DataIssue] = []
    what, path = "Too many of its parts do not fit", ""
    for _ in range(tries):
        try:
            return msgspec.convert(value, kind), tuple(issues)
        except msgspec.ValidationError as error:
            what, path, steps = _misfit(str(error))
        left_out = _leave_out(value, path, steps, dispensable) if tries > 1 else ""
        if not left_out:
            break
        issues.append(DataIssue(name, path, f"{what}; {left_out} was not used."))
    return None, (*issues, DataIssue(name, path, f"{what}; the resource was not used."))


# An error tells of types and places, and nothing of what was sent; many resources have the same.
@lru_cache(maxsize=1024)
def _misfit(error: str) -> tuple[str, str, Sequence[str | int]]:
    """What does not fit, the path of it, and the steps of the path."""
    what, where, path = error.rpartition(_WHERE)
    what, path = (what, path.removeprefix(".").removesuffix("`")) if where else (path, "")
    what = re.sub(r"`([a-z |]+)`", lambda kinds: _in_words(kinds[1]), what)
    steps = tuple(int(step) if step.isdigit() else step for step in re.findall(r"[^.\[\]]+", path))
    return what, path, steps


def _in_words(kinds: str) -> str:
    return " or ".join(_KINDS.get(kind, kind) for kind in kinds.split(" | ") if kind != "null") or "null"


def _leave_out(value: dict[str, Any], path: str, steps: Sequence[str | int], dispensable: frozenset[str]) -> str:
    """Remove the part at or above `path` that may be missing, and name it; "" where none may."""
    if not steps:
        return ""
    if steps[-1] == "display":
        parent: Any = value
        for step in steps[:-1]:
            parent = parent[step]
        del parent["display"]
        return path
    top = str(steps[0])
    if top not in dispensable:
        return ""
    del value[top]
    return top


def _converted(value: Any, kind: type[_Fhir]) -> _Fhir | None:
    """The value as a `kind`; None where it does not fit, for parts that a reading can do without."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return None


def _name(value: Mapping[str, Any], where: str) -> str:
    kind, identity = value.get("resourceType"), value.get("id")
    if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
        return where
    return f"{kind}/{identity}" if isinstance(identity, str) and _ID.fullmatch(identity) else where
