"""Which resources belong together in one transaction, and which transactions come first.

A Bundle is one. Of NDJSON, what concerns one patient is one; what concerns nobody in particular (organisations,
practitioners) is sent before it in batches. What points at each other in a circle is joined.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

from cds_service.ehr.marks import identifiers
from cds_service.ehr.patient_bundle import Json
from cds_service.ehr.resource_files import FiledResource, ResourceFile

_BATCH = 200
_VERSION = re.compile(r"/_history/[^/]+$")


@dataclass(frozen=True, slots=True)
class Item:
    """A resource to be loaded. `key` tells it from all others; `points_to` gives, for each of its references that
    leads to another item, that item's key."""

    key: str
    space: str
    filed: FiledResource
    is_moved: bool
    points_to: Mapping[str, str] = field(default_factory=dict)

    @property
    def resource(self) -> Json:
        """The resource as the file holds it."""
        return self.filed.resource


def items_of(files: Sequence[ResourceFile]) -> list[Item]:
    """The resources of all files, with what their references lead to."""
    found = [
        (file, filed, _key(file.space, filed, place)) for file in files for place, filed in enumerate(file.resources)
    ]
    held = _Held()
    for file, filed, key in found:
        held.add(file.space, filed, key)
    unique = {key: (file, filed) for file, filed, key in found}  # of one id given twice the last counts, as on a server
    return [
        Item(key, file.space, filed, file.day is not None, dict(held.targets(file.space, filed.resource)))
        for key, (file, filed) in unique.items()
    ]


def in_order(items: Sequence[Item], files: Sequence[ResourceFile]) -> list[list[Item]]:
    """The items in transactions, so that each one points only to itself and to those before it."""
    whole = {file.space for file in files if file.is_whole}
    group_of = _patients_groups([item for item in items if item.space not in whole])
    group_of |= {item.key: item.space for item in items if item.space in whole}
    group_of |= {item.key: item.key for item in items if item.key not in group_of}
    members: dict[str, list[Item]] = {}
    for item in items:
        members.setdefault(group_of[item.key], []).append(item)
    while True:
        needs = {
            name: {group_of[key] for item in group for key in item.points_to.values()} - {name}
            for name, group in members.items()
        }
        try:
            return list(_batches([members[name] for name in TopologicalSorter(needs).static_order()]))
        except CycleError as error:
            _join(members, group_of, error.args[1])


def references(node: Any) -> Iterator[str]:
    """Every literal reference in a resource, but not those to what it contains itself."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "reference" and isinstance(value, str):
                if not value.startswith("#"):
                    yield value
            else:
                yield from references(value)
    elif isinstance(node, list):
        for part in node:
            yield from references(part)


class _Held:
    """What the files hold, under every name by which a reference may mean it."""

    def __init__(self) -> None:
        self._here: dict[tuple[str, str], str] = {}
        self._anywhere: dict[str, set[str]] = {}

    def add(self, space: str, filed: FiledResource, key: str) -> None:
        for name in _names(filed):
            self._here[(space, name)] = key
            self._anywhere.setdefault(name, set()).add(key)

    def targets(self, space: str, resource: Json) -> Iterator[tuple[str, str]]:
        for reference in references(resource):
            name = _VERSION.sub("", reference)
            elsewhere = self._anywhere.get(name, set())
            key = self._here.get((space, name)) or (next(iter(elsewhere)) if len(elsewhere) == 1 else "")
            if key:
                yield reference, key


def _names(filed: FiledResource) -> Iterator[str]:
    kind = filed.resource["resourceType"]
    if isinstance(filed.resource.get("id"), str):
        yield f"{kind}/{filed.resource['id']}"
    if filed.full_url:
        yield filed.full_url
    for system, value in identifiers(filed.resource):
        yield f"{kind}?identifier={system}|{value}"


def _key(space: str, filed: FiledResource, place: int) -> str:
    own = filed.resource.get("id") or filed.full_url.rpartition(":")[2].rpartition("/")[2] or f"entry-{place}"
    return f"{space}/{filed.resource['resourceType']}/{own}"


def _patients_groups(items: Iterable[Item]) -> dict[str, str]:
    """For what concerns a patient, that patient; what concerns several (a Group) is none's."""
    items = list(items)
    patients = {item.key for item in items if item.resource["resourceType"] == "Patient"}
    concerned = {item.key: {key for key in item.points_to.values() if key in patients} for item in items}
    return {
        key: key if key in patients else next(iter(found))
        for key, found in concerned.items()
        if key in patients or len(found) == 1
    }


def _join(members: dict[str, list[Item]], group_of: dict[str, str], circle: Sequence[str]) -> None:
    first = circle[0]
    for name in dict.fromkeys(circle[1:]):
        if name != first:
            members[first] += members.pop(name)
    for item in members[first]:
        group_of[item.key] = first


def _batches(groups: Iterable[list[Item]]) -> Iterator[list[Item]]:
    """Groups of one resource are sent with their neighbours: thousands of practitioners are no thousand requests."""
    batch: list[Item] = []
    for group in groups:
        if batch and (len(group) > 1 or len(batch) >= _BATCH):
            yield batch
            batch = []
        if len(group) > 1:
            yield group
        else:
            batch = batch + group
    if batch:
        yield batch
