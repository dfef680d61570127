"""FHIR R4 as we read it: slim structs that hold just the fields we use, decoded straight from the request body.

One struct, `Resource`, serves every resource type: a tagged union would refuse a whole body for one type it does not
know, while here an unknown type costs no more than skipping it. Every field is optional, because real payloads leave
out what the specification requires. Fields whose shape differs between types or in the wild are unions. Values keep
their exact decimals. `gc=False`: the structs hold no cycles, and the collector need not walk thousands of them.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import UNSET, Raw, Struct, UnsetType


class Coding(Struct, gc=False):
    """Coding."""

    system: str | None = None
    code: str | None = None
    display: str | None = None


class CodeableConcept(Struct, gc=False):
    """CodeableConcept."""

    coding: list[Coding] | None = None
    text: str | None = None


class Identifier(Struct, gc=False):
    """Identifier; some sources hide a medicine's name here."""

    system: str | None = None
    value: str | None = None


class Reference(Struct, gc=False):
    """Reference."""

    reference: str | None = None
    display: str | None = None
    identifier: Identifier | None = None


class Quantity(Struct, gc=False):
    """Quantity, SimpleQuantity, Duration, Age."""

    value: Decimal | None = None
    comparator: str | None = None
    unit: str | None = None
    system: str | None = None
    code: str | None = None


class Range(Struct, gc=False):
    """Range."""

    low: Quantity | None = None
    high: Quantity | None = None


class Ratio(Struct, gc=False):
    """Ratio."""

    numerator: Quantity | None = None
    denominator: Quantity | None = None


class Period(Struct, gc=False):
    """Period."""

    start: str | None = None
    end: str | None = None


class TimingRepeat(Struct, gc=False, rename="camel"):
    """Timing.repeat."""

    bounds_duration: Quantity | None = None
    bounds_range: Range | None = None
    bounds_period: Period | None = None
    count: int | None = None
    count_max: int | None = None
    frequency: int | None = None
    frequency_max: int | None = None
    period: Decimal | None = None
    period_max: Decimal | None = None
    period_unit: str | None = None
    day_of_week: list[str] | None = None
    time_of_day: list[str] | None = None
    when: list[str] | None = None


class Timing(Struct, gc=False):
    """Timing."""

    event: list[str] | None = None
    repeat: TimingRepeat | None = None
    code: CodeableConcept | None = None


class DoseAndRate(Struct, gc=False, rename="camel"):
    """Dosage.doseAndRate."""

    dose_quantity: Quantity | None = None
    dose_range: Range | None = None
    rate_quantity: Quantity | None = None
    rate_range: Range | None = None
    rate_ratio: Ratio | None = None


class Dosage(Struct, gc=False, rename="camel"):
    """Dosage, and MedicationAdministration.dosage (whose dose is `dose`)."""

    sequence: int | None = None
    text: str | None = None
    patient_instruction: str | None = None
    timing: Timing | None = None
    as_needed_boolean: bool | None = None
    as_needed_codeable_concept: CodeableConcept | None = None
    route: CodeableConcept | None = None
    dose_and_rate: list[DoseAndRate] | None = None
    max_dose_per_period: Ratio | None = None
    dose: Quantity | None = None
    dose_quantity: Quantity | None = None  # DSTU2 and STU3 shape, seen in real payloads


class DispenseRequest(Struct, gc=False, rename="camel"):
    """MedicationRequest.dispenseRequest."""

    validity_period: Period | None = None
    number_of_repeats_allowed: int | None = None
    quantity: Quantity | None = None
    expected_supply_duration: Quantity | None = None


class ReferenceRange(Struct, gc=False):
    """Observation.referenceRange."""

    low: Quantity | None = None
    high: Quantity | None = None
    text: str | None = None


class Component(Struct, gc=False, rename="camel"):
    """Observation.component."""

    code: CodeableConcept | None = None
    value_quantity: Quantity | None = None
    value_string: str | None = None
    value_codeable_concept: CodeableConcept | None = None
    value_range: Range | None = None
    data_absent_reason: CodeableConcept | None = None
    interpretation: list[CodeableConcept] | CodeableConcept | None = None
    reference_range: list[ReferenceRange] | None = None


class Ingredient(Struct, gc=False, rename="camel"):
    """Medication.ingredient."""

    item_codeable_concept: CodeableConcept | None = None
    item_reference: Reference | None = None
    strength: Ratio | None = None


class OutcomeIssue(Struct, gc=False):
    """OperationOutcome.issue."""

    severity: str | None = None
    code: str | None = None


class Reaction(Struct, gc=False):
    """AllergyIntolerance.reaction."""

    substance: CodeableConcept | None = None


class Contained(Struct, gc=False, rename="camel"):
    """The fields that we use of a contained resource: of a Medication what it is made of, of a result what it is, of a
    Specimen its type (which is a list or a code in other resources)."""

    resource_type: str | None = None
    id: str | None = None
    code: CodeableConcept | None = None
    type: CodeableConcept | list[CodeableConcept] | str | None = None
    identifier: list[Identifier] | Identifier | None = None
    ingredient: list[Ingredient] | None = None


class Resource(Contained, gc=False, rename="camel"):
    """The fields that we use of every resource type that we read."""

    status: str | None = None
    intent: str | None = None
    do_not_perform: bool | None = None
    subject: Reference | None = None
    patient: Reference | None = None
    contained: list[Contained] | None = None
    # Patient
    gender: str | None = None
    birth_date: str | None = None
    deceased_boolean: bool | None = None
    deceased_date_time: str | None = None
    # Observation
    effective_date_time: str | None = None
    effective_instant: str | None = None
    effective_period: Period | None = None
    issued: str | None = None
    value_quantity: Quantity | None = None
    value_string: str | None = None
    value_codeable_concept: CodeableConcept | None = None
    value_range: Range | None = None
    value_boolean: bool | None = None
    value_integer: int | None = None
    value_date_time: str | None = None
    data_absent_reason: CodeableConcept | None = None
    interpretation: list[CodeableConcept] | CodeableConcept | None = None
    reference_range: list[ReferenceRange] | None = None
    component: list[Component] | None = None
    specimen: Reference | list[Reference] | None = None  # a list in a ServiceRequest
    # Medication*
    medication_codeable_concept: CodeableConcept | None = None
    medication_reference: Reference | None = None
    authored_on: str | None = None
    date_asserted: str | None = None
    dosage_instruction: list[Dosage] | None = None
    dosage: list[Dosage] | Dosage | None = None
    dispense_request: DispenseRequest | None = None
    prior_prescription: Reference | None = None
    status_reason: list[CodeableConcept] | CodeableConcept | None = None
    when_handed_over: str | None = None
    when_prepared: str | None = None
    days_supply: Quantity | None = None
    quantity: Quantity | None = None
    authorizing_prescription: list[Reference] | None = None
    # Condition, AllergyIntolerance, Procedure
    clinical_status: CodeableConcept | str | None = None
    verification_status: CodeableConcept | str | None = None
    onset_date_time: str | None = None
    onset_period: Period | None = None
    recorded_date: str | None = None
    abatement_date_time: str | None = None
    abatement_boolean: bool | None = None
    abatement_string: str | None = None
    abatement_period: Period | None = None
    performed_date_time: str | None = None
    performed_period: Period | None = None
    reaction: list[Reaction] | None = None
    # ServiceRequest, RequestGroup, NutritionOrder
    replaces: list[Reference] | None = None
    order_detail: list[CodeableConcept] | None = None
    occurrence_date_time: str | None = None
    occurrence_period: Period | None = None
    # OperationOutcome
    issue: list[OutcomeIssue] | None = None


class Link(Struct, gc=False):
    """Bundle.link."""

    relation: str | None = None
    url: str | None = None


class Search(Struct, gc=False):
    """Bundle.entry.search."""

    mode: str | None = None


class Entry(Struct, gc=False, rename="camel"):
    """Bundle.entry."""

    full_url: str | None = None
    resource: Resource | None = None
    search: Search | None = None


class Bundle(Struct, gc=False, rename="camel"):
    """Bundle, or, where a client sends one resource instead, the type of that resource."""

    resource_type: str | None = None
    type: str | None = None
    total: int | None = None
    link: list[Link] | None = None
    entry: list[Entry] | None = None
    issue: list[OutcomeIssue] | None = None


class RawEntry(Struct, gc=False, rename="camel"):
    """Bundle.entry, its resource still as it was sent."""

    full_url: str | None = None
    resource: Raw | UnsetType = UNSET
    search: Search | None = None


class RawBundle(Struct, gc=False, rename="camel"):
    """A Bundle whose resources are read one by one."""

    resource_type: str | None = None
    type: str | None = None
    total: int | None = None
    link: list[Link] | None = None
    entry: list[RawEntry] | None = None
    issue: list[OutcomeIssue] | None = None


def resource_name(resource: Resource) -> str:
    """`Type/id` as data issues and traces name it; `Type` alone where there is no id."""
    kind = resource.resource_type or "Resource"
    return f"{kind}/{resource.id}" if resource.id else kind
