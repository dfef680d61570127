"""What a patient takes or took: which medicine, when, how much a day, by which route, and how sure we are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from cds_service.facts.dates import ClinicalDate
from cds_service.facts.presence import Presence


class Medicine(StrEnum):
    """A medicine or class that the rules speak of; the value is the file name in `knowledge/medicines/`."""

    METFORMIN = "metformin"
    PPI = "ppi"
    H2_BLOCKER = "h2-blocker"
    B12 = "b12"
    FOLIC_ACID = "folic-acid"
    FOLINIC_ACID = "folinic-acid"
    ANTICOAGULANT = "anticoagulant"
    ANTIFOLATE = "antifolate"
    NITROUS_OXIDE = "nitrous-oxide"
    OTHER_B12_LOWERING = "other-b12-lowering"


class Route(StrEnum):
    """How a medicine enters the body, as far as it matters here."""

    ORAL = "oral"
    PARENTERAL = "parenteral"
    NASAL = "nasal"
    NOT_KNOWN = "not-known"


class RecordKind(StrEnum):
    """Which record tells of the treatment."""

    STATEMENT = "MedicationStatement"
    REQUEST = "MedicationRequest"
    DISPENSE = "MedicationDispense"
    ADMINISTRATION = "MedicationAdministration"
    PROCEDURE = "Procedure"


GIVEN_ON_A_DAY = frozenset({RecordKind.ADMINISTRATION, RecordKind.PROCEDURE})
"""Records of what was given once, such as an injection; the others tell of use over a time."""


@dataclass(frozen=True, slots=True)
class DailyDose:
    """How much of a medicine a day, averaged over its dosing interval.

    `mg_per_day` is None where it cannot be told; `reason` then says why in words for a clinician.
    """

    mg_per_day: Decimal | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of treatment. `start` None: it is not known when it began. `end` None: it goes on, as far as known."""

    start: ClinicalDate | None
    end: ClinicalDate | None


@dataclass(frozen=True, slots=True)
class Treatment:
    """One medicine from one record; a combination product gives one Treatment for each medicine it holds.

    `dose_mg` is the mass at a time; that of one unit of the product where the record does not say how many.
    `intervals` are the stretches this record vouches for (empty: it tells of no use at all, such as a hold from the
    first day). `form` is the cobalamin form where it matters ("cyanocobalamin", "hydroxocobalamin", "").
    `is_coded` is false for a match by name alone. `as_needed` use is never counted as continuous. `is_halted`: it was
    stopped, is on hold, or the record does not say whether it goes on, so that it does not vouch for the present.
    `supplied_until`: the last day of the supply that an order or dispense states. `is_planned`: it goes
    on, as far as known, and begins on a day to come. `is_doubted`: by its status it is taken, and its directions
    speak of not taking it; where they say so outright it is halted too. `is_single`: an order or statement of one dose
    only; an order does not tell whether it was given.
    """

    medicine: Medicine
    name: str
    source: str
    kind: RecordKind
    intervals: tuple[Interval, ...]
    dose: DailyDose = DailyDose(None, "no dosage was given")
    dose_mg: Decimal | None = None
    route: Route = Route.NOT_KNOWN
    form: str = ""
    as_needed: bool = False
    is_active: bool = False
    is_halted: bool = False
    is_planned: bool = False
    supplied_until: ClinicalDate | None = None
    is_doubted: bool = False
    is_single: bool = False
    is_coded: bool = True
    is_eradication_pack: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """A continuous stretch of use in the merged timeline, days included at both ends.

    `end` None: ongoing. `start_is_open`: use may have begun before `start` (the true beginning is not known).
    """

    start: date
    end: date | None
    start_is_open: bool = False


@dataclass(frozen=True, slots=True)
class Exposure:
    """Use of one medicine class over time: what `assessment.exposure` makes of all its treatments.

    `stretches` are certain, oldest first. `possible` is the longest that use may have lasted (it also holds what the
    record leaves open), and decides between "no" and "not known". `uncertain` says in words what could not be counted
    (unknown start, as needed, name only). `is_current` tells whether it is taken now.
    """

    medicine: Medicine
    stretches: tuple[Stretch, ...] = ()
    is_current: Presence = Presence.NO
    uncertain: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    unknown_start_sources: tuple[str, ...] = ()
    possible: tuple[Stretch, ...] = ()
