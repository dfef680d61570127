"""Observations of the key `labs` read into laboratory results (clinical-guidelines 6 and 7.1 to 7.10).

A result that concerns us is either used or becomes a DataIssue that says why not; a withdrawn one is left out without
a word, as its sender asks.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from cds_service.facts.dates import ClinicalDate
from cds_service.facts.labs import Analyte, LabResult
from cds_service.facts.orders import TEST_OF, TestOrder
from cds_service.facts.patient import ANYTHING, DataIssue, DataKey
from cds_service.fhir.analyte_codes import BY_CODE_ONLY, DECIDING, AnalyteMatch, match_analyte
from cds_service.fhir.left_out import says_something
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.resources import Component, Resource, resource_name
from cds_service.fhir.result_values import ReadValue, read_value
from cds_service.fhir.result_words import finding_of, interpretations
from cds_service.fhir.same_sample import settle
from cds_service.fhir.smallest_first import largest_read
from cds_service.fhir.specimens import Specimens
from cds_service.fhir.statuses import WITHDRAWN_OR_PLANNED, status_of
from cds_service.fhir.subject import patient_references, subject_problem
from cds_service.fhir.unusable import Unusable, quoted
from cds_service.knowledge.model import Knowledge

_COUNTED = ("final", "amended", "corrected", "preliminary")
_CORRECTED = ("amended", "corrected")
_REGISTERED, _PRELIMINARY = "registered", "preliminary"
_LOW_BY_OWN_RANGE = (Analyte.TOTAL_B12, Analyte.ACTIVE_B12)
_A_MONTH = timedelta(days=31)
MOST_PARTS: Final = 10_000
"""Codings and ranges of all results of ours, but for one range and a flag of each."""
_A_FLAG = 3  # parts: itself, and a coding of two systems


@dataclass(slots=True)  # not frozen, which takes twice as long: one is made of every result, and not kept
class _Candidate:
    """An Observation, or one component of it, that is a result of one of our analytes."""

    resource: Resource
    holder: Resource | Component
    match: AnalyteMatch
    path: str
    status: str

    def issue(self, field: str, sentence: str, used_with_care: bool = False) -> DataIssue:
        of_parent = field in ("status", "subject", "specimen") or field.startswith(("effective", "issued"))
        path = field if of_parent else f"{self.path}{field}"
        return DataIssue(resource_name(self.resource), path, sentence, self.match.analyte.value, used_with_care)


def read_labs(record: PatientRecord, knowledge: Knowledge, today: date) -> tuple[list[LabResult], list[DataIssue]]:
    """All usable results of the context patient, oldest first, and what could not be used or only with care."""
    references, specimens = patient_references(record), Specimens(record, knowledge)
    results: list[LabResult] = []
    issues: list[DataIssue] = []
    withdrawn: set[str] = set()
    candidates: list[_Candidate] = []
    for resource in record.section(DataKey.LABS).resources("Observation"):
        if resource.contained:
            issues += _contained_results(resource, knowledge)
        candidates += _candidates(resource, knowledge)
    most = largest_read([_parts(candidate.holder) for candidate in candidates], MOST_PARTS)
    for candidate in candidates:
        if candidate.status in WITHDRAWN_OR_PLANNED:
            withdrawn.add(candidate.resource.id or "")
            continue
        if most is not None and _parts(candidate.holder) > most:
            issues.append(_of_too_many_parts(candidate, knowledge))
            continue
        result, found = _read(candidate, references, specimens, knowledge, today)
        issues += found
        if result is not None:
            results.append(result)
    if withdrawn:
        results = [result for result in results if result.source.removeprefix("Observation/") not in withdrawn]
    kept, unsettled = settle(results, knowledge)
    return kept, sorted({*issues, *unsettled}, key=lambda issue: (issue.resource, issue.field, issue.issue))


def _parts(holder: Resource | Component) -> int:
    """How many ranges and codings one result has beyond the few that are usual; each is dear to read."""
    concepts = interpretations(holder)
    if holder.value_codeable_concept is not None:
        concepts = [*concepts, holder.value_codeable_concept]
    ranges, codings = len(holder.reference_range or ()), sum([1 + len(concept.coding or ()) for concept in concepts])
    return max(0, ranges - 1) + max(0, codings - _A_FLAG)


def _of_too_many_parts(candidate: _Candidate, knowledge: Knowledge) -> DataIssue:
    short = knowledge.analytes[candidate.match.analyte].short
    sentence = f"This {short} result was not used: the results have more codings and ranges than are read at once."
    return replace(candidate.issue("", sentence), day=_day(candidate.resource))


def _contained_results(resource: Resource, knowledge: Knowledge) -> Iterator[DataIssue]:
    """Results that were sent inside of another one (`hasMember` "#m"). Of what is contained only what it is is decoded,
    so each of ours, or that does not say what it is, is told as not used."""
    if status_of(resource) in WITHDRAWN_OR_PLANNED:
        return
    for index, inside in enumerate(resource.contained or ()):
        if inside.resource_type != "Observation":
            continue
        match = match_analyte(inside.code, knowledge)
        if match is None and says_something(inside.code):
            continue
        sentence, about = "This result was not used: it does not say what it is.", ANYTHING
        if match is not None:
            short, about = knowledge.analytes[match.analyte].short, match.analyte.value
            sentence = f"This {short} result was not used: it was sent inside of another result."
        yield DataIssue(resource_name(resource), f"contained[{index}]", sentence, about, day=_day(resource))


def read_awaited(record: PatientRecord, knowledge: Knowledge) -> list[TestOrder]:
    """The tests of which the laboratory has the sample and no value yet, as orders that are done: results that are
    registered. A preliminary one without a value may have lost it, and is told as not used."""
    registered = [r for r in record.section(DataKey.LABS).resources("Observation") if status_of(r) == _REGISTERED]
    if not registered:
        return []
    references, specimens = patient_references(record), Specimens(record, knowledge)
    awaited: set[TestOrder] = set()
    for resource in registered:
        for candidate in _candidates(resource, knowledge):
            test = TEST_OF.get(candidate.match.analyte)
            if test is None:
                continue
            with contextlib.suppress(Unusable):
                _refuse_other(candidate, references, specimens)
                awaited.add(TestOrder(test, _day(resource), resource_name(resource), is_done=True))
    return sorted(awaited, key=repr)


def result_dates(record: PatientRecord) -> dict[str, ClinicalDate]:
    """When each Observation of the key `labs` was taken, by `Type/id`, used or not, where it has a date."""
    dates: dict[str, ClinicalDate] = {}
    for resource in record.section(DataKey.LABS).resources("Observation"):
        with contextlib.suppress(ValueError):
            dates[resource_name(resource)] = ClinicalDate.parse(_when(resource)[1] or "")
    return dates


def _candidates(resource: Resource, knowledge: Knowledge) -> Sequence[_Candidate]:
    match, components = match_analyte(resource.code, knowledge), resource.component
    if match is None and not components:
        return ()
    found: list[_Candidate] = []
    status = status_of(resource)
    if match is not None and not _is_heading(resource, match):
        found.append(_Candidate(resource, resource, match, "", status))
    for index, component in enumerate(components or ()):
        match = match_analyte(component.code, knowledge)
        if match is not None:
            found.append(_Candidate(resource, component, match, f"component[{index}].", status))
    return found


def _is_heading(resource: Resource, match: AnalyteMatch) -> bool:
    """Whether this is the head of a panel, called after what is in it: its components are the results, or results of
    their own where its code is none that we know."""
    may_be = bool(resource.component) or (match.is_coded_otherwise and not resource.interpretation)
    return may_be and _is_empty(resource)


def _is_empty(resource: Resource) -> bool:
    """Whether it has no value of its own, and no reason why there is none."""
    values = (resource.value_quantity, resource.value_string, resource.value_codeable_concept, resource.value_range)
    bare = (resource.value_integer, resource.value_boolean)
    return all(value is None for value in (*values, *bare)) and resource.data_absent_reason is None


def _read(
    candidate: _Candidate, references: frozenset[str], specimens: Specimens, knowledge: Knowledge, today: date
) -> tuple[LabResult | None, list[DataIssue]]:
    analyte = knowledge.analytes[candidate.match.analyte]
    try:
        _refuse_unusable(candidate, references, specimens)
        taken, of_date = _taken(candidate.resource, today)
        value = read_value(candidate.holder, analyte, candidate.match.code)
    except Unusable as unusable:
        why = f"{unusable.why}{_marked(candidate)}"
        sentence = f"This {analyte.short} result was not used: {why}."
        return None, [replace(candidate.issue(unusable.field, sentence), day=_day(candidate.resource))]
    issues = _not_told(candidate, analyte.short, taken, value)
    notes = (*of_date, *value.notes)
    if notes:
        issues = [*_with_care(candidate, analyte.short, notes, issues), *issues]
    if not candidate.match.is_coded and candidate.match.analyte in BY_CODE_ONLY:
        sentence = f"This {analyte.short} result does not count as measured: it was recognised by its name alone."
        issues.append(replace(candidate.issue("code", sentence), day=taken))
    return _result(candidate, taken, value), issues


def _with_care(
    candidate: _Candidate, short: str, notes: Iterable[tuple[str, str]], untold: Sequence[DataIssue]
) -> Iterator[DataIssue]:
    """What of a result that is used needs care, but for the fields of which more is said."""
    said = {issue.field for issue in untold}
    care_taken = f"This {short} result was used with care"
    for field, why in notes:
        if field not in said:
            yield candidate.issue(field, f"{care_taken}: {why}.", used_with_care=True)


def _not_told(candidate: _Candidate, short: str, taken: ClinicalDate, value: ReadValue) -> list[DataIssue]:
    """What of a result that is used was sent and is lost with the rest of it: a laboratory's own lower limit, which may
    call a level low that ours do not, and when in a year it was, without which it stands neither before nor after."""
    untold = []
    if candidate.match.analyte in _LOW_BY_OWN_RANGE and value.own_range.is_unread:
        lost = f"The laboratory's own range of this {short} result was not used: its lower limit cannot be read."
        untold.append(candidate.issue("referenceRange", lost))
    if value.own_range.is_too_many:
        lost = f"This {short} result has more reference ranges in words than are read."
        untold.append(candidate.issue("referenceRange", lost))
    if candidate.match.analyte in BY_CODE_ONLY and taken.latest - taken.earliest > _A_MONTH:
        timeless = f"This {short} result cannot be set beside others: its day is not known, only {taken}."
        untold.append(candidate.issue(_when(candidate.resource)[0], timeless))
    return [replace(issue, day=taken) for issue in untold] if untold else untold


def _refuse_unusable(candidate: _Candidate, references: frozenset[str], specimens: Specimens) -> None:
    status = candidate.status
    if status not in _COUNTED:
        raise Unusable("status", f"its status is {quoted(status)}" if status else "it has no status")
    _refuse_other(candidate, references, specimens)


def _refuse_other(candidate: _Candidate, references: frozenset[str], specimens: Specimens) -> None:
    """Refuse what is another patient's, something else, or of another specimen than blood."""
    problem = subject_problem(candidate.resource, references)
    if problem:
        raise Unusable("subject", f"it {problem.partition(';')[0]}")
    if candidate.match.doubt:
        raise Unusable("code", candidate.match.doubt)
    if candidate.resource.specimen is not None and candidate.match.analyte in DECIDING:
        other = specimens.other_than_blood(candidate.resource)
        if other:
            raise Unusable("specimen", f"it was measured in {other}")


def _marked(candidate: _Candidate) -> str:
    """The laboratory's own flag on a result that we cannot use: it may be the one thing that a reader can act on."""
    finding = finding_of(interpretations(candidate.holder))
    return f" (marked {finding.value})" if finding is not None else ""


def _taken(resource: Resource, today: date) -> tuple[ClinicalDate, list[tuple[str, str]]]:
    """When the sample was taken, and what needs care about that.

    Raises:
        Unusable: there is no date, it is none, or it lies in the future.
    """
    field, text = _when(resource)
    if text is None:
        raise Unusable("effectiveDateTime", "it has no date")
    try:
        taken = ClinicalDate.parse(text)
    except ValueError:
        raise Unusable(field, f"{quoted(text)} is not a date") from None
    if taken.earliest > today:
        raise Unusable(field, f"its date {taken} is in the future")
    if field == "issued":
        return taken, [(field, f"it does not say when the sample was taken, so {taken}, when it was reported, counts")]
    if not taken.is_exact:
        return taken, [(field, f"the day is not known, only {taken}")]
    return taken, []


def _day(resource: Resource) -> ClinicalDate | None:
    """The day of a result that cannot be used, as far as it can be told."""
    try:
        return ClinicalDate.parse(_when(resource)[1] or "")
    except ValueError:
        return None


def _when(resource: Resource) -> tuple[str, str | None]:
    if resource.effective_date_time is not None:
        return "effectiveDateTime", resource.effective_date_time
    if resource.effective_instant is not None:
        return "effectiveInstant", resource.effective_instant
    period = resource.effective_period
    if period is not None and period.end is not None:
        return "effectivePeriod.end", period.end
    if period is not None and period.start is not None:
        return "effectivePeriod.start", period.start
    return "issued", resource.issued


def _issued(resource: Resource) -> ClinicalDate | None:
    try:
        return ClinicalDate.parse(resource.issued) if resource.issued else None
    except ValueError:
        return None  # it only ever settles which of two reports is the later; without it both are kept


def _result(candidate: _Candidate, taken: ClinicalDate, value: ReadValue) -> LabResult:
    return LabResult(
        analyte=candidate.match.analyte,
        taken=taken,
        source=resource_name(candidate.resource),
        printed=value.printed,
        value=value.value,
        unit=value.unit,
        comparator=value.comparator,
        finding=value.finding,
        flag=value.flag,
        lower_limit=value.own_range.low,
        upper_limit=value.own_range.high,
        printed_range=value.own_range.printed,
        issued=_issued(candidate.resource),
        is_preliminary=candidate.status == _PRELIMINARY,
        is_corrected=candidate.status in _CORRECTED,
        is_coded=candidate.match.is_coded,
    )
