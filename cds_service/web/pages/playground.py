"""What the playground EHR needs from outside of the web edge: patients to pick, and charts to open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

Json = dict[str, Any]


class UnusableBundle(Exception):
    """What was dropped in is no patient's Bundle; the message says why, and how to mend it."""


class ServerTrouble(Exception):
    """A FHIR server cannot be read; the message says which, why, and how to mend it.

    `is_refused`: it was not called, because it may not be.
    """

    def __init__(self, message: str, is_refused: bool = False) -> None:
        super().__init__(message)
        self.is_refused = is_refused


@dataclass(frozen=True, slots=True)
class FetchedChart:
    """A patient's record from a FHIR server. `missing` are the prefetch keys that could not be had, and why."""

    bundle: Json
    missing: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StoryTitle:
    """A made-up patient to pick. `shows` tells what their story is there for, `hooks` where a card is to be seen."""

    name: str
    title: str
    shows: str
    hooks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenChart:
    """A patient as this EHR has them. `prefetch` holds, by service id, what each service asks for.

    `everything` is a prefetch of patient-view with all results of the record, under whatever codes they are.
    """

    patient_id: str
    resources: tuple[Json, ...]
    drafts: tuple[Json, ...]
    prefetch: Mapping[str, Json]
    everything: Json


class PlaygroundEhr(Protocol):
    """The EHR behind the page: it keeps no state, so that any worker can answer."""

    def stories(self) -> Sequence[StoryTitle]:
        """The patients to pick; none where their files are not installed."""

    def story(self, name: str, today: date) -> Json | None:
        """The Bundle of a story, moved in time so that it is as fresh `today` as on the day it was written for."""

    def servers(self) -> Sequence[str]:
        """The origins of the FHIR servers that may be connected to."""

    def find_patients(self, server: str, search: str) -> Sequence[Json]:
        """Patients of the server at this base address, by id or name; some where nothing is searched for.

        Raises:
            ServerTrouble: why there are none to show.
        """

    def fetch_chart(self, server: str, patient_id: str) -> FetchedChart:
        """The record of a server's patient.

        Raises:
            ServerTrouble: why it cannot be had.
        """

    def open_chart(self, bundle: Mapping[str, Any], patient_id: str) -> OpenChart:
        """The chart of the Bundle's patient; `patient_id` may be "" where the Bundle holds exactly one.

        Raises:
            UnusableBundle: it is no Bundle, or it is not clear whose it is.
        """
