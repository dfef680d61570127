"""Results as panels: one for each analyte and unit, with the guideline's bands and each laboratory's own limits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from cds_service.assessment.bands import Band as Meaning
from cds_service.assessment.bands import LimitGroup, low_limit
from cds_service.facts.dates import ClinicalDate
from cds_service.facts.labs import Analyte, Comparator, LabResult
from cds_service.facts.patient import DataIssue, PatientFacts
from cds_service.facts.units import normalised
from cds_service.figures.model import Band, Mark, Panel, Row, Shape, Tone
from cds_service.figures.reliance import Reliance
from cds_service.figures.words import shown
from cds_service.knowledge.model import AnalyteKnowledge, Knowledge, Scale

DRAWN = (
    Analyte.TOTAL_B12,
    Analyte.ACTIVE_B12,
    Analyte.MMA,
    Analyte.HOMOCYSTEINE,
    Analyte.MCV,
    Analyte.HAEMOGLOBIN,
)
_NEVER_NEAR_ZERO = (Analyte.MCV, Analyte.HAEMOGLOBIN)
_SHAPES = {
    None: Shape.EXACT,
    Comparator.BELOW: Shape.BELOW,
    Comparator.AT_MOST: Shape.BELOW,
    Comparator.ABOVE: Shape.ABOVE,
    Comparator.AT_LEAST: Shape.ABOVE,
}
_UNDATED = date.min
_LONGEST_NUMBER = 7


@dataclass(frozen=True, slots=True)
class _Axis:
    """What a panel counts in. `factor` makes the canonical unit of it, as `Scale.units` does."""

    unit: str
    factor: Decimal
    note: str = ""

    def of(self, value: Decimal | None) -> Decimal | None:
        return None if value is None else value / self.factor


def result_rows(facts: PatientFacts, knowledge: Knowledge, relied: Reliance) -> dict[LabResult, Row]:
    """A row for each usable result, of every analyte."""
    cared = _cared_for(facts.issues)
    return {result: _row(result, knowledge, relied, cared) for result in facts.labs}


def unused_rows(facts: PatientFacts, knowledge: Knowledge, dates: Mapping[str, ClinicalDate]) -> dict[DataIssue, Row]:
    """A row for each result that could not be used at all; `dates` are those of resources, as far as they have one."""
    drawn = {(result.source, result.analyte.value) for result in facts.labs}  # these say themselves what is odd
    return {
        issue: _unused_row(issue, knowledge.analytes[issue.matters_to], dates.get(issue.resource))
        for issue in facts.issues
        if not issue.used_with_care
        and issue.matters_to in knowledge.analytes
        and (issue.resource, issue.matters_to) not in drawn
    }


def panels(
    rows: Mapping[LabResult, Row],
    unused: Mapping[DataIssue, Row],
    dates: Mapping[str, ClinicalDate],
    knowledge: Knowledge,
    limits_for: LimitGroup | None,
) -> tuple[Panel, ...]:
    """The panels that have something to show; total B12 has one in any case.

    `limits_for` None: the guideline's limits do not hold for this patient, and none are drawn.
    """
    made: list[Panel] = []
    for analyte in DRAWN:
        known = knowledge.analytes[analyte]
        by_unit: dict[str, list[LabResult]] = defaultdict(list)
        for result in rows:
            if result.analyte is analyte:
                by_unit[result.unit].append(result)
        crosses = [_cross(issue, row, dates) for issue, row in unused.items() if issue.matters_to == analyte]
        marks = [mark for mark in crosses if mark is not None]
        in_words = by_unit.pop("", [])
        scales = [scale for scale in known.scales if scale.unit in by_unit]
        if not scales and (marks or in_words or analyte is Analyte.TOTAL_B12):
            scales = [known.scales[0]]
        for index, scale in enumerate(scales):
            # What has no number or no unit belongs to no scale; it is shown once, with the first.
            apart = [_mark(r, rows[r], _Axis("", Decimal(1))) for r in in_words] + marks if index == 0 else []
            made.append(_panel(known, scale, by_unit[scale.unit], rows, apart, limits_for))
    return tuple(made)


def _panel(
    known: AnalyteKnowledge,
    scale: Scale,
    results: Sequence[LabResult],
    rows: Mapping[LabResult, Row],
    apart: Sequence[Mark],
    limits_for: LimitGroup | None,
) -> Panel:
    axis = _axis(scale, results)
    marks = (*(_mark(result, rows[result], axis) for result in results), *apart)
    bands = _bands(scale, axis, limits_for) if limits_for is not None else ()
    notes = [axis.note]
    if not marks:
        notes.append("no result in the data that were read")
    elif not results:
        notes.append("no result with a number that could be used")
    return Panel(
        title=known.title,
        unit=axis.unit,
        bands=bands,
        marks=tuple(sorted(marks, key=lambda mark: (mark.when.order, mark.row.source))),
        notes=tuple(filter(None, notes)),
        starts_at_zero=known.id not in _NEVER_NEAR_ZERO,
    )


def _axis(scale: Scale, results: Iterable[LabResult]) -> _Axis:
    """The unit that the laboratory reported in, where there is one and it differs by its decimal point at most.

    Otherwise the canonical unit, with a note: numbers of two units on one axis would be read as each other.
    """
    reported = {normalised(unit): unit for r in results if (unit := r.printed.partition(" ")[2])}
    factors = {spelling: scale.units.get(spelling) for spelling in reported}
    if len(set(factors.values())) == 1:
        (factor,) = set(factors.values())
        if factor is not None and factor.normalize().as_tuple().digits == (1,):
            return _Axis(shown(next(iter(reported.values())), 20), factor)
    if not reported or set(reported) == {normalised(scale.unit)}:
        return _Axis(scale.unit, Decimal(1))
    units = " and ".join(sorted({shown(unit, 20) for unit in reported.values()}))
    return _Axis(scale.unit, Decimal(1), f"reported in {units}, drawn in {scale.unit}")


def _bands(scale: Scale, axis: _Axis, limits_for: LimitGroup) -> tuple[Band, ...]:
    made: list[Band] = []
    severe, deficient, unlikely = map(axis.of, (scale.severe_below, scale.deficient_below, scale.unlikely_above))
    if severe is not None:
        made.append(Band(None, severe, Tone.SEVERE, "severe"))
    if deficient is not None:
        made.append(Band(severe, deficient, Tone.LOW, Meaning.DEFICIENT.value))
    if deficient is not None and unlikely is not None:
        made.append(Band(deficient, unlikely, Tone.BETWEEN, Meaning.INDETERMINATE.value))
    if unlikely is not None:
        made.append(Band(unlikely, None, Tone.CLEAR, f"deficiency {Meaning.UNLIKELY.value}"))
    low = axis.of(low_limit(scale, limits_for))
    if low is not None:
        by_group = scale.low_below_female is not None or scale.low_below_male is not None
        made.append(Band(None, low, Tone.LOW, f"low ({limits_for})" if by_group else "low"))
    raised = axis.of(scale.raised_above)
    if raised is not None:
        made.append(Band(raised, None, Tone.RAISED, "raised"))
    return tuple(made)


def _mark(result: LabResult, row: Row, axis: _Axis) -> Mark:
    return Mark(
        when=result.taken,
        shape=Shape.IN_WORDS if result.value is None else _SHAPES[result.comparator],
        label=_label(result),
        row=row,
        value=axis.of(result.value),
        own_low=axis.of(result.lower_limit),
        own_high=axis.of(result.upper_limit),
        is_tentative=result.is_preliminary or not result.is_coded,
    )


def _label(result: LabResult) -> str:
    """What is written beside the mark. A long number is cut and never rounded: rounding could lift it over a limit."""
    if result.value is None:
        return shown(result.printed, 16)
    return shown(result.printed.partition(" ")[0], _LONGEST_NUMBER)


def _cross(issue: DataIssue, row: Row, dates: Mapping[str, ClinicalDate]) -> Mark | None:
    when = dates.get(issue.resource)
    return None if when is None else Mark(when, Shape.NOT_USED, "not used", row)


def _row(result: LabResult, knowledge: Knowledge, relied: Reliance, cared: Mapping[tuple[str, str], list[str]]) -> Row:
    remarks = [
        "preliminary" if result.is_preliminary else "",
        "corrected" if result.is_corrected else "",
        "" if result.is_coded else "recognised by its name only",
        *cared.get((result.source, result.analyte), ()),
    ]
    return Row(
        order=result.taken.latest,
        when=str(result.taken),
        what=knowledge.analytes[result.analyte].title,
        value=shown(result.printed, 40),
        reference=shown(result.printed_range, 40),
        remarks=tuple(filter(None, remarks)),
        rules=relied.rules(result.source, result.printed),
        is_counted=result in relied.status_results,
        source=shown(result.source),
    )


def _unused_row(issue: DataIssue, known: AnalyteKnowledge, when: ClinicalDate | None) -> Row:
    return Row(
        order=_UNDATED if when is None else when.latest,
        when="no date" if when is None else str(when),
        what=known.title,
        value="not used",
        remarks=(shown(issue.issue, 300),),
        source=shown(issue.resource),
    )


def _cared_for(issues: Iterable[DataIssue]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for issue in issues:
        if issue.used_with_care:
            found[issue.resource, issue.matters_to].append(shown(issue.issue, 300))
    return found
