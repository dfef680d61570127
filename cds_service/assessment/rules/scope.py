"""Patients whom the rules do not cover, and data that were not there to be read."""

from __future__ import annotations

from collections.abc import Sequence

from cds_service.assessment.bands import Band
from cds_service.assessment.key_words import KEY_WORDS
from cds_service.assessment.outcome import FIRES, Answer, FactUsed, Status, does_not_fire, fires
from cds_service.assessment.picture import Picture, issue_facts, result_fact
from cds_service.assessment.reading import B12_ANALYTES
from cds_service.assessment.rules.diagnosis import b12_values
from cds_service.facts.labs import Analyte
from cds_service.facts.patient import AGE, ANYTHING, DataKey
from cds_service.facts.treatments import Medicine
from cds_service.knowledge.model import Recommendation

_ON_EVERY_CARD = (Analyte.TOTAL_B12, Analyte.ACTIVE_B12, Analyte.MMA, Analyte.HOMOCYSTEINE, Medicine.B12, AGE)
_LOW_OR_DOUBTFUL = (Band.DEFICIENT, Band.DEFICIENT_OR_INDETERMINATE, Band.INDETERMINATE)


def child_with_low_b12(p: Picture) -> Answer:
    """A child's B12 that would be low or indeterminate in an adult: not ours to treat, and not to be passed over."""
    result = p.reading.deciding
    if not p.is_child or p.facts.is_deceased or p.age is None:
        return does_not_fire()
    if p.facts.drafts and not _orders_folic_acid_or_b12(p):
        return does_not_fire()
    if result is None or p.reading.band not in _LOW_OR_DOUBTFUL:
        return _childs_results_not_read(p)
    return fires(
        variant="child",
        facts=(FactUsed("Age", f"{p.age[1]} years"), result_fact(result, p.knowledge)),
        values=b12_values(p, result),
        recommends=(Recommendation.REFER,),
    )


def _childs_results_not_read(p: Picture) -> Answer:
    """No result that is low or in doubt, which is a no only where every result could be read and counted."""
    unread = p.unread(DataKey.LABS)
    unused = tuple(issue for issue in p.left_out if issue.matters_to in (*B12_ANALYTES, ANYTHING))
    by_name = tuple(result_fact(r, p.knowledge) for r in p.facts.labs if r.analyte in B12_ANALYTES and not r.is_coded)
    if not (unread or unused or by_name):
        return does_not_fire()
    return fires(
        variant="child-not-read",
        facts=(*by_name, *issue_facts(unused)),
        recommends=(Recommendation.VERIFY_DATA,),
        missing_keys=unread,
    )


def _orders_folic_acid_or_b12(p: Picture) -> bool:
    ours = (Medicine.FOLIC_ACID, Medicine.B12)
    return any(d.is_selected and any(c.medicine in ours for c in d.contents) for d in p.facts.drafts)


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
        return _left_out(p, bool(fired))
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


def _left_out(p: Picture, has_cards: bool) -> Answer:
    """Single entries that could not be used, although all keys were there; results of B12 stand on every other card."""
    found = tuple(issue for issue in p.left_out if not (has_cards and issue.matters_to in _ON_EVERY_CARD))
    if not found:
        return does_not_fire()
    return fires(variant="left-out", facts=issue_facts(found), recommends=(Recommendation.VERIFY_DATA,))
