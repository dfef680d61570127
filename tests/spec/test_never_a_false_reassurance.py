"""The first promise, as properties: less data or a lower level never leads to a milder answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.assessment.assess import assess
from cds_service.assessment.outcome import Assessment, Status
from cds_service.assessment.picture import Picture
from cds_service.facts.labs import Analyte
from cds_service.facts.patient import Availability, DataKey, PatientFacts
from cds_service.facts.problems import ProblemKind
from cds_service.facts.treatments import RecordKind
from cds_service.knowledge.loader import load
from cds_service.knowledge.model import Indicator
from tests.spec.example_facts import example_facts, lab_result

KNOWLEDGE = load()
SEVERITY = [Status.UNLIKELY, Status.INDETERMINATE, Status.FUNCTIONAL, Status.DEFICIENT]
_RECORDS = {
    DataKey.MEDICATION_STATEMENTS: RecordKind.STATEMENT,
    DataKey.MEDICATION_REQUESTS: RecordKind.REQUEST,
    DataKey.MEDICATION_DISPENSES: RecordKind.DISPENSE,
    DataKey.MEDICATION_ADMINISTRATIONS: RecordKind.ADMINISTRATION,
}
SCENES = [
    pytest.param(rule.shown_on[0], example.given, id=f"{rule.id}: {example.name}")
    for rule in KNOWLEDGE.rules.values()
    for example in rule.examples
    if example.then == "fires"
]
PROBLEMS = st.lists(
    st.sampled_from(
        [
            ProblemKind.PERIPHERAL_NEUROPATHY,
            ProblemKind.MYELOPATHY,
            ProblemKind.COELIAC,
            ProblemKind.NITROUS_OXIDE,
            ProblemKind.CHRONIC_KIDNEY_DISEASE,
            ProblemKind.PREGNANCY,
        ]
    ).map(str),
    max_size=3,
    unique=True,
)
LEVELS = st.decimals(min_value=1, max_value=900, places=1)
MMA = st.none() | st.decimals(min_value=Decimal("0.05"), max_value=2, places=2).map(lambda v: f"{v} umol/L")


def _warns(assessment: Assessment) -> bool:
    return any(
        KNOWLEDGE.rules[f.rule].cards[f.answer.variant].indicator is not Indicator.INFO for f in assessment.fired
    )


def _without(facts: PatientFacts, key: DataKey) -> PatientFacts:
    """The same patient when the EHR did not send this key."""
    less = replace(facts, availability=(*facts.availability, (key, Availability.NOT_GIVEN)))
    if key is DataKey.LABS:
        return replace(less, labs=(), issues=())
    if key in _RECORDS:
        return replace(less, treatments=tuple(t for t in facts.treatments if t.kind is not _RECORDS[key]))
    if key in (DataKey.CONDITIONS, DataKey.ALLERGIES, DataKey.PROCEDURES, DataKey.SOCIAL_HISTORY):
        return replace(less, problems=tuple(p for p in facts.problems if _key_of(p.kind) is not key))
    if key is DataKey.SERVICE_REQUESTS:
        return replace(less, test_orders=())
    return less


def _key_of(kind: ProblemKind) -> DataKey:
    return DataKey.ALLERGIES if kind is ProblemKind.COBALAMIN_ALLERGY else DataKey.CONDITIONS


@pytest.mark.parametrize("key", [key for key in DataKey if key is not DataKey.PATIENT])
@pytest.mark.parametrize(("hook", "scene"), SCENES)
def test_a_missing_key_never_turns_a_warning_into_silence(hook: str, scene: dict[str, object], key: DataKey) -> None:
    facts = example_facts(scene)
    if not _warns(assess(facts, KNOWLEDGE, hook)):
        return
    only_the_allergy = key is DataKey.ALLERGIES and hook != "patient-view"
    less = _without(facts, key)
    after = assess(less, KNOWLEDGE, hook)
    has_just_begun = key in _RECORDS and _has_just_begun(less)
    assert after.fired or only_the_allergy or has_just_begun or _is_about_that_product_alone(scene, key)


def _has_just_begun(facts: PatientFacts) -> bool:
    """Without its older records a treatment seems to have begun for what the sample shows; its review comes later."""
    since = Picture(facts, KNOWLEDGE).therapy.current_since
    return since is not None and since + timedelta(days=KNOWLEDGE.parameters.follow_up_from_day) > facts.today


def _is_about_that_product_alone(scene: dict[str, object], key: DataKey) -> bool:
    """Cyanocobalamin in Leber's disease is known from the problem list alone."""
    return "form" in scene and key is DataKey.CONDITIONS


@given(lower=LEVELS, higher=LEVELS, problems=PROBLEMS, mma=MMA)
def test_a_lower_level_is_never_a_milder_status(
    lower: Decimal, higher: Decimal, problems: list[str], mma: str | None
) -> None:
    low, high = sorted((lower, higher))
    more = {"problems": problems} | ({"mma": mma} if mma else {})
    statuses = [
        assess(example_facts({"total_b12": f"{level} ng/L", **more}), KNOWLEDGE).status for level in (low, high)
    ]
    assert SEVERITY.index(statuses[0]) >= SEVERITY.index(statuses[1])


@given(level=LEVELS, problems=PROBLEMS, mma=MMA, order=st.randoms())
def test_the_order_of_facts_never_matters(level: Decimal, problems: list[str], mma: str | None, order) -> None:  # type: ignore[no-untyped-def]
    given_facts = {
        "total_b12": f"{level} ng/L",
        "problems": problems,
        "taking": {"metformin": "2 years", "ppi": "3 years"},
    }
    facts = example_facts(given_facts | ({"mma": mma} if mma else {}))
    shuffled = replace(
        facts,
        labs=tuple(order.sample(facts.labs, len(facts.labs))),
        treatments=tuple(order.sample(facts.treatments, len(facts.treatments))),
    )
    one, other = assess(facts, KNOWLEDGE), assess(shuffled, KNOWLEDGE)
    assert one.status is other.status
    assert [(f.rule, f.answer.outcome, f.answer.variant) for f in one.findings] == [
        (f.rule, f.answer.outcome, f.answer.variant) for f in other.findings
    ]


@given(level=LEVELS, problems=PROBLEMS)
def test_a_result_that_is_preliminary_never_reassures(level: Decimal, problems: list[str]) -> None:
    final = example_facts({"total_b12": {"result": "150 ng/L", "days_ago": 20}, "problems": problems})
    newer = lab_result(Analyte.TOTAL_B12, {"result": f"{level} ng/L", "days_ago": 2, "preliminary": True})
    both = replace(final, labs=(*final.labs, replace(newer, source="Observation/newer")))
    assert assess(both, KNOWLEDGE).status is Status.DEFICIENT
