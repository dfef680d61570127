"""The FHIR servers of the settings, as the playground reads them: a patient is looked for, and a chart fetched whole.

The service asks for the page, through the one guarded session: only listed origins are called, no redirect is followed,
and size and time are bounded. What could not be had is told by its prefetch key and never passed on as "there is none".
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urljoin

from cds_service.config import Settings
from cds_service.ehr.live_prefetch import filled
from cds_service.ehr.prefetch import everything
from cds_service.errors import FhirServerFailed, NotOnFhirServer, OutboundRefused
from cds_service.outbound.addresses import AddressRules, Origin
from cds_service.outbound.deadline import Deadline
from cds_service.outbound.session import GuardedSession
from cds_service.service import CdsService
from cds_service.web.pages.playground import FetchedChart, Json, ServerTrouble

SECONDS: Final = 10.0
_PATIENTS: Final = 20
_PAGES: Final = 50
_PAGE: Final = 200
_MEDICATIONS: Final = 50
_ID = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}")
_MEDICATION = re.compile(rf"Medication/{_ID.pattern}")
_NO_TOKEN = re.compile(r"status 40[13]$")


class FhirServers:
    """The servers whose origins `settings` lists."""

    def __init__(self, settings: Settings, services: Sequence[CdsService]) -> None:
        """Nothing is called yet; `services` say what is asked for."""
        self.origins = settings.fhir_origins
        rules = AddressRules.of(
            settings.fhir_origins,
            allow_http_localhost=settings.fhir_allow_http_localhost,
            private_networks=settings.fhir_private_networks,
        )
        self._session = GuardedSession(rules)
        self._templates = everything(next(s.prefetch for s in services if s.hook == "patient-view"))

    def find(self, base: str, search: str) -> list[Json]:
        """Patients with this id or, where there is none of it, with this name; some of all where `search` is empty.

        Raises:
            ServerTrouble: the server may not be called, does not answer, or not as a FHIR server.
        """
        with _Visit(self._session, base) as visit:
            if _ID.fullmatch(search):
                try:
                    return [visit.read(f"Patient/{search}", "Patient")]
                except NotOnFhirServer:
                    pass
            named = f"name={quote(search, safe='')}&" if search else ""
            page = visit.read(f"Patient?{named}_count={_PATIENTS}", "Bundle")
            return [one for one in map(_resource, _entries(page)) if one and one["resourceType"] == "Patient"]

    def chart(self, base: str, patient_id: str) -> FetchedChart:
        """All that the services ask for of one patient, as a Bundle, and the prefetch keys that could not be had.

        Raises:
            ServerTrouble: as `find`; or there is no such patient.
        """
        if not _ID.fullmatch(patient_id):
            raise ServerTrouble("A patient's id is letters, digits, dots and hyphens, 64 at most.")
        found: dict[str, Json] = {}
        missing: dict[str, str] = {}
        with _Visit(self._session, base) as visit:
            try:
                _add(found, [visit.read(f"Patient/{patient_id}", "Patient")])
            except NotOnFhirServer as absent:
                raise ServerTrouble(f"{base} has no Patient with the id {patient_id}.") from absent
            for key, template in self._templates.items():
                query = filled(template, {"patientId": patient_id}) or ""
                if "?" in query:
                    try:
                        _add(found, list(visit.search(query)))
                    except (FhirServerFailed, OutboundRefused) as error:
                        missing[key] = str(error)
            _add(found, visit.medications(found))
        entry = [{"fullUrl": f"{visit.base}/{name}", "resource": resource} for name, resource in found.items()]
        return FetchedChart({"resourceType": "Bundle", "type": "collection", "entry": entry}, missing)


class _Visit:
    """Calls to one server, all of which end in time; what ends the whole visit is told as a ServerTrouble."""

    def __init__(self, session: GuardedSession, base: str) -> None:
        self.base = base.rstrip("/")
        self._session = session
        self._deadline = Deadline(SECONDS)
        self._end = threading.Timer(SECONDS, self._deadline.expire)

    def __enter__(self) -> _Visit:
        self._end.daemon = True
        self._end.start()
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._end.cancel()
        if isinstance(error, FhirServerFailed | OutboundRefused):
            is_refused = isinstance(error, OutboundRefused)
            how = "" if is_refused else _how_to_mend(str(error))
            raise ServerTrouble(f"{self.base}: {error}. {how}".strip(), is_refused) from error

    def read(self, query: str, kind: str) -> Json:
        """The resource of a read, or the first page of a search."""
        return self._get(f"{self.base}/{query}", kind)

    def search(self, query: str) -> Iterator[Json]:
        """All that a search finds, page by page, on this server only.

        Raises:
            FhirServerFailed, OutboundRefused: also where something of it could not be used, or was found and not given.
        """
        total, given = None, 0
        url = f"{self.base}/{query}" + ("" if "_count=" in query else f"&_count={_PAGE}")
        for _ in range(_PAGES):
            page = self._get(url, "Bundle")
            total = page.get("total") if total is None else total
            for entry in _entries(page):
                resource = _resource(entry)
                if resource is None:
                    raise FhirServerFailed("an entry of the answer cannot be used")
                if resource["resourceType"] == "OperationOutcome":
                    raise FhirServerFailed("the server reports something amiss with this search")
                given += _mode(entry) == "match"
                yield resource
            following = _next(page)
            if not following:
                break
            url = urljoin(url, following)
            if Origin.of(url) != Origin.of(self.base):
                raise OutboundRefused("the next page is on another server than the first")
        else:
            raise FhirServerFailed(f"the search has more than {_PAGES} pages")
        if isinstance(total, int) and total > given:
            raise FhirServerFailed(f"the server found {total} results and gave {given}")

    def medications(self, found: Mapping[str, Json]) -> list[Json]:
        """The Medications that orders only refer to; one that cannot be had is left to the service to tell."""
        references = [one.get("medicationReference") for one in found.values()]
        names = [str(one.get("reference")) for one in references if isinstance(one, dict)]
        wanted = [name for name in dict.fromkeys(names) if _MEDICATION.fullmatch(name)]
        read = []
        for name in [name for name in wanted if name not in found][:_MEDICATIONS]:
            try:
                read.append(self.read(name, "Medication"))
            except (FhirServerFailed, OutboundRefused):
                continue
        return read

    def _get(self, url: str, kind: str) -> Json:
        body = self._session.get(url, token="", deadline=self._deadline)
        try:
            content = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise FhirServerFailed("the server answered with something that is no FHIR JSON") from error
        if not isinstance(content, dict) or content.get("resourceType") != kind:
            raise FhirServerFailed(f"the server answered with something that is no {kind}")
        return content


def _how_to_mend(why: str) -> str:
    if _NO_TOKEN.search(why):
        return "It wants a token, which the playground has not: use b12-cds fire --fhir with --token-file."
    return "Check that it runs, and that this is the base address of its FHIR R4 interface."


def _add(found: dict[str, Json], resources: Sequence[Json]) -> None:
    for resource in resources:
        found.setdefault(f"{resource['resourceType']}/{resource['id']}", resource)


def _entries(page: Mapping[str, Any]) -> list[Any]:
    entries = page.get("entry")
    return entries if isinstance(entries, list) else []


def _resource(entry: object) -> Json | None:
    """The resource of an entry, where it says what it is. An outcome needs no id."""
    resource = entry.get("resource") if isinstance(entry, dict) else None
    if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
        return None
    has_name = isinstance(resource.get("id"), str) or resource["resourceType"] == "OperationOutcome"
    return resource if has_name else None


def _mode(entry: Mapping[str, Any]) -> str:
    search = entry.get("search")
    return str(search.get("mode") or "match") if isinstance(search, dict) else "match"


def _next(page: Mapping[str, Any]) -> str:
    links = page.get("link")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("relation") == "next" and isinstance(link.get("url"), str):
            return str(link["url"])
    return ""
