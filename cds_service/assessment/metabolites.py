"""MMA and homocysteine: raised or not, near the B12 or apart from it, and what else may explain them.

Never a confirmation where kidneys or folate explain a raised value, nor where the sample was drawn on therapy
(clinical-guidelines 3 and 7.8).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from cds_service.assessment.bands import is_low, is_raised, raised_limit_words
from cds_service.assessment.results import Labs, follows, most_days_apart, standing, within_months
from cds_service.assessment.therapy import Therapy
from cds_service.facts.labs import Analyte, LabResult
from cds_service.facts.presence import Presence
from cds_service.facts.problems import Problem, ProblemKind
from cds_service.knowledge.model import Knowledge

METABOLITES = (Analyte.MMA, Analyte.HOMOCYSTEINE)

Problems = Mapping[ProblemKind, tuple[Problem, ...]]


@dataclass(frozen=True, slots=True)
class Marker:
    """A metabolite near the B12 result: whether it is raised, against which limit, and what may explain it.

    `on_therapy`: drawn on therapy, or so soon after it that a value which is not raised tells nothing.
    """

    result: LabResult
    raised: Presence
    limit: str
    confounder: str = ""
    on_therapy: bool = False

    @property
    def counts_as_raised(self) -> bool:
        """Raised, before therapy, with nothing else to explain it."""
        return self.raised is Presence.YES and not self.confounder and not self.on_therapy


@dataclass(frozen=True, slots=True)
class MarkersRead:
    """`near`: of the time of the deciding B12, or drawn after it while it is recent (or recent, where no recent B12
    decides). `apart`: raised ones that lie too far before it to be read together, and that nothing newer has taken
    back; of those that are not recent MMA alone, where nobody has treated since. `earlier`: raised ones that are too
    old to count, since when nobody has measured again or treated.
    """

    near: tuple[Marker, ...]
    apart: tuple[Marker, ...]
    earlier: tuple[Marker, ...]


def read_markers(
    labs: Labs,
    anchor: LabResult | None,
    therapy: Therapy,
    problems: Problems,
    knowledge: Knowledge,
    today: date,
) -> MarkersRead:
    """The newest of each metabolite near `anchor` (None: the recent ones), and raised ones that lie apart from it.

    The newest drawn before therapy is taken where there is one: only that one is diagnostic. One that is drawn after a
    recent B12 answers it however long after, as B12 is measured first; one on therapy answers no earlier level.
    """
    is_recent = anchor is not None and _belongs(anchor, None, knowledge, today)
    near, apart, earlier = [], [], []
    for analyte in METABOLITES:
        ours = [r for r in labs.of(analyte) if r.is_coded and not r.is_preliminary]
        close = [r for r in ours if _belongs(r, anchor, knowledge, today)]
        if anchor is not None and is_recent:
            apart_from_it = [r for r in ours if not _belongs(r, anchor, knowledge, today)]
            close += [r for r in apart_from_it if _answers(r, anchor, therapy, knowledge)]
        marker = _marker(close, labs, therapy, problems, knowledge)
        if marker is not None:
            near.append(marker)
        recent = [r for r in ours if _belongs(r, None, knowledge, today)] if anchor is not None else close
        other = _marker(recent or ours, labs, therapy, problems, knowledge)
        if other is None or not other.counts_as_raised or (marker is not None and marker.result is other.result):
            continue
        is_untreated = not therapy.was_taken_after(other.result.taken.earliest)
        # A level answers no MMA that was raised before it, however long before: B12 need not have been low then either.
        if recent or (is_untreated and is_recent and analyte is Analyte.MMA):
            apart.append(other)
        elif is_untreated:
            earlier.append(other)
    return MarkersRead(tuple(near), tuple(apart), tuple(earlier))


def _marker(
    results: Sequence[LabResult], labs: Labs, therapy: Therapy, problems: Problems, knowledge: Knowledge
) -> Marker | None:
    counting = [r for r in results if not _tells_nothing(r, therapy, knowledge)]
    held = [(is_raised(r, knowledge.analytes[r.analyte]), r) for r in standing(counting or results)]
    if not held:
        return None
    raised, result = max(held, key=lambda pair: (pair[0] is Presence.YES, pair[1].taken.order))
    limit = raised_limit_words(result, knowledge.analytes[result.analyte])
    confounder = confounder_of(result, labs, problems, knowledge) if raised is Presence.YES else ""
    return Marker(result, raised, limit, confounder, _tells_nothing(result, therapy, knowledge))


def _tells_nothing(result: LabResult, therapy: Therapy, knowledge: Knowledge) -> bool:
    """Therapy lowers metabolites, so that one which is raised after its end is raised; any other may be so again."""
    if not therapy.covers(result.taken):
        return False
    if therapy.is_taken_on(result.taken):
        return True
    return is_raised(result, knowledge.analytes[result.analyte]) is not Presence.YES


def _belongs(result: LabResult, anchor: LabResult | None, knowledge: Knowledge, today: date) -> bool:
    if anchor is None:
        return within_months(result.taken, knowledge.parameters.recent_result_months, today)
    return most_days_apart(result.taken, anchor.taken) <= knowledge.parameters.metabolite_window_days


def _answers(result: LabResult, anchor: LabResult, therapy: Therapy, knowledge: Knowledge) -> bool:
    """Whether a metabolite drawn after a level tells what the level left open; B12 taken in between, of whatever dose,
    may have lowered one that is not raised."""
    if not follows(result.taken, anchor.taken) or _tells_nothing(result, therapy, knowledge):
        return False
    is_high = is_raised(result, knowledge.analytes[result.analyte]) is Presence.YES
    return is_high or not therapy.may_cover(result.taken)


def renal_confounder(labs: Labs, problems: Problems, knowledge: Knowledge) -> str:
    """Why kidney function makes raised metabolites unreliable; "" when nothing says so (clinical-guidelines 3)."""
    latest = labs.newest(Analyte.EGFR)
    # One sample is often reported by several formulas: the lowest counts, as it is the one that may confound.
    same_sample = [r for r in labs.of(Analyte.EGFR) if latest is not None and r.taken == latest.taken]
    rates = [(r.most, r.source, r) for r in same_sample if r.most is not None]
    if rates:
        least, _source, egfr = min(rates, key=lambda rate: rate[:2])
        if least < knowledge.parameters.egfr_below:
            return f"reduced kidney function ({rate_words(egfr)}, {egfr.taken})"
    for kind in (ProblemKind.DIALYSIS, ProblemKind.CHRONIC_KIDNEY_DISEASE):
        if problems.get(kind):
            return "chronic kidney disease on the problem list"
    return ""


def confounder_of(
    result: LabResult,
    labs: Labs,
    problems: Problems,
    knowledge: Knowledge,
) -> str:
    """What else may explain a raised metabolite, in words; "" when nothing does (clinical-guidelines 3)."""
    renal = renal_confounder(labs, problems, knowledge)
    if renal:
        return renal
    if problems.get(ProblemKind.INBORN_ERROR):
        return "an inborn error of cobalamin metabolism on the problem list"
    if result.analyte is not Analyte.HOMOCYSTEINE:
        return ""
    if problems.get(ProblemKind.FOLATE_DEFICIENCY):
        return "folate deficiency on the problem list"
    for analyte in (Analyte.SERUM_FOLATE, Analyte.RED_CELL_FOLATE):
        folate = labs.newest(analyte)
        if folate is not None and is_low(folate, knowledge.analytes[analyte]) is Presence.YES:
            return f"low folate ({folate.printed}, {folate.taken})"
    return ""


def rate_words(egfr: LabResult) -> str:
    """In the canonical unit: laboratories print UCUM's remarks in braces, which nobody wants to read. Of an estimate of
    ours what was measured."""
    if egfr.estimated_from:
        return f"creatinine {egfr.estimated_from}"
    rate = egfr.printed if egfr.value is None else f"{egfr.comparator or ''}{egfr.value:.0f} {egfr.unit}"
    return f"eGFR {rate}"
