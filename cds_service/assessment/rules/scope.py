"""Patients whom the rules do not cover, and data that were not there to be read."""

from __future__ import annotations

from collections.abc import Sequence

from cds_service.assessment.bands import Band
from cds_service.assessment.key_words import KEY_WORDS
from cds_service.assessment.outcome import FIRES, Answer, FactUsed, Status, does_not_fire, fires
from cds_service.assessment.picture import MEDICATION_KEYS, Picture, issue_facts, result_fact
from cds_service.assessment.reading import B12_ANALYTES
from cds_service.assessment.rules.diagnosis import b12_medicines, b12_values, evidence_words, marker_facts
from cds_service.assessment.rules.offers import leber
from cds_service.assessment.rules.treatment import is_cord_treated
from cds_service.assessment.therapy import is_therapeutic
from cds_service.facts.labs import Analyte
from cds_service.facts.orders import DraftContent
from cds_service.facts.patient import AGE, ANYTHING, DataKey
from cds_service.facts.presence import Presence
from cds_service.facts.problems import ProblemKind
from cds_service.facts.treatments import Medicine, Route
from cds_service.knowledge.model import Recommendation

_ON_EVERY_CARD = (
    Analyte.TOTAL_B12,
    Analyte.ACTIVE_B12,
    Analyte.MMA,
    Analyte.HOMOCYSTEINE,
    Medicine.B12,
    AGE,
    ProblemKind.PREGNANCY,
)
_MATTER_IN_A_CHILD = (*B12_ANALYTES, ANYTHING, ProblemKind.MYELOPATHY)
_LOW = (Status.DEFICIENT, Status.FUNCTIONAL)
_LOW_OR_DOUBTFUL = (Band.DEFICIENT, Band.DEFICIENT_OR_INDETERMINATE, Band.INDETERMINATE)


def child_with_low_b12(p: Picture) -> Answer:
    """A child's B12 that would be low or indeterminate in an adult, and a child's cord disease that is not treated: not
    ours to treat, and not to be passed over."""
    result = p.reading.deciding
    if not p.is_child or p.facts.is_deceased or p.age is None:
        return does_not_fire()
    if p.facts.drafts and not _orders_folic_acid_or_b12(p):
        return does_not_fire()
    cord = _childs_cord(p)
    if cord is not None:
        return cord
    if result is None or p.reading.band not in _LOW_OR_DOUBTFUL or p.is_treated:
        return _child_not_read(p)
    return fires(
        variant="child",
        facts=(FactUsed("Age", f"{p.age[1]} years"), result_fact(result, p.knowledge)),
        values=b12_values(p, result),
        recommends=(Recommendation.REFER,),
        missing_keys=p.unread(DataKey.CONDITIONS),
    )


def _childs_cord(p: Picture) -> Answer | None:
    """Disease of the spinal cord does not wait in a child either, and no doctor of adults' doses is asked: refer.

    What is said of the level is what it would be in an adult, as in every answer on a child.
    """
    problems = p.facts_of(ProblemKind.MYELOPATHY)
    if not problems or is_cord_treated(p) or _orders_injection(p):
        return None
    status, level = p.reading.status, p.reading.deciding or p.reading.in_words_only
    facts = (*problems, FactUsed("Age", f"{p.age[1]} years")) if p.age is not None else problems
    facts += (result_fact(level, p.knowledge),) if level is not None else ()
    values = {"cord": p.cord_words} | (b12_values(p, level) if level is not None else {})
    folic = "-folic" if any(c.medicine is Medicine.FOLIC_ACID for c in _ordered(p)) else ""
    if status is Status.UNLIKELY:
        is_settled = any(m.result.analyte is Analyte.MMA and m.raised is Presence.NO for m in p.reading.markers)
        if is_settled or p.facts.drafts:
            return None
        return fires(variant="cord-not-excluded", facts=facts, values=values, recommends=(Recommendation.REFER,))
    variant = "cord"
    if status in _LOW and level is not None:
        raised = p.reading.raised_markers if status is Status.FUNCTIONAL else ()
        facts += marker_facts(p, raised)
        values["evidence"] = evidence_words(p, level, raised)
        variant = "cord-low"
    return fires(
        variant=f"{variant}{folic}",
        facts=facts + b12_medicines(p),
        values=values,
        recommends=(Recommendation.REFER,),
        missing_keys=p.unread(*(() if status in _LOW else (DataKey.LABS,)), *MEDICATION_KEYS),
    )


def _child_not_read(p: Picture) -> Answer:
    """Nothing to say of a child, which is so only where all that could have been was read and counted: results, a cord
    disease, and, where only one form of B12 is safe, what is taken."""
    unread = p.unread(DataKey.LABS, DataKey.CONDITIONS, *(MEDICATION_KEYS if leber(p) and not p.facts.drafts else ()))
    unused = tuple(issue for issue in p.left_out if issue.matters_to in _MATTER_IN_A_CHILD)
    by_name = tuple(result_fact(r, p.knowledge) for r in p.facts.labs if r.analyte in B12_ANALYTES and not r.is_coded)
    if not (unread or unused or by_name):
        return does_not_fire()
    return fires(
        variant="child-not-read",
        facts=(*by_name, *issue_facts(unused)),
        recommends=(Recommendation.VERIFY_DATA,),
        missing_keys=unread,
    )


def _ordered(p: Picture) -> list[DraftContent]:
    """What the selected drafts hold."""
    return [content for draft in p.facts.drafts if draft.is_selected for content in draft.contents]


def _orders_folic_acid_or_b12(p: Picture) -> bool:
    return any(content.medicine in (Medicine.FOLIC_ACID, Medicine.B12) for content in _ordered(p))


def _orders_injection(p: Picture) -> bool:
    """Whether an injection of B12 is among the drafts, selected or not: it is signed with them."""
    going_on = [d for d in p.facts.drafts if not d.is_on_hold]
    drafted = [c for d in going_on for c in d.contents if c.medicine is Medicine.B12]
    return any(c.route is Route.PARENTERAL and is_therapeutic(c, p.parameters) is Presence.YES for c in drafted)


def data_incomplete(p: Picture, answers: Sequence[Answer]) -> Answer:
    """Data that could change the answer were not there, and no other card says so.

    `answers` are those of all other rules: what they would have needed, and what their own cards already name.
    """
    if not p.in_scope:
        return does_not_fire()
    fired = [answer for answer in answers if answer.outcome is FIRES]
    named = {key for answer in fired for key in answer.missing_keys}
    wanted = dict.fromkeys([key for answer in answers for key in answer.missing_keys])
    if p.status in (Status.UNLIKELY, Status.UNKNOWN, Status.INDETERMINATE):
        wanted |= dict.fromkeys(p.unread(DataKey.LABS))
    missing = tuple(key for key in wanted if key not in named)
    if not missing:
        return _left_out(p, fired)
    labs = DataKey.LABS in missing
    named_keys = [KEY_WORDS[DataKey(key)] for key in missing]
    risks = p.risks + p.perhaps_long_used
    urgent = labs and bool(p.features) and bool(risks)
    return fires(
        variant="results-with-feature" if urgent else "results" if labs else "other",
        facts=issue_facts(p.left_out) + (p.features + risks if labs else ()),
        values={"keys": ", ".join(named_keys)},
        recommends=(Recommendation.VERIFY_DATA,),
        missing_keys=missing,
    )


def _left_out(p: Picture, fired: Sequence[Answer]) -> Answer:
    """Single entries that could not be used, although all keys were there; results of B12 stand on every other card,
    and what a card names already is not said by a second one."""
    told = {fact.value for answer in fired for fact in answer.facts}
    found = tuple(
        issue
        for issue, fact in zip(p.left_out, issue_facts(p.left_out), strict=True)
        if fact.value not in told and not (fired and issue.matters_to in _ON_EVERY_CARD)
    )
    if not found:
        return does_not_fire()
    return fires(variant="left-out", facts=issue_facts(found), recommends=(Recommendation.VERIFY_DATA,))
