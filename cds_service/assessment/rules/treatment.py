"""How deficiency is treated (source article, Treatment Protocol; clinical-guidelines 5)."""

from __future__ import annotations

from datetime import date

from cds_service.assessment.metabolites import Marker, renal_confounder
from cds_service.assessment.outcome import Answer, FactUsed, Outcome, Status, cannot_tell, does_not_fire, fires
from cds_service.assessment.picture import MEDICATION_KEYS, Picture, result_fact
from cds_service.assessment.rules.diagnosis import (
    b12_medicines,
    b12_name,
    b12_values,
    evidence_words,
    is_left_to_active_b12,
    is_mma_normal,
    last_therapy,
    marker_facts,
    marker_words,
    recovered,
    treated_since,
    usable_mma,
)
from cds_service.assessment.rules.offers import (
    INJECTION,
    bleeding_risk,
    cautions,
    first_treatment,
    injected_last,
    injection_cautions,
    is_allergic,
    leber,
    leber_variant,
    regimens_for,
)
from cds_service.assessment.spoken import how_long
from cds_service.facts.dates import add_months
from cds_service.facts.labs import Analyte, LabResult
from cds_service.facts.orders import Test
from cds_service.facts.patient import DataKey
from cds_service.facts.presence import Presence
from cds_service.facts.problems import ProblemKind
from cds_service.facts.treatments import GIVEN_ON_A_DAY, Medicine, Route
from cds_service.knowledge.model import Recommendation

_MOST_CAUSES = 2
_LOW = (Status.DEFICIENT, Status.FUNCTIONAL)
_MAINTAINED_FROM = 3  # so many injections show an interval that is kept; fewer are a course that was begun


def needs_treatment(p: Picture) -> bool:
    """Deficient or functionally deficient on final results, not on therapeutic B12, not recovered on it, and not, in
    pregnancy, by a total B12 alone that active B12 outweighs."""
    on_preliminary = p.reading.deciding is not None and p.reading.deciding is p.reading.preliminary
    is_settled = p.is_treated or recovered(p) or is_left_to_active_b12(p)
    return p.status in _LOW and not on_preliminary and not is_settled


def oral_first(p: Picture) -> Answer:
    """Tablets first: mild deficiency and nothing that calls for injection, or injection is risky."""
    if not needs_treatment(p) or p.is_arranged or is_allergic(p):
        return does_not_fire()
    first = first_treatment(p)
    if first.is_by_injection:
        return does_not_fire(*first.reasons)
    bleeding = bleeding_risk(p)
    return fires(
        variant="bleeding-risk" if bleeding else "first-line",
        facts=bleeding + p.neurological + injected_last(p) + cautions(p),
        recommends=first.recommends,
        regimens=first.regimens,
        missing_keys=p.unread(*MEDICATION_KEYS, DataKey.ALLERGIES),
    )


def parenteral_first(p: Picture) -> Answer:
    """Injection first, and why; tablets second where they are soon enough, as the article holds."""
    if not needs_treatment(p) or p.is_arranged or is_allergic(p):
        return does_not_fire()
    first = first_treatment(p)
    if not first.is_by_injection:
        return does_not_fire()
    return fires(
        variant=leber_variant(p, "hydroxocobalamin") if leber(p) else "injection",
        facts=first.reasons + injection_cautions(p),  # which name Leber's disease
        values={"why": first.reasons[0].words if first.reasons else ""},
        recommends=first.recommends,
        regimens=first.regimens,
        missing_keys=p.unread(*MEDICATION_KEYS, DataKey.ALLERGIES),
    )


def myelopathy_untreated(p: Picture) -> Answer:
    """Spinal cord disease without injected B12: do not wait for MMA (BSH; source article, Monitoring)."""
    facts = p.facts_of(ProblemKind.MYELOPATHY)
    if not facts:
        unread = p.unread(DataKey.CONDITIONS)
        return cannot_tell("spinal cord disease", keys=unread) if unread else does_not_fire()
    if p.is_treated:
        return _cord_injections_stopped(p, facts) or _cord_on_tablets(p, facts)
    raised = p.reading.raised_markers or p.reading.raised_apart
    mma = usable_mma(p)
    if p.status is Status.UNLIKELY:
        return _cord_with_normal_level(p, facts, mma)
    if is_mma_normal(p) and not raised and p.status is not Status.DEFICIENT:
        return _cord_with_normal_mma(p, facts, mma)
    result = p.reading.deciding or p.reading.in_words_only
    b12 = (result_fact(result, p.knowledge),) if result is not None else ()
    is_known = p.status is not Status.UNKNOWN
    has_lapsed = p.lifelong_therapy_lapsed
    has_ended = p.therapy.ended is not None and (result is None or has_lapsed or treated_since(p, result))
    last = p.therapy.last_taken if has_ended else None
    if raised:
        variant = "raised"
    elif is_known:
        variant = "treat" if mma or last is not None else "treat-now"
    else:
        variant = "unknown"
    allergic = "treat-now-allergy" if variant == "treat" else f"{variant}-allergy"
    is_open = not is_known or bool(raised)
    return fires(
        variant=allergic if is_allergic(p) else variant,
        facts=facts
        + b12
        + marker_facts(p, raised or mma)
        + b12_medicines(p)
        + ((*p.lasting_causes[:_MOST_CAUSES], last_therapy(p)) if has_lapsed else ())
        + injection_cautions(p),
        values=_cord(p)
        | (b12_values(p, result) if result is not None else {})
        | {"evidence": evidence_words(p, result, raised), "treated": f"last B12 {last}" if last else "not treated"},
        recommends=(
            *(() if is_known else _cord_blood(p)),
            *(() if is_allergic(p) else (Recommendation.START_IM_B12,)),
            Recommendation.REFER,
        ),
        regimens=regimens_for(p, INJECTION),
        missing_keys=p.unread(*((DataKey.LABS,) if is_open else ()), *MEDICATION_KEYS, DataKey.ALLERGIES),
    )


def is_cord_to_be_treated(p: Picture) -> bool:
    """Whether the card of the cord calls for treatment now, or for a specialist who treats, so that no other does."""
    cord = myelopathy_untreated(p)
    is_called_for = Recommendation.START_IM_B12 in cord.recommends or cord.variant.endswith("-allergy")
    return cord.outcome is Outcome.FIRES and is_called_for and not cord.variant.endswith("mma-normal")


def _cord_blood(p: Picture) -> tuple[Recommendation, ...]:
    """What is drawn before the first injection where no B12 is known, without what is known or on its way."""
    is_mma_told = usable_mma(p) or p.reading.raised_apart or p.pending(Test.MMA)
    b12 = () if p.pending(Test.B12) else (Recommendation.ORDER_B12,)
    return (*b12, *(() if is_mma_told else (Recommendation.ORDER_MMA,)))


def _cord_with_normal_mma(p: Picture, facts: tuple[FactUsed, ...], mma: tuple[Marker, ...]) -> Answer:
    """A level that settles nothing, or none, and a normal MMA: it speaks against deficiency, and in a cord does not
    close the case, as strong features outweigh a test (BSH)."""
    result = p.reading.deciding
    is_known = p.status is not Status.UNKNOWN
    blood = () if is_known or p.pending(Test.B12) else (Recommendation.ORDER_B12,)
    return fires(
        variant="mma-normal" if is_known and result is not None else "unknown-mma-normal",
        facts=(
            *facts,
            *((result_fact(result, p.knowledge),) if result is not None else ()),
            *marker_facts(p, p.reading.markers),
            *b12_medicines(p),
            *injection_cautions(p),
        ),
        values=_cord(p)
        | (b12_values(p, result) if result is not None else {})
        | {"markers": marker_words(p, mma), "marker_date": str(mma[0].result.taken)},
        recommends=(*blood, *(() if is_allergic(p) else (Recommendation.START_IM_B12,)), Recommendation.REFER),
        regimens=regimens_for(p, INJECTION),
        missing_keys=p.unread(*(() if is_known else (DataKey.LABS,)), *MEDICATION_KEYS, DataKey.ALLERGIES),
    )


def _cord_with_normal_level(p: Picture, facts: tuple[FactUsed, ...], mma: tuple[Marker, ...]) -> Answer:
    """A level above the limits does not speak for the tissues: MMA does, and is asked for until it is on its way."""
    result = p.reading.deciding
    newest = p.recent(Analyte.MMA)
    on_its_way = p.pending(Test.MMA) or (newest is not None and newest.is_preliminary)
    if mma:
        variant = "both-normal" if is_mma_normal(p) else "neither-excludes"
    else:
        variant = "not-excluded-pending" if on_its_way else "not-excluded"
    return fires(
        variant=variant,
        facts=(
            *facts,
            *((result_fact(result, p.knowledge),) if result is not None else ()),
            *marker_facts(p, p.reading.markers),
        ),
        values=_cord(p)
        | (b12_values(p, result) if result is not None else {})
        | {"markers": marker_words(p, mma) if mma else ""},
        recommends=(*(() if mma or on_its_way else (Recommendation.ORDER_MMA,)), Recommendation.REFER),
    )


def _cord_injections_stopped(p: Picture, facts: tuple[FactUsed, ...]) -> Answer | None:
    """Injections that were begun, and none on order. For weeks they still count as treatment, so that three-monthly
    maintenance is not called lapsed; a cord that deficiency damages needs the course itself, so that it is told, and
    is urgent once the next is overdue."""
    therapy = p.therapy
    on_order = any(t.is_active for t in therapy.treatments if t.kind not in GIVEN_ON_A_DAY)
    # An order for one injection tells of no more than one that was given.
    is_maintained = max(len(therapy.injected), len(therapy.ordered_once)) >= _MAINTAINED_FROM
    last = _last_injection(p)
    if last is None or is_maintained or on_order or p.status is Status.UNLIKELY:
        return None
    if (p.today - last).days > p.parameters.cord_injection_days:
        variant = "interrupted-unknown" if p.status is Status.UNKNOWN else "interrupted"
    elif therapy.planned:
        return None
    else:
        variant = "none-on-order"
    result = p.reading.deciding
    allergic = "interrupted-allergy" if variant.startswith("interrupted") else f"{variant}-allergy"
    return fires(
        variant=allergic if is_allergic(p) else variant,
        facts=facts + ((result_fact(result, p.knowledge),) if result is not None else ()) + injection_cautions(p),
        values=_cord(p) | {"last": str(last), "duration": how_long(last, p.today)},
        recommends=(*(() if is_allergic(p) else (Recommendation.START_IM_B12,)), Recommendation.REFER),
        regimens=regimens_for(p, INJECTION),
        missing_keys=p.unread(*MEDICATION_KEYS, DataKey.PROCEDURES, DataKey.ALLERGIES),
    )


def _last_injection(p: Picture) -> date | None:
    """The last day of injections on record: given, ordered once, or the last that a completed course vouches for."""
    courses = (t for t in p.therapy.treatments if t.route is Route.PARENTERAL and not t.is_halted)
    ends = [i.end.earliest for t in courses if t.kind not in GIVEN_ON_A_DAY for i in t.intervals if i.end is not None]
    return max((*p.therapy.injected, *p.therapy.ordered_once, *ends), default=None)


def is_cord_treated(p: Picture) -> bool:
    """Whether injections for the cord go on, or the last was given lately."""
    stopped = _cord_injections_stopped(p, ())
    is_overdue = stopped is not None and stopped.variant.startswith("interrupted")
    return p.is_treated and not p.therapy.is_oral_only and not is_overdue


def _cord_on_tablets(p: Picture, facts: tuple[FactUsed, ...]) -> Answer:
    """Tablets do not treat a cord that deficiency damages: parenteral first (clinical-guidelines 5)."""
    b12 = p.reading.deciding or p.reading.in_words_only
    if not p.therapy.is_oral_only or p.status not in _LOW or b12 is None:
        return does_not_fire(*facts)
    return fires(
        variant="tablets-only-allergy" if is_allergic(p) else "tablets-only",
        facts=(*facts, result_fact(b12, p.knowledge), *injection_cautions(p)),
        values=_cord(p) | b12_values(p, b12),
        recommends=(*(() if is_allergic(p) else (Recommendation.ESCALATE_TO_PARENTERAL,)), Recommendation.REFER),
        regimens=regimens_for(p, INJECTION),
        missing_keys=p.unread(DataKey.ALLERGIES),
    )


def _cord(p: Picture) -> dict[str, str]:
    return {"cord": p.cord_words}


def untreated_too_long(p: Picture) -> Answer:
    """A deficiency that has been known for more than three months without treatment may leave lasting cord damage."""
    result = p.reading.deciding or p.reading.in_words_only
    if not needs_treatment(p) or p.is_arranged or result is None:
        return does_not_fire()
    if p.therapy.was_taken_after(result.taken.latest):
        return does_not_fire()
    known_since = _known_since(p, result)
    if add_months(known_since, p.parameters.untreated_months) >= p.today:
        return does_not_fire(result_fact(result, p.knowledge))
    raised = p.reading.raised_markers[:1] if p.status is Status.FUNCTIONAL else ()
    return fires(
        variant="cord-warning-functional" if raised else "cord-warning",
        facts=(result_fact(result, p.knowledge), *marker_facts(p, raised)),
        values=b12_values(p, result)
        | {"duration": how_long(known_since, p.today)}
        | {
            "markers": marker_words(p, raised) if raised else "",
            "marker_date": str(raised[0].result.taken) if raised else "",
        },
        missing_keys=p.unread(*MEDICATION_KEYS),
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
    b12 = p.reading.deciding or p.reading.in_words_only
    return fires(
        variant="no-product",
        facts=facts,
        values=b12_values(p, b12) if b12 is not None else {},
        recommends=(Recommendation.REFER,),
    )


def pregnancy(p: Picture) -> Answer:
    """Low B12 in pregnancy: total B12 falls physiologically, so the words and the tests differ (NICE NG239)."""
    facts = p.facts_of(ProblemKind.PREGNANCY)
    if not facts or p.status not in (*_LOW, Status.INDETERMINATE) or p.is_treated:
        return does_not_fire(*facts)
    is_called_for = p.status in _LOW or bool(p.features or p.risks)
    if p.pregnancy_contest is not None:
        return _active_b12_outweighs(p, facts, p.pregnancy_contest, is_called_for)
    is_measured = p.recent(Analyte.ACTIVE_B12) is not None
    is_known = is_measured or p.pending(Test.ACTIVE_B12)
    if p.status is Status.INDETERMINATE and is_measured:
        return does_not_fire(*facts)  # MMA has to settle it then
    result = p.reading.deciding or p.reading.in_words_only
    raised = p.reading.raised_markers[:1]
    wanted = () if is_known or raised else (Recommendation.ORDER_ACTIVE_B12,)
    variant = "pregnant-marker" if raised else "pregnant-active-known" if is_known else "pregnant"
    open_variant = "pregnant-open-pending" if is_known else "pregnant-open"
    return fires(
        variant=variant if is_called_for else open_variant,
        facts=(
            *facts,
            *((result_fact(result, p.knowledge),) if result is not None else ()),
            *marker_facts(p, p.reading.markers),
        ),
        values=(b12_values(p, result) if result is not None else {})
        | {"markers": marker_words(p, raised) if raised else ""},
        recommends=(*wanted, *((Recommendation.REFER,) if is_called_for else ())),
    )


def _active_b12_outweighs(p: Picture, facts: tuple[FactUsed, ...], active: LabResult, is_called_for: bool) -> Answer:
    """Active B12 above its limits beside a total B12 that is not. Signs of deficiency outweigh both (BSH)."""
    result = p.reading.deciding
    if result is None or (p.status is Status.INDETERMINATE and is_called_for):
        return does_not_fire(*facts)  # MMA has to settle it
    known = p.pending(Test.MMA) or any(m.result.analyte is Analyte.MMA for m in p.reading.markers)
    mma = (Recommendation.ORDER_MMA,) if is_called_for and not known else ()
    signs = "-signs" if p.features else ""
    return fires(
        variant=f"pregnant-active-higher{signs}" if is_called_for else "pregnant-active-higher-alone",
        facts=(*facts, result_fact(result, p.knowledge), result_fact(active, p.knowledge), *p.features),
        values=b12_values(p, result)
        | {
            "other": f"{b12_name(active)} {active.printed}",
            "feature": p.features[0].words if p.features else "",
        },
        recommends=(*mma, Recommendation.REFER) if is_called_for else (),
    )


def maintenance_by_cause(p: Picture) -> Answer:
    """What comes after the first months depends on whether the cause goes away (source article, Maintenance)."""
    if not needs_treatment(p) or is_allergic(p):
        return does_not_fire()
    lasting = p.lasting_causes
    if not lasting and not p.causes:
        return does_not_fire()
    takes_metformin = p.exposures[Medicine.METFORMIN].is_current is Presence.YES
    variant = "lasting" if lasting else "metformin" if takes_metformin else "reversible"
    causes = lasting or p.causes
    return fires(variant=variant, facts=causes[:_MOST_CAUSES], values={"cause": causes[0].words})


def kidney_disease(p: Picture) -> Answer:
    """Reduced kidney function beside a deficiency: what to follow, and which cobalamin (clinical-guidelines 3, 5)."""
    if not needs_treatment(p) or is_allergic(p):
        return does_not_fire()
    reason = renal_confounder(p.labs, p.problems, p.knowledge)
    if not reason:
        return does_not_fire()
    return fires(variant="kidney", facts=(FactUsed("Kidneys", reason),), values={"reason": reason})
