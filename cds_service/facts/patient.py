"""PatientFacts: all that the rules may look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from cds_service.facts.dates import ClinicalDate
from cds_service.facts.labs import LabResult
from cds_service.facts.orders import DraftOrder, TestOrder
from cds_service.facts.problems import Problem
from cds_service.facts.treatments import Treatment


class Sex(StrEnum):
    """Administrative sex, as far as a reference range depends on it."""

    FEMALE = "female"
    MALE = "male"
    NOT_KNOWN = "not-known"


class DataKey(StrEnum):
    """What we ask for: the keys of the prefetch templates."""

    PATIENT = "patient"
    LABS = "labs"
    MEDICATION_STATEMENTS = "medicationStatements"
    MEDICATION_REQUESTS = "medicationRequests"
    MEDICATION_DISPENSES = "medicationDispenses"
    MEDICATION_ADMINISTRATIONS = "medicationAdministrations"
    CONDITIONS = "conditions"
    PROCEDURES = "procedures"
    ALLERGIES = "allergies"
    SERVICE_REQUESTS = "serviceRequests"
    SOCIAL_HISTORY = "socialHistory"


DATA_KEYS = tuple(DataKey)
"""Every DataKey, in order: to go through an enumeration itself is slow, and every request does so several times."""

ANYTHING = "anything"
"""What an entry matters to that does not say what it is."""

AGE = "age"
"""What a birth date matters to that is missing or cannot be read."""

DRAFTS = "drafts"
"""What an order matters to that is being written, and that could not be read."""


DOSE = "dosage"
"""The field of an issue that tells of vitamin B12 of which it is not known how much."""


class Availability(StrEnum):
    """How much of a key's data we hold."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    NOT_GIVEN = "not-given"
    NEVER_SENT = "never-sent"


@dataclass(frozen=True, slots=True)
class DataIssue:
    """Something in the data that could not be used, or only with care.

    `resource` is `Type/id` or a prefetch key; `field` is the FHIR path within it. `issue` is a sentence for a person
    and never holds a name or other free text of the record beyond a short, quoted value. `matters_to` names the
    analyte, medicine or problem kind that is affected, so that a card on it can say so ("" when none is, ANYTHING when
    nobody can tell which). `used_with_care` is true where the thing was used all the same, and false where it was left
    out. `day` is the day it is of, for a result that was left out (None: not known).
    """

    resource: str
    field: str
    issue: str
    matters_to: str = ""
    used_with_care: bool = False
    day: ClinicalDate | None = None


@dataclass(frozen=True, slots=True)
class PatientFacts:
    """The patient as the rules see them. Tuples are sorted, so that the order of FHIR entries never matters."""

    patient_id: str
    today: date
    born: ClinicalDate | None = None
    sex: Sex = Sex.NOT_KNOWN
    is_deceased: bool = False
    labs: tuple[LabResult, ...] = ()
    treatments: tuple[Treatment, ...] = ()
    problems: tuple[Problem, ...] = ()
    test_orders: tuple[TestOrder, ...] = ()
    drafts: tuple[DraftOrder, ...] = ()
    issues: tuple[DataIssue, ...] = ()
    availability: tuple[tuple[DataKey, Availability], ...] = ()

    def available(self, key: DataKey) -> Availability:
        """How much of `key` we hold; what nobody spoke of counts as complete (facts built in tests and examples)."""
        return dict(self.availability).get(key, Availability.COMPLETE)
