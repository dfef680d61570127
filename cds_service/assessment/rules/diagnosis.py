"""What the results mean: the three bands, functional deficiency, and why a result may not be believed (source article,
Diagnostic Approach; clinical-guidelines 1 to 3 and 5)."""

from __future__ import annotations

from collections.abc import Sequence

from cds_service.assessment.bands import Band, b12_band, is_raised, scale_of
from cds_service.assessment.metabolites import Marker, rate_words
from cds_service.assessment.outcome import Answer, FactUsed, Status, cannot_tell, does_not_fire, fires
from cds_service.assessment.picture import MEDICATION_KEYS, Picture, issue_facts, result_fact
from cds_service.assessment.reading import is_low_there
from cds_service.assessment.spoken import in_printed_unit, limit_words, printed_unit, when
from cds_service.assessment.therapy import first_start
from cds_service.facts.labs import Analyte, LabResult
from cds_service.facts.orders import DraftContent, Test
from cds_service.facts.patient import DataKey
from cds_service.facts.presence import Presence
from cds_service.facts.problems import ProblemKind
from cds_service.facts.treatments import Medicine, Treatment
from cds_service.knowledge.model import Recommendation, Scale

_MOST_MEDICINES = 2
_MOST_SOURCES = 3
_MAY_EXPLAIN = (Analyte.EGFR, Analyte.CREATININE, Analyte.SERUM_FOLATE, Analyte.RED_CELL_FOLATE)  # a raised marker
_TOLD_ELSEWHERE = (Status.DEFICIENT, Status.FUNCTIONAL, Status.UNKNOWN)  # of nitrous oxide beside B12
_TREATED = {
    Presence.NO: "untreated",
    Presence.NOT_KNOWN: "treatment-doubtful",
}


def total_b12_deficient(p: Picture) -> Answer:
    """Serum total B12 below the limit confirms deficiency."""
    return _deficient(p, Analyte.TOTAL_B12, "total_b12")


def active_b12_deficient(p: Picture) -> Answer:
    """Active B12 (holotranscobalamin) below its own limit confirms deficiency."""
    return _deficient(p, Analyte.ACTIVE_B12, "active_b12")


def _deficient(p: Picture, analyte: Analyte, name: str) -> Answer:
    result = p.reading.deciding
    if not any(r.is_coded for r in p.labs.of(analyte)):
        return cannot_tell(name, keys=p.unread(DataKey.LABS))
    if result is None or result.analyte is not analyte or p.reading.band is not Band.DEFICIENT:
        return does_not_fire()
    if result is p.reading.preliminary or p.is_treated or is_left_to_active_b12(p):
        return does_not_fire(result_fact(result, p.knowledge))
    variant = _TREATED[p.therapy.is_current]
    raised_since, doubts = _raised_since(p), _doubts_since(p)
    if treated_since(p, result):
        held = "falls-again" if doubts else "recovered"
        variant = "raised-since" if raised_since else held if recovered(p) else "treated-before"
    elif p.is_arranged:
        variant = "arranged"
    recommends: tuple[Recommendation, ...] = (Recommendation.REVIEW_CAUSE,)
    if variant == "treatment-doubtful":
        recommends += (Recommendation.VERIFY_DATA,)
    is_old = treated_since(p, result) or not p.reading.is_recent
    if doubts:
        recommends = (*_metabolite_tests(p), *recommends)
    elif is_old and not p.pending(Test.B12, Test.ACTIVE_B12):
        recommends += (Recommendation.ORDER_B12,)
    later = p.reading.on_therapy[:1] if treated_since(p, result) else ()
    mma = _mma_since_treatment(p) if later and not raised_since else None
    beside = tuple(m for m in raised_since or p.reading.markers if m.result is not mma)
    return fires(
        variant=variant,
        facts=(
            result_fact(result, p.knowledge),
            *_other_facts(p),
            *(result_fact(r, p.knowledge, "on or soon after treatment") for r in later if r is not result),
            *marker_facts(p, beside),
            *((result_fact(mma, p.knowledge, "on or soon after treatment"),) if mma is not None else ()),
            *doubts,
            *b12_medicines(p),
        ),
        values=b12_values(p, result)
        | {
            "treatment": treatment_words(p),
            "start": str(p.therapy.starts or ""),
            "markers": _dated(p, raised_since, result) if raised_since else "",
            "later": _later_words(result, later[0]) if later else "",
            "later_when": when(later[0].taken) if later else "",
            "later_date": str(later[0].taken) if later else "",
            "feature": doubts[0].words if doubts else "",
        },
        recommends=recommends,
        missing_keys=p.unread(*MEDICATION_KEYS, DataKey.ALLERGIES, DataKey.CONDITIONS),
    )


def is_left_to_active_b12(p: Picture) -> bool:
    """In pregnancy, with no sign of deficiency: active B12 above its limits outweighs a total B12 that is low, so that
    the total neither confirms deficiency nor calls for treatment. Its own rule says so."""
    return p.pregnancy_contest is not None and not p.features


def recovered(p: Picture) -> bool:
    """Whether the newest level, drawn on or soon after a course of treatment that is over, is not deficient: a sign of
    recovery, and no proof that it lasts."""
    result, later = p.reading.deciding, next(iter(p.reading.on_therapy), None)
    if result is None or later is None or not treated_since(p, result) or _raised_since(p):
        return False
    band = b12_band(later, scale_of(later, p.knowledge.analytes[later.analyte]))
    return later.taken.earliest > result.taken.latest and band in (Band.INDETERMINATE, Band.UNLIKELY)


def _doubts_since(p: Picture) -> tuple[FactUsed, ...]:
    """What makes a level that was drawn after the end of treatment, and was deficient before it, call for MMA: signs or
    risks beside one that is not clear, both beside one that treatment may still keep up. Without the deficiency of
    before, the same patient is asked for MMA by its own rule; knowing of it must not make the card milder."""
    level = next(iter(p.reading.on_therapy), None)
    if level is None or not recovered(p) or p.therapy.is_taken_on(level.taken):
        return ()
    is_told_elsewhere = p.has(ProblemKind.PALLIATIVE_CARE, ProblemKind.MYELOPATHY) or p.is_replacement_due
    if is_told_elsewhere or _mma_since_treatment(p) is not None or p.pending(Test.MMA) or _is_for_active_b12(p):
        return ()
    band = b12_band(level, scale_of(level, p.knowledge.analytes[level.analyte]))
    if band is not Band.INDETERMINATE and not is_low_there(level) and not (p.features and p.risks):
        return ()
    return p.features + p.risks


def _mma_since_treatment(p: Picture) -> LabResult | None:
    """The newest MMA, recent and drawn since a course of treatment ended."""
    mma, ended = p.recent(Analyte.MMA), p.therapy.ended
    return mma if mma is not None and ended is not None and mma.taken.earliest > ended else None


def _raised_since(p: Picture) -> tuple[Marker, ...]:
    """Markers that are raised although a course of treatment is over: it did not last."""
    ended = p.therapy.ended
    raised = (*p.reading.raised_markers, *p.reading.raised_apart)
    return tuple(m for m in raised if ended is not None and m.result.taken.earliest > ended)


def treatment_words(p: Picture) -> str:
    """What the record holds of B12 treatment, for a sentence: never "none" where there is some."""
    therapy = p.therapy
    if any(t.is_active for t in therapy.doubtful):
        return "recorded B12 dose cannot be read"
    starts = first_start((*therapy.planned, *(t for t in therapy.doubtful if t.is_planned)))
    if starts is not None:
        return f"recorded B12 starts {starts}"
    if therapy.is_current is Presence.NOT_KNOWN:
        return "unclear whether recorded B12 is still taken"
    if therapy.was_ever:
        return "B12 treatment has ended"
    if any(t.is_active for t in therapy.too_little):
        return "recorded B12 is below a treatment dose"
    if therapy.doubtful:
        return "recorded B12 dose cannot be read"
    return "no B12 found, not all medicines read" if p.unread(*MEDICATION_KEYS) else "no B12 treatment recorded"


def b12_medicines(p: Picture) -> tuple[FactUsed, ...]:
    """B12 medicines that are no certain treatment, so that nobody is told there are none."""
    title = p.knowledge.medicines[Medicine.B12].title
    recorded = (*p.therapy.doubtful, *p.therapy.too_little)
    found = [FactUsed(title, f"{t.name}: starts {first_start((t,))}", source=t.source) for t in p.therapy.planned]
    found += [FactUsed(title, f"{t.name}: {dose_words(t)}", source=t.source) for t in recorded]
    if p.therapy.course.is_current is Presence.NOT_KNOWN:
        doubt = "not known whether it is still taken"
        found += [FactUsed(title, f"{t.name}: {doubt}", source=t.source) for t in p.therapy.treatments]
    return tuple(found[:_MOST_MEDICINES])


def dose_words(b12: Treatment | DraftContent) -> str:
    """Why B12 that is taken or drafted is no certain treatment, for a row of the table."""
    if b12.as_needed:
        return "taken only when needed"
    if b12.dose.mg_per_day is not None:
        return f"{b12.dose.mg_per_day:.3g} mg a day"
    return b12.dose.reason or "dose not known"


def treated_since(p: Picture, result: LabResult) -> bool:
    """Whether a course of therapy ended after this result was taken."""
    return p.therapy.ended is not None and p.therapy.ended > result.taken.latest


def functional_deficiency(p: Picture) -> Answer:
    """B12 not in the deficient band, but MMA and/or homocysteine raised and nothing else to explain it."""
    reading = p.reading
    if reading.status is not Status.FUNCTIONAL:
        if not any(m for m in reading.markers if not m.on_therapy):
            return cannot_tell("mma", keys=p.unread(DataKey.LABS))
        return does_not_fire(*marker_facts(p, reading.markers))
    b12 = reading.deciding or reading.in_words_only
    if p.is_treated or b12 is None:
        return does_not_fire(*marker_facts(p, reading.markers))
    raised = reading.raised_markers
    return fires(
        variant=_functional_variant(p, raised),
        facts=(
            result_fact(b12, p.knowledge),
            *marker_facts(p, reading.markers),
            *p.facts_of(ProblemKind.NITROUS_OXIDE),
            *_thyroid(p, raised),
            *issue_facts(p.unused(*_MAY_EXPLAIN)),
            *b12_medicines(p),
        ),
        values=b12_values(p, b12)
        | {"markers": _dated(p, raised, b12), "limits": _limits(p, raised), "treatment": treatment_words(p)}
        | {"start": str(p.therapy.starts or "")}
        | _other_causes(p, raised),
        recommends=(Recommendation.REVIEW_CAUSE, *_tests_beside_homocysteine(p, raised)),
        missing_keys=p.unread(*MEDICATION_KEYS, DataKey.ALLERGIES, DataKey.CONDITIONS),
    )


def _functional_variant(p: Picture, raised: tuple[Marker, ...]) -> str:
    if p.has(ProblemKind.NITROUS_OXIDE) and not p.is_arranged:
        return "nitrous-oxide"  # which the level tells nothing of, and which raises homocysteine first
    if _only_homocysteine(raised) and usable_mma(p):
        return "homocysteine-alone"
    if _is_above_article_range(p):
        return "outside-article-range"
    return "arranged" if p.is_arranged else "confirmed"


def _only_homocysteine(raised: tuple[Marker, ...]) -> bool:
    return all(m.result.analyte is Analyte.HOMOCYSTEINE for m in raised)


def _tests_beside_homocysteine(p: Picture, raised: tuple[Marker, ...]) -> tuple[Recommendation, ...]:
    """Where homocysteine alone speaks: folate that was never measured and, beside hypothyroidism, MMA, which the
    thyroid leaves alone."""
    if not _only_homocysteine(raised):
        return ()
    measured = p.newest(Analyte.SERUM_FOLATE) or p.newest(Analyte.RED_CELL_FOLATE)
    mma = _thyroid(p, raised) and not usable_mma(p) and not p.pending(Test.MMA)
    folate = measured is None and not p.pending(Test.FOLATE)
    return (*((Recommendation.ORDER_MMA,) if mma else ()), *((Recommendation.ORDER_FOLATE,) if folate else ()))


def _thyroid(p: Picture, raised: tuple[Marker, ...]) -> tuple[FactUsed, ...]:
    """Hypothyroidism, which raises homocysteine: often it is treated, so that it makes a diagnosis no less likely."""
    return p.facts_of(ProblemKind.HYPOTHYROIDISM) if _only_homocysteine(raised) else ()


def _other_causes(p: Picture, raised: tuple[Marker, ...]) -> dict[str, str]:
    """What is on record of the other causes of a raised marker, for a sentence that must not claim more."""
    egfr, creatinine = p.newest(Analyte.EGFR), p.newest(Analyte.CREATININE)
    kidneys = f"{rate_words(egfr)} ({egfr.taken})" if egfr is not None else "no eGFR"
    if egfr is None and creatinine is not None:
        kidneys = f"creatinine {creatinine.printed} ({creatinine.taken})"
    measured = p.newest(Analyte.SERUM_FOLATE) or p.newest(Analyte.RED_CELL_FOLATE)
    folate = f"folate {measured.printed} ({measured.taken})" if measured is not None else "no folate"
    with_thyroid = f"{folate}, and hypothyroidism, which raises homocysteine"
    return {"kidneys": kidneys, "folate": with_thyroid if _thyroid(p, raised) else folate}


def _is_above_article_range(p: Picture) -> bool:
    """Above the range (200 to 500 pg/mL) of which the article speaks; only ng/L results can be held against it."""
    b12 = p.reading.deciding
    return (
        b12 is not None
        and b12.value is not None
        and b12.unit == "ng/L"
        and b12.value > p.parameters.functional_range_to
    )


def indeterminate_needs_mma(p: Picture) -> Answer:
    """B12 in the indeterminate band: MMA settles it."""
    result = p.reading.deciding
    if result is None:
        return cannot_tell("total_b12", keys=p.unread(DataKey.LABS))
    if p.has(ProblemKind.PALLIATIVE_CARE):
        return does_not_fire(result_fact(result, p.knowledge))
    bands = (Band.INDETERMINATE, Band.DEFICIENT_OR_INDETERMINATE)
    is_low = p.reading.band in bands or p.reading.is_low_to_its_laboratory
    unsettled = (p.status is Status.INDETERMINATE and is_low) or p.reading.is_open_after_treatment
    known = [m for m in p.reading.markers if m.result.analyte is Analyte.MMA and m.raised is not Presence.NOT_KNOWN]
    if p.has(ProblemKind.MYELOPATHY):
        return does_not_fire(result_fact(result, p.knowledge))  # its own rule does not wait for MMA
    if p.reading.band is Band.DEFICIENT_OR_INDETERMINATE and known:
        return _ask_for_number(p, result, known)
    if unsettled and not known and not p.is_treated:
        first = _preliminary_mma(p)
        if first is not None:
            return _await_mma(p, result, first)
    if not unsettled or known or p.is_treated or p.pending(Test.MMA) or _is_for_active_b12(p):
        return does_not_fire(result_fact(result, p.knowledge))
    called_for = p.features or p.risks
    if p.reading.is_after_treatment and p.is_replacement_due:
        return does_not_fire(result_fact(result, p.knowledge))
    if not is_low and not called_for:  # soon after treatment
        called_for = p.perhaps_long_used
        unread = p.unread(DataKey.CONDITIONS, DataKey.PROCEDURES, DataKey.SOCIAL_HISTORY, *MEDICATION_KEYS)
        if not called_for and unread:
            return cannot_tell("signs and risks", keys=unread, facts=(result_fact(result, p.knowledge),))
        if not called_for:
            return does_not_fire(result_fact(result, p.knowledge))
    base = "cannot-classify" if p.reading.band is Band.DEFICIENT_OR_INDETERMINATE else "indeterminate"
    base = "marked-low" if p.reading.is_marked_low else base
    base = "below-own-range" if p.reading.is_below_own_range else base
    for_life = _untreated_for_life(p)
    is_called_for = bool(called_for)
    if not is_low:
        base, is_called_for = "after-treatment", bool(p.features and p.risks)
    return fires(
        variant="for-life" if for_life else base if is_called_for else f"{base}-alone",
        facts=(
            result_fact(result, p.knowledge, "soon after treatment" if p.reading.is_after_treatment else ""),
            *_treatment_before(p),
            *_other_facts(p),
            *called_for,
            *p.facts_of(ProblemKind.PREGNANCY),
        ),
        values=b12_values(p, result)
        | {
            "feature": called_for[0].words if called_for else "",
            "cause": for_life[0].words if for_life else "",
            "treatment": treatment_words(p),
        },
        recommends=_metabolite_tests(p) if called_for else (Recommendation.ORDER_MMA,),
    )


def _untreated_for_life(p: Picture) -> tuple[FactUsed, ...]:
    """What needs B12 for life whatever the level, where none is or was given; a lapse has a rule of its own."""
    return () if p.is_arranged or p.therapy.was_ever else p.causes_for_life


def _treatment_before(p: Picture) -> tuple[FactUsed, ...]:
    """The treatment that the level was drawn soon after."""
    if not p.reading.is_after_treatment:
        return ()
    return (last_therapy(p),)


def therapy_fact(p: Picture, words: str) -> FactUsed:
    """The course of treatment, as a row of the table."""
    return FactUsed("Vitamin B12 therapy", words, source=", ".join(p.therapy.course.sources[:_MOST_SOURCES]))


def last_therapy(p: Picture) -> FactUsed:
    """What was taken last of a course that is over, and when."""
    last, earlier = f"last on {p.therapy.last_taken}", p.therapy.days_before_last
    if earlier:
        last = f"last on {p.therapy.last_taken}, {earlier} days after the one before"
    return therapy_fact(p, f"{p.therapy.last_product}: {last}" if p.therapy.last_product else last)


def _is_for_active_b12(p: Picture) -> bool:
    """In pregnancy active B12 comes before MMA, and has a rule of its own; MMA settles what active B12 leaves open."""
    if not p.has(ProblemKind.PREGNANCY):
        return False
    if p.pregnancy_contest is not None:
        return not (p.features or p.risks)
    return p.recent(Analyte.ACTIVE_B12) is None


def _ask_for_number(p: Picture, result: LabResult, known: list[Marker]) -> Answer:
    """ "<200 ng/L" and an MMA that confirms nothing: the number may still be deficient, and the laboratory has it."""
    facts = (result_fact(result, p.knowledge), *marker_facts(p, tuple(known)), *p.features)
    is_confounded = any(marker in p.reading.confounded_markers for marker in known)  # its own rule says so
    if p.status is not Status.INDETERMINATE or is_confounded or p.is_treated:
        return does_not_fire(*facts)
    return fires(
        variant="bound-only", facts=facts, values=b12_values(p, result), recommends=(Recommendation.VERIFY_DATA,)
    )


def _preliminary_mma(p: Picture) -> LabResult | None:
    """The newest recent MMA, where it is still preliminary."""
    newest = p.recent(Analyte.MMA)
    return newest if newest is not None and newest.is_preliminary else None


def _await_mma(p: Picture, result: LabResult, first: LabResult) -> Answer:
    """A preliminary MMA is not ordered again: a raised one is said as preliminary, any other is waited for."""
    if is_raised(first, p.knowledge.analytes[Analyte.MMA]) is not Presence.YES:
        return does_not_fire(result_fact(result, p.knowledge), result_fact(first, p.knowledge))
    return fires(
        variant="mma-preliminary",
        facts=(result_fact(result, p.knowledge), result_fact(first, p.knowledge), *p.features),
        values=b12_values(p, result) | {"mma": first.printed},
        recommends=(Recommendation.VERIFY_DATA,),
    )


def _metabolite_tests(p: Picture) -> tuple[Recommendation, ...]:
    wanted = [Recommendation.ORDER_MMA]
    if not any(m.result.analyte is Analyte.HOMOCYSTEINE for m in p.reading.markers) and not p.pending(
        Test.HOMOCYSTEINE
    ):
        wanted.append(Recommendation.ORDER_HOMOCYSTEINE)
    if p.recent(Analyte.HAEMOGLOBIN) is None and not p.pending(Test.CBC):
        wanted.append(Recommendation.ORDER_CBC)
    return tuple(wanted)


def metabolites_confounded(p: Picture) -> Answer:
    """A raised metabolite that kidneys or folate may explain: never a confirmation (clinical-guidelines 3)."""
    reading = p.reading
    confounded = reading.confounded_markers
    if not confounded:
        return does_not_fire()
    is_told = p.has(ProblemKind.MYELOPATHY)  # its own rule shows the marker and what may explain it
    closed = is_told or _has_normal_mma(p) or p.has(ProblemKind.PALLIATIVE_CARE)
    if closed or reading.raised_markers or reading.band is Band.DEFICIENT or p.is_treated:
        return does_not_fire(*marker_facts(p, confounded))
    called_for = bool(p.features or p.risks) and p.status is not Status.UNLIKELY
    of_folate = "folate" in confounded[0].confounder
    b12 = (result_fact(reading.deciding, p.knowledge),) if reading.deciding is not None else ()
    return fires(
        variant="folate" if of_folate else "with-feature" if called_for else "alone",
        facts=(*b12, *marker_facts(p, confounded), *p.features),
        values={"markers": marker_words(p, confounded), "confounder": confounded[0].confounder},
        recommends=_next_tests(p, of_folate),
    )


def _next_tests(p: Picture, of_folate: bool) -> tuple[Recommendation, ...]:
    """MMA, which folate leaves alone; active B12, which depends less on the kidneys."""
    recommends = []
    if of_folate and not usable_mma(p) and not p.pending(Test.MMA):
        recommends.append(Recommendation.ORDER_MMA)
    if not of_folate and not p.pending(Test.ACTIVE_B12) and p.recent(Analyte.ACTIVE_B12) is None:
        recommends.append(Recommendation.ORDER_ACTIVE_B12)
    if p.reading.deciding is None and not p.pending(Test.B12):
        recommends.append(Recommendation.ORDER_B12)
    return (*recommends, Recommendation.REFER)


def _has_normal_mma(p: Picture) -> bool:
    return any(m.raised is Presence.NO for m in usable_mma(p))


def usable_mma(p: Picture) -> tuple[Marker, ...]:
    """The MMA that is read with the level, where treatment does not keep it from telling anything."""
    return tuple(m for m in p.reading.markers if m.result.analyte is Analyte.MMA and not m.on_therapy)


def is_mma_normal(p: Picture) -> bool:
    """Whether MMA is known to be normal, near the level and since."""
    mma = usable_mma(p)
    return bool(mma) and not p.reading.raised_apart and all(marker.raised is Presence.NO for marker in mma)


def raised_marker_alone(p: Picture) -> Answer:
    """A raised metabolite without a recent B12, or too long before or after it to be read together: it is said. So is
    one of long ago that nobody has measured again or treated."""
    is_unknown = p.status is Status.UNKNOWN
    without_b12 = p.reading.raised_markers if is_unknown else ()
    before = p.reading.raised_before if is_unknown else ()
    markers = without_b12 or p.reading.raised_apart or before
    if not markers or p.is_treated or p.has(ProblemKind.PALLIATIVE_CARE):
        return does_not_fire(*marker_facts(p, markers))
    is_told = p.has(ProblemKind.MYELOPATHY) and markers != before  # its own rule treats
    if is_told or p.status in (Status.DEFICIENT, Status.FUNCTIONAL):
        return does_not_fire(*marker_facts(p, markers))
    called_for = bool(p.features or p.risks)
    kind = "without-b12" if without_b12 else "apart" if p.reading.raised_apart else "earlier"
    level = p.reading.in_words_only or p.reading.deciding
    if kind == "apart" and level is not None and _can_be_read_with_a_new_marker(p, level):
        kind = "before-level"
    is_coming = p.pending(Test.B12, Test.ACTIVE_B12)
    wanted = [] if is_coming or kind == "before-level" else [Recommendation.ORDER_B12]
    if not without_b12 and not p.pending(Test.MMA):
        wanted.append(Recommendation.ORDER_MMA)
    b12 = (result_fact(level, p.knowledge),) if level is not None else ()
    return fires(
        variant=kind if called_for else f"{kind}-alone",
        facts=(*marker_facts(p, markers), *b12, *p.features, *issue_facts(p.unused(*_MAY_EXPLAIN))),
        values=(b12_values(p, level) if level is not None else {})
        | {"markers": marker_words(p, markers), "marker_date": str(markers[0].result.taken)},
        recommends=tuple(wanted) or (Recommendation.VERIFY_DATA,),
    )


def _can_be_read_with_a_new_marker(p: Picture, level: LabResult) -> bool:
    """Whether a level is so new that MMA drawn today belongs to it, and the level need not be repeated."""
    return (p.today - level.taken.earliest).days <= p.parameters.metabolite_window_days


def intrinsic_factor_antibody(p: Picture) -> Answer:
    """A positive intrinsic factor antibody: pernicious anaemia, and a B12 assay that may read falsely normal."""
    antibody = p.newest(Analyte.INTRINSIC_FACTOR_ANTIBODY)
    if antibody is None or not p.reading.distrust.startswith("intrinsic factor"):
        return does_not_fire()
    fact = result_fact(antibody, p.knowledge)
    if p.is_treated:
        return does_not_fire(fact)
    is_deficient = p.status in (Status.DEFICIENT, Status.FUNCTIONAL)
    recommends = [Recommendation.REVIEW_CAUSE]
    if not is_deficient and not usable_mma(p) and not p.pending(Test.MMA):
        recommends.insert(0, Recommendation.ORDER_MMA)
    b12 = p.reading.deciding or p.reading.in_words_only
    facts = (fact, *((result_fact(b12, p.knowledge),) if b12 is not None else ()), *marker_facts(p, p.reading.markers))
    return fires(
        variant="explains" if is_deficient else "positive",
        facts=facts,
        values={"date": str(antibody.taken)},
        recommends=tuple(recommends),
    )


def nitrous_oxide_distrust(p: Picture) -> Answer:
    """Nitrous oxide and a B12 that is not low: it rules nothing out."""
    exposure = p.facts_of(ProblemKind.NITROUS_OXIDE)
    b12 = p.reading.deciding or p.reading.in_words_only
    if b12 is None or p.is_treated or p.status in _TOLD_ELSEWHERE:
        return does_not_fire(*exposure)
    if not exposure:
        given = (DataKey.PROCEDURES, *MEDICATION_KEYS) if p.features else ()
        unread = p.unread(DataKey.CONDITIONS, *given)
        return cannot_tell("what makes a B12 that is not low unreliable", keys=unread) if unread else does_not_fire()
    recommends = [
        recommendation
        for recommendation, analyte, test in (
            (Recommendation.ORDER_MMA, Analyte.MMA, Test.MMA),
            (Recommendation.ORDER_HOMOCYSTEINE, Analyte.HOMOCYSTEINE, Test.HOMOCYSTEINE),
        )
        if not any(m.result.analyte is analyte for m in p.reading.markers) and not p.pending(test)
    ]
    facts = (*exposure, result_fact(b12, p.knowledge), *p.features, *p.recorded_deficiency)
    doubt = "not-ruled-out" if p.features or p.recorded_deficiency else "not-ruled-out-alone"
    return fires(
        variant=doubt,
        facts=facts,
        values=b12_values(p, b12),
        recommends=tuple(recommends) or (Recommendation.REVIEW_CAUSE,),
    )


def preliminary_low(p: Picture) -> Answer:
    """A preliminary result is low: it is said, and nothing is started on it alone."""
    result = p.reading.preliminary
    if result is None or result is not p.reading.deciding or p.is_treated:
        return does_not_fire()
    if p.reading.band not in (Band.DEFICIENT, Band.DEFICIENT_OR_INDETERMINATE):
        return does_not_fire(result_fact(result, p.knowledge))
    return fires(
        variant="preliminary",
        facts=(result_fact(result, p.knowledge), *p.features),
        values=b12_values(p, result),
        recommends=(Recommendation.VERIFY_DATA,),
    )


def tests_disagree(p: Picture) -> Answer:
    """Total and active B12, or one sample reported twice, fall in different bands: the more severe counts."""
    result, disagreeing = p.reading.deciding, p.reading.disagreeing
    if result is None or not disagreeing or p.is_treated or p.pregnancy_contest is not None:
        return does_not_fire()  # in pregnancy active B12 is preferred, and its own rule says so
    other, mma = disagreeing[0], usable_mma(p)
    if mma and p.status is Status.UNLIKELY:
        return does_not_fire(result_fact(result, p.knowledge), *marker_facts(p, mma))  # MMA has settled it
    variant, settle = "more-severe-counts", Recommendation.ORDER_MMA
    is_asked_for = not mma and not p.pending(Test.MMA)
    if any(m.counts_as_raised for m in mma):
        variant = "mma-raised"
    elif is_mma_normal(p):
        variant, settle = "mma-normal", Recommendation.ORDER_B12
        is_asked_for = not p.pending(Test.B12, Test.ACTIVE_B12)
    return fires(
        variant=variant,
        facts=(result_fact(result, p.knowledge), *_other_facts(p), *marker_facts(p, mma)),
        values=b12_values(p, result)
        | {"other": f"{b12_name(other)} {other.printed}", "other_date": str(other.taken)}
        | {"markers": marker_words(p, mma[:1]) if mma else ""},
        recommends=(
            *((settle,) if p.status is Status.DEFICIENT and is_asked_for else ()),
            Recommendation.VERIFY_DATA,
        ),
    )


def b12_values(p: Picture, result: LabResult) -> dict[str, str]:
    """What the words of a card on a B12 result are filled with; limits are in the unit that the laboratory printed."""
    scale = scale_of(result, p.knowledge.analytes[result.analyte])
    printed = result.printed if result.finding is None else f"reported as {result.printed}"
    unit = printed_unit(result, scale)[0]
    own = result.lower_limit
    return {
        "own_low": f"{in_printed_unit(own, result, scale)} {unit}" if own else "",
        "name": b12_name(result),
        "short": "active B12" if result.analyte is Analyte.ACTIVE_B12 else "B12",
        "b12": f"{printed} (preliminary)" if result.is_preliminary else printed,
        "date": str(result.taken),
        "when": when(result.taken),
        **_limits_of(result, scale),
    }


def _later_words(result: LabResult, later: LabResult) -> str:
    return later.printed if later.analyte is result.analyte else f"{b12_name(later)} {later.printed}"


def b12_name(result: LabResult) -> str:
    """What a sentence calls a B12 result: total B12 as "vitamin B12", or active B12."""
    return "active B12" if result.analyte is Analyte.ACTIVE_B12 else "vitamin B12"


def _limits_of(result: LabResult, scale: Scale | None) -> dict[str, str]:
    """`low` and the grey zone in the laboratory's unit; `full_zone` has the numbers that we hold beside it."""
    low = scale.deficient_below if scale is not None else None
    high = scale.unlikely_above if scale is not None else None
    if low is None or high is None:
        return {"low": "?", "grey_zone": "?", "full_zone": "?"}
    unit, factor = printed_unit(result, scale)
    zone = f"{in_printed_unit(low, result, scale)} to {in_printed_unit(high, result, scale)} {unit}"
    ours = "" if factor == 1 else f" = {low.normalize():f} to {high.normalize():f} {result.unit}"
    return {"low": limit_words(low, result, scale), "grey_zone": zone, "full_zone": zone + ours}


def marker_words(p: Picture, markers: tuple[Marker, ...]) -> str:
    """ "MMA 0.55 umol/L and homocysteine 22 umol/L"; without the amount where the laboratory gave only a word."""
    named = [" ".join(filter(None, (p.knowledge.analytes[m.result.analyte].short, _amount(m.result)))) for m in markers]
    return both(p, named)


def evidence_words(p: Picture, b12: LabResult | None, raised: tuple[Marker, ...]) -> str:
    """What shows the deficiency, in few words for a summary: the level, or the marker that shows what it hides."""
    if b12 is None:
        return f"raised {marker_words(p, raised[:1])}" if raised else ""
    values, is_active = b12_values(p, b12), b12.analyte is Analyte.ACTIVE_B12
    if raised and is_active:
        return f"raised {marker_words(p, raised[:1])}; active B12 {values['b12']}"
    if raised:
        return f"raised {marker_words(p, raised[:1])}; B12 {values['b12']}"
    if is_active:
        return f"active B12 {values['b12']}, {values['date']}"
    return f"vitamin B12 {values['b12']}, {values['date']}"


def _dated(p: Picture, markers: tuple[Marker, ...], b12: LabResult) -> str:
    """`marker_words`, with the day where it is not that of the B12 result beside them."""
    words, days = marker_words(p, markers), dict.fromkeys(str(m.result.taken) for m in markers)
    return words if list(days) == [str(b12.taken)] else f"{words} ({', '.join(days)})"


def both(p: Picture, names: Sequence[str]) -> str:
    """One name, or two as a sentence lists them."""
    return names[0] if len(names) == 1 else p.knowledge.wording.say("{0} and {1}", *names[:2])


def _amount(result: LabResult) -> str:
    return "" if result.finding is not None else result.printed


def _limits(p: Picture, markers: tuple[Marker, ...]) -> str:
    return "; ".join(f"{p.knowledge.analytes[m.result.analyte].short}: {m.limit}" for m in markers)


def marker_facts(p: Picture, markers: tuple[Marker, ...]) -> tuple[FactUsed, ...]:
    """Metabolites as rows of the card's table, each with its limit and what else may explain it."""
    return tuple(
        result_fact(m.result, p.knowledge, "; ".join(x for x in (m.limit, m.confounder, _on_therapy(m)) if x))
        for m in markers
    )


def _on_therapy(marker: Marker) -> str:
    return "drawn on B12 therapy" if marker.on_therapy else ""


def _other_facts(p: Picture) -> tuple[FactUsed, ...]:
    return tuple(result_fact(r, p.knowledge) for r in p.reading.others)
