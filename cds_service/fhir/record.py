"""PatientRecord: what we were given or fetched for one patient, key by key, before it is read into facts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from cds_service.facts.patient import Availability, DataIssue, DataKey
from cds_service.fhir.resources import Entry, Resource


@dataclass(frozen=True, slots=True)
class UnreadEntry:
    """An entry that could not be used, and why. `resource` holds only what tells what it is; None: nothing does."""

    issues: tuple[DataIssue, ...]
    resource: Resource | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """One prefetch key's resources and how complete they are. `note` says why they are not, for a person.

    `unread` are the entries that could not be used. Whether one of them may concern us is for whoever has the
    knowledge to say: it does not by itself make the section incomplete.
    """

    availability: Availability
    entries: tuple[Entry, ...] = ()
    note: str = ""
    unread: tuple[UnreadEntry, ...] = ()

    def resources(self, resource_type: str) -> Iterator[Resource]:
        """The resources of one type, in the order given."""
        for entry in self.entries:
            resource = entry.resource
            if resource is not None and resource.resource_type == resource_type:
                yield resource


NOT_GIVEN = Section(Availability.NOT_GIVEN, note="was not in the request")


@dataclass(frozen=True, slots=True)
class PatientRecord:
    """All sections of the context patient. `issues` are what decoding could not use.

    `drafts` are the entries of `context.draftOrders` (order hooks), `selections` the `Type/id`s of
    `context.selections` (None: the client sent none, so every draft counts).
    """

    patient_id: str
    sections: Mapping[DataKey, Section] = field(default_factory=dict)
    drafts: tuple[Entry, ...] = ()
    selections: tuple[str, ...] | None = None
    issues: tuple[DataIssue, ...] = ()

    def section(self, key: DataKey) -> Section:
        """The section of a key; one that says "not given" where there is none."""
        return self.sections.get(key, NOT_GIVEN)
