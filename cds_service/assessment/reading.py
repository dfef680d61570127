"""What the results mean together: the patient's vitamin B12 status, and why.

Newest usable result first; the more severe of total and active B12; metabolites near in time; confounders; and
nothing that was drawn on therapy is diagnostic (clinical-guidelines 1 to 3 and 7).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from cds_service.assessment.bands import Band, b12_band, is_low, is_raised, is_severe, scale_of
from cds_service.assessment.outcome import Status
from cds_service.assessment.therapy import Therapy
from cds_service.facts.dates import ClinicalDate, add_months
from cds_service.facts.labs import Analyte, LabResult
from cds_service.facts.presence import Presence
from cds_service.facts.problems import Problem, ProblemKind
from cds_service.knowledge.model import Knowledge

B12_ANALYTES = (Analyte.TOTAL_B12, Analyte.ACTIVE_B12)
METABOLITES = (Analyte.MMA, Analyte.HOMOCYSTEINE)


@dataclass(frozen=True, slots=True)
class Marker:
    """A metabolite near the B12 result: whether it is raised, against which limit, and what may explain it."""

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
class Reading:
    """The results read together.

    `deciding` is the B12 result that the status rests on (None: there is none that counts), `band` its band.
    `others` are further B12 results of the same time that agree or disagree. `on_therapy` are B12 results drawn on
    therapy, newest first. `distrust` says why a B12 that is not low settles nothing. `is_recent` tells whether the
    deciding result is within the configured time.
    """

    status: Status
    band: Band | None = None
    deciding: LabResult | None = None
    others: tuple[LabResult, ...] = ()
    markers: tuple[Marker, ...] = ()
    on_therapy: tuple[LabResult, ...] = ()
    preliminary: LabResult | None = None
    in_words_only: LabResult | None = None
    distrust: str = ""
    is_recent: bool = False
    is_severe: bool = False
    disagree: bool = False

    @property
    def raised_markers(self) -> tuple[Marker, ...]:
        """The metabolites that count as raised."""
        return tuple(m for m in self.markers if m.counts_as_raised)

    @property
    def confounded_markers(self) -> tuple[Marker, ...]:
        """Metabolites that are raised, but may be so for another reason."""
        return tuple(m for m in self.markers if m.raised is Presence.YES and m.confounder and not m.on_therapy)


def newest(results: Iterable[LabResult], analyte: Analyte) -> LabResult | None:
    """The newest result of an analyte: final before preliminary on the same day and time."""
    ours = [r for r in results if r.analyte is analyte]
    return max(ours, key=lambda r: (r.taken.order, r.is_corrected, not r.is_preliminary, _issued(r)), default=None)


def standing(results: Sequence[LabResult]) -> list[LabResult]:
    """The results that no later one certainly takes the place of.

    A vague date ("2025") neither gives way to a day of that year nor takes its place, and of two results of one day
    without clock times neither is the newer: both stand, and the more severe decides.
    """
    return [r for r in results if not any(_supersedes(other, r) for other in results)]


def _supersedes(later: LabResult, earlier: LabResult) -> bool:
    if later.taken.earliest > earlier.taken.latest:
        return True
    if not (later.taken.is_exact and earlier.taken.is_exact and later.taken.earliest == earlier.taken.earliest):
        return False
    if later.taken.time and earlier.taken.time and later.taken.time != earlier.taken.time:
        return later.taken.time > earlier.taken.time
    if later.unit != earlier.unit:
        return False
    return (later.is_corrected, _issued(later)) > (earlier.is_corrected, _issued(earlier))


def _issued(result: LabResult) -> tuple[date, date, str]:
    return result.issued.order if result.issued is not None else (date.min, date.min, "")


def within_months(taken: ClinicalDate, months: int, today: date) -> bool:
    """Whether a sample is certainly less than so many calendar months old (exactly so many is not)."""
    return taken.earliest > add_months(today, -months)


def read_results(
    labs: Sequence[LabResult],
    therapy: Therapy,
    problems: Mapping[ProblemKind, tuple[Problem, ...]],
    knowledge: Knowledge,
    today: date,
) -> Reading:
    """All results as one reading."""
    b12 = [r for r in labs if r.analyte in B12_ANALYTES and r.is_coded]
    numeric = [r for r in b12 if r.finding is None]
    diagnostic = [r for r in numeric if not therapy.covers(r.taken) or _band(r, knowledge) is Band.DEFICIENT]
    on_therapy = tuple(sorted((r for r in numeric if therapy.covers(r.taken)), key=lambda r: r.taken.order)[::-1])
    deciding, others, preliminary = _deciding(diagnostic, knowledge)
    words = _in_words(b12, deciding)
    markers = _markers(labs, deciding or words, therapy, problems, knowledge, today)
    reading = Reading(
        status=Status.UNKNOWN,
        band=_band(deciding, knowledge) if deciding else None,
        deciding=deciding,
        others=others,
        markers=markers,
        on_therapy=on_therapy,
        preliminary=preliminary,
        in_words_only=words,
        distrust=_distrust(labs, problems, knowledge),
        is_recent=_is_recent(deciding, knowledge, today),
        is_severe=_is_severe(deciding, knowledge),
        disagree=_disagree(deciding, others, knowledge),
    )
    return _with_status(reading, problems)


def _band(result: LabResult, knowledge: Knowledge) -> Band:
    return b12_band(result, scale_of(result, knowledge.analytes[result.analyte]))


def _is_severe(result: LabResult | None, knowledge: Knowledge) -> bool:
    return result is not None and is_severe(result, scale_of(result, knowledge.analytes[result.analyte]))


def _deciding(
    diagnostic: Sequence[LabResult], knowledge: Knowledge
) -> tuple[LabResult | None, tuple[LabResult, ...], LabResult | None]:
    """The deciding B12 result, the others of its time, and a newer preliminary one that only softens or warns.

    A preliminary result decides only when it is the more severe, or nothing final is there and it is low: it must
    never reassure.
    """
    final = [r for r in diagnostic if not r.is_preliminary]
    candidates = _newest_of_each(final, knowledge)
    preliminary = _newer_preliminary(diagnostic, candidates)
    if preliminary is not None and _outweighs(preliminary, candidates, knowledge):
        return preliminary, tuple(candidates), preliminary
    if not candidates:
        return None, (), preliminary
    latest = max(candidates, key=lambda r: r.taken.order)
    window = knowledge.parameters.metabolite_window_days
    near = [r for r in candidates if _least_days_apart(r.taken, latest.taken) <= window]
    deciding = max(near, key=lambda r: (_band(r, knowledge).severity, r.taken.order))
    return deciding, tuple(r for r in near if r is not deciding), preliminary


def _newest_of_each(results: Sequence[LabResult], knowledge: Knowledge) -> list[LabResult]:
    """What stands of total and of active B12; one sample in two units, or two samples that cannot be put in order,
    are all kept, and the more severe decides."""
    return [
        result
        for analyte in B12_ANALYTES
        for result in sorted(
            standing([r for r in results if r.analyte is analyte]),
            key=lambda r: (-_band(r, knowledge).severity, r.source),
        )
    ]


def _newer_preliminary(diagnostic: Sequence[LabResult], final: Sequence[LabResult]) -> LabResult | None:
    drafts = [r for r in diagnostic if r.is_preliminary]
    latest = max(drafts, key=lambda r: r.taken.order, default=None)
    if latest is None or any(r.analyte is latest.analyte and r.taken.order >= latest.taken.order for r in final):
        return None
    return latest


def _outweighs(preliminary: LabResult, final: Sequence[LabResult], knowledge: Knowledge) -> bool:
    severity = _band(preliminary, knowledge).severity
    if not final:
        return severity >= Band.INDETERMINATE.severity
    return severity > max(_band(r, knowledge).severity for r in final)


def _days_apart(one: ClinicalDate, other: ClinicalDate) -> int:
    """The most days that can lie between two dates."""
    return max(abs((one.latest - other.earliest).days), abs((other.latest - one.earliest).days))


def _least_days_apart(one: ClinicalDate, other: ClinicalDate) -> int:
    """The fewest days that can lie between two dates; 0 where they may be one day."""
    return max((one.earliest - other.latest).days, (other.earliest - one.latest).days, 0)


def _in_words(b12: Sequence[LabResult], deciding: LabResult | None) -> LabResult | None:
    """A B12 that the laboratory gave in words alone ("Normal"), when it is the newest there is."""
    worded = max((r for r in b12 if r.finding is not None), key=lambda r: r.taken.order, default=None)
    if worded is None or (deciding is not None and deciding.taken.order >= worded.taken.order):
        return None
    return worded


def _is_recent(deciding: LabResult | None, knowledge: Knowledge, today: date) -> bool:
    return deciding is not None and within_months(deciding.taken, knowledge.parameters.recent_result_months, today)


def _disagree(deciding: LabResult | None, others: Sequence[LabResult], knowledge: Knowledge) -> bool:
    return deciding is not None and any(_band(r, knowledge) is not _band(deciding, knowledge) for r in others)


def _markers(
    labs: Sequence[LabResult],
    anchor: LabResult | None,
    therapy: Therapy,
    problems: Mapping[ProblemKind, tuple[Problem, ...]],
    knowledge: Knowledge,
    today: date,
) -> tuple[Marker, ...]:
    """The newest of each metabolite within the window around the deciding B12; without a B12, the recent ones.

    The newest drawn before therapy is taken where there is one: only that one is diagnostic.
    """
    found = []
    for analyte in METABOLITES:
        ours = [r for r in labs if r.analyte is analyte and r.is_coded and not r.is_preliminary]
        near = [r for r in ours if _belongs(r, anchor, knowledge, today)]
        before = [r for r in near if not therapy.covers(r.taken)]
        held = [(is_raised(r, knowledge.analytes[analyte]), r) for r in standing(before or near)]
        if not held:
            continue
        (raised, limit), result = max(held, key=lambda pair: (pair[0][0] is Presence.YES, pair[1].taken.order))
        confounder = confounder_of(result, labs, problems, knowledge) if raised is Presence.YES else ""
        found.append(Marker(result, raised, limit, confounder, therapy.covers(result.taken)))
    return tuple(found)


def _belongs(result: LabResult, anchor: LabResult | None, knowledge: Knowledge, today: date) -> bool:
    if anchor is None:
        return within_months(result.taken, knowledge.parameters.recent_result_months, today)
    return _days_apart(result.taken, anchor.taken) <= knowledge.parameters.metabolite_window_days


def renal_confounder(
    labs: Sequence[LabResult], problems: Mapping[ProblemKind, tuple[Problem, ...]], knowledge: Knowledge
) -> str:
    """Why kidney function makes raised metabolites unreliable; "" when nothing says so (clinical-guidelines 3)."""
    latest = newest(labs, Analyte.EGFR)
    # One sample is often reported by several formulas: the lowest counts, as it is the one that may confound.
    same_sample = [r for r in labs if latest is not None and r.analyte is Analyte.EGFR and r.taken == latest.taken]
    rates = [(r.most, r.source, r) for r in same_sample if r.most is not None]
    if rates:
        least, _source, egfr = min(rates, key=lambda rate: rate[:2])
        if least < knowledge.parameters.egfr_below:
            return f"reduced kidney function (eGFR {egfr.printed}, {egfr.taken})"
    for kind in (ProblemKind.DIALYSIS, ProblemKind.CHRONIC_KIDNEY_DISEASE):
        if problems.get(kind):
            return "chronic kidney disease on the problem list"
    return ""


def confounder_of(
    result: LabResult,
    labs: Sequence[LabResult],
    problems: Mapping[ProblemKind, tuple[Problem, ...]],
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
        folate = newest(labs, analyte)
        if folate is not None and is_low(folate, knowledge.analytes[analyte]) is Presence.YES:
            return f"low folate ({folate.printed}, {folate.taken})"
    return ""


def _distrust(
    labs: Sequence[LabResult], problems: Mapping[ProblemKind, tuple[Problem, ...]], knowledge: Knowledge
) -> str:
    """Why a B12 that is not low rules nothing out in this patient (clinical-guidelines 3 and 5, Assay)."""
    antibody = newest(labs, Analyte.INTRINSIC_FACTOR_ANTIBODY)
    analyte = knowledge.analytes[Analyte.INTRINSIC_FACTOR_ANTIBODY]
    if antibody is not None and is_raised(antibody, analyte)[0] is Presence.YES:
        return f"intrinsic factor antibody is positive ({antibody.taken}), which can make the B12 assay read too high"
    if problems.get(ProblemKind.NITROUS_OXIDE):
        return "nitrous oxide inactivates vitamin B12 without lowering the measured level"
    return ""


def _with_status(reading: Reading, problems: Mapping[ProblemKind, tuple[Problem, ...]]) -> Reading:
    return replace(reading, status=_status(reading, bool(problems.get(ProblemKind.MYELOPATHY))))


def _status(reading: Reading, has_myelopathy: bool) -> Status:
    if reading.band is Band.DEFICIENT:
        return Status.DEFICIENT  # however old: a deficiency that nobody treated is still one
    if reading.in_words_only is not None and reading.raised_markers:
        return Status.FUNCTIONAL
    if reading.deciding is None or not reading.is_recent or reading.band is Band.CANNOT_CLASSIFY:
        return Status.UNKNOWN
    if reading.band is Band.DEFICIENT_OR_INDETERMINATE:
        return Status.INDETERMINATE
    if reading.raised_markers:
        return Status.FUNCTIONAL
    if reading.band is Band.UNLIKELY:
        return Status.INDETERMINATE if reading.distrust else Status.UNLIKELY
    settled = _metabolites_are_normal(reading) and not reading.distrust and not has_myelopathy
    return Status.UNLIKELY if settled else Status.INDETERMINATE


def _metabolites_are_normal(reading: Reading) -> bool:
    """MMA normal before therapy, and no metabolite raised or unclear. Homocysteine alone settles nothing: the article
    asks for MMA in the indeterminate band."""
    usable = [m for m in reading.markers if not m.on_therapy]
    has_mma = any(m.result.analyte is Analyte.MMA for m in usable)
    return has_mma and all(m.raised is Presence.NO for m in usable)
