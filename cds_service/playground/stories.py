"""The playground's EHR: the stories as its patients, any Bundle dropped in, and the patients of FHIR servers."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from cds_service.ehr.moved_dates import moved
from cds_service.ehr.patient_bundle import PatientBundle, UnusableFile, read_patient_bundle
from cds_service.ehr.prefetch import everything, is_draft, prefetch
from cds_service.ehr.stories import STORIES
from cds_service.playground.servers import FhirServers
from cds_service.service import CdsService
from cds_service.web.pages.playground import FetchedChart, Json, OpenChart, ServerTrouble, StoryTitle, UnusableBundle


@dataclasses.dataclass(frozen=True, slots=True)
class _Story:
    title: StoryTitle
    written_for: date
    bundle: Path


class StoryEhr:
    """An EHR whose patients are the folders of `stories`, and which asks what `services` ask for."""

    def __init__(
        self, services: Sequence[CdsService], servers: FhirServers | None = None, stories: Path = STORIES
    ) -> None:
        """Where `stories` holds none, there is no patient to pick; without `servers`, none to connect to."""
        self._servers = servers
        found = sorted(stories.glob("*/story.yaml"))
        self._stories = {path.parent.name: _read_story(path) for path in found}
        self._templates = {
            service.id: {key.value: template for key, template in service.prefetch.items()} for service in services
        }
        self._everything = everything(next(s.prefetch for s in services if s.hook == "patient-view"))

    def stories(self) -> Sequence[StoryTitle]:
        """The patients to pick."""
        return [story.title for story in self._stories.values()]

    def story(self, name: str, today: date) -> Json | None:
        """The Bundle of a story, all its dates moved by as much as `today` is from the day it was written for."""
        if name not in self._stories:
            return None
        story = self._stories[name]
        bundle: Json = moved(json.loads(story.bundle.read_text(encoding="utf-8")), today - story.written_for)
        return bundle

    def servers(self) -> Sequence[str]:
        """The origins of the FHIR servers that may be connected to."""
        return self._servers.origins if self._servers else ()

    def find_patients(self, server: str, search: str) -> Sequence[Json]:
        """Patients of a server, by id or name; some where nothing is searched for.

        Raises:
            ServerTrouble: why there are none to show.
        """
        return self._connected().find(server, search)

    def fetch_chart(self, server: str, patient_id: str) -> FetchedChart:
        """The record of a server's patient.

        Raises:
            ServerTrouble: why it cannot be had.
        """
        return self._connected().chart(server, patient_id)

    def _connected(self) -> FhirServers:
        if not self.servers() or self._servers is None:
            raise ServerTrouble("No FHIR server is listed here. List its origin in B12_FHIR_ORIGINS.", True)
        return self._servers

    def open_chart(self, bundle: Mapping[str, Any], patient_id: str) -> OpenChart:
        """The chart of the Bundle's patient.

        Raises:
            UnusableBundle: it is no Bundle, or it is not clear whose it is.
        """
        try:
            record = _of_patient(read_patient_bundle(bundle, patient_id or "-"), patient_id)
            answered = {service: prefetch(record, asked) for service, asked in self._templates.items()}
            whole = prefetch(record, self._everything)
        except UnusableFile as problem:
            raise UnusableBundle(str(problem)) from problem
        except RecursionError as problem:
            raise UnusableBundle("The Bundle is nested too deeply to be read.") from problem
        drafts = tuple(resource for resource in record.resources if is_draft(resource))
        return OpenChart(record.patient_id, record.resources, drafts, answered, whole)


def _of_patient(record: PatientBundle, patient_id: str) -> PatientBundle:
    """The record for the patient that is meant; which of several is never guessed."""
    found = [str(patient["id"]) for patient in record.of_type("Patient")]
    if patient_id and patient_id not in found:
        raise UnusableBundle(f"The Bundle holds no Patient with the id {patient_id[:64]!r}.")
    if not patient_id and len(found) != 1:
        number = f"{len(found)} Patients; write the id of the one to open" if found else "no Patient; add one"
        raise UnusableBundle(f"The Bundle holds {number}.")
    return dataclasses.replace(record, patient_id=patient_id or found[0])


def _read_story(path: Path) -> _Story:
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    title = StoryTitle(path.parent.name, told["title"], told["shows"], tuple(told["hooks"]))
    return _Story(title, told["today"], path.with_name("bundle.json"))
