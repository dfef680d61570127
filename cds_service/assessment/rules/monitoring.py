"""What happens after treatment has begun (source article, Monitoring and Follow-up, and Maintenance Therapy)."""

from __future__ import annotations

from cds_service.assessment.bands import is_raised
from cds_service.assessment.metabolites import confounder_of
from cds_service.assessment.outcome import Answer, FactUsed, Status, cannot_tell, does_not_fire, fires
from cds_service.assessment.picture import MEDICATION_KEYS, Picture, result_fact
from cds_service.facts.dates import add_months, days
from cds_service.facts.labs import Analyte, LabResult
from cds_service.facts.orders import Test
from cds_service.facts.presence import Presence
from cds_service.facts.problems import ProblemKind
from cds_service.knowledge.model import Recommendation

_MOST_CAUSES = 2
_REVIEWED_BY = (Analyte.TOTAL_B12, Analyte.ACTIVE_B12, Analyte.MMA, Analyte.HOMOCYSTEINE)


def follow_up_due(p: Picture) -> Answer:
    """The review three months after the start (one month in pregnancy and breast-feeding), until results arrive."""
    since = p.therapy.current_since
    if since is None or not p.in_scope:
        return does_not_fire()
    early = p.has(ProblemKind.PREGNANCY, ProblemKind.BREASTFEEDING)
    first = p.parameters.follow_up_from_day_in_pregnancy if early else p.parameters.follow_up_from_day
    begun = FactUsed("Vitamin B12 therapy", f"since {since}", source=", ".join(p.therapy.course.sources[:3]))
    if p.today < since + days(first) or p.today >= add_months(since, p.parameters.follow_up_until_months):
        return does_not_fire(begun)
    if _results_since(p, early) or p.pending(Test.B12, Test.MMA, Test.ACTIVE_B12):
        return does_not_fire(begun)
    baseline = p.reading.deciding
    facts = (begun, result_fact(baseline, p.knowledge, "before therapy")) if baseline is not None else (begun,)
    return fires(
        variant="due-early" if early else "due",
        facts=facts + p.neurological,
        values={"since": str(since), "days": str((p.today - since).days)},
        recommends=(Recommendation.FOLLOW_UP_3_MONTHS,),
    )


def _results_since(p: Picture, early: bool) -> tuple[LabResult, ...]:
    """Results that are late enough after the start to be the review."""
    since = p.therapy.current_since
    if since is None:
        return ()
    wait = p.parameters.follow_up_from_day_in_pregnancy if early else p.parameters.follow_up_result_from_day
    earliest = since + days(wait)
    return tuple(r for r in p.facts.labs if r.analyte in _REVIEWED_BY and r.taken.earliest >= earliest)


def insufficient_response(p: Picture) -> Answer:
    """Metabolites still raised on tablets, whatever the level says: injections (source article, last paragraph)."""
    if p.therapy.is_current is not Presence.YES or not p.in_scope or not p.therapy.is_oral_only:
        return does_not_fire()
    raised = [r for r in _latest_metabolites(p) if _is_raised(p, r)]
    if not raised:
        return does_not_fire()
    since = p.therapy.current_since
    level = next((r for r in p.reading.on_therapy), None)
    b12 = (result_fact(level, p.knowledge),) if level is not None else ()
    return fires(
        variant="still-raised",
        facts=(*(result_fact(r, p.knowledge) for r in raised), *b12, *p.neurological),
        values={
            "markers": " and ".join(f"{p.knowledge.analytes[r.analyte].short} {r.printed}" for r in raised),
            "date": str(raised[0].taken),
            "since": str(since) if since is not None else "an unknown date",
        },
        recommends=(Recommendation.ESCALATE_TO_PARENTERAL,),
        regimens=(
            "im-replacement-hydroxocobalamin" if p.has(ProblemKind.LEBER_OPTIC_NEUROPATHY) else "im-replacement",
        ),
    )


def _latest_metabolites(p: Picture) -> tuple[LabResult, ...]:
    late = _results_since(p, early=False)
    found = []
    for analyte in (Analyte.MMA, Analyte.HOMOCYSTEINE):
        ours = [r for r in late if r.analyte is analyte and r.is_coded and not r.is_preliminary]
        if ours:
            found.append(max(ours, key=lambda r: r.taken.order))
    return tuple(found)


def _is_raised(p: Picture, result: LabResult) -> bool:
    raised, _limit = is_raised(result, p.knowledge.analytes[result.analyte])
    return raised is Presence.YES and not confounder_of(result, p.facts.labs, p.problems, p.knowledge)


def lifelong_therapy_lapsed(p: Picture) -> Answer:
    """A lasting cause, therapy in the past, none now: take it up again (source article, Maintenance Therapy)."""
    facts = p.lasting_causes
    if not facts or not p.in_scope or p.therapy.is_current is Presence.YES:
        return does_not_fire(*facts)
    unread = p.unread(*MEDICATION_KEYS)
    if p.therapy.ended is None:
        return cannot_tell("B12 therapy in the past", keys=unread, facts=facts) if unread else does_not_fire(*facts)
    if p.has(ProblemKind.COBALAMIN_ALLERGY):
        return does_not_fire(*facts)
    level = p.reading.deciding if p.status is Status.UNLIKELY else None
    b12 = (result_fact(level, p.knowledge),) if level is not None else ()
    ended = FactUsed("Vitamin B12 therapy", f"until {p.therapy.ended}", source=", ".join(p.therapy.course.sources[:3]))
    return fires(
        variant="lapsed" if level is None else "lapsed-sufficient",
        facts=(*facts[:_MOST_CAUSES], ended, *b12),
        values={
            "cause": facts[0].words,
            "ended": str(p.therapy.ended),
            "b12": level.printed if level is not None else "",
            "date": str(level.taken) if level is not None else "",
        },
        recommends=(Recommendation.RESUME_MAINTENANCE,),
        regimens=("maintenance-im", "maintenance-oral"),
        missing_keys=unread,
    )
