"""What must not happen unseen: folic acid alone, the wrong cobalamin, B12 twice (source article, Special
Considerations 1; clinical-guidelines 5). Nothing here ever advises stopping folic acid, metformin or a PPI."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from cds_service.assessment.bands import Band, b12_band, is_raised, scale_of
from cds_service.assessment.metabolites import METABOLITES, Marker
from cds_service.assessment.outcome import Answer, FactUsed, Status, cannot_tell, does_not_fire, fires
from cds_service.assessment.picture import MEDICATION_KEYS, Picture, issue_facts, result_fact
from cds_service.assessment.reading import B12_ANALYTES, is_low_there
from cds_service.assessment.rules.diagnosis import (
    b12_values,
    dose_words,
    evidence_words,
    is_left_to_active_b12,
    is_mma_normal,
    marker_facts,
    marker_words,
    treatment_words,
    usable_mma,
)
from cds_service.assessment.rules.monitoring import deficient_on_therapy, insufficient_response, symptoms_persist
from cds_service.assessment.rules.offers import (
    INJECTION,
    MAINTENANCE_INJECTION,
    FirstTreatment,
    cautions,
    first_treatment,
    injection_cautions,
    is_allergic,
    leber,
    leber_variant,
    regimens_for,
)
from cds_service.assessment.rules.treatment import needs_treatment
from cds_service.assessment.therapy import first_start, is_therapeutic
from cds_service.facts.dates import days
from cds_service.facts.labs import Analyte, LabResult
from cds_service.facts.orders import DraftContent, DraftOrder, Test
from cds_service.facts.patient import DRAFTS, DataKey
from cds_service.facts.presence import Presence
from cds_service.facts.problems import ProblemKind
from cds_service.facts.treatments import Medicine, RecordKind, Route, Treatment
from cds_service.knowledge.model import Recommendation

_LOW = (Status.DEFICIENT, Status.FUNCTIONAL)
_TAKEN = (DataKey.MEDICATION_STATEMENTS, DataKey.MEDICATION_REQUESTS)
_CYANOCOBALAMIN = "cyanocobalamin"
_LEBER, _PERHAPS_LEBER = "Leber's optic neuropathy", "hereditary optic atrophy that may be Leber's"
_TESTED_FIRST = ("unknown", "called-low")


@dataclass(frozen=True, slots=True)
class _FolicAcid:
    """Folic acid that is drafted, taken, or both. `mg` is the sum that could be read."""

    facts: tuple[FactUsed, ...]
    mg: Decimal
    is_complete: bool
    target: str = ""

    def words(self) -> str:
        """The dose for a summary: "1 mg/day", or that it could not be read."""
        if not self.is_complete and not self.mg:
            return "of unknown dose"
        return f"{self.mg:.3g} mg/day" if self.is_complete else f"{self.mg:.3g} mg/day or more"

    def exceeds(self, limit: Decimal) -> bool:
        """Above the limit, strictly; a dose that cannot be read counts as above, as nearly every product is."""
        return self.mg > limit or not self.is_complete


def folic_acid_drafted_with_low_b12(p: Picture) -> Answer:
    """Folic acid is ordered for someone whose B12 is low, without therapeutic B12."""
    return _with_low_b12(p, _drafted(p))


def folic_acid_taken_with_low_b12(p: Picture) -> Answer:
    """Folic acid is being taken by someone whose B12 is low, without therapeutic B12."""
    return _with_low_b12(p, _taken(p))


def folic_acid_drafted_with_b12_in_doubt(p: Picture) -> Answer:
    """Folic acid is ordered, B12 is indeterminate or unknown, and something speaks for deficiency."""
    return _with_b12_in_doubt(p, _drafted(p), (Recommendation.CHECK_B12_BEFORE_FOLIC_ACID,))


def folic_acid_taken_with_b12_in_doubt(p: Picture) -> Answer:
    """Folic acid is being taken, B12 is indeterminate or unknown, and something speaks for deficiency."""
    on_its_way = p.pending(Test.B12, Test.ACTIVE_B12)
    folic = _taken(p)
    unread = p.unread(*_TAKEN)
    if folic is None and unread and p.recorded_deficiency and not p.is_treated and p.status is Status.UNKNOWN:
        return cannot_tell("whether folic acid is taken", keys=unread)
    return _with_b12_in_doubt(p, folic, () if on_its_way else (Recommendation.ORDER_B12,))


def folic_acid_not_checked(p: Picture) -> Answer:
    """Folic acid is ordered, and what the check needs could not be read: said, never passed over in silence."""
    folic = _drafted(p)
    results = tuple(issue for issue in p.left_out if issue.matters_to in B12_ANALYTES)
    if folic is None or not _matters(p, folic) or _is_lacking(p):
        return does_not_fire()
    in_doubt = p.status is not Status.UNLIKELY
    if _called_for(p) and in_doubt:
        return does_not_fire()  # the rule on B12 in doubt speaks, and names what is missing
    labs = p.unread(DataKey.LABS) if p.status is not Status.INDETERMINATE else ()
    signs = p.unread(DataKey.CONDITIONS, DataKey.PROCEDURES, *MEDICATION_KEYS)
    use = p.perhaps_long_used if in_doubt else ()
    level, decides = _level_left_open(p), p.reading.deciding
    if not (labs or signs or use or p.left_out or level):
        return does_not_fire()
    base = "partly-checked" if in_doubt else "sufficient-not-checked"
    known = (result_fact(decides, p.knowledge),) if decides is not None and not in_doubt else ()
    return fires(
        variant="not-checked" if labs and in_doubt else "result-not-used" if results or level else base,
        facts=folic.facts + level + known + use + issue_facts(p.left_out),
        values={"dose": folic.words()} | (b12_values(p, decides) if decides is not None else {}),
        recommends=(Recommendation.VERIFY_DATA,),
        missing_keys=labs + signs,
        target=folic.target,
    )


def _called_for(p: Picture) -> tuple[FactUsed, ...]:
    """What speaks for deficiency when B12 itself does not tell."""
    return p.neurological + p.blood_features + p.risks + _called_low(p) + _raised_alone(p)


def _raised_alone(p: Picture) -> tuple[FactUsed, ...]:
    """Raised markers of which no level of their time tells what they mean, recent or never measured again."""
    reading = p.reading
    markers = (*(reading.raised_markers if p.status is Status.UNKNOWN else ()), *reading.raised_apart)
    facts = marker_facts(p, markers or reading.raised_before)
    return tuple(replace(fact, short=f"raised {fact.label}") for fact in facts)


def _called_low(p: Picture) -> tuple[FactUsed, ...]:
    """The level that its laboratory calls low, without saying how low or where our limits do not settle it; and one of
    which only an upper bound is known, so that it may be deficient."""
    level, decides, short = p.reading.called_low, p.reading.deciding, "B12 called low by its laboratory"
    if decides is not None and p.status is Status.INDETERMINATE and _is_low_by_itself(p, decides):
        level, short = decides, "B12 called low"
    return (replace(result_fact(level, p.knowledge), short=short),) if level is not None else ()


def _is_low_by_itself(p: Picture, level: LabResult) -> bool:
    return is_low_there(level) or p.reading.band is Band.DEFICIENT_OR_INDETERMINATE


def _level_left_open(p: Picture) -> tuple[FactUsed, ...]:
    """The newest level, where it is given so that it may be low or not, and nothing else tells."""
    level = p.reading.unclassified if p.status is Status.UNKNOWN else None
    return (result_fact(level, p.knowledge),) if level is not None else ()


def _with_low_b12(p: Picture, folic: _FolicAcid | None) -> Answer:
    if folic is None or not _matters(p, folic) or not _is_lacking(p):
        return does_not_fire(*(folic.facts if folic is not None else ()))
    b12 = p.reading.deciding or p.reading.in_words_only
    if p.pregnancy_contest is not None and b12 is not None and is_left_to_active_b12(p):
        return _left_to_active_b12(p, folic, b12, p.pregnancy_contest)
    first = first_treatment(p)
    level = (*((result_fact(b12, p.knowledge),) if b12 is not None else ()), *marker_facts(p, _raised(p)))
    return fires(
        variant=_variant(p, "low", first),
        facts=(*folic.facts, *level, *first.reasons, *p.features, *_cautions(p)),
        values={
            "dose": folic.words(),
            "evidence": evidence_words(p, b12, _raised(p)),
            "treatment": treatment_words(p),
            **_add_words(p, first),
        },
        recommends=_added(p, first),
        regimens=first.regimens,
        missing_keys=p.unread(*MEDICATION_KEYS, DataKey.ALLERGIES),
        target=folic.target,
    )


def _left_to_active_b12(p: Picture, folic: _FolicAcid, total: LabResult, active: LabResult) -> Answer:
    """In pregnancy active B12 above its limits outweighs a total B12 that is low: no deficiency is asserted. When the
    chart is opened the card of pregnancy says so."""
    facts = (*folic.facts, *(result_fact(r, p.knowledge) for r in (total, active)))
    if not folic.target:
        return does_not_fire(*facts)
    settle, tests = _what_settles(p)
    return fires(
        variant="low-active-higher",
        facts=facts,
        values={"dose": folic.words(), "other": active.printed, **settle, **b12_values(p, total)},
        recommends=(*tests, Recommendation.REFER),
        missing_keys=p.unread(*MEDICATION_KEYS),
        target=folic.target,
    )


def _raised(p: Picture) -> tuple[Marker, ...]:
    """The markers that make the diagnosis, where the level does not."""
    if p.status is Status.FUNCTIONAL:
        return p.reading.raised_markers
    return _raised_in_cord(p) if p.status is not Status.DEFICIENT else ()


def _raised_in_cord(p: Picture) -> tuple[Marker, ...]:
    """Raised markers beside spinal cord disease, which does not wait for a level that can be read with them."""
    return (p.reading.raised_markers or p.reading.raised_apart) if p.has(ProblemKind.MYELOPATHY) else ()


def _is_lacking(p: Picture) -> bool:
    """Whether B12 is known to be lacking, or is taken to be, as in spinal cord disease with a raised marker."""
    return p.status in _LOW or bool(_raised_in_cord(p))


def _cautions(p: Picture) -> tuple[FactUsed, ...]:
    return cautions(p) if is_allergic(p) else injection_cautions(p)


def _add_words(p: Picture, first: FirstTreatment) -> dict[str, str]:
    """What is to be added to folic acid, for a summary, and which way of giving it comes first, as a sentence."""
    return {"add": first.add, "first": first.words, "cord": p.cord_words}


def _added(p: Picture, first: FirstTreatment) -> tuple[Recommendation, ...]:
    refer = (Recommendation.REFER,) if is_allergic(p) or p.has(ProblemKind.MYELOPATHY) else ()
    if is_allergic(p):
        return refer
    return (Recommendation.ADD_B12_WITH_FOLIC_ACID, *first.recommends, *refer)


def _with_b12_in_doubt(p: Picture, folic: _FolicAcid | None, check: tuple[Recommendation, ...]) -> Answer:
    """`check` is what is recommended while B12 is not known."""
    is_open = p.status in (Status.INDETERMINATE, Status.UNKNOWN) and not _is_lacking(p)
    if folic is None or not _matters(p, folic) or not is_open:
        return does_not_fire(*(folic.facts if folic is not None else ()))
    called_for = _called_for(p)
    if not called_for:
        unread = p.unread(DataKey.CONDITIONS, DataKey.LABS)
        return cannot_tell("signs and risks", keys=unread, facts=folic.facts) if unread else does_not_fire(*folic.facts)
    has_level = p.status is Status.INDETERMINATE or p.reading.is_open_after_treatment
    is_cord = p.has(ProblemKind.MYELOPATHY)
    is_high = p.reading.is_after_treatment and p.reading.band is Band.UNLIKELY
    is_answered = is_high and p.recorded_deficiency and not is_cord
    if has_level and not is_answered and p.reading.deciding is not None:
        return _with_b12_indeterminate(p, folic, p.reading.deciding, called_for)
    facts = (*folic.facts, *called_for)
    values = {"dose": folic.words(), "feature": called_for[0].words}
    if is_cord:
        return _in_cord_disease(p, facts, values, folic.target)
    if p.recorded_deficiency:
        return _with_recorded_deficiency(p, folic, facts, values, check)
    is_drafted = any(test in draft.tests for draft in p.facts.drafts for test in (Test.B12, Test.ACTIVE_B12))
    if is_drafted and folic.target:
        return fires(variant="ordered-together", facts=facts, values=values, target=folic.target)
    low = p.reading.called_low
    base = _variant(p, "unknown" if low is None else "called-low")
    return fires(
        variant="pending" if p.pending(Test.B12, Test.ACTIVE_B12) else base,
        facts=facts,
        values=values | (b12_values(p, low) if low is not None else {}),
        recommends=check,
        missing_keys=p.unread(DataKey.LABS, *MEDICATION_KEYS),
        target=folic.target,
    )


def _with_recorded_deficiency(
    p: Picture,
    folic: _FolicAcid,
    facts: tuple[FactUsed, ...],
    values: dict[str, str],
    check: tuple[Recommendation, ...],
) -> Answer:
    """The diagnosis is made, so B12 is added and does not wait for the result (clinical-guidelines 5: "always")."""
    first = first_treatment(p)
    told = {"diagnosis": p.recorded_deficiency[0].words, "treatment": treatment_words(p)}
    return fires(
        variant=_variant(p, "recorded"),
        facts=(*facts, *first.reasons, *_cautions(p)),
        values=values | _add_words(p, first) | told,
        recommends=(*_added(p, first), *(() if p.pending(Test.B12, Test.ACTIVE_B12) else check)),
        regimens=first.regimens,
        missing_keys=p.unread(DataKey.LABS, *MEDICATION_KEYS, DataKey.ALLERGIES),
        target=folic.target,
    )


def _with_b12_indeterminate(p: Picture, folic: _FolicAcid, b12: LabResult, called_for: tuple[FactUsed, ...]) -> Answer:
    beside = tuple(fact for fact in called_for if fact.source != b12.source)
    if not beside and not folic.target and p.has(ProblemKind.PREGNANCY):
        return does_not_fire(*folic.facts)  # laboratories print other women's range; active B12 is asked for anyway
    first = first_treatment(p)
    if not first.is_by_injection:  # what is not known to be deficient needs no choice of courses
        first = replace(first, regimens=first.regimens[:1], recommends=first.recommends[:1])
    settle, tests = _what_settles(p)
    waits = not p.has(ProblemKind.MYELOPATHY)  # the cord does not wait for MMA
    values = {"dose": folic.words(), "feature": called_for[0].words, **settle, **_why_open(p)}
    return fires(
        variant=_variant(p, "indeterminate" if beside else "low-alone"),
        facts=(*folic.facts, result_fact(b12, p.knowledge), *beside, *first.reasons, *_cautions(p)),
        values=values | _add_words(p, first) | b12_values(p, b12),
        recommends=(*_added(p, first), *(tests if waits else ())),
        regimens=first.regimens,
        missing_keys=p.unread(DataKey.ALLERGIES),
        target=folic.target,
    )


def _what_settles(p: Picture) -> tuple[dict[str, str], tuple[Recommendation, ...]]:
    """What settles a level that is not clear, in few words and as a sentence, and what is still to be ordered for it.

    In pregnancy active B12 comes before MMA (NICE NG239).
    """
    if is_mma_normal(p):
        return {"settle": "look further", "until": "MMA is normal, which speaks against it."}, ()
    if _mma_known(p):
        return {"settle": "look further", "until": "MMA was measured, and left it open."}, ()
    if p.pending(Test.MMA):
        return {"settle": "await MMA", "until": "MMA is on its way, and can settle it."}, ()
    if not p.has(ProblemKind.PREGNANCY) or p.recent(Analyte.ACTIVE_B12) is not None:
        return {"settle": "settle by MMA", "until": "MMA can settle it."}, (Recommendation.ORDER_MMA,)
    if p.pending(Test.ACTIVE_B12):
        return {"settle": "await active B12", "until": "Active B12 is on its way, and can settle it."}, ()
    words = {"settle": "settle by active B12", "until": "Active B12 can settle it, and comes before MMA in pregnancy."}
    return words, (Recommendation.ORDER_ACTIVE_B12,)


def _in_cord_disease(p: Picture, facts: tuple[FactUsed, ...], values: dict[str, str], target: str) -> Answer:
    """Blood is drawn, and treatment does not wait for the result (BSH; source article, Monitoring)."""
    first = first_treatment(p)
    mma = usable_mma(p)
    wanted = (Recommendation.ORDER_B12, *(() if mma or p.pending(Test.MMA) else (Recommendation.ORDER_MMA,)))
    blood = () if p.pending(Test.B12, Test.ACTIVE_B12) else wanted
    return fires(
        variant=_variant(p, "unknown"),
        facts=(*facts, *marker_facts(p, mma), *_cautions(p)),
        values=values | _add_words(p, first),
        recommends=(*blood, *_added(p, first)),
        regimens=first.regimens,
        missing_keys=p.unread(DataKey.LABS, *MEDICATION_KEYS, DataKey.ALLERGIES),
        target=target,
    )


def _why_open(p: Picture) -> dict[str, str]:
    """Why the level does not settle it: in two words for a summary, and as a sentence."""
    reading = p.reading
    if reading.band is Band.INDETERMINATE and reading.deciding is not None and is_low_there(reading.deciding):
        return {"open": "called low", "why_open": "it lies between the limits, and its own laboratory calls it low"}
    if reading.is_below_own_range:
        return {"open": "low by own range", "why_open": "it is below the range of its own laboratory"}
    if reading.is_marked_low:
        return {"open": "marked low", "why_open": "its own laboratory marked it low"}
    if reading.band is Band.UNLIKELY:
        return {"open": "not reliable", "why_open": _why_not_reliable(p)}
    if reading.band is Band.DEFICIENT_OR_INDETERMINATE:
        return {"open": "may be deficient", "why_open": "the laboratory gave only an upper bound"}
    return {"open": "in the grey zone", "why_open": "it lies between the limits"}


def _why_not_reliable(p: Picture) -> str:
    if p.reading.is_open_after_treatment:
        return "vitamin B12 treatment that has ended may still have raised it"
    if p.reading.distrust:
        return p.reading.distrust
    return f"{marker_words(p, p.reading.raised_apart)} was raised at another time"


def _mma_known(p: Picture) -> bool:
    return any(m.result.analyte is Analyte.MMA for m in p.reading.markers)


def _variant(p: Picture, base: str, first: FirstTreatment | None = None) -> str:
    """The words that fit: a cord that does not wait, an allergy, folic acid that has its own good reason, and, where
    `first` is given, an injection that comes first."""
    is_answered = base == "indeterminate" and is_mma_normal(p)
    if p.has(ProblemKind.MYELOPATHY) and not is_answered:
        return f"{base}-cord-allergy" if is_allergic(p) else f"{base}-cord"
    if is_allergic(p) and base not in _TESTED_FIRST:
        return f"{base}-allergy"
    takes_antifolate = any(t.medicine is Medicine.ANTIFOLATE and t.is_active for t in p.facts.treatments)
    drafts_antifolate = any(c.medicine is Medicine.ANTIFOLATE for d in p.facts.drafts for c in d.contents)
    own_reason = p.has(ProblemKind.PREGNANCY, ProblemKind.SICKLE_CELL, ProblemKind.DIALYSIS)
    variant = f"{base}-prophylaxis" if takes_antifolate or drafts_antifolate or own_reason else base
    return f"{variant}-injection" if first is not None and first.is_by_injection else variant


def _matters(p: Picture, folic: _FolicAcid | None) -> bool:
    """Above the masking limit, in an adult, and no therapeutic B12 taken or ordered along with it."""
    return (
        folic is not None
        and p.in_scope
        and folic.exceeds(p.parameters.folic_acid_mg)
        and not p.is_treated
        and not p.is_arranged
        and not any(
            _is_therapeutic(p, c) is Presence.YES for d in p.facts.drafts if _goes_with(p, d) for c in d.contents
        )
    )


def _goes_with(p: Picture, b12: DraftOrder) -> bool:
    """Whether a drafted order is given along with all folic acid. One on hold pauses (clinical-guidelines 7.11): it is
    released with what waits as well, and not with folic acid that is taken before."""
    others = p.facts.drafts
    goes_on = any(_folic_contents(d) and not d.is_on_hold for d in others)
    return not (b12.is_on_hold and (goes_on or _taken_beside(p)))


def _is_therapeutic(p: Picture, content: DraftContent) -> Presence:
    """Whether a drafted medicine is B12 in a therapeutic dose."""
    return is_therapeutic(content, p.parameters) if content.medicine is Medicine.B12 else Presence.NO


def _drafted(p: Picture) -> _FolicAcid | None:
    """All drafts that hold folic acid, where one of them is selected, together with what is taken already and not
    replaced by a draft: what was selected before is in the basket still, and is signed with it."""
    selected = [d for d in p.facts.drafts if d.is_selected and _folic_contents(d)]
    if not selected:
        return None
    drafted = [(d.source, d.name, c.dose.mg_per_day, c.dose.reason) for d in p.facts.drafts for c in _folic_contents(d)]
    taken = [(t.source, f"{t.name} (taken now)", t.dose.mg_per_day, t.dose.reason) for t in _taken_beside(p)]
    told = _sum(p, drafted + taken, selected[0].source)
    told = replace(told, facts=told.facts + _b12_beside(p))
    # What is taken already comes on top of a draft at or below the limit: that it is nothing has to be read.
    unread = p.unread(*_TAKEN)
    return replace(told, is_complete=False) if unread and told.mg <= p.parameters.folic_acid_mg else told


def _taken_beside(p: Picture) -> list[Treatment]:
    """Folic acid that is taken now, and that no draft takes the place of."""
    replaced = {source for d in p.facts.drafts for source in d.replaces} | {d.source for d in p.facts.drafts}
    return [t for t in p.active_folic_acid if t.source not in replaced]


def _b12_beside(p: Picture) -> tuple[FactUsed, ...]:
    """Drafted B12 that is no certain treatment, so that nobody wonders what became of it."""
    title = p.knowledge.medicines[Medicine.B12].title
    return tuple(
        FactUsed(title, _drafted_words(p, d, c), source=d.source)
        for d in p.facts.drafts
        for c in d.contents
        if c.medicine is Medicine.B12 and not (_is_therapeutic(p, c) is Presence.YES and _goes_with(p, d))
    )


def _drafted_words(p: Picture, draft: DraftOrder, b12: DraftContent) -> str:
    if _is_therapeutic(p, b12) is Presence.YES:
        return f"{draft.name} (being ordered): on hold"
    return f"{draft.name} (being ordered): {dose_words(b12)}"


def _folic_contents(draft: DraftOrder) -> tuple[DraftContent, ...]:
    return tuple(c for c in draft.contents if c.medicine is Medicine.FOLIC_ACID)


def _taken(p: Picture) -> _FolicAcid | None:
    """Folic acid that is taken now. One order and its dispenses are one medicine: orders count, else statements."""
    active = p.active_folic_acid
    if not active:
        return None
    for kind in (RecordKind.REQUEST, RecordKind.STATEMENT, RecordKind.DISPENSE, RecordKind.ADMINISTRATION):
        ours = [t for t in active if t.kind is kind]
        if ours:
            return _sum(p, [(t.source, t.name, t.dose.mg_per_day, t.dose.reason) for t in ours], "")
    return None


def _sum(p: Picture, parts: list[tuple[str, str, Decimal | None, str]], target: str) -> _FolicAcid:
    title = p.knowledge.medicines[Medicine.FOLIC_ACID].title
    facts = tuple(
        FactUsed(title, f"{name}: {mg:.3g} mg/day" if mg is not None else f"{name}: {reason}", source=source)
        for source, name, mg, reason in parts
    )
    known = [mg for _source, _name, mg, _reason in parts if mg is not None]
    return _FolicAcid(facts, sum(known, Decimal(0)), len(known) == len(parts), target)


def leber_cyanocobalamin(p: Picture) -> Answer:
    """Cyanocobalamin in Leber's optic neuropathy can bring on swift optic atrophy: hydroxocobalamin (FDA label). A
    hereditary optic atrophy may be Leber's.

    Vitamin B12 of a form that is not told may be cyanocobalamin, and most of it is.
    """
    optic = leber(p)
    if not optic:
        return does_not_fire()
    drafted = [
        _Given(c.form, d.name, d.source, _is_therapeutic(p, c), _is_little(p, c), len(d.contents) == 1 and c.is_alone)
        for d in p.facts.drafts
        for c in d.contents
        if d.is_selected and _is_b12(c)
    ]
    taken_now = [
        _Given(t.form, t.name, t.source, is_therapeutic(t, p.parameters), _is_little(p, t))
        for t in p.facts.treatments
        if t.medicine is Medicine.B12 and t.is_active
    ]
    drafts, taken = _suspect(drafted), _suspect(taken_now)
    if not drafts and (not taken or p.facts.drafts):
        return does_not_fire(*optic)
    label = p.knowledge.medicines[Medicine.B12].title
    suspects, variant = (drafts, "drafted") if drafts else (taken, "taken")
    is_told = suspects[0].form == _CYANOCOBALAMIN
    facts = (*optic, *(FactUsed(label, one.name, source=one.source) for one in suspects))
    values = {
        "form": "cyanocobalamin" if is_told else "vitamin B12 of unstated form",
        "optic": _LEBER if p.has(ProblemKind.LEBER_OPTIC_NEUROPATHY) else _PERHAPS_LEBER,
    }
    is_little = all(one.is_little for one in suspects)
    if p.is_child:
        recommends = (Recommendation.USE_HYDROXOCOBALAMIN, Recommendation.REFER)
        return fires(variant=f"{variant}-child", facts=facts, values=values, recommends=recommends)
    full = leber_variant(p, variant if is_told else f"{variant}-form-unknown")
    return fires(
        variant=f"{variant}-little" if is_little else full,
        facts=facts,
        values=values,
        recommends=(Recommendation.USE_HYDROXOCOBALAMIN,),
        regimens=_hydroxocobalamin(p, suspects),
        # What holds other ingredients is not changed, so that none of them is lost unsaid.
        target=next((one.source for one in drafts if one.is_alone and not one.is_little), ""),
    )


def _hydroxocobalamin(p: Picture, suspects: list[_Given]) -> tuple[str, ...]:
    """The course of it that stands in for what is ordered or taken: none without a deficiency, known or treated."""
    if needs_treatment(p):
        return regimens_for(p, INJECTION)
    if not any(one.is_treatment is Presence.YES for one in suspects):
        return ()
    is_indicated = bool(p.recorded_deficiency or p.lasting_causes)
    if p.is_treated and (is_indicated or p.status in _LOW):
        since, parameters = p.therapy.current_since, p.parameters
        is_early = since is not None and p.today < since + days(parameters.follow_up_from_day)
        fails = any(rule(p).regimens for rule in (insufficient_response, deficient_on_therapy, symptoms_persist))
        return regimens_for(p, INJECTION if is_early or fails else MAINTENANCE_INJECTION)
    if not is_indicated:
        return ()
    is_course = bool(p.recorded_deficiency) and p.status is not Status.UNLIKELY
    return regimens_for(p, INJECTION if is_course else MAINTENANCE_INJECTION)


@dataclass(frozen=True, slots=True)
class _Given:
    """B12 that is ordered or taken. `is_little`: by mouth, and below a therapeutic dose as in a multivitamin."""

    form: str
    name: str
    source: str
    is_treatment: Presence
    is_little: bool
    is_alone: bool = False


def _suspect(given: Iterable[_Given]) -> list[_Given]:
    """Those of cyanocobalamin; where none says so, those that do not say."""
    suspects = [one for one in given if one.form in (_CYANOCOBALAMIN, "")]
    return [one for one in suspects if one.form] or suspects


def _is_little(p: Picture, b12: Treatment | DraftContent) -> bool:
    is_below = is_therapeutic(b12, p.parameters) is Presence.NO
    return is_below and not b12.as_needed and b12.route is not Route.PARENTERAL


def _is_b12(content: DraftContent) -> bool:
    return content.medicine is Medicine.B12


def cord_without_injection(p: Picture) -> Answer:
    """B12 is ordered for spinal cord disease from lack of it, and none of it by injection, which comes first
    (clinical-guidelines 5, severe / neuro).

    Silent where an injection is or will be given, or was given since the result, or an order may be one; and where
    another card speaks of the same order, for it offers the injection, or nothing that holds cobalamin may be given.
    """
    cord = p.facts_of(ProblemKind.MYELOPATHY)
    going_on = [(d, c) for d in p.facts.drafts if not d.is_on_hold for c in d.contents if _is_b12(c)]
    unread = p.unread(DataKey.LABS) if p.status is Status.UNKNOWN else ()
    if not cord or not any(d.is_selected for d, _content in going_on) or not (_is_lacking(p) or unread):
        return does_not_fire(*cord)
    level, raised = p.reading.deciding or p.reading.in_words_only, _raised(p)
    results = [level] if level is not None else [marker.result for marker in raised]
    drawn = min([result.taken.earliest for result in results], default=p.today)
    on_record = (*p.therapy.treatments, *p.therapy.planned, *p.therapy.doubtful)
    if p.therapy.is_current is Presence.NO:
        on_record = tuple(treatment for treatment in on_record if not _is_over_before(treatment, drawn))
    routes = {content.route for _draft, content in going_on} | {treatment.route for treatment in on_record}
    is_told_elsewhere = _matters(p, _drafted(p)) or leber_cyanocobalamin(p).variant or is_allergic(p)
    if is_told_elsewhere or not routes.isdisjoint({Route.PARENTERAL, Route.NOT_KNOWN}):
        return does_not_fire(*cord)
    title = p.knowledge.medicines[Medicine.B12].title
    facts = (*cord, *(FactUsed(title, f"{d.name}: {dose_words(c)}", source=d.source) for d, c in going_on))
    if not _is_lacking(p):
        values = {"cord": p.cord_words}
        return fires(variant="not-checked", facts=facts, values=values, missing_keys=unread)
    return fires(
        variant="no-injection",
        facts=(
            *facts,
            *((result_fact(level, p.knowledge),) if level is not None else ()),
            *marker_facts(p, raised),
            *injection_cautions(p),
        ),
        values={"cord": p.cord_words, "evidence": evidence_words(p, level, raised)},
        recommends=(Recommendation.ESCALATE_TO_PARENTERAL, Recommendation.REFER),
        regimens=regimens_for(p, INJECTION),
        missing_keys=p.unread(*MEDICATION_KEYS, DataKey.ALLERGIES),
    )


def _is_over_before(treatment: Treatment, day: date) -> bool:
    """Whether all of a treatment was over before a result was drawn, which so shows a lack that came after it."""
    return all(i.end is not None and i.end.latest < day for i in treatment.intervals)


def b12_ordered_twice(p: Picture) -> Answer:
    """Therapeutic B12 is ordered by the route by which it is taken already, and does not replace that order.

    Another dose or interval is a question of its own. What cannot be told, of either, may make it one: that is asked.
    Neither is asked where B12 is needed beyond what is taken: only the very same order is superfluous there.
    """
    therapy = p.therapy
    replaced = {source for d in p.facts.drafts for source in d.replaces} | {d.source for d in p.facts.drafts}
    sure = [t for t in (*therapy.treatments, *therapy.planned) if _goes_on(p, t) and t.source not in replaced]
    doubtful = [t for t in therapy.doubtful if _goes_on(p, t) and t.source not in replaced]
    alone = [(d, d.contents[0]) for d in p.facts.drafts if d.is_selected and len(d.contents) == 1]
    treating = [(d, c) for d, c in alone if _is_therapeutic(p, c) is Presence.YES]
    for draft, content in treating:
        same = [t for t in _by_that_route(sure, content) if _is_given_alike(t, content) is Presence.YES]
        if same:
            return _twice(p, "duplicate", draft, same)
    if _is_b12_needed(p) or _is_more_needed(p):
        return does_not_fire()
    for draft, content in treating:
        by_route = _by_that_route(sure, content)
        if by_route and all(_is_given_alike(t, content) is Presence.NO for t in by_route):
            return _twice(p, "other-dose", draft, by_route)
    for draft, content in alone:
        routes = {content.route, Route.NOT_KNOWN}
        perhaps = [t for t in (*sure, *doubtful) if t.route in routes or content.route is Route.NOT_KNOWN]
        if perhaps and _is_therapeutic(p, content) is not Presence.NO:
            return _twice(p, "perhaps-duplicate", draft, perhaps)
    return does_not_fire()


def _by_that_route(taken: Iterable[Treatment], content: DraftContent) -> list[Treatment]:
    return [t for t in taken if t.route is content.route is not Route.NOT_KNOWN]


def _is_given_alike(taken: Treatment, content: DraftContent) -> Presence:
    """Whether what is ordered is the same cobalamin, as much of it and as often; NOT_KNOWN where a dose or an interval
    cannot be told, or changes."""
    is_other_form = taken.form != content.form and bool(taken.form and content.form)
    masses = {mass for mass in (taken.dose_mg, content.dose_mg) if mass is not None}
    daily = {dose.mg_per_day for dose in (taken.dose, content.dose) if dose.mg_per_day is not None and not dose.reason}
    if is_other_form or len(masses) > 1 or len(daily) > 1:
        return Presence.NO
    is_told = all(dose.mg_per_day is not None and not dose.reason for dose in (taken.dose, content.dose))
    return Presence.YES if is_told else Presence.NOT_KNOWN


def _twice(p: Picture, variant: str, draft: DraftOrder, taken: list[Treatment]) -> Answer:
    title = p.knowledge.medicines[Medicine.B12].title
    ordered = f"{draft.name} (being ordered)"
    doses = [_dose_words(draft.contents[0]), *(_dose_words(t) for t in taken[:2])]
    names = [ordered, *(_since_when(t) for t in taken[:2])]
    sources = [draft.source, *(t.source for t in taken[:2])]
    return fires(
        variant=variant,
        facts=tuple(
            FactUsed(title, f"{name}: {dose}" if dose else name, source=source)
            for name, dose, source in zip(names, doses, sources, strict=True)
        )
        + _what_speaks_for_more(p),
        recommends=(Recommendation.VERIFY_DATA,),
        target=draft.source,
    )


def _dose_words(b12: Treatment | DraftContent) -> str:
    """How much how often: a day, or of what is given less often, at a time; "" where that is not known."""
    daily, mass = b12.dose.mg_per_day, b12.dose_mg
    if daily is None or daily <= 0:
        return ""
    if mass is None or mass < 2 * daily:
        return f"{daily:.3g} mg/day"
    return f"{mass:.3g} mg every {mass / daily:.0f} days"


def _what_speaks_for_more(p: Picture) -> tuple[FactUsed, ...]:
    """The newest level and raised metabolites, and signs in the nervous system."""
    level = next(iter(p.reading.on_therapy), None) or p.reading.deciding or p.reading.in_words_only
    results = (*((level,) if level is not None else ()), *_raised_metabolites(p))
    return (*(result_fact(result, p.knowledge) for result in results), *p.neurological)


def _raised_metabolites(p: Picture) -> tuple[LabResult, ...]:
    recent = [r for r in map(p.recent, METABOLITES) if r is not None]
    return tuple(r for r in recent if is_raised(r, p.knowledge.analytes[r.analyte]) is Presence.YES)


def _is_more_needed(p: Picture) -> bool:
    """Whether B12 that is taken may not be enough: a sign in the nervous system is recorded, a level on treatment is
    deficient, or a metabolite is raised (clinical-guidelines 5; source article, last paragraph)."""
    level = next((r for r in p.reading.on_therapy if r.analyte in B12_ANALYTES), None)
    band = b12_band(level, scale_of(level, p.knowledge.analytes[level.analyte])) if level is not None else None
    return band is Band.DEFICIENT or bool(p.neurological or _raised_metabolites(p))


def _is_b12_needed(p: Picture) -> bool:
    """Whether the patient needs B12 that is not certainly given: no order of it may then look superfluous."""
    is_lacking = p.status in _LOW or p.has(ProblemKind.MYELOPATHY) or bool(p.recorded_deficiency)
    return is_lacking and not p.is_treated


def _goes_on(p: Picture, treatment: Treatment) -> bool:
    """What has run out, or soon will have, is renewed and not ordered twice."""
    return (treatment.is_active and not _is_due_for_renewal(p, treatment)) or treatment.is_planned


def _is_due_for_renewal(p: Picture, treatment: Treatment) -> bool:
    """Whether the stated supply is over, or ends within days and was not begun within as many."""
    last = treatment.supplied_until
    if last is None:
        return False
    window = timedelta(days=p.parameters.renewal_days)
    is_begun_before = all(i.start is not None and i.start.latest <= p.today - window for i in treatment.intervals)
    return last.latest < p.today or (is_begun_before and last.latest <= p.today + window)


def _since_when(treatment: Treatment) -> str:
    """Its name, and whether it is taken yet."""
    if treatment.is_planned:
        return f"{treatment.name} (starts {first_start((treatment,))})"
    return f"{treatment.name} (taken now)"


def allergy_to_drafted_b12(p: Picture) -> Answer:
    """B12 is ordered for someone allergic to cobalamin or cobalt."""
    allergy = p.facts_of(ProblemKind.COBALAMIN_ALLERGY)
    drafts = [d for d in p.facts.drafts if d.is_selected and any(c.medicine is Medicine.B12 for c in d.contents)]
    if not allergy or not drafts:
        return does_not_fire(*allergy)
    title = p.knowledge.medicines[Medicine.B12].title
    return fires(
        variant="allergy",
        facts=(*allergy, *(FactUsed(title, d.name, source=d.source) for d in drafts)),
        recommends=(Recommendation.REFER,),
        target=drafts[0].source,
    )


def product_not_checked(p: Picture) -> Answer:
    """B12 is ordered, and whether it may be given could not be read: an allergy, Leber's optic neuropathy, or B12 that
    is taken already."""
    drafts = [d for d in p.facts.drafts if d.is_selected and any(c.medicine is Medicine.B12 for c in d.contents)]
    unread = p.unread(DataKey.ALLERGIES, DataKey.CONDITIONS, *_TAKEN)
    known = p.has(ProblemKind.COBALAMIN_ALLERGY)  # nothing that could be read says more
    if not drafts or not unread or known:
        return does_not_fire()
    title = p.knowledge.medicines[Medicine.B12].title
    bearing = tuple(i for i in p.left_out if i.resource.startswith(("AllergyIntolerance", "Condition", "Medication")))
    others = "conditions" if DataKey.CONDITIONS in unread else "medicines"
    return fires(
        variant="allergies" if DataKey.ALLERGIES in unread else others,
        facts=(*(FactUsed(title, d.name, source=d.source) for d in drafts), *issue_facts(bearing)),
        recommends=(Recommendation.VERIFY_DATA,),
        missing_keys=unread,
        target=drafts[0].source,
    )


def draft_not_read(p: Picture) -> Answer:
    """An order that is being written could not be read, so nothing is said of it."""
    unread = p.unused(DRAFTS)
    if not unread:
        return does_not_fire()
    return fires(variant="not-read", facts=issue_facts(unread), recommends=(Recommendation.VERIFY_DATA,))
