"""What the results mean: the three bands, functional deficiency, and why a result may not be believed (source article,
Diagnostic Approach; clinical-guidelines 1 to 3 and 5)."""

from __future__ import annotations

from cds_service.assessment.bands import Band, scale_of
from cds_service.assessment.metabolites import Marker
from cds_service.assessment.outcome import Answer, FactUsed, Status, cannot_tell, does_not_fire, fires
from cds_service.assessment.picture import MEDICATION_KEYS, Picture, result_fact
from cds_service.facts.labs import Analyte, LabResult
from cds_service.facts.orders import Test
from cds_service.facts.patient import DataKey
from cds_service.facts.presence import Presence
from cds_service.facts.problems import ProblemKind
from cds_service.knowledge.model import Recommendation

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
    if not any(r.analyte is analyte and r.is_coded for r in p.facts.labs):
        return cannot_tell(name, keys=p.unread(DataKey.LABS))
    if result is None or result.analyte is not analyte or p.reading.band is not Band.DEFICIENT:
        return does_not_fire()
    if result is p.reading.preliminary or p.therapy.is_current is Presence.YES:
        return does_not_fire(result_fact(result, p.knowledge))
    variant = "treated-before" if _treated_since(p, result) else _TREATED[p.therapy.is_current]
    recommends: tuple[Recommendation, ...] = (Recommendation.REVIEW_CAUSE,)
    if variant == "treatment-doubtful":
        recommends += (Recommendation.VERIFY_DATA,)
    if variant == "treated-before" and not p.pending(Test.B12):
        recommends += (Recommendation.ORDER_B12,)
    return fires(
        variant=variant,
        facts=(result_fact(result, p.knowledge), *_other_facts(p)),
        values=b12_values(p, result),
        recommends=recommends,
        missing_keys=p.unread(*MEDICATION_KEYS, DataKey.ALLERGIES),
    )


def _treated_since(p: Picture, result: LabResult) -> bool:
    """Whether a course of therapy ended after this result was taken."""
    return p.therapy.ended is not None and p.therapy.ended > result.taken.latest


def functional_deficiency(p: Picture) -> Answer:
    """B12 not in the deficient band, but MMA and/or homocysteine raised and nothing else to explain it."""
    reading = p.reading
    if reading.status is not Status.FUNCTIONAL:
        if not any(m for m in reading.markers if not m.on_therapy):
            return cannot_tell("mma", keys=p.unread(DataKey.LABS))
        return does_not_fire(*_marker_facts(p, reading.markers))
    b12 = reading.deciding or reading.in_words_only
    if p.therapy.is_current is Presence.YES or b12 is None:
        return does_not_fire(*_marker_facts(p, reading.markers))
    raised = reading.raised_markers
    return fires(
        variant="outside-article-range" if _is_above_article_range(p) else "confirmed",
        facts=(result_fact(b12, p.knowledge), *_marker_facts(p, reading.markers)),
        values=b12_values(p, b12) | {"markers": marker_words(p, raised), "limits": _limits(p, raised)},
        recommends=(Recommendation.REVIEW_CAUSE,),
        missing_keys=p.unread(*MEDICATION_KEYS, DataKey.ALLERGIES),
    )


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
    unsettled = p.status is Status.INDETERMINATE and p.reading.band in (
        Band.INDETERMINATE,
        Band.DEFICIENT_OR_INDETERMINATE,
    )
    known = [m for m in p.reading.markers if m.result.analyte is Analyte.MMA and m.raised is not Presence.NOT_KNOWN]
    if p.has(ProblemKind.MYELOPATHY):
        return does_not_fire(result_fact(result, p.knowledge))  # its own rule does not wait for MMA
    if not unsettled or known or p.therapy.is_current is Presence.YES or p.pending(Test.MMA):
        return does_not_fire(result_fact(result, p.knowledge))
    called_for = p.features or p.risks
    base = "cannot-classify" if p.reading.band is Band.DEFICIENT_OR_INDETERMINATE else "indeterminate"
    return fires(
        variant=base if called_for else f"{base}-alone",
        facts=(result_fact(result, p.knowledge), *_other_facts(p), *called_for),
        values=b12_values(p, result) | {"feature": called_for[0].words if called_for else ""},
        recommends=_metabolite_tests(p) if called_for else (Recommendation.ORDER_MMA,),
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
    if reading.raised_markers or reading.band is Band.DEFICIENT or p.therapy.is_current is Presence.YES:
        return does_not_fire(*_marker_facts(p, confounded))
    recommends = [Recommendation.REFER]
    if not p.pending(Test.ACTIVE_B12) and p.recent(Analyte.ACTIVE_B12) is None:
        recommends.insert(0, Recommendation.ORDER_ACTIVE_B12)
    if reading.deciding is None and not p.pending(Test.B12):
        recommends.append(Recommendation.ORDER_B12)
    b12 = (result_fact(reading.deciding, p.knowledge),) if reading.deciding is not None else ()
    return fires(
        variant="with-feature" if p.features or p.risks else "alone",
        facts=(*b12, *_marker_facts(p, confounded), *p.features),
        values={"markers": marker_words(p, confounded), "confounder": confounded[0].confounder},
        recommends=tuple(recommends),
    )


def intrinsic_factor_antibody(p: Picture) -> Answer:
    """A positive intrinsic factor antibody: pernicious anaemia, and a B12 assay that may read falsely normal."""
    antibody = p.newest(Analyte.INTRINSIC_FACTOR_ANTIBODY)
    if antibody is None or not p.reading.distrust.startswith("intrinsic factor"):
        return does_not_fire()
    fact = result_fact(antibody, p.knowledge)
    if p.therapy.is_current is Presence.YES:
        return does_not_fire(fact)
    recommends = [Recommendation.REVIEW_CAUSE]
    if not _has_mma(p) and not p.pending(Test.MMA):
        recommends.insert(0, Recommendation.ORDER_MMA)
    b12 = p.reading.deciding or p.reading.in_words_only
    facts = (fact, result_fact(b12, p.knowledge)) if b12 is not None else (fact,)
    return fires(variant="positive", facts=facts, values={"date": str(antibody.taken)}, recommends=tuple(recommends))


def nitrous_oxide_distrust(p: Picture) -> Answer:
    """Nitrous oxide and a B12 that is not low: it rules nothing out."""
    exposure = p.facts_of(ProblemKind.NITROUS_OXIDE)
    b12 = p.reading.deciding or p.reading.in_words_only
    if b12 is None or p.therapy.is_current is Presence.YES or p.status in (Status.DEFICIENT, Status.UNKNOWN):
        return does_not_fire(*exposure)
    if not exposure:
        unread = p.unread(DataKey.CONDITIONS)
        return cannot_tell("what makes a B12 that is not low unreliable", keys=unread) if unread else does_not_fire()
    recommends = [
        recommendation
        for recommendation, analyte, test in (
            (Recommendation.ORDER_MMA, Analyte.MMA, Test.MMA),
            (Recommendation.ORDER_HOMOCYSTEINE, Analyte.HOMOCYSTEINE, Test.HOMOCYSTEINE),
        )
        if not any(m.result.analyte is analyte for m in p.reading.markers) and not p.pending(test)
    ]
    facts = (*exposure, result_fact(b12, p.knowledge), *p.features)
    return fires(
        variant="confirmed" if p.status is Status.FUNCTIONAL else "not-ruled-out",
        facts=facts,
        values=b12_values(p, b12),
        recommends=tuple(recommends) or (Recommendation.REVIEW_CAUSE,),
    )


def _has_mma(p: Picture) -> bool:
    return any(m.result.analyte is Analyte.MMA and not m.on_therapy for m in p.reading.markers)


def preliminary_low(p: Picture) -> Answer:
    """A preliminary result is low: it is said, and nothing is started on it alone."""
    result = p.reading.preliminary
    if result is None or result is not p.reading.deciding or p.therapy.is_current is Presence.YES:
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
    result = p.reading.deciding
    if result is None or not p.reading.disagree or p.therapy.is_current is Presence.YES:
        return does_not_fire()
    others = p.reading.others
    return fires(
        variant="more-severe-counts",
        facts=(result_fact(result, p.knowledge), *(result_fact(r, p.knowledge) for r in others)),
        values=b12_values(p, result) | {"other": others[0].printed, "other_date": str(others[0].taken)},
        recommends=(Recommendation.VERIFY_DATA,),
    )


def b12_values(p: Picture, result: LabResult) -> dict[str, str]:
    """What the words of a card on a B12 result are filled with."""
    scale = scale_of(result, p.knowledge.analytes[result.analyte])
    low = f"{scale.deficient_below.normalize():f}" if scale is not None and scale.deficient_below is not None else "?"
    high = f"{scale.unlikely_above.normalize():f}" if scale is not None and scale.unlikely_above is not None else "?"
    return {
        "b12": result.printed if result.finding is None else f"reported as {result.printed}",
        "date": str(result.taken),
        "low": f"{low} {result.unit}",
        "high": f"{high} {result.unit}",
        "grey_zone": f"{low} to {high} {result.unit}",
    }


def marker_words(p: Picture, markers: tuple[Marker, ...]) -> str:
    """ "MMA 0.55 umol/L and homocysteine 22 umol/L"; without the amount where the laboratory gave only a word."""
    return " and ".join(
        " ".join(filter(None, (p.knowledge.analytes[m.result.analyte].short, _amount(m.result)))) for m in markers
    )


def _amount(result: LabResult) -> str:
    return "" if result.finding is not None else result.printed


def _limits(p: Picture, markers: tuple[Marker, ...]) -> str:
    return "; ".join(f"{p.knowledge.analytes[m.result.analyte].short}: {m.limit}" for m in markers)


def _marker_facts(p: Picture, markers: tuple[Marker, ...]) -> tuple[FactUsed, ...]:
    return tuple(
        result_fact(m.result, p.knowledge, "; ".join(x for x in (m.limit, m.confounder, _on_therapy(m)) if x))
        for m in markers
    )


def _on_therapy(marker: Marker) -> str:
    return "drawn on B12 therapy" if marker.on_therapy else ""


def _other_facts(p: Picture) -> tuple[FactUsed, ...]:
    return tuple(result_fact(r, p.knowledge) for r in p.reading.others)
