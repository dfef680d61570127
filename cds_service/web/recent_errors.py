"""The errors of this worker that its operator should see: what, where and how often, and nothing that was sent.

A value, an id or a clinician's words can hold data of a patient, so none is taken up: a field is told by its name in
our own schemas, an address by its route.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, Final

from marshmallow import Schema
from marshmallow.fields import Field, List, Nested

from cds_service.facts.patient import DataKey
from cds_service.web.schemas import DocumentedHookRequestSchema, FeedbackSchema

NO_ROUTE: Final = "No such address"
_MOST_KINDS: Final = 50
_INDEX = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """What one line counts. `code` is of FHIR's issue types; `where` a field, a cause of ours, or a place in code."""

    status: int
    code: str
    where: str
    route: str


@dataclass(frozen=True, slots=True)
class SeenError:
    """How often a kind of error came, and when last (UTC)."""

    kind: ErrorKind
    times: int
    last: datetime


@dataclass(slots=True)
class RecentErrors:
    """The last kinds of errors of one process, at most fifty of them; what came longest ago is forgotten first."""

    _seen: dict[ErrorKind, SeenError] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, kinds: Iterable[ErrorKind], now: datetime) -> None:
        """Count these: one request's, each kind once."""
        with self._lock:
            for kind in dict.fromkeys(kinds):
                before = self._seen.pop(kind, None)
                self._seen[kind] = SeenError(kind, before.times + 1 if before else 1, now)
                if len(self._seen) > _MOST_KINDS:
                    del self._seen[next(iter(self._seen))]

    def newest_first(self) -> list[SeenError]:
        """What was counted."""
        with self._lock:
            return list(self._seen.values())[::-1]


def field_name(path: str) -> str:
    """A field's path in our own names: `feedback[3].card` is `feedback[].card`, and what we do not name is `…`."""
    parts = _INDEX.sub("[]", path).split(".") if path else []
    known = [part if part.removesuffix("[]") in _our_names() else "…" for part in parts]
    return ".".join(known[: known.index("…") + 1] if "…" in known else known)


@cache
def _our_names() -> frozenset[str]:
    names = {key.value for key in DataKey} | {"entry", "resource", "bundle", "texts"}
    for schema in (DocumentedHookRequestSchema(), FeedbackSchema()):
        names |= _names_of(schema)
    return frozenset(names)


def _names_of(schema: Schema) -> set[str]:
    found = set(schema.fields)
    for inner in map(_inner, schema.fields.values()):
        if isinstance(inner, Nested):
            found |= _names_of(inner.schema)
    return found


def _inner(given: Field[Any]) -> Field[Any]:
    return given.inner if isinstance(given, List) else given
