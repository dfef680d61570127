"""Putting resources on a FHIR server for tests and demonstrations.

Each is created only where no resource with its identifier (`marks`) is there, under an id that the server gives: what
others keep on the server is never touched, whatever its ids are, and loading twice loads once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from cds_service.ehr.belonging import Item, in_order, items_of
from cds_service.ehr.fhir_server import FhirServer
from cds_service.ehr.marks import (
    LOADED,
    LOADED_ON,
    by_tag,
    check_tag,
    condition,
    identifier_value,
    identifiers_in,
    marked,
    tags,
)
from cds_service.ehr.patient_bundle import Json, UnusableFile
from cds_service.ehr.resource_files import ResourceFile
from cds_service.errors import FhirRefused

_LOCATION = re.compile(r"(?:^|/)(?P<name>[A-Z][A-Za-z]+/(?P<id>[A-Za-z0-9\-.]{1,64}))(?:/_history/|$)")
_TYPE = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)[/?]")


@dataclass(slots=True)
class Loaded:
    """What has been loaded so far, by resource type.

    `patients` gives each patient's id on the server, by what the files call it. `loose` counts, by type, references to
    what is not in the files.
    """

    created: Counter[str] = field(default_factory=Counter)
    renewed: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    loose: Counter[str] = field(default_factory=Counter)
    patients: dict[str, str] = field(default_factory=dict)


class Loader:
    """Loads one set of files under one tag."""

    def __init__(self, server: FhirServer, files: Sequence[ResourceFile], tag: str, today: date) -> None:
        """Nothing is sent yet.

        Raises:
            UnusableFile: the tag is none, or a resource is of a type that FHIR R4 does not have.
        """
        self._server = server
        self._tag = check_tag(tag)
        self._today = today
        items = items_of(files)
        for item in items:
            _check_type(item)
        self.transactions = in_order(items, files)
        self.loaded = Loaded()
        self._names: dict[str, str] = {}  # of what is on the server, by key
        self._is_stale = False

    def run(self) -> Iterator[int]:
        """Post one transaction after the other; tells after each how many resources it held.

        Raises:
            FhirRefused: the server did not take one; of that transaction nothing is there, but all of those before.
        """
        self._is_stale = self._was_loaded_for_another_day()
        for items in self.transactions:
            entries = [self._entry(item, {one.key for one in items}) for item in items]
            try:
                responses = self._server.transaction(entries, repeatable=True)
            except FhirRefused as refused:
                raise FhirRefused(self._refusal(items, refused)) from refused
            for item, response in zip(items, responses, strict=True):
                self._note(item, response)
            yield len(items)

    def _was_loaded_for_another_day(self) -> bool:
        days = [
            str(tag.get("code"))
            for patient in self._server.search(f"Patient?{by_tag(LOADED, self._tag)}&_count=200")
            for tag in tags(patient)
            if tag.get("system") == LOADED_ON
        ]
        return bool(days) and max(days) != self._today.isoformat()  # HAPI keeps old tags beside a new one

    def _is_renewed(self, item: Item) -> bool:
        return self._is_stale and item.is_moved

    def _entry(self, item: Item, together: set[str]) -> Json:
        kind, value = item.resource["resourceType"], identifier_value(self._tag, item.key)
        resource: Json = self._led(item, item.resource, together)
        resource.pop("id", None)
        resource = marked(resource, self._tag, value, self._today.isoformat() if item.is_moved else "")
        if self._is_renewed(item):
            request = {"method": "PUT", "url": f"{kind}?{condition(kind, value)}"}
        else:
            request = {"method": "POST", "url": kind, "ifNoneExist": condition(kind, value)}
        return {"fullUrl": _urn(item.key), "resource": resource, "request": request}

    def _led(self, item: Item, node: Any, together: set[str]) -> Any:
        """A copy in which every reference leads where it should."""
        if isinstance(node, list):
            return [self._led(item, part, together) for part in node]
        if not isinstance(node, dict):
            return node
        copy = {name: self._led(item, value, together) for name, value in node.items()}
        reference = node.get("reference")
        if isinstance(reference, str) and not reference.startswith("#"):
            return self._reference(copy, reference, item.points_to.get(reference, ""), together)
        return copy

    def _reference(self, node: Json, reference: str, key: str, together: set[str]) -> Json:
        """What leads to nothing in the files must not lead to whatever has that id on the server."""
        if key in together:
            return node | {"reference": _urn(key)}
        if key in self._names:
            return node | {"reference": self._names[key]}
        found = _TYPE.search(reference)
        self.loaded.loose[found[1] if found else "of no known type"] += 1
        kept = {name: value for name, value in node.items() if name != "reference"}
        return {"identifier": {"system": f"{LOADED}-not-loaded", "value": reference}, **kept}

    def _note(self, item: Item, response: Mapping[str, Any]) -> None:
        kind = item.resource["resourceType"]
        found = _LOCATION.search(str(response.get("location") or "")) or self._where(item)
        if found is not None:
            self._names[item.key] = found["name"]
            if kind == "Patient":
                self.loaded.patients[_name(item)] = found["id"]
        is_new = str(response.get("status") or "").startswith("201")
        counted = self.loaded.renewed if self._is_renewed(item) else self.loaded.found
        (self.loaded.created if is_new else counted)[kind] += 1

    def _where(self, item: Item) -> re.Match[str] | None:
        """Not every server says where that is which was there already."""
        kind = item.resource["resourceType"]
        query = f"{kind}?{condition(kind, identifier_value(self._tag, item.key))}"
        held = next(iter(self._server.search(query)), None)
        return _LOCATION.search(f"{kind}/{held.get('id')}") if held is not None else None

    def _refusal(self, items: Sequence[Item], refused: FhirRefused) -> str:
        first = items[0].filed.where.partition(": ")[0]
        before = sum(self.loaded.created.values())
        done = (
            f" {before} resources of earlier transactions were: load again when it is mended, or take them away with"
            f" --clean --tag {self._tag}."
            if before
            else ""
        )
        return f"{first}: {refused}. Nothing of this transaction ({len(items)} resources) was written.{done}"


def _check_type(item: Item) -> None:
    kind = item.resource["resourceType"]
    try:
        identifiers_in(kind)
    except ValueError:
        raise UnusableFile(f"{item.filed.where}: FHIR R4 has no resource {kind[:40]!r}. Nothing was sent.") from None


def _urn(key: str) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, f'{LOADED}/{key}')}"


def _name(item: Item) -> str:
    """A patient as its user knows it: the story, or the file and the id."""
    own = item.key.rpartition("/")[2]
    return item.space if item.space.rpartition("/")[2] == own else f"{item.space}/{own}"
