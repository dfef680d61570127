"""Completing a record from the EHR's own FHIR server, with the token that the request brought.

All that is missing is asked for at once, and one deadline holds for everything. What comes back is read by the same
code as a prefetch, so that it makes no difference which way data came.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import quote, urljoin

from cds_service.errors import FhirServerFailed, InvalidHookRequest, NotOnFhirServer, OutboundRefused
from cds_service.facts.patient import Availability, DataKey
from cds_service.fhir.bundles import MOST_ENTRIES, Reading, one_reading, only_context_patient
from cds_service.fhir.prefetch import read_answer, read_single
from cds_service.fhir.record import PatientRecord, Section
from cds_service.fhir.resources import Resource
from cds_service.fhir.sieve import Sieve
from cds_service.fhir.unread_medications import unresolved, with_medications
from cds_service.outbound.addresses import Origin
from cds_service.outbound.deadline import Deadline
from cds_service.outbound.session import GuardedSession

_PAGES = 20
_MEDICATIONS = 25
_GRACE_SECONDS = 0.1  # for calls that were ended at the deadline to hand over the pages they have
_PATIENT_ID = re.compile(r"\{\{\s*context\.patientId\s*\}\}")
_NO_PATIENT = "the FHIR server has no Patient with this id"
_CANNOT_USE = (FhirServerFailed, OutboundRefused, InvalidHookRequest)
_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class FhirAccess:
    """The FHIR server that a request names, and the token for it ("" for an open server, such as the sandbox's)."""

    server: str
    token: str = field(default="", repr=False)

    def url(self, relative: str) -> str:
        """The address of a read or search on this server."""
        return f"{self.server.rstrip('/')}/{relative}"


def threads_for(requests_at_once: int) -> ThreadPoolExecutor:
    """Threads enough that of so many requests none waits for another's calls to end."""
    return ThreadPoolExecutor(len(DataKey) * requests_at_once, thread_name_prefix="fhir")


class Retriever:
    """Asks FHIR servers for what a request left out."""

    def __init__(
        self,
        session: GuardedSession,
        deadline_seconds: float,
        pool: ThreadPoolExecutor | None = None,
        sieve: Sieve | None = None,
    ) -> None:
        """`pool`: threads that are shared with others; without it, as many of its own as one request needs.

        `sieve`: results that concern nobody here, and need no reading.
        """
        self._session = session
        self._seconds = deadline_seconds
        self._pool = pool or threads_for(1)
        self._has_own_pool = pool is None
        self._sieve = sieve

    def complete(
        self,
        record: PatientRecord,
        templates: Mapping[DataKey, str],
        readings: Mapping[DataKey, Reading],
        access: FhirAccess | None,
    ) -> PatientRecord:
        """The record with what could be fetched of the keys in `templates` that it lacks.

        `readings` are how the keys came in the request. A key that could not be fetched says why in its note; one
        that was missing becomes FAILED where the server was asked in vain.
        """
        lacking = [key for key in templates if _lacks(record.section(key), readings.get(key))]
        if access is None or not (lacking or unresolved(record)):
            return record
        try:
            self._session.check(access.url(""))
        except OutboundRefused as refused:
            return _with_notes(record, lacking, str(refused))
        deadline = Deadline(self._seconds)
        calls = {key: self._call(key, templates[key], record, readings.get(key), access, deadline) for key in lacking}
        answers = _of_a_known_patient(self._at_once(calls, deadline))
        late = f"the FHIR server did not answer within {self._seconds:g} seconds"
        completed = _merged(record, {key: answers.get(key, late) for key in lacking})
        return self._with_medications(completed, access, deadline)

    def close(self) -> None:
        """Let go of connections, and of threads that are not shared."""
        if self._has_own_pool:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._session.close()

    def _call(
        self,
        key: DataKey,
        template: str,
        record: PatientRecord,
        given: Reading | None,
        access: FhirAccess,
        deadline: Deadline,
    ) -> Callable[[], Reading | str]:
        if given is not None and given.next_page:
            return lambda: self._pages(key, urljoin(access.url(""), given.next_page), access, deadline, [given])
        query = _PATIENT_ID.sub(quote(record.patient_id, safe=""), template)
        return lambda: self._pages(key, access.url(query), access, deadline, [])

    def _pages(
        self, key: DataKey, url: str, access: FhirAccess, deadline: Deadline, pages: list[Reading]
    ) -> Reading | str:
        """The answer from `url` on, all pages as one; or why there is none. A page that fails leaves it incomplete."""
        asked: set[str] = set()
        why = ""
        while url and url not in asked and len(asked) < _PAGES and sum(page.given for page in pages) < MOST_ENTRIES:
            asked.add(url)
            try:
                page = read_answer(key, self._get(url, access, deadline), self._sieve)
            except _CANNOT_USE as error:
                why = _reason(key, error)
                break
            pages.append(page)
            url = urljoin(url, page.next_page) if page.next_page else ""
        if not pages:
            return why
        reading = one_reading(pages) if len(pages) > 1 else pages[0]
        return _with_note(reading, why) if why else reading

    def _get(self, url: str, access: FhirAccess, deadline: Deadline) -> bytes:
        """The token is for this server: no link leads it anywhere else."""
        if Origin.of(url) != Origin.of(access.server):
            raise OutboundRefused("the next page is on another server than the first")
        return self._session.get(url, token=access.token, deadline=deadline)

    def _at_once(self, calls: Mapping[_Key, Callable[[], _Value]], deadline: Deadline) -> dict[_Key, _Value]:
        """What each call gives; without those that gave nothing until the deadline."""
        futures = {self._pool.submit(call): key for key, call in calls.items()}
        done, late = wait(futures, timeout=deadline.remaining)
        if late:
            deadline.expire()
            for future in late:
                future.cancel()
            done |= wait(late, timeout=_GRACE_SECONDS).done
        return {futures[future]: future.result() for future in done if not future.cancelled()}

    def _with_medications(self, record: PatientRecord, access: FhirAccess, deadline: Deadline) -> PatientRecord:
        """The record with the Medications that its orders only refer to, as far as they can be read in time."""
        urls: dict[str, str] = {}
        for reference in unresolved(record):
            relative = reference.removeprefix(access.url(""))
            if "://" not in relative and len(urls) < _MEDICATIONS:
                urls[reference] = access.url(relative.partition("/_history/")[0])
        if not urls or deadline.remaining <= 0:
            return record
        calls = {reference: self._read_call(url, access, deadline) for reference, url in urls.items()}
        found = {reference: read for reference, read in self._at_once(calls, deadline).items() if read is not None}
        return with_medications(record, {reference: (urls[reference], read) for reference, read in found.items()})

    def _read_call(self, url: str, access: FhirAccess, deadline: Deadline) -> Callable[[], Resource | None]:
        def read() -> Resource | None:
            try:
                resource, _ = read_single(self._get(url, access, deadline), "Medication")
            except _CANNOT_USE:
                return None  # the order still names its reference, and whoever reads it says that it leads nowhere
            return resource if resource is not None and resource.resource_type == "Medication" else None

        return read


def _lacks(section: Section, given: Reading | None) -> bool:
    """Whether asking the server could tell more than the request did."""
    if section.availability in (Availability.NOT_GIVEN, Availability.FAILED):
        return True
    if section.availability is not Availability.INCOMPLETE or given is None:
        return False
    return bool(given.next_page) or not given.issues  # odd entries would come back as odd


def _merged(record: PatientRecord, answers: Mapping[DataKey, Reading | str]) -> PatientRecord:
    sections = dict(record.sections)
    issues = list(record.issues)
    for key, answer in answers.items():
        if isinstance(answer, str):
            sections[key] = _failed(record.section(key), answer)
            continue
        reading = only_context_patient(answer, record.patient_id) if key is DataKey.PATIENT else answer
        if not (reading.section.availability is Availability.FAILED and record.section(key).entries):
            sections[key] = reading.section
        issues.extend(reading.issues)
    return dataclasses.replace(record, sections=sections, issues=tuple(dict.fromkeys(issues)))


def _failed(before: Section, why: str) -> Section:
    """An incomplete section keeps what it holds; nothing at all stays nothing."""
    note = f"{before.note}, and {why}" if before.note else why
    kept = before.availability is Availability.INCOMPLETE
    return dataclasses.replace(before, availability=before.availability if kept else Availability.FAILED, note=note)


def _with_notes(record: PatientRecord, keys: list[DataKey], why: str) -> PatientRecord:
    sections = dict(record.sections)
    for key in keys:
        section = record.section(key)
        sections[key] = dataclasses.replace(section, note=f"{section.note}, and {why}")
    return dataclasses.replace(record, sections=sections)


def _with_note(reading: Reading, why: str) -> Reading:
    section = reading.section
    note = f"not all pages of it could be read: {why}"
    incomplete = dataclasses.replace(section, availability=Availability.INCOMPLETE, note=note)
    return dataclasses.replace(reading, section=incomplete)


def _of_a_known_patient(answers: Mapping[DataKey, Reading | str]) -> Mapping[DataKey, Reading | str]:
    """Servers answer a search about somebody they do not know with an empty Bundle: that is no empty record."""
    if answers.get(DataKey.PATIENT) != _NO_PATIENT:
        return answers
    return {key: _NO_PATIENT if _is_empty(answer) else answer for key, answer in answers.items()}


def _is_empty(answer: Reading | str) -> bool:
    return (
        isinstance(answer, Reading)
        and answer.section.availability is Availability.COMPLETE
        and not answer.section.entries
    )


def _reason(key: DataKey, error: Exception) -> str:
    if isinstance(error, NotOnFhirServer) and key is DataKey.PATIENT:
        return _NO_PATIENT
    if isinstance(error, InvalidHookRequest):
        return "the FHIR server's answer is not JSON that can be read"
    return str(error)
