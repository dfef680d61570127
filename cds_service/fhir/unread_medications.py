"""Medications that an order or a statement only refers to, and that are nowhere in the record."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping

from cds_service.fhir.record import PatientRecord
from cds_service.fhir.resources import Entry, Resource, Search

_MEDICATION = re.compile(r"(?:.*/)?Medication/[A-Za-z0-9._-]{1,64}(?:/_history/[A-Za-z0-9._-]{1,64})?")


def unresolved(record: PatientRecord) -> tuple[str, ...]:
    """The references to Medications, in order and once each, that neither the record nor its drafts hold."""
    held = set(_held(_all_entries(record)))
    wanted = (_reference(entry) for entry in _all_entries(record))
    return tuple(dict.fromkeys(name for name in wanted if name and name not in held and _MEDICATION.fullmatch(name)))


def with_medications(record: PatientRecord, found: Mapping[str, tuple[str, Resource]]) -> PatientRecord:
    """The record with each Medication beside what refers to it; `found` gives its address and itself by reference."""
    sections = {
        key: dataclasses.replace(section, entries=_completed(section.entries, found))
        for key, section in record.sections.items()
    }
    return dataclasses.replace(record, sections=sections, drafts=_completed(record.drafts, found))


def _completed(entries: tuple[Entry, ...], found: Mapping[str, tuple[str, Resource]]) -> tuple[Entry, ...]:
    wanted = dict.fromkeys(name for name in map(_reference, entries) if name in found)
    if not wanted:
        return entries
    added = (Entry(url, medication, Search("include")) for url, medication in (found[name] for name in wanted))
    return (*entries, *added)


def _all_entries(record: PatientRecord) -> Iterator[Entry]:
    for section in record.sections.values():
        yield from section.entries
    yield from record.drafts


def _held(entries: Iterable[Entry]) -> Iterator[str]:
    for entry in entries:
        resource = entry.resource
        if resource is not None and resource.resource_type == "Medication":
            yield f"Medication/{resource.id}"
            if entry.full_url:
                yield entry.full_url


def _reference(entry: Entry) -> str:
    """The Medication that an entry refers to; "" where it names none outside itself."""
    pointer = entry.resource.medication_reference if entry.resource is not None else None
    reference = pointer.reference if pointer is not None else None
    return reference if reference and not reference.startswith("#") else ""
