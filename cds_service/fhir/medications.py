"""Reading what a patient takes and took: from all four kinds of medication record, and procedures that give B12."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Final

from cds_service.facts.patient import ANYTHING, DOSE, DataIssue, DataKey
from cds_service.facts.treatments import GIVEN_ON_A_DAY, Medicine, RecordKind, Route, Treatment
from cds_service.fhir.amounts import Amount, Kind, read_quantity
from cds_service.fhir.codings import texts
from cds_service.fhir.dosage import NO_DOSAGE, DoseRead, read_dose
from cds_service.fhir.ended_orders import ON_HOLD, ended_by_drafts
from cds_service.fhir.medication_codes import Held, Product
from cds_service.fhir.medication_issues import IssueLog
from cds_service.fhir.medication_reader import MedicationReader
from cds_service.fhir.medication_times import (
    LONGEST_AHEAD,
    Intervals,
    Now,
    all_dosages,
    dispense_times,
    ended_now,
    given_times,
    halted,
    is_halted,
    is_planned,
    is_taken,
    not_taken,
    once_only,
    paused_now,
    request_times,
    statement_times,
    supplied_until,
)
from cds_service.fhir.ordering import in_order
from cds_service.fhir.record import PatientRecord
from cds_service.fhir.resources import Dosage, Resource, resource_name
from cds_service.fhir.routes import read_route, route_in_words
from cds_service.fhir.sig import says_not_taken
from cds_service.fhir.smallest_first import largest_read
from cds_service.fhir.subject import patient_references, subject_problem
from cds_service.fhir.supply import supplied_dose
from cds_service.knowledge.model import Knowledge

_SECTIONS = (
    (DataKey.MEDICATION_STATEMENTS, RecordKind.STATEMENT),
    (DataKey.MEDICATION_REQUESTS, RecordKind.REQUEST),
    (DataKey.MEDICATION_DISPENSES, RecordKind.DISPENSE),
    (DataKey.MEDICATION_ADMINISTRATIONS, RecordKind.ADMINISTRATION),
    (DataKey.PROCEDURES, RecordKind.PROCEDURE),
)
MOST_HELD: Final = 20_000
"""Medicines of ours in all records of one kind; where there are more, the products with the fewest of them are read."""
_SUPPLIES = (RecordKind.REQUEST, RecordKind.DISPENSE)
_MEANT_TO_GO_ON = frozenset({RecordKind.REQUEST, RecordKind.STATEMENT})
_TOO_MANY = "the records of its kind hold more medicines than are read at once"
_Times = Callable[[Resource, DoseRead, Now, IssueLog], Intervals | None]
_TIMES: dict[RecordKind, _Times] = {
    RecordKind.STATEMENT: lambda resource, _dose, now, log: statement_times(resource, now, log),
    RecordKind.REQUEST: request_times,
    RecordKind.DISPENSE: dispense_times,
    RecordKind.ADMINISTRATION: lambda resource, _dose, now, log: given_times(resource, now, log),
    RecordKind.PROCEDURE: lambda resource, _dose, now, log: given_times(resource, now, log),
}


def read_treatments(
    record: PatientRecord, knowledge: Knowledge, today: date
) -> tuple[list[Treatment], list[DataIssue]]:
    """Every treatment with a medicine of ours, one for each medicine that a product holds, and what could not be used.

    Records that tell of no use give nothing: plans, drafts, cancelled and erroneous records, what was not taken or
    not given, and orders not to give. The order of the entries does not matter, and one sent twice counts once.
    """
    resources = (entry.resource for key, _ in _SECTIONS for entry in record.section(key).entries)
    reader, references = MedicationReader(record, knowledge, resources), patient_references(record)
    now = Now(today, knowledge.parameters.exposure_gap_days)
    ended = ended_by_drafts(record)
    treatments: list[Treatment] = []
    issues: set[DataIssue] = set()
    for kind, products in _records(record, reader):
        most = largest_read([len(product.held) for _, product in products], MOST_HELD)
        for resource, product in products:
            if most is not None and len(product.held) > most:
                product = Product(problem=_TOO_MANY)
            found, unused = _read(kind, resource, product, references, now)
            treatments += [t for one in found if (t := _as_it_is_left(one, ended, now)) is not None]
            issues.update(unused)
    return in_order(treatments, _place), sorted(issues, key=lambda i: (i.resource, i.field, i.issue, i.matters_to))


def takes_upper(medicine: Medicine) -> bool:
    """Which end of a dose range is counted: the one that never reassures falsely.

    Folic acid masks a deficiency above a dose, so its highest counts; vitamin B12 treats one above a dose, so its
    lowest counts.
    """
    return medicine is Medicine.FOLIC_ACID


def route_of(held: Held, dosages: list[Dosage]) -> Route:
    """The route that the dosage states in codes or words, else that of the product; NOT_KNOWN where lines differ."""
    stated = {read_route(d.route) for d in dosages if d.route is not None}
    stated.discard(Route.NOT_KNOWN)
    if not stated:
        stated = {route_in_words([d.text or d.patient_instruction or ""]) for d in dosages}
        stated.discard(Route.NOT_KNOWN)
    if stated:
        return stated.pop() if len(stated) == 1 else Route.NOT_KNOWN
    return held.route


def _records(
    record: PatientRecord, reader: MedicationReader
) -> Iterator[tuple[RecordKind, list[tuple[Resource, Product]]]]:
    for key, kind in _SECTIONS:
        product_of = partial(_given_b12, reader=reader) if kind is RecordKind.PROCEDURE else reader.product_of
        yield kind, [(resource, product_of(resource)) for resource in record.section(key).resources(kind)]


def _read(
    kind: RecordKind, resource: Resource, product: Product, references: frozenset[str], now: Now
) -> tuple[list[Treatment], list[DataIssue]]:
    if not product.held and not product.problem:
        return [], []
    problem = subject_problem(resource, references)
    if problem:
        about = [held.medicine.value for held in product.held] or [ANYTHING]
        return [], [DataIssue(resource_name(resource), "subject", problem, medicine) for medicine in about]
    if not product.held:
        log = IssueLog(resource_name(resource), ANYTHING)
        if _may_be_use(kind, resource, now):
            log.add("medication", f"{product.problem}, so it is not known what it is", left_out=True)
        return [], log.issues
    treatments: list[Treatment] = []
    issues: list[DataIssue] = []
    if product.problem and _may_be_use(kind, resource, now):
        log = IssueLog(resource_name(resource), ANYTHING)
        log.add("medication", f"{product.problem}, so it is not known what else it holds", left_out=True)
        issues.extend(log.issues)
    for held in product.held:
        log = IssueLog(resource_name(resource), held.medicine)
        treatment = _treatment(kind, resource, product, held, now, log)
        if treatment is not None:
            treatments.append(treatment)
        issues.extend(log.issues)
    return treatments, issues


def _as_it_is_left(treatment: Treatment, ended: Mapping[str, str], now: Now) -> Treatment | None:
    """A treatment as the drafts of this session leave it; None where they say that it never was, or never begins."""
    status = ended.get(treatment.source)
    if status is None:
        return treatment
    intervals = (paused_now if status == ON_HOLD else ended_now)(treatment.intervals, now)
    if status == "entered-in-error" or not intervals:
        return None
    return replace(treatment, intervals=intervals, is_active=False, is_halted=True)


def _given_b12(resource: Resource, reader: MedicationReader) -> Product:
    """The vitamin B12 that a procedure gives: a code that says so, or a name that speaks of an injection. A procedure
    may as well be a test of B12, or anything at all, so that nothing else of it is read as a medicine."""
    product = reader.product_of_concept(resource.code)
    stated = route_in_words([product.name])
    b12 = (h if h.route is not Route.NOT_KNOWN else replace(h, route=stated) for h in product.held if _is_b12(h))
    return Product(product.name, tuple(h for h in b12 if h.is_coded or h.route is Route.PARENTERAL))


def _is_b12(held: Held) -> bool:
    return held.medicine is Medicine.B12


def _may_be_use(kind: RecordKind, resource: Resource, now: Now) -> bool:
    """Whether an unreadable medication would have counted: nobody needs to look for a cancelled one."""
    unheard = IssueLog(resource_name(resource))
    return _TIMES[kind](resource, DoseRead(NO_DOSAGE), now, unheard) is not None


def _treatment(
    kind: RecordKind, resource: Resource, product: Product, held: Held, now: Now, log: IssueLog
) -> Treatment | None:
    dosages = all_dosages(resource)
    dose = read_dose(dosages, held.strength, takes_upper(held.medicine), now.today)
    intervals = _TIMES[kind](resource, dose, now, log)
    if intervals is None:
        return None
    if not dosages and not takes_upper(held.medicine):
        # Where the most counts, as of folic acid, an average of the days would be too little.
        dose = replace(dose, daily=supplied_dose(resource, held.strength, log) or dose.daily)
    if not is_halted(resource) and _has_a_reason_not_to_take(resource):
        dose = replace(dose, is_not_taken=True, is_doubted=True)
    is_not_taken = dose.is_not_taken and kind not in GIVEN_ON_A_DAY
    is_over_or_paused = is_halted(resource) or is_not_taken
    if is_over_or_paused:
        intervals = not_taken(intervals, now) if is_not_taken else halted(intervals, now)
    route = route_of(held, dosages)
    is_single = kind in _MEANT_TO_GO_ON and not is_over_or_paused and _is_single(resource, dose, route)
    if is_single:
        intervals = once_only(intervals, now)
    _note_what_is_open(held, dose, route, intervals, now, log)
    return Treatment(
        medicine=held.medicine,
        name=product.name,
        source=log.resource,
        kind=kind,
        intervals=intervals,
        dose=dose.daily,
        dose_mg=dose.dose_mg,
        route=route,
        form=held.form,
        as_needed=dose.as_needed,
        is_active=is_taken(intervals, now.today),
        is_halted=is_over_or_paused,
        is_planned=is_planned(resource, intervals, now),
        is_single=is_single,
        supplied_until=supplied_until(resource, dose) if kind in _SUPPLIES else None,
        is_doubted=dose.is_doubted and not is_halted(resource) and kind not in GIVEN_ON_A_DAY,
        is_coded=held.is_coded,
        is_eradication_pack=held.is_eradication_pack,
    )


def _has_a_reason_not_to_take(resource: Resource) -> bool:
    """Whether a record that goes on by its status gives as the reason of its status that it is not taken."""
    given = resource.status_reason
    reasons = given if isinstance(given, list) else [given]
    return any(says_not_taken(text) for reason in reasons for text in texts(reason))


def _is_single(resource: Resource, dose: DoseRead, route: Route) -> bool:
    """Whether one dose is all that is ordered: by the dosage, or, without any, by one mL to inject and no repeats."""
    dispense = resource.dispense_request
    if dispense is None or not all_dosages(resource):
        amount = read_quantity(dispense.quantity) if dispense is not None and dispense.quantity is not None else None
        is_one_ml = isinstance(amount, Amount) and amount.kind is Kind.VOLUME and amount.high <= 1
        is_all = dispense is not None and dispense.number_of_repeats_allowed == 0
        return dose.is_single or (is_one_ml and is_all and route is Route.PARENTERAL)
    return dose.is_single and not dispense.number_of_repeats_allowed


def _note_what_is_open(held: Held, dose: DoseRead, route: Route, intervals: Intervals, now: Now, log: IssueLog) -> None:
    """What a reader has to know before relying on the rest: vitamin B12 of unknown dose, and use that is yet to begin.

    What begins more than a year ahead has a wrong date.
    """
    is_b12 = held.medicine is Medicine.B12
    is_certain = route is Route.PARENTERAL and (dose.is_not_taken or not dose.is_doubted)
    if is_b12 and dose.daily.mg_per_day is None and not is_certain and intervals:
        why = dose.daily.reason
        taken = f"vitamin B12 is taken, and it is not known how much: {why}"
        was_taken = f"vitamin B12 was taken, and it is not known how much: {why}"
        log.add(DOSE, taken if is_taken(intervals, now.today) else was_taken, left_out=True)
    ahead = [i.start for i in intervals if i.start is not None and i.start.earliest > now.today]
    for start in ahead[:1]:
        is_wrong = start.earliest > now.today + LONGEST_AHEAD
        if is_wrong or is_b12:
            log.add("start", f"it begins in the future ({start}), so it does not count yet", left_out=is_wrong)


def _place(treatment: Treatment) -> tuple[str, str, str]:
    return treatment.medicine, repr(treatment.name), treatment.source
