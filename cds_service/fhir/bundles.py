"""What a prefetch value or a search answer says: its resources, and whether they are all there are.

Four states are four things (CDS Hooks 2.0.1, "Prefetch"): a key that is missing was not told; `null` or a Bundle
without entries is known to be empty; an OperationOutcome means that the query failed, wholly or in part; a Bundle with
a `next` link is one page of several.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from cds_service.facts.patient import Availability, DataIssue, DataKey
from cds_service.fhir.record import Section, UnreadEntry
from cds_service.fhir.resource_types import NO_TYPE, RESOURCE_TYPES
from cds_service.fhir.resources import Bundle, Entry, Link, OutcomeIssue, Resource, Search
from cds_service.fhir.unusable import quoted

# Epic sends an OperationOutcome entry (search.mode "outcome") with each successful search that found nothing.
_HARMLESS = frozenset({"information", "warning", "success"})

MOST_ENTRIES = 10_000  # of one answer; no patient has so many, and odd ones are dear to read
# "self", "first", or a URL that somebody has made up: whatever is not such a word may have been "next".
_RELATION = re.compile(r"[a-z][a-z0-9:/._-]{0,199}")

_NOTHING: Mapping[int, UnreadEntry] = {}

KNOWN_EMPTY = Section(Availability.COMPLETE)


class PatientValue(Resource, gc=False, rename="camel"):
    """The value under `patient`: a Patient, an OperationOutcome, or a Bundle that holds one of them."""

    entry: list[Entry] | None = None
    total: int | None = None
    link: list[Link] | None = None  # of a Bundle; those of a Patient name no pages


@dataclass(frozen=True, slots=True)
class Reading:
    """One value, read. `next_page` is the address of the following page ("" where there is none).

    `found` and `given`: how many matches the answer says there are (None: it does not say), and how many it holds.
    `fault` says why it cannot be complete, whatever further pages hold.
    """

    section: Section
    next_page: str = ""
    issues: tuple[DataIssue, ...] = ()
    found: int | None = None
    given: int = 0
    fault: str = ""


EMPTY = Reading(KNOWN_EMPTY)


def failed(why: str) -> Reading:
    """Nothing of the answer could be used. The note becomes a DataIssue when the record is read into facts."""
    return Reading(Section(Availability.FAILED, note=why))


def read_bundle(
    key: DataKey,
    bundle: Bundle,
    lost: Mapping[int, UnreadEntry] = _NOTHING,
    *,
    places: Sequence[int] | None = None,
    passed_over: int = 0,
    fault: str = "",
) -> Reading:
    """The section that a search answer makes; `lost` tells of the entries, by index, that could not be decoded.

    Where some matches concern nobody here and were left away, `passed_over` is how many (they count as given), and
    `places` are the indexes that the others were sent at. Of more than MOST_ENTRIES the first are read, and the section
    says that it is incomplete, as it does where `fault` says why some of them were not given to be read.
    """
    if bundle.resource_type == "OperationOutcome":
        return failed("the EHR answered this query with an error")
    if bundle.resource_type is not None and bundle.resource_type != "Bundle":
        return failed(f"it holds a {quoted(bundle.resource_type)} where a Bundle belongs; it was not used")
    if bundle.resource_type is None and bundle.entry is None and bundle.type is None and bundle.total is None:
        return failed("it holds an object that is not a FHIR Bundle; it was not used")
    next_page, odd_link = _next_page(bundle.link or ())
    if not (bundle.entry or bundle.total or next_page or odd_link or passed_over):
        return EMPTY
    sent = (bundle.entry or [])[:MOST_ENTRIES]
    cut = TOO_MANY if len(bundle.entry or ()) > MOST_ENTRIES else fault
    entries, unread, reports_error = _usable(key, zip(places or count(), sent), lost)  # noqa: B905 - count() has no end
    fault = _AN_ERROR if reports_error else cut or odd_link
    given = passed_over + sum(is_match(entry.search) for entry in sent)
    note = fault or _why_incomplete(bundle.total, given, next_page)
    availability = Availability.INCOMPLETE if note else Availability.COMPLETE
    section = Section(availability, tuple(entries), note, tuple(unread))
    return Reading(section, next_page, (), bundle.total, given, fault)


def is_match(search: Search | None) -> bool:
    """Whether an entry is one of what was asked for, and not of what came with it."""
    return search is None or search.mode is None or search.mode == "match"


def _next_page(links: Iterable[Link]) -> tuple[str, str]:
    """The address of the next page, and why there may be one that we cannot tell."""
    odd = ""
    for link in links:
        relation = (link.relation or "").strip().lower()
        if relation == "next" and link.url:
            return link.url, ""
        if relation == "next" or not _RELATION.fullmatch(relation):
            odd = "it has a link that cannot be read, so there may be further pages"
    return "", odd


def one_reading(pages: Sequence[Reading]) -> Reading:
    """The pages of one answer, the first of them first, as if they had come as one."""
    entries = tuple(entry for page in pages for entry in page.section.entries)
    unread = tuple(entry for page in pages for entry in page.section.unread)
    issues = tuple(issue for page in pages for issue in page.issues)
    found, given, next_page = pages[0].found, sum(page.given for page in pages), pages[-1].next_page
    fault = next((page.fault or page.section.note for page in pages if _is_faulty(page)), "")
    note = fault or _why_incomplete(found, given, next_page)
    availability = Availability.INCOMPLETE if note else Availability.COMPLETE
    return Reading(Section(availability, entries, note, unread), next_page, issues, found, given, fault)


def _is_faulty(page: Reading) -> bool:
    return bool(page.fault) or page.section.availability is Availability.FAILED


def read_patient(value: PatientValue) -> Reading:
    """The patient's section: a read's answer is the resource itself, and some clients wrap it in a Bundle."""
    if value.resource_type == "OperationOutcome":
        return failed("the EHR answered this query with an error")
    if value.resource_type == "Bundle":
        bundle = Bundle(resource_type="Bundle", total=value.total, link=value.link, entry=value.entry)
        return read_bundle(DataKey.PATIENT, bundle)
    if value.resource_type != "Patient":
        kind = quoted(value.resource_type) if value.resource_type else "resource without a resourceType"
        return failed(f"it holds a {kind} where a Patient belongs; it was not used")
    return Reading(Section(Availability.COMPLETE, (Entry(resource=value),)))


def only_context_patient(reading: Reading, patient_id: str) -> Reading:
    """The patient's section without any Patient but the context patient; failed where none is left."""
    section = reading.section
    kept = tuple(entry for entry in section.entries if _is_patient(entry.resource, patient_id))
    if len(kept) == len(section.entries):
        return reading
    if not kept:
        return failed("the Patient that was given is not the one of context.patientId; it was not used")
    issue = DataIssue(DataKey.PATIENT, "id", "A Patient other than that of context.patientId was given and not used.")
    return dataclasses.replace(
        reading, section=dataclasses.replace(section, entries=kept), issues=(*reading.issues, issue)
    )


def reports_failure(issues: Iterable[OutcomeIssue] | None) -> bool:
    """Whether an OperationOutcome tells of an error; one that does not say how severe it is counts as an error."""
    severities = [(issue.severity or "").strip().lower() for issue in issues or ()]
    return not severities or any(severity not in _HARMLESS for severity in severities)


def _is_patient(resource: Resource | None, patient_id: str) -> bool:
    return resource is None or resource.resource_type != "Patient" or resource.id == patient_id


def _usable(
    key: DataKey, sent: Iterable[tuple[int, Entry]], lost: Mapping[int, UnreadEntry]
) -> tuple[list[Entry], list[UnreadEntry], bool]:
    """The entries that hold a resource (outcomes aside), those that cannot be used, and whether an error is told."""
    entries: list[Entry] = []
    unread: list[UnreadEntry] = []
    reports_error = False
    for index, entry in sent:
        resource = entry.resource
        kind = resource.resource_type if resource is not None else ""
        if kind == "OperationOutcome" and resource is not None:
            reports_error = reports_error or reports_failure(resource.issue)
        elif index in lost:
            unread.append(lost[index])
        elif kind in _WITHOUT or kind not in RESOURCE_TYPES:
            issue = DataIssue(key, f"entry[{index}].resource", _WITHOUT.get(kind, NO_TYPE))
            unread.append(UnreadEntry((issue,), resource if kind != "Bundle" else None))
        else:
            entries.append(entry)
    return entries, unread, reports_error


_WITHOUT: dict[str | None, str] = {
    "": "The entry holds no resource; it was not used.",
    None: "The resource has no resourceType, so it is not known what it is; it was not used.",
    "Bundle": "The entry holds another Bundle; what is in it was not used.",
}

_AN_ERROR = "the EHR reported an error with this query, so results may be missing"
TOO_MANY = f"it holds more than {MOST_ENTRIES} entries, and only so many were read"


def _why_incomplete(found: int | None, given: int, next_page: str) -> str:
    """Why the answer does not hold all there is; "" when nothing speaks against it."""
    if next_page:
        return "not all pages of it were given"
    if found is not None and found > given:
        return f"{found} results were found, but only {given} were given"
    return ""
