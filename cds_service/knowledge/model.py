"""The shape of clinical knowledge: what `knowledge/**/*.yaml` says, as frozen values that are passed in.

The loader fills these; the core reads them. Every number stands in one file with its unit and its source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from cds_service.knowledge.wording import Wording


class ReviewStatus(StrEnum):
    """How far clinicians have looked at a file."""

    DRAFT = "draft"
    IN_REVIEW = "in review"
    APPROVED = "approved"


class Indicator(StrEnum):
    """CDS Hooks 2.0.1, card.indicator; ordered by `severity`."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def severity(self) -> int:
        """0 for info, 1 for warning, 2 for critical."""
        return ("info", "warning", "critical").index(self.value)


class Recommendation(StrEnum):
    """What a rule can recommend; the words used in traces and explanations."""

    ORDER_B12 = "order-b12"
    ORDER_MMA = "order-mma"
    ORDER_HOMOCYSTEINE = "order-homocysteine"
    ORDER_CBC = "order-cbc"
    ORDER_ACTIVE_B12 = "order-active-b12"
    ORDER_IF_ANTIBODY = "order-if-antibody"
    ORDER_FOLATE = "order-folate"
    START_ORAL_B12 = "start-oral-b12"
    START_IM_B12 = "start-im-b12"
    RESUME_MAINTENANCE = "resume-maintenance"
    FOLLOW_UP_3_MONTHS = "follow-up-3-months"
    ESCALATE_TO_PARENTERAL = "escalate-to-parenteral"
    ADD_B12_WITH_FOLIC_ACID = "add-b12-with-folic-acid"
    CHECK_B12_BEFORE_FOLIC_ACID = "check-b12-before-folic-acid"
    USE_HYDROXOCOBALAMIN = "use-hydroxocobalamin"
    VERIFY_DATA = "verify-data"
    REVIEW_CAUSE = "review-cause"
    REFER = "refer"


class ProblemRole(StrEnum):
    """What a condition does in the rules."""

    FEATURE = "feature"  # a sign or symptom that B12 deficiency can cause
    RISK = "risk"  # raises the chance of deficiency
    CONFOUNDER = "confounder"  # makes a result hard to read
    CONTEXT = "context"  # changes what is said or offered


class CodeUse(StrEnum):
    """What a listed code may be used for."""

    MATCH = "match"
    REVIEW = "review"  # at most "possible": never decides alone
    EXCLUDE = "exclude"  # a look-alike: recognised so that it is never taken for the thing


class Licence(StrEnum):
    """Which licence a code's system or release asks for."""

    FREE = "free"
    SNOMED_GPS = "snomed-gps"  # in the Global Patient Set, CC BY 4.0
    SNOMED_AFFILIATE = "snomed-affiliate"  # needs a SNOMED CT licence; separable by a setting
    CPT = "cpt"  # AMA


class Property(StrEnum):
    """What kind of quantity a code or a unit measures (LOINC property)."""

    MASS = "mass"
    SUBSTANCE = "substance"
    EITHER = "either"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Review:
    """Who wrote a file, and who looked at it last and when; `reviewed` None: no clinician has yet."""

    authored_by: str
    next_review: date
    status: ReviewStatus
    reviewed: date | None = None
    reviewed_by: str = ""

    def is_overdue(self, today: date) -> bool:
        """Whether the day has passed by which clinicians meant to look at it."""
        return today > self.next_review


@dataclass(frozen=True, slots=True)
class Source:
    """One entry of `sources.yaml`. `url` is absolute; "" where there is none to give."""

    id: str
    title: str
    url: str
    publisher: str = ""
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Citation:
    """A source and the place in it, such as a recommendation number or a table."""

    source: str
    at: str


@dataclass(frozen=True, slots=True)
class Code:
    """A code beside its display."""

    system: str
    code: str
    display: str
    use: CodeUse = CodeUse.MATCH
    licence: Licence = Licence.FREE
    property: Property = Property.OTHER
    note: str = ""


@dataclass(frozen=True, slots=True)
class MedicineCode:
    """A medicine code and what one unit (tablet, capsule, dose) or one mL of it holds, where the code tells.

    `mg` is per unit, `mg_per_ml` per millilitre. `form`: cobalamin form. `route` "" where the code does not tell.
    """

    system: str
    code: str
    display: str
    mg: Decimal | None = None
    mg_per_ml: Decimal | None = None
    form: str = ""
    route: str = ""
    is_eradication_pack: bool = False
    licence: Licence = Licence.FREE


LIMITS = (
    "severe_below",
    "deficient_below",
    "unlikely_above",
    "raised_above",
    "low_below",
    "low_below_female",
    "low_below_male",
    "low_below_pregnant",
)
"""The limits that a scale may have."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A canonical unit of an analyte, its accepted spellings, and the limits that are printed in that unit.

    `units` maps each accepted spelling, normalised by `facts.units.normalised`, to the factor that makes the
    canonical unit of it. A limit that a scale has not got is None. `own_limit_to` is the highest upper limit of a
    laboratory that is believed.
    """

    unit: str
    property: Property
    units: Mapping[str, Decimal]
    plausible_from: Decimal
    plausible_to: Decimal
    own_limit_to: Decimal | None = None
    severe_below: Decimal | None = None
    deficient_below: Decimal | None = None
    unlikely_above: Decimal | None = None
    raised_above: Decimal | None = None
    low_below: Decimal | None = None
    low_below_female: Decimal | None = None
    low_below_male: Decimal | None = None
    low_below_pregnant: Decimal | None = None


def limits_of(scale: Scale) -> dict[str, Decimal]:
    """The limits that a scale has, by name."""
    held = {name: getattr(scale, name) for name in LIMITS}
    return {name: limit for name, limit in held.items() if limit is not None}


@dataclass(frozen=True, slots=True)
class AnalyteKnowledge:
    """`analytes/<id>.yaml`. `names` and `not_names` are regular expressions on lower-case text."""

    id: str
    title: str
    short: str
    codes: tuple[Code, ...]
    names: tuple[str, ...]
    not_names: tuple[str, ...]
    scales: tuple[Scale, ...]
    refused_units: Mapping[str, str]
    sources: tuple[Citation, ...]
    review: Review


@dataclass(frozen=True, slots=True)
class SpecimenKnowledge:
    """`specimens/<id>.yaml`: what a sample may be of that is neither serum, plasma nor blood as it is drawn."""

    id: str
    title: str
    codes: tuple[Code, ...]
    names: tuple[str, ...]
    not_names: tuple[str, ...]
    sources: tuple[Citation, ...]
    review: Review


@dataclass(frozen=True, slots=True)
class TestKnowledge:
    """`tests/<id>.yaml`: how a test is ordered (`order`), and how an order for it is recognised."""

    __test__ = False

    id: str
    title: str
    order: Code
    codes: tuple[Code, ...]
    names: tuple[str, ...]
    sources: tuple[Citation, ...]
    review: Review


@dataclass(frozen=True, slots=True)
class MedicineKnowledge:
    """`medicines/<id>.yaml`. `short` is what a summary calls it; "" where the title is short enough."""

    id: str
    title: str
    codes: tuple[MedicineCode, ...]
    names: tuple[str, ...]
    not_names: tuple[str, ...]
    sources: tuple[Citation, ...]
    review: Review
    short: str = ""


@dataclass(frozen=True, slots=True)
class ConditionKnowledge:
    """`conditions/<id>.yaml`. `is_reversible`: whether the cause can go away (None: does not apply).
    `short` is what a summary calls it; "" where the title is short enough. `beside`, where there are any: the words of
    which one must say something of a name, where no code does.
    """

    id: str
    title: str
    role: ProblemRole
    codes: tuple[Code, ...]
    names: tuple[str, ...]
    not_names: tuple[str, ...]
    sources: tuple[Citation, ...]
    review: Review
    is_reversible: bool | None = None
    short: str = ""
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DosageStep:
    """One step of a regimen: a dose at a frequency over a time. `for_days` None: no end."""

    text: str
    dose: Decimal
    dose_unit: str
    dose_code: str
    frequency: int
    period: int
    period_unit: str
    for_days: int | None


@dataclass(frozen=True, slots=True)
class Regimen:
    """`regimens/<id>.yaml`: a treatment that a suggestion offers as one draft MedicationRequest.

    At the `sites` that it names it stands in for the regimen `instead_of`. `also` are further ids under which rules ask
    for it, at a site that has no regimen of its own for them.
    """

    id: str
    title: str
    recommends: Recommendation
    label: str
    medicine: Code
    medicine_text: str
    form: str
    route: Code
    route_text: str
    steps: tuple[DosageStep, ...]
    quantity: Decimal
    quantity_unit: str
    supply_days: int
    repeats: int
    sources: tuple[Citation, ...]
    review: Review
    note: str = ""
    sites: tuple[str, ...] = ()
    instead_of: str = ""
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CardText:
    """The words of one variant of a rule's card; {braces} are filled with what the rule found."""

    indicator: Indicator
    summary: str
    detail: str
    patient: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """One line of a rule's examples: `given` facts, and what the rule then does.

    `edge` names the numbers beside which it stands: a parameter's id, or an analyte's limit with its unit, such as
    "total-b12.deficient_below ng/L". It, and no other example, fails when that number is moved by one.
    """

    name: str
    given: Mapping[str, object]
    then: str
    missing: tuple[str, ...] = ()
    variant: str = ""
    edge: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleKnowledge:
    """`rules/<id>-<slug>.yaml`. `function` is the name of the rule's function; `shown_on` the hooks it speaks on."""

    id: str
    function: str
    concern: str
    title: str
    statement: str
    rationale: str
    sources: tuple[Citation, ...]
    shown_on: tuple[str, ...]
    cards: Mapping[str, CardText]
    overrides: tuple[str, ...]
    examples: tuple[Example, ...]
    review: Review


@dataclass(frozen=True, slots=True)
class Parameter:
    """`parameters/<id>.yaml`: one number with its unit and source."""

    id: str
    statement: str
    value: Decimal
    unit: str
    sources: tuple[Citation, ...]
    review: Review


@dataclass(frozen=True, slots=True)
class Parameters:
    """Every number of the rules that is no limit of an analyte. Field `a_b` is the file `parameters/a-b.yaml`."""

    metformin_months: int
    ppi_months: int
    h2_blocker_months: int
    advanced_age_years: int
    adult_age_years: int
    recent_result_months: int
    metabolite_window_days: int
    agreement_window_days: int
    pending_order_days: int
    planned_start_days: int
    renewal_days: int
    exposure_gap_days: int
    exposure_lookback_months: int
    therapeutic_oral_mg: Decimal
    folic_acid_mg: Decimal
    injection_cover_days: int
    injection_grace_days: int
    cord_injection_days: int
    washout_months: int
    untreated_months: int
    nitrous_oxide_months: int
    follow_up_from_day: int
    follow_up_from_day_in_pregnancy: int
    follow_up_until_months: int
    follow_up_result_from_day: int
    egfr_below: int
    pregnancy_weeks: int
    functional_range_to: int
    cards_at_most: int


@dataclass(frozen=True, slots=True)
class OverrideReason:
    """`override-reasons.yaml`: a coded reason that a clinician may pick to set a card aside."""

    id: str
    code: Code


@dataclass(frozen=True, slots=True)
class Told:
    """Where a statement that only informs is passed on: words in a rule's rationale or in a detail of its cards."""

    rule: str
    words: str


@dataclass(frozen=True, slots=True)
class ArticleStatement:
    """One entry of `coverage.yaml`: a statement of the source article, in our words, and what carries it.

    `lines` count from 1 in the article. `limits` are written analyte.limit. `left_out` says why nothing carries it.
    """

    id: str
    lines: tuple[int, ...]
    says: str
    rules: tuple[str, ...] = ()
    regimens: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    medicines: tuple[str, ...] = ()
    told: tuple[Told, ...] = ()
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """All of it, with the look-ups made once at load. `version` is a hash of every file's content.

    `regimens` holds what this site offers, by the id that the rules name; `regimen_files` each file, by its own id.
    """

    version: str
    analytes: Mapping[str, AnalyteKnowledge]
    tests: Mapping[str, TestKnowledge]
    medicines: Mapping[str, MedicineKnowledge]
    conditions: Mapping[str, ConditionKnowledge]
    regimens: Mapping[str, Regimen]
    rules: Mapping[str, RuleKnowledge]
    parameters: Parameters
    parameter_files: Mapping[str, Parameter]
    sources: Mapping[str, Source]
    override_reasons: Mapping[str, OverrideReason]
    wording: Wording = field(default_factory=Wording)
    patient_page: Mapping[str, str] = field(default_factory=dict)
    regimen_files: Mapping[str, Regimen] = field(default_factory=dict)
    coverage: tuple[ArticleStatement, ...] = ()
    specimens: Mapping[str, SpecimenKnowledge] = field(default_factory=dict)
    analytes_by_code: Mapping[tuple[str, str], tuple[str, Code]] = field(default_factory=dict)
    tests_by_code: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    medicines_by_code: Mapping[tuple[str, str], tuple[tuple[str, MedicineCode], ...]] = field(default_factory=dict)
    conditions_by_code: Mapping[tuple[str, str], tuple[tuple[str, Code], ...]] = field(default_factory=dict)
    specimens_by_code: Mapping[tuple[str, str], str] = field(default_factory=dict)

    @property
    def reviews(self) -> tuple[Review, ...]:
        """The review of every file that has one."""
        kinds: tuple[Mapping[str, Any], ...] = (
            self.analytes,
            self.tests,
            self.medicines,
            self.conditions,
            self.specimens,
            self.regimen_files,
            self.rules,
            self.parameter_files,
        )
        return tuple(thing.review for things in kinds for thing in things.values())
