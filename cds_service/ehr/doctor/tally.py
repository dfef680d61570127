"""What was seen in a record: one row for each kind of thing, with how often, one example, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from cds_service.ehr.patient_bundle import Json
from cds_service.outbound.typed_address import shown

_LONGEST = 120
_SHORTEST_NAME = 3  # shorter parts of names are parts of many other words


class Effect(StrEnum):
    """What it means for us, the gravest first."""

    NOT_USED = "not used"
    WITH_CARE = "used with care"
    INVALID = "not valid FHIR"
    CHECK = "not known to us"
    FINE = "used"
    SEEN = "seen"


GRAVE = (Effect.NOT_USED, Effect.WITH_CARE, Effect.INVALID)
"""Effects that somebody should do something about."""


@dataclass(slots=True)
class Row:
    """One kind of thing; `example` is the `Type/id` where it was seen first."""

    topic: str
    resource_type: str
    what: str
    effect: Effect
    example: str
    advice: str
    count: int = 0


class Tally:
    """Counts rows. No part of the patient's name, address, numbers or identifiers gets into one."""

    def __init__(self, patients: Iterable[Json] = ()) -> None:
        words = sorted({word for patient in patients for word in _told_of(patient)}, key=len, reverse=True)
        alternatives = "|".join(map(re.escape, words))
        self._hidden = re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)", re.IGNORECASE) if words else None
        self._rows: dict[tuple[str, str, str, Effect], Row] = {}

    def note(
        self,
        topic: str,
        resource_type: str,
        what: str,
        effect: Effect,
        example: str = "",
        advice: str = "",
        by: int = 1,
    ) -> None:
        """Count one more of this kind."""
        told = self._without_names(shown(what)[:_LONGEST])
        key = (topic, resource_type, told, effect)
        row = self._rows.setdefault(key, Row(topic, resource_type, told, effect, shown(example), advice))
        row.count += by

    def rows(self, topic: str = "") -> list[Row]:
        """The rows, of one topic where it is named: the gravest and most frequent first."""
        order = list(Effect)
        found = [row for row in self._rows.values() if topic in ("", row.topic)]
        return sorted(found, key=lambda row: (order.index(row.effect), -row.count, row.resource_type, row.what))

    def advice(self) -> list[str]:
        """What to do, each once; first what matters most."""
        grave = [row for row in self.rows() if row.advice and row.effect not in (Effect.FINE, Effect.SEEN)]
        return list(dict.fromkeys(row.advice for row in grave))

    @property
    def is_healthy(self) -> bool:
        """Whether there is nothing that somebody should do something about."""
        return all(row.effect not in GRAVE for row in self._rows.values())

    def _without_names(self, text: str) -> str:
        return self._hidden.sub("…", text) if self._hidden is not None else text


def _told_of(patient: Json) -> Iterator[str]:
    """Every word in the patient's names, addresses, telephone numbers and identifiers."""
    for field in ("name", "address", "telecom", "identifier", "contact"):
        for text in _texts(patient.get(field)):
            yield from (word for word in re.split(r"[\s,;]+", text) if len(word) >= _SHORTEST_NAME)


_NO_NAMES = frozenset({"system", "use", "type", "period", "relationship", "extension", "gender", "resourceType"})


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, list):
        for part in node:
            yield from _texts(part)
    elif isinstance(node, dict):
        for name, part in node.items():
            if name not in _NO_NAMES:
                yield from _texts(part)
