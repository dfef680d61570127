"""What the results mean together: the patient's vitamin B12 status, and why.

Newest usable result first; the more severe of total and active B12; metabolites near in time; confounders; and
nothing that was drawn on therapy is diagnostic (clinical-guidelines 1 to 3 and 7).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeGuard

from cds_service.assessment.bands import Band, b12_band, is_raised, is_severe, scale_of
from cds_service.assessment.metabolites import Marker, read_markers
from cds_service.assessment.outcome import Status
from cds_service.assessment.results import Labs, follows, least_days_apart, standing, within_months
from cds_service.assessment.therapy import Therapy
from cds_service.facts.dates import ClinicalDate
from cds_service.facts.labs import Analyte, Finding, LabResult
from cds_service.facts.presence import Presence
from cds_service.facts.problems import Problem, ProblemKind
from cds_service.knowledge.model import Knowledge

B12_ANALYTES = (Analyte.TOTAL_B12, Analyte.ACTIVE_B12)
IN_PERNICIOUS_ANAEMIA = "the B12 assay can read too high in pernicious anaemia"


@dataclass(frozen=True, slots=True)
class Reading:
    """The results read together.

    `deciding` is the B12 result that the status rests on (None: there is none that counts), `band` its band.
    `others` are further B12 results of the same time that agree or disagree; `disagreeing` are those of them that
    were taken within days of it and fall in another band (of different times it is a change). `on_therapy` are B12
    results drawn on therapy or soon after, newest first. `is_after_treatment` tells that the deciding one is of
    soon after: its level may still be too high, so that it counts as far as it is low. `distrust` says why a B12
    that is not low settles nothing. `is_recent` tells whether the deciding result is within the configured time.
    `unclassified` is a newer result whose comparator leaves every band open: it takes back a reassurance, and never
    a deficiency. `is_below_own_range` tells of a level that our limits call sufficient and the laboratory that
    measured it calls low: assays differ, and its range belongs to its assay; `is_marked_low` that it marked such a
    level as low, within the range it gave or without one.
    """

    band: Band | None = None
    deciding: LabResult | None = None
    others: tuple[LabResult, ...] = ()
    disagreeing: tuple[LabResult, ...] = ()
    markers: tuple[Marker, ...] = ()
    raised_apart: tuple[Marker, ...] = ()
    raised_before: tuple[Marker, ...] = ()
    unclassified: LabResult | None = None
    on_therapy: tuple[LabResult, ...] = ()
    preliminary: LabResult | None = None
    in_words_only: LabResult | None = None
    distrust: str = ""
    is_below_own_range: bool = False
    is_marked_low: bool = False
    is_recent: bool = False
    is_after_treatment: bool = False
    is_severe: bool = False
    has_myelopathy: bool = False

    @property
    def status(self) -> Status:
        """The status that the results give, whoever the patient is."""
        return _status(self)

    @property
    def is_open_after_treatment(self) -> bool:
        """Whether the level is above our limits, and not known only because it was drawn so soon after treatment."""
        if not self.is_after_treatment or self.unclassified is not None or _is_called_low(self.in_words_only):
            return False
        return self.is_recent and self.band is Band.UNLIKELY and self.status is Status.UNKNOWN

    @property
    def called_low(self) -> LabResult | None:
        """The B12 that its laboratory calls low without saying how low, where no newer result tells more."""
        if _is_called_low(self.in_words_only):
            return self.in_words_only
        return self.unclassified if _is_marked_low(self.unclassified) else None

    @property
    def is_low_to_its_laboratory(self) -> bool:
        """Whether the laboratory calls a level low that our limits call sufficient."""
        return self.is_below_own_range or self.is_marked_low

    @property
    def raised_markers(self) -> tuple[Marker, ...]:
        """The metabolites that count as raised."""
        return tuple(m for m in self.markers if m.counts_as_raised)

    @property
    def confounded_markers(self) -> tuple[Marker, ...]:
        """Metabolites that are raised, but may be so for another reason."""
        return tuple(m for m in self.markers if m.raised is Presence.YES and m.confounder and not m.on_therapy)


def read_results(
    labs: Labs,
    therapy: Therapy,
    problems: Mapping[ProblemKind, tuple[Problem, ...]],
    knowledge: Knowledge,
    today: date,
) -> Reading:
    """All results as one reading."""
    b12 = [r for r in labs.all if r.analyte in B12_ANALYTES and r.is_coded]
    numeric = [r for r in b12 if r.finding is None]
    diagnostic = [r for r in numeric if not therapy.covers(r.taken) or _band(r, knowledge) is Band.DEFICIENT]
    on_therapy = tuple(sorted((r for r in numeric if therapy.covers(r.taken)), key=lambda r: r.taken.order)[::-1])
    deciding, others, preliminary = _deciding(diagnostic, therapy, knowledge)
    if on_therapy and (deciding is None or _band(deciding, knowledge) is not Band.DEFICIENT):
        diagnostic = [r for r in numeric if not therapy.is_taken_on(r.taken) or _band(r, knowledge) is Band.DEFICIENT]
        deciding, others, preliminary = _deciding(diagnostic, therapy, knowledge)
    words = _in_words(b12, deciding)
    is_recent = _is_recent(deciding, knowledge, today)
    counts = deciding is not None and (is_recent or _band(deciding, knowledge) is Band.DEFICIENT)
    markers = read_markers(labs, deciding if counts else words, therapy, problems, knowledge, today)
    return Reading(
        band=_band(deciding, knowledge) if deciding else None,
        deciding=deciding,
        others=others,
        disagreeing=_disagreeing(deciding, others, knowledge),
        markers=markers.near,
        raised_apart=markers.apart,
        raised_before=markers.earlier,
        unclassified=_unclassified(diagnostic, deciding, knowledge),
        on_therapy=on_therapy,
        preliminary=preliminary,
        in_words_only=words,
        distrust=_distrust(labs, problems, knowledge)
        or _drawn_on_unknown_dose(deciding, therapy)
        or _in_pernicious_anaemia(problems, markers.near),
        is_below_own_range=_is_below_own_range(deciding, knowledge),
        is_marked_low=_is_marked_low(deciding) and _band(deciding, knowledge) is Band.UNLIKELY,
        is_recent=is_recent,
        is_after_treatment=_is_after_treatment(deciding, therapy),
        is_severe=_is_severe(deciding, knowledge),
        has_myelopathy=bool(problems.get(ProblemKind.MYELOPATHY)),
    )


def _band(result: LabResult, knowledge: Knowledge) -> Band:
    return b12_band(result, scale_of(result, knowledge.analytes[result.analyte]))


def _is_severe(result: LabResult | None, knowledge: Knowledge) -> bool:
    return result is not None and is_severe(result, scale_of(result, knowledge.analytes[result.analyte]))


def _deciding(
    diagnostic: Sequence[LabResult], therapy: Therapy, knowledge: Knowledge
) -> tuple[LabResult | None, tuple[LabResult, ...], LabResult | None]:
    """The deciding B12 result, the others of its time, and a newer preliminary one that only softens or warns.

    A preliminary result decides only when it is the more severe, or nothing final is there and it is low: it must
    never reassure.
    """
    final = [r for r in diagnostic if not r.is_preliminary]
    candidates = _standing_of_each(final, therapy, knowledge)
    preliminary = _newer_preliminary(diagnostic, candidates)
    if preliminary is not None and _outweighs(preliminary, candidates, knowledge):
        return preliminary, tuple(candidates), preliminary
    if not candidates:
        return None, (), preliminary
    latest = max(candidates, key=lambda r: r.taken.order)
    window = knowledge.parameters.metabolite_window_days
    near = [r for r in candidates if least_days_apart(r.taken, latest.taken) <= window]
    deciding = max(near, key=lambda r: (_band(r, knowledge).severity, is_low_there(r), r.taken.order))
    return deciding, tuple(r for r in near if r is not deciding), preliminary


def _standing_of_each(results: Sequence[LabResult], therapy: Therapy, knowledge: Knowledge) -> list[LabResult]:
    """What stands of total and of active B12; one sample in two units, or two samples that cannot be put in order,
    are all kept, and the more severe decides."""
    told = [r for r in results if _band(r, knowledge) is not Band.CANNOT_CLASSIFY] or results
    found: list[LabResult] = []
    for analyte in B12_ANALYTES:
        of_it = [r for r in told if r.analyte is analyte]
        stands = standing(of_it)
        stands += _deficient_days_before(stands, of_it, therapy, knowledge)
        found += sorted(stands, key=lambda r: (-_band(r, knowledge).severity, r.source))
    return found


def _deficient_days_before(
    newest: Sequence[LabResult], results: Sequence[LabResult], therapy: Therapy, knowledge: Knowledge
) -> list[LabResult]:
    """A deficient result that one later sample contradicts within days. Levels do not rise so without treatment, and
    samples are mixed up; a second later sample that is not deficient either has settled it."""
    if any(_band(r, knowledge) is Band.DEFICIENT or therapy.may_cover(r.taken) for r in newest):
        return []
    low: list[LabResult] = []
    is_corrected: dict[ClinicalDate, bool] = {}  # of those that are not low, by their samples
    for result in results:
        if _band(result, knowledge) is Band.DEFICIENT:
            low.append(result)
        else:
            is_corrected[result.taken] = is_corrected.get(result.taken, False) or result.is_corrected
    if not low:
        return []
    last_first = sorted(is_corrected, key=lambda day: (day.earliest, day.order), reverse=True)
    window = knowledge.parameters.agreement_window_days

    def is_contradicted_once(day: ClinicalDate) -> bool:
        last = last_first[0]
        if len(last_first) > 1 and follows(last_first[1], day):
            return False
        is_within_days = any(least_days_apart(r.taken, day) <= window for r in newest)
        return follows(last, day) and is_within_days and not (is_corrected[last] and last.earliest == day.latest)

    return [r for r in low if is_contradicted_once(r.taken)]


def _unclassified(
    diagnostic: Sequence[LabResult], deciding: LabResult | None, knowledge: Knowledge
) -> LabResult | None:
    """The newest result that tells no band, where nothing newer or of its time tells one."""
    untold = [r for r in diagnostic if _band(r, knowledge) is Band.CANNOT_CLASSIFY]
    latest = max(untold, key=lambda r: r.taken.order, default=None)
    if latest is None or latest is deciding or deciding is None or latest.taken.order > deciding.taken.order:
        return latest
    return None


def _newer_preliminary(diagnostic: Sequence[LabResult], final: Sequence[LabResult]) -> LabResult | None:
    drafts = [r for r in diagnostic if r.is_preliminary]
    latest = max(drafts, key=lambda r: r.taken.order, default=None)
    if latest is None or any(r.analyte is latest.analyte and _is_surely_as_new(r, latest) for r in final):
        return None
    return latest


def _is_surely_as_new(result: LabResult, other: LabResult) -> bool:
    """A vague date ("2025") reaches beyond a day of that year, and may lie before it."""
    return result.taken.earliest >= other.taken.latest and result.taken.order >= other.taken.order


def _outweighs(preliminary: LabResult, final: Sequence[LabResult], knowledge: Knowledge) -> bool:
    severity = _band(preliminary, knowledge).severity
    if not final:
        return severity >= Band.INDETERMINATE.severity
    return severity > max(_band(r, knowledge).severity for r in final)


def _in_words(b12: Sequence[LabResult], deciding: LabResult | None) -> LabResult | None:
    """A B12 that the laboratory gave in words alone ("Normal"), the newest there is; of one time a low one."""
    found = (r for r in b12 if r.finding is not None)
    worded = max(found, key=lambda r: (r.taken.order, r.finding is Finding.LOW), default=None)
    if worded is None or deciding is None or worded.taken.order > deciding.taken.order:
        return worded
    is_other = worded.analyte is not deciding.analyte and worded.taken.order == deciding.taken.order
    return worded if is_other and _is_called_low(worded) else None  # total B12 does not answer for active B12


def _is_recent(deciding: LabResult | None, knowledge: Knowledge, today: date) -> bool:
    return deciding is not None and within_months(deciding.taken, knowledge.parameters.recent_result_months, today)


def _disagreeing(
    deciding: LabResult | None, others: Sequence[LabResult], knowledge: Knowledge
) -> tuple[LabResult, ...]:
    window = knowledge.parameters.agreement_window_days
    return tuple(
        r
        for r in others
        if deciding is not None
        and least_days_apart(r.taken, deciding.taken) <= window
        and _band(r, knowledge) is not _band(deciding, knowledge)
    )


def _is_below_own_range(deciding: LabResult | None, knowledge: Knowledge) -> bool:
    return deciding is not None and _is_below_range(deciding) and _band(deciding, knowledge) is Band.UNLIKELY


def is_low_there(result: LabResult) -> bool:
    """Whether its own laboratory calls a level low, by its range or its mark."""
    return _is_marked_low(result) or _is_below_range(result)


def _is_below_range(result: LabResult) -> bool:
    low, most = result.lower_limit, result.most
    return low is not None and most is not None and most < low


def _distrust(labs: Labs, problems: Mapping[ProblemKind, tuple[Problem, ...]], knowledge: Knowledge) -> str:
    """Why a B12 that is not low rules nothing out in this patient (clinical-guidelines 3 and 5, Assay)."""
    antibody = labs.newest(Analyte.INTRINSIC_FACTOR_ANTIBODY)
    analyte = knowledge.analytes[Analyte.INTRINSIC_FACTOR_ANTIBODY]
    if antibody is not None and is_raised(antibody, analyte) is Presence.YES:
        return f"intrinsic factor antibody is positive ({antibody.taken}), which can make the B12 assay read too high"
    if problems.get(ProblemKind.NITROUS_OXIDE):
        return "nitrous oxide inactivates vitamin B12 without lowering the measured level"
    return ""


def _drawn_on_unknown_dose(deciding: LabResult | None, therapy: Therapy) -> str:
    """B12 that was taken may have raised the level, and nobody knows whether it was enough to."""
    may_be_raised = deciding is not None and therapy.may_cover(deciding.taken)
    return "vitamin B12 of unknown dose may have raised the measured level" if may_be_raised else ""


def _in_pernicious_anaemia(problems: Mapping[ProblemKind, tuple[Problem, ...]], markers: Sequence[Marker]) -> str:
    """The assay can fail in pernicious anaemia whether or not the antibody was measured; a normal MMA answers it."""
    mma = (m for m in markers if m.result.analyte is Analyte.MMA and not m.on_therapy)
    if not problems.get(ProblemKind.PERNICIOUS_ANAEMIA) or any(m.raised is Presence.NO for m in mma):
        return ""
    return IN_PERNICIOUS_ANAEMIA


def _is_after_treatment(deciding: LabResult | None, therapy: Therapy) -> bool:
    return deciding is not None and therapy.covers(deciding.taken) and not therapy.is_taken_on(deciding.taken)


def _status(reading: Reading) -> Status:
    if reading.band is Band.DEFICIENT:
        return Status.DEFICIENT  # however old: a deficiency that nobody treated is still one
    if reading.in_words_only is not None and reading.raised_markers:
        return Status.FUNCTIONAL
    if reading.deciding is None or not reading.is_recent or reading.band is Band.CANNOT_CLASSIFY:
        return Status.UNKNOWN
    if reading.raised_markers:
        return Status.FUNCTIONAL
    if reading.band is Band.DEFICIENT_OR_INDETERMINATE:
        return Status.INDETERMINATE
    if reading.band is Band.UNLIKELY:
        if reading.unclassified is not None or _is_called_low(reading.in_words_only):
            return Status.UNKNOWN  # a newer result took the reassurance back
        is_called_low = reading.is_low_to_its_laboratory and not _metabolites_are_normal(reading)
        doubted = reading.distrust or reading.raised_apart or is_called_low
        if doubted:
            return Status.INDETERMINATE
        return Status.UNKNOWN if reading.is_after_treatment else Status.UNLIKELY
    doubted = reading.distrust or reading.raised_apart or reading.has_myelopathy or reading.is_after_treatment
    settled = _metabolites_are_normal(reading) and not doubted
    return Status.UNLIKELY if settled else Status.INDETERMINATE


def _is_marked_low(result: LabResult | None) -> TypeGuard[LabResult]:
    return result is not None and result.flag is Finding.LOW


def _is_called_low(worded: LabResult | None) -> bool:
    return worded is not None and worded.finding is Finding.LOW


def _metabolites_are_normal(reading: Reading) -> bool:
    """MMA normal before therapy, and homocysteine not raised, or raised for another reason. Homocysteine alone settles
    nothing: the article asks for MMA in the indeterminate band."""
    usable = [m for m in reading.markers if not m.on_therapy]
    mma = [m for m in usable if m.result.analyte is Analyte.MMA]
    others = [m for m in usable if m.result.analyte is not Analyte.MMA and not m.confounder]
    return bool(mma) and all(m.raised is Presence.NO for m in (*mma, *others))
