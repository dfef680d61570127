"""Who should be tested: risks, and features that vitamin B12 deficiency can cause (source article, Special
Considerations 2; clinical-guidelines 4 and 8)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from cds_service.assessment.bands import Band, b12_band, scale_of
from cds_service.assessment.exposure import taken_lately
from cds_service.assessment.outcome import Answer, FactUsed, Status, cannot_tell, does_not_fire, fires
from cds_service.assessment.picture import MALABSORPTIVE, MEDICATION_KEYS, Picture, issue_facts, result_fact
from cds_service.assessment.reading import B12_ANALYTES
from cds_service.assessment.results import within_months
from cds_service.assessment.rules.diagnosis import treatment_words
from cds_service.facts.labs import Analyte, LabResult
from cds_service.facts.orders import Test
from cds_service.facts.patient import DataKey
from cds_service.facts.presence import Presence
from cds_service.facts.problems import ProblemKind
from cds_service.facts.treatments import Exposure, Medicine
from cds_service.knowledge.model import Recommendation

ALONE, WITH_FEATURE, UNCLEAR = "alone", "with-feature", "unclear-"
SEVERAL, WITH_MEDICINE = "several", "with-medicine"
_MOST_DOUBTFUL = 2
_DISEASES = tuple(kind for kind in MALABSORPTIVE if kind is not ProblemKind.GASTRIC_OR_SMALL_BOWEL_SURGERY)


def metformin_long_term(p: Picture) -> Answer:
    """Metformin for more than four months."""
    return _long_term_use(p, Medicine.METFORMIN, p.parameters.metformin_months)


def ppi_long_term(p: Picture) -> Answer:
    """A proton pump inhibitor for more than twelve months."""
    return _long_term_use(p, Medicine.PPI, p.parameters.ppi_months)


def h2_blocker_long_term(p: Picture) -> Answer:
    """An H2 blocker for more than twelve months (AAFP; not in the source article)."""
    return _long_term_use(p, Medicine.H2_BLOCKER, p.parameters.h2_blocker_months)


def duration_unknown(p: Picture) -> Answer:
    """A medicine that matters when taken long is taken, and nobody can say since when, or whether without a break."""
    if not _is_risk_asked_about(p):
        return does_not_fire()
    unknown = [e for e in p.exposures.values() if _start_is_unknown(p, e)]
    unclear = [e for e in p.exposures.values() if e not in unknown and _duration_is_unclear(p, e)]
    if not (unknown or unclear):
        return _not_found(p, *MEDICATION_KEYS)
    first = _short(p, (unknown or unclear)[0].medicine)
    medicines = f"{first} and others" if len(unknown or unclear) > 1 else first
    facts = tuple(fact for e in unknown for fact in _exposure_facts(p, e, "start not known"))
    facts += tuple(fact for e in unclear for fact in _exposure_facts(p, e, "duration not known"))
    return _test_card(p, facts, {"medicines": medicines}, kind="" if unknown else UNCLEAR)


def strict_diet(p: Picture) -> Answer:
    """A vegan or strict vegetarian diet."""
    return _recorded_risk(
        p,
        (ProblemKind.VEGAN_DIET, ProblemKind.STRICT_VEGETARIAN_DIET),
        (DataKey.CONDITIONS, DataKey.SOCIAL_HISTORY),
    )


def malabsorption(p: Picture) -> Answer:
    """A disease that keeps vitamin B12 from being absorbed; pernicious anaemia no more once treatment is arranged, as
    it needs that whatever the level."""
    told = (ProblemKind.PERNICIOUS_ANAEMIA,) if p.is_arranged else ()
    return _recorded_risk(p, tuple(kind for kind in _DISEASES if kind not in told), (DataKey.CONDITIONS,))


def gastric_or_small_bowel_surgery(p: Picture) -> Answer:
    """Stomach or small bowel removed or bypassed."""
    return _recorded_risk(p, (ProblemKind.GASTRIC_OR_SMALL_BOWEL_SURGERY,), (DataKey.CONDITIONS, DataKey.PROCEDURES))


def nitrous_oxide(p: Picture) -> Answer:
    """Nitrous oxide: it inactivates B12 without lowering it, so MMA and homocysteine come first (NICE NG239)."""
    if not p.is_test_wanted or p.pending(Test.MMA, Test.HOMOCYSTEINE):
        return does_not_fire()
    facts = p.facts_of(ProblemKind.NITROUS_OXIDE)
    if not facts:
        return _not_found(p, DataKey.CONDITIONS)
    tests = (Recommendation.ORDER_MMA, Recommendation.ORDER_HOMOCYSTEINE, Recommendation.ORDER_B12)
    return _test_card(p, facts, {"risk": facts[0].words}, tests)


def advanced_age(p: Picture) -> Answer:
    """Over the age at which screening may be warranted (AAFP; setting), or perhaps so: some birthdays are not known."""
    if not _is_risk_asked_about(p):
        return does_not_fire()
    if p.age is None:
        return cannot_tell("birth date", keys=tuple(p.unread(DataKey.PATIENT)))
    if not p.advanced_age:
        return does_not_fire()
    return _test_card(p, (FactUsed("Age", f"{p.advanced_age} years"),), {"age": p.advanced_age})


def unexplained_feature(p: Picture) -> Answer:
    """Neuropathy, macrocytosis, hypersegmented neutrophils or glossitis, no known risk, and no result."""
    if not _is_risk_asked_about(p) or p.has(ProblemKind.MYELOPATHY):
        return does_not_fire()  # the cord has its own rule, and it does not say "consider"
    facts = p.neurological + p.facts_of(ProblemKind.GLOSSITIS, ProblemKind.MACROCYTIC_ANAEMIA)
    seen = [found.source for found in (p.macrocytosis, p.hypersegmentation) if found is not None]
    facts += tuple(fact for fact in p.blood_features if fact.source in seen)
    if not facts:
        return _not_found(p, DataKey.CONDITIONS)
    doubtful = tuple(
        fact
        for use in p.exposures.values()
        if p.long_used[use.medicine] is Presence.NOT_KNOWN
        for fact in _exposure_facts(p, use, "duration not known")
    )
    facts += tuple(fact for fact in p.features if fact not in facts)
    other, lowering = _sign_beside(p, facts[0]), _lowering_b12(p)
    variant = ALONE if other is None else SEVERAL
    return _labs_unread(p, facts) or fires(
        variant=WITH_MEDICINE if lowering else variant,
        facts=facts + lowering + doubtful + last_result(p),
        values={"feature": facts[0].words, "other": other.words if other is not None else ""},
        recommends=_tests(p),
        missing_keys=p.unread(DataKey.SERVICE_REQUESTS),
    )


def _lowering_b12(p: Picture) -> tuple[FactUsed, ...]:
    """Medicines taken now that can lower B12, such as colchicine: beside a sign they make a test due, and alone ask for
    none (NICE NG239)."""
    title = _title(p, Medicine.OTHER_B12_LOWERING)
    taken = (t for t in p.facts.treatments if t.medicine is Medicine.OTHER_B12_LOWERING)
    named = {
        t.name: FactUsed(title, f"{t.name}: taken now", source=t.source)
        for t in taken
        if t.is_active and not t.as_needed
    }
    return tuple(named.values())[:_MOST_DOUBTFUL]


def _sign_beside(p: Picture, first: FactUsed) -> FactUsed | None:
    """The sign that a summary names beside the first: the blood before others, and not what the first says already."""
    blood = () if first in p.facts_of(ProblemKind.MACROCYTIC_ANAEMIA) else p.blood_features
    others = (*blood, *(fact for fact in p.features if fact not in p.blood_features))
    return next((fact for fact in others if fact.words != first.words), None)


def recorded_deficiency(p: Picture) -> Answer:
    """Vitamin B12 deficiency or pernicious anaemia on the problem list, not known to be treated, and no result."""
    if not _is_deficiency_asked_about(p):
        return does_not_fire() if p.recorded_deficiency else _not_found(p, DataKey.CONDITIONS)
    facts = p.recorded_deficiency
    with_it = _beside_deficiency(p)
    recorded = "recorded" if p.is_deficiency_sure else "possible"
    base = "pernicious-anaemia" if p.has(ProblemKind.PERNICIOUS_ANAEMIA) else recorded
    later = tuple(result_fact(r, p.knowledge, "on or soon after treatment") for r in p.reading.on_therapy[:1])
    return _labs_unread(p, facts) or fires(
        variant=f"{base}-with-feature" if with_it else base,
        facts=(*facts, *with_it, *p.perhaps_long_used, *last_result(p), *later, *_doubtful_therapy(p)),
        values={"feature": with_it[0].words if with_it else "", "treatment": treatment_words(p)},
        recommends=_tests(p),
        missing_keys=p.unread(DataKey.SERVICE_REQUESTS, *MEDICATION_KEYS),
    )


def _is_risk_asked_about(p: Picture) -> bool:
    """Whether risks and signs are reasons to test; beside a recorded deficiency they are named with it."""
    return p.is_test_wanted and not _is_deficiency_asked_about(p)


def _is_deficiency_asked_about(p: Picture) -> bool:
    """Whether a recorded deficiency is a reason to test, and then the first one. Where B12 is taken and its dose alone
    is unknown, or treatment is about to start, somebody cares for it: then only a sign or a cause besides is."""
    if not p.is_test_wanted or not p.recorded_deficiency:
        return False
    is_taken = any(t.is_active for t in p.therapy.doubtful) and not p.has(ProblemKind.PERNICIOUS_ANAEMIA)
    return not (is_taken or p.is_arranged) or bool(_beside_deficiency(p))


def _beside_deficiency(p: Picture) -> tuple[FactUsed, ...]:
    """Signs of deficiency, and causes that go on."""
    return p.features + tuple(fact for fact in p.causes if fact not in p.recorded_deficiency)


def result_unusable(p: Picture) -> Answer:
    """A vitamin B12 result is there and tells no band: no usable value, only a word, only a bound, only a name, or not
    final yet."""
    if not p.in_scope or p.status is not Status.UNKNOWN or p.has(ProblemKind.PALLIATIVE_CARE):
        return does_not_fire()
    found = _untold(p)
    if not found:
        return _awaited(p)
    fact, why = found[0]
    recommends: tuple[Recommendation, ...] = (Recommendation.VERIFY_DATA,)
    is_coming = p.reading.preliminary is not None or p.pending(Test.B12, Test.ACTIVE_B12)
    if not is_coming and not p.is_treated:
        recommends += (Recommendation.ORDER_B12,)
    because = _reason_of_no_use(why)
    kind = "not-used-" if because else ""
    return fires(
        variant=kind + (WITH_FEATURE if p.features or p.risks else ALONE),
        facts=tuple(fact for fact, _why in found) + p.features,
        values={
            "why": why,
            "because": because,
            "result": f"A vitamin B12 result of {fact.when}" if fact.when else "A vitamin B12 result",
            "of": f"Vitamin B12 of {fact.when}" if fact.when else "A vitamin B12 result",
        },
        recommends=recommends,
    )


def _awaited(p: Picture) -> Answer:
    """A test that is done and not back, beside a sign: its result is to be looked for, and no second sample drawn. An
    order that is open says so itself, and the cord has its own rule."""
    awaited = p.awaited(Test.B12, Test.ACTIVE_B12)
    if not awaited or not p.features or p.is_treated or p.has(ProblemKind.MYELOPATHY):
        return does_not_fire()
    facts = [
        FactUsed(p.knowledge.tests[order.test].title, "no result yet", str(order.ordered), source=order.source)
        for order in awaited
    ]
    facts.sort(key=lambda fact: fact.when, reverse=True)
    return fires(
        variant="awaited",
        facts=(*facts, *p.features),
        values={"when": facts[0].when, "feature": p.features[0].words},
        recommends=(Recommendation.VERIFY_DATA,),
    )


def _reason_of_no_use(issue: str) -> str:
    """Why a result does not count, for a summary: what stands behind the colon of "This result was not used: ..."."""
    told, colon, reason = issue.partition(": ")
    return reason.rstrip(".") if colon and told.startswith("This ") else ""


def _untold(p: Picture) -> list[tuple[FactUsed, str]]:
    """Recent B12 results that tell no band, each with the reason in words."""
    reading, months = p.reading, p.parameters.recent_result_months
    told: list[tuple[LabResult | None, str]] = [
        (reading.in_words_only, "The laboratory reported a word and no number."),
        (reading.unclassified, "The laboratory gave only a bound, which leaves open whether it is low."),
        (reading.preliminary, "It is preliminary and may still change."),
    ]
    by_name = [r for r in p.facts.labs if r.analyte in B12_ANALYTES and not r.is_coded]
    told += [(r, "It has no code and was recognised by its name alone.") for r in by_name]
    found = [
        (result_fact(result, p.knowledge), why)
        for result, why in told
        if result is not None and (within_months(result.taken, months, p.today) or _would_be_deficient(p, result))
    ]
    unused = [i for i in p.unused(*B12_ANALYTES) if i.resource not in {result.source for result in by_name}]
    facts = zip(issue_facts(unused), unused, strict=True)
    return found + [(replace(fact, source=issue.resource), issue.issue) for fact, issue in facts]


def _would_be_deficient(p: Picture, result: LabResult) -> bool:
    """Whether a result that its name alone tells of is low enough to count however old it is."""
    scale = scale_of(result, p.knowledge.analytes[result.analyte])
    return not result.is_coded and b12_band(result, scale) is Band.DEFICIENT


def _not_found(p: Picture, *keys: DataKey) -> Answer:
    """No risk found: which is a no only if everything was there to be searched."""
    unread = p.unread(*keys)
    return cannot_tell(*(f"{key} could not be read" for key in unread), keys=unread) if unread else does_not_fire()


def _labs_unread(p: Picture, facts: tuple[FactUsed, ...]) -> Answer | None:
    """A test is not asked for as "never measured" where the results could not be read."""
    unread = p.unread(DataKey.LABS)
    return cannot_tell("laboratory results could not be read", keys=unread, facts=facts) if unread else None


def _test_card(
    p: Picture,
    facts: tuple[FactUsed, ...],
    values: dict[str, str],
    tests: tuple[Recommendation, ...] | None = None,
    kind: str = "",
) -> Answer:
    return _labs_unread(p, facts) or fires(
        variant=f"{kind}{WITH_FEATURE if p.features else ALONE}",
        facts=facts + p.features + p.facts_of(ProblemKind.PREGNANCY) + last_result(p) + _doubtful_therapy(p),
        values=values | {"feature": p.features[0].words if p.features else ""},
        recommends=tests if tests is not None else _tests(p),
        missing_keys=p.unread(DataKey.SERVICE_REQUESTS),
    )


def last_result(p: Picture) -> tuple[FactUsed, ...]:
    """The last B12 result, where there is one that is too old to count, and raised markers that are."""
    last = p.reading.deciding
    level = (result_fact(last, p.knowledge, "too old to count"),) if last is not None else ()
    return level + tuple(result_fact(m.result, p.knowledge, "too old to count") for m in p.reading.raised_before)


def _doubtful_therapy(p: Picture) -> tuple[FactUsed, ...]:
    """B12 medicines whose dose or present use could not be told: they silence nothing, and are not passed over."""
    title = p.knowledge.medicines[Medicine.B12].title
    return tuple(
        FactUsed(
            title,
            f"{treatment.name}: {treatment.dose.reason or 'not known whether it is enough'}",
            source=treatment.source,
        )
        for treatment in p.therapy.doubtful[:_MOST_DOUBTFUL]
    )


def _tests(p: Picture) -> tuple[Recommendation, ...]:
    """Vitamin B12, in pregnancy active B12 (NICE NG239); a blood count where none is recent and something calls for
    it."""
    if p.has(ProblemKind.PREGNANCY):
        return (Recommendation.ORDER_ACTIVE_B12, Recommendation.ORDER_B12)
    if p.features and p.recent(Analyte.HAEMOGLOBIN) is None and not p.pending(Test.CBC):
        return (Recommendation.ORDER_B12, Recommendation.ORDER_CBC)
    return (Recommendation.ORDER_B12,)


def _recorded_risk(p: Picture, kinds: tuple[ProblemKind, ...], keys: tuple[DataKey, ...]) -> Answer:
    if not _is_risk_asked_about(p):
        return does_not_fire()
    facts = p.facts_of(*kinds)
    return _test_card(p, facts, {"risk": facts[0].words}) if facts else _not_found(p, *keys)


def _long_term_use(p: Picture, medicine: Medicine, months: int) -> Answer:
    if not _is_risk_asked_about(p):
        return does_not_fire()
    use = p.exposures[medicine]
    longer = p.long_used[medicine]
    if longer is Presence.YES:
        span = span_of(p, use)
        return _test_card(p, _exposure_facts(p, use, span), {"span": span, "months": str(months)})
    if longer is Presence.NOT_KNOWN:
        return cannot_tell(*doubts_of(use), facts=_exposure_facts(p, use, "duration not known"))
    return _not_found(p, *MEDICATION_KEYS)


def _start_is_unknown(p: Picture, use: Exposure) -> bool:
    """Taken now, start not recorded, and not known from another record to be long enough already."""
    return bool(use.unknown_start_sources) and p.long_used[use.medicine] is Presence.NOT_KNOWN


def _duration_is_unclear(p: Picture, use: Exposure) -> bool:
    """Taken now or lately, and long enough only if a date or a supply that the record leaves open was so."""
    return p.long_used[use.medicine] is Presence.NOT_KNOWN and taken_lately(use, p.today, p.parameters)


def span_of(p: Picture, use: Exposure) -> str:
    """Since when, or from when to when, in words: the last stretch that is long enough to count. There must be one."""
    long_enough = [s for s in use.stretches if p.is_long_used(replace(use, stretches=(s,))) is Presence.YES]
    last = long_enough[-1]
    begins = f"before {last.start}" if last.start_is_open else str(last.start)
    return f"since {begins}" if last.end is None else f"from {begins} to {last.end}"


def doubts_of(use: Exposure) -> tuple[str, ...]:
    """What could not be counted as certain, each doubt once, with how many records it concerns."""
    counted = Counter(note.partition(": ")[2] for note in use.uncertain)
    return tuple(f"{doubt} ({count} records)" if count > 1 else doubt for doubt, count in counted.items())


def _exposure_facts(p: Picture, use: Exposure, span: str) -> tuple[FactUsed, ...]:
    notes = f"; {'; '.join(doubts_of(use))}" if use.uncertain else ""
    return (FactUsed(_title(p, use.medicine), span + notes, source=", ".join(use.sources[:3])),)


def _title(p: Picture, medicine: Medicine) -> str:
    return p.knowledge.medicines[medicine].title


def _short(p: Picture, medicine: Medicine) -> str:
    known = p.knowledge.medicines[medicine]
    return known.short or known.title
