"""What happens after treatment has begun (source article, Monitoring and Follow-up, and Maintenance Therapy)."""

from __future__ import annotations

from datetime import date, timedelta

from cds_service.assessment.bands import Band, b12_band, is_raised, scale_of
from cds_service.assessment.exposure import taken_lately
from cds_service.assessment.metabolites import confounder_of
from cds_service.assessment.outcome import Answer, FactUsed, Status, cannot_tell, does_not_fire, fires
from cds_service.assessment.picture import (
    FOR_LIFE,
    MEDICATION_KEYS,
    NEUROLOGICAL,
    Picture,
    problem_fact,
    result_fact,
)
from cds_service.assessment.reading import IN_PERNICIOUS_ANAEMIA
from cds_service.assessment.results import within_months
from cds_service.assessment.rules.diagnosis import b12_values, both, last_therapy, therapy_fact
from cds_service.assessment.rules.offers import (
    INJECTION,
    MAINTENANCE_INJECTION,
    MAINTENANCE_ORAL,
    injection_cautions,
    is_allergic,
    regimens_for,
)
from cds_service.assessment.rules.treatment import is_cord_to_be_treated, needs_treatment
from cds_service.assessment.spoken import how_long, when
from cds_service.facts.dates import ClinicalDate, add_months, days, later
from cds_service.facts.labs import Analyte, LabResult
from cds_service.facts.orders import Test
from cds_service.facts.patient import DataKey
from cds_service.facts.presence import Presence
from cds_service.facts.problems import Problem, ProblemKind
from cds_service.facts.treatments import GIVEN_ON_A_DAY, Route, Treatment
from cds_service.knowledge.model import Recommendation

_MOST_CAUSES = 2
_B12 = (Analyte.TOTAL_B12, Analyte.ACTIVE_B12)
_REVIEWED_BY = (*_B12, Analyte.MMA, Analyte.HOMOCYSTEINE)
_KNOWN_DEFICIENCY = (ProblemKind.B12_DEFICIENCY, ProblemKind.PERNICIOUS_ANAEMIA)
_MAY_PERSIST = tuple(kind for kind in NEUROLOGICAL if kind is not ProblemKind.MYELOPATHY)


def follow_up_due(p: Picture) -> Answer:
    """The review three months after the start (one month in pregnancy and breast-feeding), until results arrive; not
    in palliative care, where no test is asked for."""
    if not p.is_treated or not p.in_scope or p.has(ProblemKind.PALLIATIVE_CARE):
        return does_not_fire()
    since = p.therapy.current_since
    if since is None:
        return _follow_up_of_unknown_start(p)
    early = _is_early(p)
    begun = therapy_fact(p, f"since {since}")
    if p.today < _first_day(p, since) or p.today >= add_months(since, p.parameters.follow_up_until_months):
        return does_not_fire(begun)
    if _results_since(p, early) or p.pending(Test.B12, Test.MMA, Test.ACTIVE_B12):
        return does_not_fire(begun)
    return fires(
        variant="due-early" if early else "due",
        facts=(begun, *_baseline(p), *p.neurological),
        values={"since": str(since), "duration": how_long(since, p.today)},
        recommends=(Recommendation.FOLLOW_UP_3_MONTHS,),
    )


def follow_up_from(p: Picture) -> date | None:
    """The day from which the present treatment is to be reviewed; None where there is none, or its start is unknown."""
    since = p.therapy.current_since
    return _first_day(p, since) if since is not None and p.in_scope else None


def _is_early(p: Picture) -> bool:
    return p.has(ProblemKind.PREGNANCY, ProblemKind.BREASTFEEDING)


def _first_day(p: Picture, since: date) -> date:
    parameters = p.parameters
    return since + days(parameters.follow_up_from_day_in_pregnancy if _is_early(p) else parameters.follow_up_from_day)


def _follow_up_of_unknown_start(p: Picture) -> Answer:
    """Treatment goes on, nobody knows since when, and the last result is a recent deficient one."""
    begun = therapy_fact(p, "start not known")
    last = p.reading.deciding
    review = p.pending(Test.B12, Test.MMA, Test.ACTIVE_B12) or p.reading.on_therapy[1:]
    if last is None or p.status is not Status.DEFICIENT or not p.reading.is_recent or review:
        return does_not_fire(begun)
    if p.today < last.taken.latest + days(p.parameters.follow_up_from_day):
        return does_not_fire(begun)
    return fires(
        variant="start-unknown",
        facts=(begun, *_baseline(p), *p.neurological),
        values=b12_values(p, last),
        recommends=(Recommendation.FOLLOW_UP_3_MONTHS,),
    )


def _baseline(p: Picture) -> tuple[FactUsed, ...]:
    first = p.reading.deciding
    return (result_fact(first, p.knowledge),) if first is not None else ()


def _results_since(p: Picture, early: bool) -> tuple[LabResult, ...]:
    """Results that are late enough after the start to be the review; recent ones where the start is not known."""
    since = p.therapy.current_since
    ours = [r for r in p.facts.labs if r.analyte in _REVIEWED_BY]
    if since is None:
        return tuple(r for r in ours if within_months(r.taken, p.parameters.recent_result_months, p.today))
    return tuple(r for r in ours if r.taken.earliest >= since + _wait(p, early))


def _wait(p: Picture, early: bool) -> timedelta:
    return days(p.parameters.follow_up_from_day_in_pregnancy if early else p.parameters.follow_up_result_from_day)


def insufficient_response(p: Picture) -> Answer:
    """Metabolites still raised on treatment, whatever the level says: injections instead of tablets (source article,
    last paragraph); on injections, the diagnosis and the injections are checked."""
    if not p.is_treated or not p.in_scope:
        return does_not_fire()
    raised = [r for r in _latest_metabolites(p) if _is_raised(p, r)]
    if not raised:
        return does_not_fire()
    level = next(iter(p.reading.on_therapy), None)
    b12 = (result_fact(level, p.knowledge),) if level is not None else ()
    return _of_sample(
        p,
        raised[0].taken,
        "still-raised",
        (*(result_fact(r, p.knowledge) for r in raised), *b12, *p.neurological),
        {
            "markers": both(p, [f"{p.knowledge.analytes[r.analyte].short} {r.printed}" for r in raised]),
            "when": when(raised[0].taken),
        },
    )


def deficient_on_therapy(p: Picture) -> Answer:
    """The level is still, or again, deficient although B12 has been taken long enough to raise it."""
    if not p.is_treated or not p.in_scope:
        return does_not_fire()
    since = p.therapy.current_since
    late = since + _wait(p, _is_early(p)) if since is not None else None
    levels = [r for r in p.reading.on_therapy if r.analyte in _B12 and not r.is_preliminary]
    last = levels[0] if levels else None
    if last is None or (late is not None and last.taken.earliest < late):
        return does_not_fire()
    if _band(p, last) is not Band.DEFICIENT:
        return does_not_fire(result_fact(last, p.knowledge, "on treatment"))
    return _of_sample(
        p,
        last.taken,
        "still-deficient",
        (result_fact(last, p.knowledge, "on treatment" if since is not None else ""), *p.neurological),
        b12_values(p, last),
    )


def symptoms_persist(p: Picture) -> Answer:
    """Neuropathy after three months of tablets although the level is no longer deficient (source article, last
    paragraph). An entry written during treatment tells that it was there then; an older one is only asked about, and
    no longer than a year, as problem lists are seldom tidied and some deficits stay. What began on treatment does not
    persist: it is new, and its cause is another question."""
    features = _from_before_treatment(p)
    unread = p.unread(*MEDICATION_KEYS)
    if features and unread and p.therapy.is_current is Presence.NO and p.reading.deciding is not None:
        return cannot_tell("whether tablets are taken", keys=unread)
    if not p.is_treated or not p.in_scope or not p.therapy.is_oral_only:
        return does_not_fire()
    if not features:
        unread = p.unread(DataKey.CONDITIONS)
        return cannot_tell("whether neuropathy persists", keys=unread) if unread else does_not_fire()
    since, level = p.therapy.current_since, _level_on_treatment(p)
    if level is None or _band(p, level) is Band.DEFICIENT or any(_is_raised(p, r) for r in _latest_metabolites(p)):
        return does_not_fire()  # the review is asked for, or answered, by the rules beside this one
    if since is None:
        return _persisting_on_tablets_of_unknown_start(p, level, max(features, key=_last_noted))
    if p.reading.band is None and not p.has(*_KNOWN_DEFICIENCY):
        return cannot_tell("vitamin B12 before treatment")
    return _persisting(p, since, level, max(features, key=_last_noted))


def _persisting(p: Picture, since: date, level: LabResult, problem: Problem) -> Answer:
    fact = problem_fact(problem, p.knowledge)
    facts = (fact, result_fact(level, p.knowledge, "on treatment"))
    noted, ripe = _last_noted(problem), since + days(p.parameters.follow_up_from_day)
    until = add_months(max(noted, since), p.parameters.follow_up_until_months)
    if not ripe <= p.today < until or _was_not_low(p):
        return does_not_fire(*facts)
    variant = "recorded-on-tablets" if noted >= ripe and problem.is_coded else "still-listed"
    values = b12_values(p, level) | {"feature": fact.words, "noted": str(noted), "since": str(since)}
    explained = [r for r in _latest_metabolites(p) if _marker_is_raised(p, r)]
    if explained and variant == "still-listed":
        # Kidneys or folate may explain the marker, and the entry is an old one: nothing is offered on doubts alone.
        more = tuple(result_fact(r, p.knowledge) for r in explained)
        return fires(variant=variant, facts=facts + more, values=values, recommends=(Recommendation.REVIEW_CAUSE,))
    return _no_response(p, variant, facts, values)


def _persisting_on_tablets_of_unknown_start(p: Picture, level: LabResult, problem: Problem) -> Answer:
    """Asked within a year of the entry, or of the last level that was low: the tablets were begun after that one."""
    earlier = (r for r in p.reading.on_therapy if r.taken.order < level.taken.order)
    low = [r for r in earlier if _band(p, r) is Band.DEFICIENT and not r.is_preliminary]
    if not low and not p.has(*_KNOWN_DEFICIENCY):
        return cannot_tell("vitamin B12 before treatment")
    fact, noted = problem_fact(problem, p.knowledge), _last_noted(problem)
    facts = (fact, result_fact(level, p.knowledge, "on treatment"), *(result_fact(r, p.knowledge) for r in low[:1]))
    until = add_months(max([noted, *(r.taken.latest for r in low)]), p.parameters.follow_up_until_months)
    if p.today >= until:
        return does_not_fire(*facts)
    return fires(
        variant="start-unknown",
        facts=(*facts, therapy_fact(p, "start not known")),
        values=b12_values(p, level) | {"feature": fact.words},
        recommends=(Recommendation.VERIFY_DATA,),
    )


def _last_noted(problem: Problem) -> date:
    """The last day on which it is known to have been there."""
    noted = problem.recorded or problem.since
    return noted.earliest if noted is not None else date.min


def _from_before_treatment(p: Picture) -> tuple[Problem, ...]:
    """Neurological problems that are not known to have begun on treatment; cord disease on tablets has its own rule."""
    since = p.therapy.current_since
    return tuple(
        problem
        for kind in _MAY_PERSIST
        for problem in p.problems.get(kind, ())
        if not (problem.since_is_onset and problem.since and since and problem.since.earliest > since)
    )


def _was_not_low(p: Picture) -> bool:
    """Whether B12 before treatment was above the limits, so that tablets were not for a deficiency."""
    return p.reading.band in (Band.UNLIKELY, Band.CANNOT_CLASSIFY) and not p.has(*_KNOWN_DEFICIENCY)


def _level_on_treatment(p: Picture) -> LabResult | None:
    """The newest final level that was drawn long enough after the start."""
    late = _results_since(p, early=False)
    return next((r for r in p.reading.on_therapy if r in late and r.analyte in _B12 and not r.is_preliminary), None)


def _of_sample(
    p: Picture, taken: ClinicalDate, variant: str, facts: tuple[FactUsed, ...], values: dict[str, str]
) -> Answer:
    """What a sample says of the treatment of that day. One that was changed since is not changed again: injections that
    did not work are checked, and what was begun later is reviewed in its turn."""
    since, changed = p.therapy.current_since, _changed_after(p, taken)
    if since is None or changed is None:
        return _no_response(p, variant, facts, values)
    began, was_injected = changed
    wait = "1 month" if _is_early(p) else "3 months"
    facts, values = (*facts, therapy_fact(p, f"since {began}")), values | {"began": str(began), "since": str(since)}
    if was_injected:
        check = (Recommendation.VERIFY_DATA, Recommendation.REVIEW_CAUSE, Recommendation.REFER)
        return fires(variant=f"{variant}-before-tablets", facts=facts, values=values, recommends=check)
    is_due = p.today >= _first_day(p, began) and not p.pending(Test.B12, Test.MMA, Test.ACTIVE_B12)
    return fires(
        variant=f"{variant}-before-change",
        facts=facts,
        values=values | {"wait": wait},
        recommends=(Recommendation.FOLLOW_UP_3_MONTHS,) if is_due else (),
    )


def _no_response(p: Picture, variant: str, facts: tuple[FactUsed, ...], values: dict[str, str]) -> Answer:
    """Tablets give way to injections; where injections do not work, what is recorded is checked.

    Where nobody recorded since when B12 is taken, the sample may have been drawn before it: that is asked, and no
    treatment is changed on a guess.
    """
    since = p.therapy.current_since
    if since is None:
        return fires(variant="start-unknown", facts=facts, values=values, recommends=(Recommendation.VERIFY_DATA,))
    values = {"since": str(_since_by_route(p, since))} | values
    if not p.therapy.is_oral_only:
        check = (Recommendation.VERIFY_DATA, Recommendation.REVIEW_CAUSE, Recommendation.REFER)
        return fires(variant=f"{variant}-on-injections", facts=facts, values=values, recommends=check)
    return fires(
        variant=variant,
        facts=facts + injection_cautions(p),
        values=values,
        recommends=(Recommendation.REFER,) if is_allergic(p) else (Recommendation.ESCALATE_TO_PARENTERAL,),
        regimens=regimens_for(p, INJECTION),
        missing_keys=p.unread(DataKey.ALLERGIES),
    )


def _since_by_route(p: Picture, since: date) -> date:
    """Since when B12 is taken as it is now, by injection or not, within the present course."""
    is_now = (t for t in p.therapy.treatments if (t.route is Route.PARENTERAL) is not p.therapy.is_oral_only)
    starts = (i.start.earliest for t in is_now for i in t.intervals if i.start is not None)
    return min((start for start in starts if start >= since), default=since)


def _changed_after(p: Picture, taken: ClinicalDate) -> tuple[date, bool] | None:
    """When treatment was taken up again, or its way changed, after a sample, and whether B12 was injected before.

    None where it goes on as on that day, or a record leaves open what was taken then.
    """
    going_on = [t for t in p.therapy.treatments if t.is_active or t.kind in GIVEN_ON_A_DAY]
    begun = [(t, i.start.earliest) for t in going_on for i in t.intervals if i.start is not None]
    newer = [(t, start) for t, start in begun if start > taken.latest]
    if not newer or any(_may_last_on(p, t, taken) for t in p.therapy.doubtful):
        return None
    before = [t for t in p.therapy.treatments if _may_last_on(p, t, taken)]
    was_injected = any(t.route is Route.PARENTERAL for t in before)
    if before and was_injected is not p.therapy.is_oral_only:
        return None  # the way is the same, or tablets go on
    if before and not was_injected:
        newer = [(t, start) for t, start in newer if t.route is Route.PARENTERAL]
    return (min(start for _, start in newer), was_injected) if newer else None


def _may_last_on(p: Picture, treatment: Treatment, taken: ClinicalDate) -> bool:
    """Whether it was, or may have been, taken when a sample was drawn. A refill may be late, and an injection lasts
    until the next is due."""
    is_one = treatment.kind in GIVEN_ON_A_DAY or treatment.is_single
    lasts = days(p.parameters.injection_grace_days + (p.parameters.injection_cover_days if is_one else 0))
    return any(
        (i.start is None or i.start.earliest <= taken.latest)
        and (i.end is None or later(i.end.latest, lasts) >= taken.earliest)
        for i in treatment.intervals
    )


def _band(p: Picture, level: LabResult) -> Band:
    return b12_band(level, scale_of(level, p.knowledge.analytes[level.analyte]))


def _latest_metabolites(p: Picture) -> tuple[LabResult, ...]:
    late = _results_since(p, _is_early(p))
    found = []
    for analyte in (Analyte.MMA, Analyte.HOMOCYSTEINE):
        ours = [r for r in late if r.analyte is analyte and r.is_coded and not r.is_preliminary]
        if ours:
            found.append(max(ours, key=lambda r: r.taken.order))
    return tuple(found)


def _is_raised(p: Picture, result: LabResult) -> bool:
    return _marker_is_raised(p, result) and not confounder_of(result, p.labs, p.problems, p.knowledge)


def _marker_is_raised(p: Picture, result: LabResult) -> bool:
    return is_raised(result, p.knowledge.analytes[result.analyte]) is Presence.YES


def lifelong_therapy_lapsed(p: Picture) -> Answer:
    """A lasting cause and no therapy now: take it up again, or plan it (source article, Maintenance Therapy)."""
    facts = p.lasting_causes
    if not p.in_scope or p.is_treated or p.is_arranged or needs_treatment(p):
        return does_not_fire(*facts)  # a deficiency is treated by its own rules, with one course
    if not facts:
        unread = p.unread(DataKey.CONDITIONS, DataKey.PROCEDURES)
        return cannot_tell("a cause that lasts", keys=unread) if unread else does_not_fire()
    unread = p.unread(*MEDICATION_KEYS)
    if p.therapy.ended is None:
        if unread:
            return cannot_tell("B12 therapy in the past", keys=unread, facts=facts)
        return _may_have_lapsed(p) or _never_treated(p)
    # A refill of tablets may be some days late; injections are covered until the next is due and a grace already.
    late = p.parameters.injection_grace_days if p.therapy.is_oral_only else 0
    if (p.today - p.therapy.ended).days <= late:
        return does_not_fire(*facts)
    if is_cord_to_be_treated(p):
        return does_not_fire(*facts)  # with a course, and the maintenance after it
    level = _level_above_limits(p)
    b12 = (result_fact(level, p.knowledge),) if level is not None else ()
    variant = "lapsed" if level is None else "lapsed-sufficient"
    values = b12_values(p, level) if level is not None else {}
    return fires(
        variant=f"{variant}-allergy" if is_allergic(p) else variant,
        facts=(
            *facts[:_MOST_CAUSES],
            last_therapy(p),
            *b12,
            *injection_cautions(p),
        ),
        values=values | {"cause": facts[0].words, "last": str(p.therapy.last_taken)},
        recommends=(Recommendation.REFER,) if is_allergic(p) else (Recommendation.RESUME_MAINTENANCE,),
        regimens=regimens_for(p, MAINTENANCE_INJECTION, MAINTENANCE_ORAL),
        missing_keys=p.unread(*MEDICATION_KEYS, DataKey.ALLERGIES),
    )


def _level_above_limits(p: Picture) -> LabResult | None:
    """The level that is not low, though in pernicious anaemia it is not reliable: B12 is needed for life either way.
    One of soon after treatment falls again, and makes no lapse milder."""
    reading = p.reading
    if reading.is_after_treatment:
        return None
    is_above = reading.band is Band.UNLIKELY and not reading.is_low_to_its_laboratory
    is_doubted = p.status is Status.INDETERMINATE and is_above and reading.distrust == IN_PERNICIOUS_ANAEMIA
    return reading.deciding if p.status is Status.UNLIKELY or is_doubted else None


def _may_have_lapsed(p: Picture) -> Answer | None:
    """B12 that was taken, and of which the record leaves open whether it still is."""
    course = p.therapy.course
    if course.is_current is not Presence.NOT_KNOWN or taken_lately(course, p.today, p.parameters):
        return None
    facts = p.lasting_causes
    return fires(
        variant="may-have-lapsed",
        facts=(*facts[:_MOST_CAUSES], therapy_fact(p, "not known whether it is still taken")),
        values={"cause": facts[0].words},
        recommends=(Recommendation.VERIFY_DATA,),
    )


def _never_treated(p: Picture) -> Answer:
    """Pernicious anaemia or surgery that calls for B12 for life, a level that is not low, and no B12 on record."""
    causes = p.facts_of(*FOR_LIFE)
    level = _level_above_limits(p)
    is_known = p.therapy.is_current is not Presence.NO or p.therapy.planned
    if not causes or is_known or level is None:
        return does_not_fire(*causes)
    return fires(
        variant="never-treated",
        facts=(*causes[:_MOST_CAUSES], result_fact(level, p.knowledge)),
        values=b12_values(p, level) | {"cause": causes[0].words},
        recommends=(Recommendation.REVIEW_CAUSE,),
    )
