"""What a timeline shows, before anybody decides where on the paper: panels of results, bars of medicines, events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from cds_service.facts.dates import ClinicalDate


class Shape(StrEnum):
    """How a result is drawn; the value is also its name in the stylesheet."""

    EXACT = "exact"
    BELOW = "below"  # the true value lies below the printed one
    ABOVE = "above"
    IN_WORDS = "in-words"
    NOT_USED = "not-used"


class Tone(StrEnum):
    """What a band of values means; the value is also its name in the stylesheet."""

    SEVERE = "severe"
    LOW = "low"
    BETWEEN = "between"
    CLEAR = "clear"
    RAISED = "raised"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table behind the picture, and what is told where the mouse or the keyboard rests on its mark.

    `order` sorts; `when` is as precise as it is known. `rules` are the ids of the rules that rest on it.
    """

    order: date
    when: str
    what: str
    value: str
    reference: str = ""
    remarks: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    is_counted: bool = False
    source: str = ""

    @property
    def told(self) -> str:
        """All of it in one sentence."""
        first = ": ".join(part for part in (self.what, self.value) if part)
        rests = f"counts for {', '.join(self.rules)}" if self.rules else ""
        status = rests or ("the status rests on it" if self.is_counted else "")
        own = f"laboratory’s range {self.reference}" if self.reference else ""
        return "; ".join(part for part in (first, self.when, own, *self.remarks, status, self.source) if part)


@dataclass(frozen=True, slots=True)
class Mark:
    """A result in its panel. `value`, `own_low` and `own_high` are in the panel's unit; no `value`: none to draw."""

    when: ClinicalDate
    shape: Shape
    label: str
    row: Row
    value: Decimal | None = None
    own_low: Decimal | None = None
    own_high: Decimal | None = None
    is_tentative: bool = False


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch of values; an end that is None is open."""

    above: Decimal | None
    below: Decimal | None
    tone: Tone
    label: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One analyte in one unit. `starts_at_zero` where nothing is nothing; a haemoglobin of 0 is not worth the room."""

    title: str
    unit: str
    bands: tuple[Band, ...]
    marks: tuple[Mark, ...]
    notes: tuple[str, ...] = ()
    starts_at_zero: bool = True

    @property
    def limits(self) -> tuple[Decimal, ...]:
        """Where one band ends and another begins, the lowest first."""
        return tuple(sorted({edge for band in self.bands for edge in (band.above, band.below) if edge is not None}))


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of use. `start` None: nobody knows since when. `end` None: it goes on."""

    start: date | None
    end: date | None
    is_certain: bool
    row: Row


@dataclass(frozen=True, slots=True)
class Lane:
    """One medicine class: its bars, and the days of single doses. `names` are those that the record gives."""

    title: str
    names: str
    bars: tuple[Bar, ...]
    doses: tuple[tuple[date, Row], ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """A problem, an operation, an order or a review, from its (partial) date on."""

    when: ClinicalDate
    label: str
    row: Row
    is_ahead: bool = False


@dataclass(frozen=True, slots=True)
class Timeline:
    """One patient's picture. `notes` say what it does not show, or what is not known; `rows` are all of its facts,
    the newest first."""

    patient: str
    headline: str
    today: date
    first: date
    last: date
    panels: tuple[Panel, ...]
    lanes: tuple[Lane, ...]
    events: tuple[Event, ...]
    notes: tuple[str, ...]
    rows: tuple[Row, ...]
    knowledge_version: str
