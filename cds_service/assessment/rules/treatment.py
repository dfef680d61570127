"""How deficiency is treated (source article, Treatment Protocol; clinical-guidelines 5).

The article is in tension with itself: tablets first for neuropathy, injections for neurological symptoms. Here mild
deficiency with stable neuropathy gets tablets first, and injection comes first where one of `_reasons_for_injection`
holds.
"""

from __future__ import annotations

from datetime import date

from cds_service.assessment.bands import is_low
from cds_service.assessment.outcome import Answer, FactUsed, Status, does_not_fire, fires
from cds_service.assessment.picture import MALABSORPTIVE, MEDICATION_KEYS, Picture, result_fact
from cds_service.assessment.rules.diagnosis import b12_values
from cds_service.facts.dates import add_months
from cds_service.facts.labs import Analyte, LabResult
from cds_service.facts.orders import Test
from cds_service.facts.patient import DataKey
from cds_service.facts.presence import Presence
from cds_service.facts.problems import ProblemKind
from cds_service.facts.treatments import Medicine
from cds_service.knowledge.model import Recommendation

ORAL, INJECTION, HYDROXOCOBALAMIN = "oral-replacement", "im-replacement", "im-replacement-hydroxocobalamin"


def needs_treatment(p: Picture) -> bool:
    """Deficient or functionally deficient on final results, and not on therapeutic B12."""
    is_low_now = p.status in (Status.DEFICIENT, Status.FUNCTIONAL)
    on_preliminary = p.reading.deciding is not None and p.reading.deciding is p.reading.preliminary
    return is_low_now and not on_preliminary and p.therapy.is_current is not Presence.YES


def oral_first(p: Picture) -> Answer:
    """Tablets first: mild deficiency and nothing that calls for injection, or injection is risky."""
    if not needs_treatment(p) or p.has(ProblemKind.COBALAMIN_ALLERGY):
        return does_not_fire()
    bleeding = _bleeding_risk(p)
    reasons = _reasons_for_injection(p)
    if p.has(ProblemKind.LEBER_OPTIC_NEUROPATHY) or (reasons and not (bleeding and _may_wait(p))):
        return does_not_fire(*reasons)
    return fires(
        variant="bleeding-risk" if bleeding else "first-line",
        facts=bleeding + p.neurological,
        values={"why": bleeding[0].value if bleeding else ""},
        recommends=(Recommendation.START_ORAL_B12, Recommendation.START_IM_B12),
        regimens=(ORAL, INJECTION),
        missing_keys=p.unread(*MEDICATION_KEYS, DataKey.ALLERGIES),
    )


def parenteral_first(p: Picture) -> Answer:
    """Injection first, and why; tablets second where the gut is the cause, as the article holds."""
    if not needs_treatment(p) or p.has(ProblemKind.COBALAMIN_ALLERGY):
        return does_not_fire()
    leber = p.facts_of(ProblemKind.LEBER_OPTIC_NEUROPATHY)
    reasons = leber + _reasons_for_injection(p)
    if not reasons or (not leber and _bleeding_risk(p) and _may_wait(p)):
        return does_not_fire()
    recommends: tuple[Recommendation, ...] = (Recommendation.START_IM_B12,)
    regimens: tuple[str, ...] = (HYDROXOCOBALAMIN if leber else INJECTION,)
    if not leber:
        recommends += (Recommendation.START_ORAL_B12,)
        regimens += (ORAL,)
    return fires(
        variant="hydroxocobalamin" if leber else "injection",
        facts=reasons,
        values={"why": reasons[0].words},
        recommends=recommends,
        regimens=regimens,
        missing_keys=p.unread(*MEDICATION_KEYS, DataKey.ALLERGIES),
    )


def _reasons_for_injection(p: Picture) -> tuple[FactUsed, ...]:
    """Severe deficiency, severe or spinal neurological disease, a gut that does not absorb, nitrous oxide."""
    reading = p.reading
    severe: tuple[FactUsed, ...] = ()
    if reading.is_severe and reading.deciding is not None:
        severe = (FactUsed("Severe deficiency", reading.deciding.printed, str(reading.deciding.taken)),)
    spinal = p.facts_of(ProblemKind.MYELOPATHY, ProblemKind.ATAXIA)
    gut = p.facts_of(*MALABSORPTIVE)
    antibody = p.newest(Analyte.INTRINSIC_FACTOR_ANTIBODY)
    if antibody is not None and reading.distrust.startswith("intrinsic factor"):
        gut += (result_fact(antibody, p.knowledge),)
    gas = p.facts_of(ProblemKind.NITROUS_OXIDE) if p.neurological else ()
    return severe + spinal + gut + gas


def _may_wait(p: Picture) -> bool:
    """Whether tablets are soon enough: neither severe nor spinal."""
    return not p.reading.is_severe and not p.has(ProblemKind.MYELOPATHY)


def _bleeding_risk(p: Picture) -> tuple[FactUsed, ...]:
    """Anticoagulants or few platelets: an injection into muscle may bleed."""
    takes = tuple(
        FactUsed(p.knowledge.medicines[Medicine.ANTICOAGULANT].title, "taken now", source=t.source)
        for t in p.facts.treatments
        if t.medicine is Medicine.ANTICOAGULANT and t.is_active
    )
    platelets = p.recent(Analyte.PLATELETS)
    low = platelets is not None and is_low(platelets, p.knowledge.analytes[Analyte.PLATELETS]) is Presence.YES
    counted = (result_fact(platelets, p.knowledge),) if low and platelets is not None else ()
    return takes[:1] + p.facts_of(ProblemKind.THROMBOCYTOPENIA) + counted


def myelopathy_untreated(p: Picture) -> Answer:
    """Spinal cord disease and no B12 therapy: do not wait for MMA (BSH; source article, Monitoring)."""
    facts = p.facts_of(ProblemKind.MYELOPATHY)
    if not facts or not p.in_scope or p.therapy.is_current is Presence.YES:
        return does_not_fire(*facts)
    if p.has(ProblemKind.COBALAMIN_ALLERGY):
        return does_not_fire(*facts)
    regimen = HYDROXOCOBALAMIN if p.has(ProblemKind.LEBER_OPTIC_NEUROPATHY) else INJECTION
    result = p.reading.deciding
    b12 = (result_fact(result, p.knowledge),) if result is not None else ()
    if p.status is Status.UNLIKELY:
        wanted = () if p.pending(Test.MMA) else (Recommendation.ORDER_MMA,)
        return fires(variant="not-excluded", facts=facts + b12, recommends=(*wanted, Recommendation.REFER))
    if p.status is Status.UNKNOWN:
        blood = () if p.pending(Test.B12) else (Recommendation.ORDER_B12, Recommendation.ORDER_MMA)
        return fires(
            variant="unknown",
            facts=facts + b12,
            recommends=(*blood, Recommendation.START_IM_B12, Recommendation.REFER),
            regimens=(regimen,),
            missing_keys=p.unread(DataKey.LABS, *MEDICATION_KEYS),
        )
    return fires(
        variant="treat-now",
        facts=facts + b12,
        values=b12_values(p, result) if result is not None else {"b12": "", "date": ""},
        recommends=(Recommendation.START_IM_B12, Recommendation.REFER),
        regimens=(regimen,),
        missing_keys=p.unread(*MEDICATION_KEYS, DataKey.ALLERGIES),
    )


def untreated_too_long(p: Picture) -> Answer:
    """A deficiency that has been known for more than three months without treatment may leave lasting cord damage."""
    result = p.reading.deciding
    if not needs_treatment(p) or result is None or p.therapy.was_ever:
        return does_not_fire()
    known_since = _known_since(p, result)
    if add_months(known_since, p.parameters.untreated_months) >= p.today:
        return does_not_fire(result_fact(result, p.knowledge))
    count = (p.today - known_since).days
    return fires(
        variant="cord-warning",
        facts=(result_fact(result, p.knowledge),),
        values=b12_values(p, result) | {"days": str(count)},
    )


def _known_since(p: Picture, result: LabResult) -> date:
    """The day from which deficiency is known: the deciding result; for functional deficiency, the raised marker."""
    dates = [result.taken.latest]
    if p.status is Status.FUNCTIONAL:
        dates = [m.result.taken.latest for m in p.reading.raised_markers] or dates
    return max(dates)


def cobalamin_allergy(p: Picture) -> Answer:
    """Allergy to cobalamin or cobalt: no product is offered (FDA label, Contraindications)."""
    facts = p.facts_of(ProblemKind.COBALAMIN_ALLERGY)
    if not facts or not needs_treatment(p):
        return does_not_fire(*facts)
    return fires(variant="no-product", facts=facts, recommends=(Recommendation.REFER,))


def pregnancy(p: Picture) -> Answer:
    """Low B12 in pregnancy: total B12 falls physiologically, so the words and the tests differ (NICE NG239)."""
    facts = p.facts_of(ProblemKind.PREGNANCY)
    low = p.status in (Status.DEFICIENT, Status.INDETERMINATE, Status.FUNCTIONAL)
    if not facts or not low or p.therapy.is_current is Presence.YES:
        return does_not_fire(*facts)
    recommends = [Recommendation.REFER]
    if p.recent(Analyte.ACTIVE_B12) is None and not p.pending(Test.ACTIVE_B12):
        recommends.insert(0, Recommendation.ORDER_ACTIVE_B12)
    result = p.reading.deciding or p.reading.in_words_only
    values = b12_values(p, result) if result is not None else {}
    return fires(variant="pregnant", facts=facts, values=values, recommends=tuple(recommends))
