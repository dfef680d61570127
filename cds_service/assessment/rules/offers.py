"""Which products may be offered to this patient, and which comes first: every rule that proposes one asks here, so that
none forgets.

Allergy to cobalamin or cobalt: none. Leber's optic neuropathy, and a hereditary optic atrophy that may be it:
hydroxocobalamin only (FDA label, Contraindications and Warnings). Hydroxocobalamin that was injected last is kept to:
why it was chosen, the record need not tell.

The article is in tension with itself: tablets first for neuropathy, injections for neurological symptoms. Here mild
deficiency with stable neuropathy gets tablets first, and injection comes first where one of `injection_reasons` holds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from cds_service.assessment.bands import is_low, is_raised
from cds_service.assessment.outcome import FactUsed
from cds_service.assessment.picture import MALABSORPTIVE, Picture, result_fact
from cds_service.facts.labs import Analyte
from cds_service.facts.presence import Presence
from cds_service.facts.problems import ProblemKind
from cds_service.facts.treatments import Medicine
from cds_service.knowledge.model import Recommendation

ORAL, INJECTION = "oral-replacement", "im-replacement"
NEUROLOGICAL_INJECTION = "im-replacement-neurological"  # some countries inject otherwise where nerves are involved
MAINTENANCE_INJECTION, MAINTENANCE_ORAL = "maintenance-im", "maintenance-oral"
HYDROXOCOBALAMIN = "hydroxocobalamin"
_WITH_HYDROXOCOBALAMIN = {
    ORAL: "im-replacement-hydroxocobalamin",
    INJECTION: "im-replacement-hydroxocobalamin",
    MAINTENANCE_INJECTION: "maintenance-im-hydroxocobalamin",
    MAINTENANCE_ORAL: "maintenance-im-hydroxocobalamin",
}
_INJECTED = {
    INJECTION: _WITH_HYDROXOCOBALAMIN[INJECTION],
    NEUROLOGICAL_INJECTION: _WITH_HYDROXOCOBALAMIN[INJECTION],
    MAINTENANCE_INJECTION: _WITH_HYDROXOCOBALAMIN[MAINTENANCE_INJECTION],
}


def is_allergic(p: Picture) -> bool:
    """Whether no B12 product may be offered."""
    return p.has(ProblemKind.COBALAMIN_ALLERGY)


def leber(p: Picture) -> tuple[FactUsed, ...]:
    """Leber's optic neuropathy, or else a hereditary optic atrophy: ICD-10-CM has one code for Leber's and the others.

    What is safe in Leber's treats the others as well, and cyanocobalamin may cost the sight.
    """
    return p.facts_of(ProblemKind.LEBER_OPTIC_NEUROPATHY) or p.facts_of(ProblemKind.HEREDITARY_OPTIC_ATROPHY)


def leber_variant(p: Picture, variant: str) -> str:
    """The variant whose words say that it only may be Leber's, where no more is known."""
    return variant if p.has(ProblemKind.LEBER_OPTIC_NEUROPATHY) else f"{variant}-perhaps"


def regimens_for(p: Picture, *wanted: str) -> tuple[str, ...]:
    """The regimens among `wanted` that may be offered, in order; those with the wrong cobalamin are exchanged."""
    if is_allergic(p):
        return ()
    if leber(p):
        return tuple(dict.fromkeys(_WITH_HYDROXOCOBALAMIN[regimen] for regimen in wanted))
    chosen = (NEUROLOGICAL_INJECTION if regimen == INJECTION and p.neurological else regimen for regimen in wanted)
    return tuple(_as_injected_last(p, regimen) for regimen in chosen)


def _as_injected_last(p: Picture, regimen: str) -> str:
    """The regimen; where it is of injections, and hydroxocobalamin was injected last, the one that holds it."""
    last = p.therapy.last_injection
    is_kept = last is not None and last.form == HYDROXOCOBALAMIN != p.knowledge.regimens[regimen].form
    return _INJECTED.get(regimen, regimen) if is_kept else regimen


def injected_last(p: Picture) -> tuple[FactUsed, ...]:
    """Which cobalamin was injected last, where the injections of this site hold another."""
    last, usual = p.therapy.last_injection, p.knowledge.regimens[INJECTION].form
    if last is None or last.form in ("", usual) or is_allergic(p) or leber(p):
        return ()
    value = f"{last.name}: an injection suggested here holds it too, a tablet does not"
    if last.form != HYDROXOCOBALAMIN:
        other = p.knowledge.regimens[INJECTION].medicine_text
        value = f"{last.name}: an injection suggested here is of another cobalamin, {other}"
    return (FactUsed("Injected last", value, source=last.source),)


def cautions(p: Picture) -> tuple[FactUsed, ...]:
    """What whoever gives B12 to this patient must see: allergy, Leber's disease, megaloblastic anaemia (whose treatment
    may make potassium fall), an age that is not certain."""
    contraindications = p.facts_of(ProblemKind.COBALAMIN_ALLERGY) + tuple(
        replace(fact, label="Only hydroxocobalamin, because of", value=fact.label) for fact in leber(p)
    )
    if p.anaemia is not None and (p.macrocytosis is not None or p.has(ProblemKind.MACROCYTIC_ANAEMIA)):
        low = result_fact(p.anaemia, p.knowledge)
        contraindications += (replace(low, label="Watch potassium for 48 hours if the anaemia is severe"),)
    if p.age is None:
        return (*contraindications, FactUsed("Age", "not known; the doses are for adults"))
    if p.age[0] < p.parameters.adult_age_years:
        return (*contraindications, FactUsed("Age", f"{p.age[0]} or {p.age[1]} years; the doses are for adults"))
    return contraindications


def bleeding_risk(p: Picture) -> tuple[FactUsed, ...]:
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


def injection_cautions(p: Picture) -> tuple[FactUsed, ...]:
    """`cautions`, that an injection into muscle may bleed, and which cobalamin was injected last."""
    bleeding = tuple(
        replace(fact, label="An injection may bleed", value=f"{fact.label}: {fact.value}") for fact in bleeding_risk(p)
    )
    return bleeding + injected_last(p) + cautions(p)


@dataclass(frozen=True, slots=True)
class FirstTreatment:
    """How treatment begins: what is offered, in order, what it amounts to as recommendations, and how a summary and a
    sentence say it. `reasons` are why an injection comes first; none where tablets do, nor of Leber's disease, which
    `cautions` names."""

    reasons: tuple[FactUsed, ...]
    regimens: tuple[str, ...]
    recommends: tuple[Recommendation, ...]
    add: str
    words: str
    is_by_injection: bool


def first_treatment(p: Picture) -> FirstTreatment:
    """Injection first where one of its reasons holds, unless it may bleed and tablets are soon enough."""
    optic, reasons, bleeding = leber(p), injection_reasons(p), bleeding_risk(p)
    if not optic and (not reasons or (bleeding and _may_wait(p))):
        words = "Tablets in high dose are first line; injections are the alternative."
        if bleeding:
            words = f"Tablets are preferred, because an injection into muscle may bleed ({bleeding[0].words})."
        recommends = (Recommendation.START_ORAL_B12, Recommendation.START_IM_B12)
        return FirstTreatment((), regimens_for(p, ORAL, INJECTION), recommends, "add B12", words, False)
    if optic:
        words, add = f"Hydroxocobalamin, not cyanocobalamin, because of {optic[0].words}.", "add hydroxocobalamin"
    else:
        words = f"Injections come first, because of {reasons[0].words}; tablets in high dose are the second choice."
        add = "add B12 by injection"
    if optic or p.has(ProblemKind.MYELOPATHY):
        return FirstTreatment(reasons, regimens_for(p, INJECTION), (Recommendation.START_IM_B12,), add, words, True)
    recommends = (Recommendation.START_IM_B12, Recommendation.START_ORAL_B12)
    return FirstTreatment(reasons, regimens_for(p, INJECTION, ORAL), recommends, add, words, True)


def injection_reasons(p: Picture) -> tuple[FactUsed, ...]:
    """Severe deficiency, severe neurological disease (cord, gait, cognition), a gut that does not absorb, nitrous oxide
    (clinical-guidelines 5)."""
    reading = p.reading
    severe: tuple[FactUsed, ...] = ()
    if reading.is_severe and reading.deciding is not None:
        severe = (FactUsed("Severe deficiency", reading.deciding.printed, str(reading.deciding.taken)),)
    neurological = p.facts_of(ProblemKind.MYELOPATHY, ProblemKind.ATAXIA, ProblemKind.COGNITIVE_SYMPTOMS)
    gut = p.facts_of(*MALABSORPTIVE)
    antibody = p.newest(Analyte.INTRINSIC_FACTOR_ANTIBODY)
    known = p.knowledge.analytes[Analyte.INTRINSIC_FACTOR_ANTIBODY]
    if antibody is not None and is_raised(antibody, known) is Presence.YES:
        gut += (result_fact(antibody, p.knowledge),)
    gas = p.facts_of(ProblemKind.NITROUS_OXIDE) if p.neurological else ()
    return severe + neurological + gut + gas


def _may_wait(p: Picture) -> bool:
    """Whether tablets are soon enough: neither severe nor spinal."""
    return not p.reading.is_severe and not p.has(ProblemKind.MYELOPATHY)
