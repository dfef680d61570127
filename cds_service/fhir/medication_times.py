"""When a medicine was taken, as each kind of record tells it: stretches with what is certain and what is left open.

An end whose day is not recorded is a ClinicalDate from the last certain day to the last possible one, so that the
exposure engine can tell "taken at least until" from "perhaps until". Nothing here decides how long is too long.

Two oddities of real records shape this. Orders stay `active` for decades: an active order counts as ongoing where it
states no supply, and where it does, until supply or validity and the usual gap are over; after that it is open whether
the medicine is still taken. And medication lists often say only that something was taken on the day of asking
(`effectiveDateTime`, `dateAsserted`): it then began no one knows when.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

from cds_service.facts.dates import ClinicalDate, later
from cds_service.facts.treatments import Interval
from cds_service.fhir.dosage import DoseRead
from cds_service.fhir.medication_issues import IssueLog
from cds_service.fhir.resources import Dosage, Period, Resource, resource_name
from cds_service.fhir.statuses import status_of
from cds_service.fhir.supply import dispensed_days, ordered_days

_DAY = timedelta(days=1)
LONGEST_AHEAD = timedelta(days=366)
"""A beginning further ahead than this is a wrong date."""
_LONGEST_UNKNOWN = timedelta(days=100)  # what a supply of unknown size may last: three months and some days
Intervals = tuple[Interval, ...]

_ORDERS = frozenset({"order", "original-order", "reflex-order", "filler-order", "instance-order"})
_NO_ORDERS = frozenset({"proposal", "plan", "option"})
_RUNS_ITS_COURSE = frozenset({"active", "in-progress", "completed"})


@dataclass(frozen=True, slots=True)
class Now:
    """The day of assessment, and for how many days after its supply an order still counts as ongoing."""

    today: date
    gap_days: int

    @property
    def yesterday(self) -> date:
        """The last day on which something that has stopped may have been taken."""
        return self.today - _DAY


def is_halted(resource: Resource) -> bool:
    """Whether a record of any kind was stopped, is on hold, or does not say whether it goes on: it may have been used
    for less time than it was meant for, or never (clinical-guidelines 7.11)."""
    return status_of(resource) not in _RUNS_ITS_COURSE


def halted(intervals: Intervals, now: Now) -> Intervals:
    """The stretches of such a record, none of which vouches for use today."""
    return tuple(Interval(i.start, i.end and _not_surely_today(i.end, now)) for i in intervals)


def not_taken(intervals: Intervals, now: Now) -> Intervals:
    """The stretches of a record that goes on by its status, and by its directions is not taken: as of one that was
    stopped on a day that is not recorded. Without a beginning, or before it, it tells of no use at all."""
    begun = [i for i in intervals if i.end is not None or (i.start is not None and i.start.earliest <= now.today)]
    return halted(tuple(Interval(i.start, i.end or _some_day_after(i.start, now)) for i in begun), now)


def _some_day_after(start: ClinicalDate | None, now: Now) -> ClinicalDate | None:
    return start and _some_day(start, now.yesterday)


def ended_now(intervals: Intervals, now: Now) -> Intervals:
    """The stretches of an order that is ended in this session: what went on has lasted until yesterday, and what was to
    begin later never does."""
    last = now.yesterday
    begun = (i for i in intervals if i.start is None or i.start.earliest <= last)
    return tuple(Interval(i.start, _at_most(i.end, last) if i.end else ClinicalDate.on(last)) for i in begun)


def paused_now(intervals: Intervals, now: Now) -> Intervals:
    """`ended_now`, of an order that is put on hold in this session: that it is not taken today is not certain."""
    return tuple(
        replace(i, end=ClinicalDate(i.end.earliest, now.today)) if i.end and i.end.latest == now.yesterday else i
        for i in ended_now(intervals, now)
    )


def _at_most(end: ClinicalDate, last: date) -> ClinicalDate:
    return ClinicalDate(min(end.earliest, last), min(end.latest, last))


def _not_surely_today(end: ClinicalDate, now: Now) -> ClinicalDate:
    return replace(end, earliest=min(end.earliest, now.yesterday))


def statement_times(resource: Resource, now: Now, log: IssueLog) -> Intervals | None:
    """MedicationStatement; None where it tells of no use (not taken, intended, entered in error)."""
    status = status_of(resource)
    if status in ("not-taken", "intended", "entered-in-error", "draft"):
        return None
    period = resource.effective_period
    start = log.read_date(period.start if period else None, "effectivePeriod.start")
    end = log.read_date(period.end if period else None, "effectivePeriod.end")
    if not log.in_order(start, end, "effectivePeriod"):
        start = end = None
    point = log.read_date(resource.effective_date_time, "effectiveDateTime")
    is_asserted = start is None and end is None and point is None
    if is_asserted:
        point = log.past(resource.date_asserted, "dateAsserted", now.today)
    if status == "active":
        return _active_statement(start, end, point)
    if status in ("completed", "stopped"):
        if start is None and end is None and point is None:
            log.add("effectivePeriod", "it is not recorded when it was taken", left_out=True)
        if end is not None and end.earliest > now.today:
            log.add("effectivePeriod.end", f"it is {status}, and ends in the future ({end}), so the end was not used")
            end = None
        if is_asserted and point is not None:
            return (Interval(None, point),)  # it was over by then, and it is not known since when it had been taken
        return _past_statement(start, end, point, now)
    _note_status(resource, log)
    return _open_statement(start, end, point, now)


def _active_statement(start: ClinicalDate | None, end: ClinicalDate | None, point: ClinicalDate | None) -> Intervals:
    if start is None and end is None and point is not None:
        # Taken on that day and still taken; it may have begun long before.
        return (Interval(None, point), Interval(point, None))
    return (Interval(start, end),)


def _past_statement(
    start: ClinicalDate | None, end: ClinicalDate | None, point: ClinicalDate | None, now: Now
) -> Intervals:
    if end is not None:
        return (Interval(start, end),)
    if start is not None:
        return (Interval(start, _some_day(start, now.yesterday)),)
    return (Interval(point, point),) if point is not None else ()


def _open_statement(
    start: ClinicalDate | None, end: ClinicalDate | None, point: ClinicalDate | None, now: Now
) -> Intervals:
    """On hold, or of unknown status: what is certain, and open until today."""
    if end is not None and end.latest <= now.today:
        return (Interval(start, end),)
    if start is not None:
        return (Interval(start, _some_day(start, now.today)),)
    return (Interval(None, _some_day(point, now.today)),) if point is not None else ()


def request_times(resource: Resource, dose: DoseRead, now: Now, log: IssueLog) -> Intervals | None:
    """MedicationRequest; None where it was never an order, never acted on, or forbids the medicine."""
    status = status_of(resource)
    intent = (resource.intent or "").strip().lower()
    if resource.do_not_perform or intent in _NO_ORDERS or status in ("draft", "cancelled", "entered-in-error"):
        return None
    if not intent:
        log.add("intent", "it has no intent, so it is not known whether it was ordered", left_out=True)
    elif intent not in _ORDERS:
        why = f"the intent {_quoted(resource.intent)} is not known, so the order was not used"
        log.add("intent", why, left_out=True)
        return None
    bounds = _bounds(resource)
    start = _order_start(resource, bounds, now, log)
    bounds_end = _bounds_end(bounds, log)
    if start is None:
        return _order_without_start(resource, status, bounds_end, log)
    if start.earliest > now.today:
        return None if status == "stopped" else (Interval(start, None),)  # stopped before use
    if not log.in_order(start, bounds_end, "dosageInstruction.timing.repeat.boundsPeriod"):
        bounds_end = None
    lasts = _supply_end(resource, start, dose, log)
    if status == "active":
        return (Interval(start, bounds_end or _while_supplied(lasts, now)),)
    if status == "completed":
        return (Interval(start, bounds_end or lasts or _some_day(start, now.yesterday)),)
    if status == "stopped":
        return (Interval(start, _stop(start, bounds_end, lasts, resource, now)),)
    _note_status(resource, log)
    return (Interval(start, _some_day(start, now.today)),)


def _note_status(resource: Resource, log: IssueLog) -> None:
    """That the status does not tell whether it is still taken; one that none may have may stand for any other."""
    status = status_of(resource)
    if status != "on-hold":
        why = f"the status {_quoted(resource.status)} does not tell whether it is still taken"
        log.add("status", why, left_out=status != "unknown")


def _order_without_start(resource: Resource, status: str, end: ClinicalDate | None, log: IssueLog) -> Intervals:
    """An order whose beginning is not known, or was ordered for a day that has not come."""
    if resource.authored_on and (written := log.read_date(resource.authored_on, "authoredOn")) is not None:
        return (Interval(written, None),)  # in the future, and reported
    if status == "active":
        log.add("authoredOn", "it is not recorded when it was ordered")
        return (Interval(None, end),)
    if end is not None:
        return (Interval(None, end),)
    log.add("authoredOn", "it is not recorded when it was ordered", left_out=True)
    return ()


def _order_start(resource: Resource, bounds: list[Period], now: Now, log: IssueLog) -> ClinicalDate | None:
    """When use begins: the therapy's bounds, else the prescription's validity, else the day of writing."""
    for period in bounds:
        if period.start:
            return log.read_date(period.start, "dosageInstruction.timing.repeat.boundsPeriod.start")
    validity = resource.dispense_request.validity_period if resource.dispense_request else None
    if validity is not None and validity.start:
        return log.read_date(validity.start, "dispenseRequest.validityPeriod.start")
    return log.past(resource.authored_on, "authoredOn", now.today)


def _bounds_end(bounds: list[Period], log: IssueLog) -> ClinicalDate | None:
    """The end of the therapy as it was ordered: the latest of all dosage lines; None if one of them goes on."""
    if not bounds:
        return None
    ends = [log.read_date(period.end, "dosageInstruction.timing.repeat.boundsPeriod.end") for period in bounds]
    known = [end for end in ends if end is not None]
    return max(known, key=lambda end: end.order) if known and len(known) == len(ends) else None


def _bounds(resource: Resource) -> list[Period]:
    """The periods that its dosage lines are bound to."""
    bounds = []
    for dosage in resource.dosage_instruction or ():
        if dosage.timing is not None and len(dosage.timing.event or ()) == 1 and dosage.timing.repeat is None:
            bounds += [Period(start=day, end=day) for day in dosage.timing.event or ()]
        repeat = dosage.timing.repeat if dosage.timing is not None else None
        if repeat is not None and repeat.bounds_period is not None:
            bounds.append(repeat.bounds_period)
    return bounds


def _supply_end(resource: Resource, start: ClinicalDate, dose: DoseRead, log: IssueLog) -> ClinicalDate | None:
    """The last day that the stated validity or the ordered supply reaches; None where neither is stated."""
    validity = resource.dispense_request.validity_period if resource.dispense_request else None
    end = log.read_date(validity.end if validity else None, "dispenseRequest.validityPeriod.end")
    if end is not None and log.in_order(start, end, "dispenseRequest.validityPeriod"):
        return end
    days = ordered_days(resource, dose, log)
    return None if days is None else _after(start, days)


def supplied_until(resource: Resource, dose: DoseRead) -> ClinicalDate | None:
    """The last day of what an order or dispense supplies; None where that, or its beginning, is not told."""
    log = IssueLog(resource_name(resource))  # what is wrong with them is told where they are read as times
    if resource.resource_type == "MedicationDispense":
        day, days = log.read_date(resource.when_handed_over, "whenHandedOver"), dispensed_days(resource, dose, log)
        return _after(day, days) if day is not None and days is not None else None
    bounds = _bounds(resource)
    start = _order_start(resource, bounds, Now(date.max, gap_days=0), log)
    if start is None:
        return None
    return _bounds_end(bounds, log) or _supply_end(resource, start, dose, log)


def _while_supplied(lasts: ClinicalDate | None, now: Now) -> ClinicalDate | None:
    """An active order goes on while its supply lasts and a gap longer; after that, perhaps."""
    if lasts is None or lasts.latest >= now.today - timedelta(days=now.gap_days):
        return None
    return ClinicalDate(lasts.earliest, now.today)


def _stop(
    start: ClinicalDate, bounds: ClinicalDate | None, lasts: ClinicalDate | None, resource: Resource, now: Now
) -> ClinicalDate:
    """A stopped order: its stated end where that is over; otherwise only its beginning is certain."""
    validity = resource.dispense_request.validity_period if resource.dispense_request else None
    stated = bounds or (lasts if validity is not None and validity.end else None)
    if stated is not None and stated.latest <= now.today:
        return stated
    limit = now.yesterday if lasts is None else min(lasts.latest, now.yesterday)
    return _some_day(start, limit)


def dispense_times(resource: Resource, dose: DoseRead, now: Now, log: IssueLog) -> Intervals | None:
    """MedicationDispense; None where nothing was handed over."""
    status = status_of(resource)
    if status in ("preparation", "cancelled", "entered-in-error", "declined"):
        return None
    handed = log.past(resource.when_handed_over, "whenHandedOver", now.today)
    if status in ("in-progress", "on-hold", "unknown", "") and resource.when_handed_over is None:
        if status in ("unknown", ""):
            why = f"the status {_quoted(resource.status)} does not tell whether it was handed over"
            log.add("status", why, left_out=True)
        return None
    day = handed or log.past(resource.when_prepared, "whenPrepared", now.today)
    if day is None:
        log.add("whenHandedOver", "it is not recorded when it was dispensed", left_out=True)
        return ()
    if day.earliest > now.today:
        return (Interval(day, None),)
    days = dispensed_days(resource, dose, log)
    end = _some_day(day, min(day.latest + _LONGEST_UNKNOWN, now.today)) if days is None else _after(day, days)
    if status == "stopped":
        end = _some_day(day, min(end.latest, now.today))
    return (Interval(day, end),)


def given_times(resource: Resource, now: Now, log: IssueLog) -> Intervals | None:
    """MedicationAdministration or Procedure: the days on which it was given; None where it was not."""
    status = status_of(resource)
    if status in ("preparation", "not-done", "entered-in-error", "on-hold"):
        return None
    if status not in ("completed", "in-progress", "stopped"):
        why = f"the status {_quoted(resource.status)} does not tell whether it was given"
        log.add("status", why, left_out=True)
        return None
    field, period, day = "effective", resource.effective_period, resource.effective_date_time
    if resource.resource_type == "Procedure":
        field, period, day = "performed", resource.performed_period, resource.performed_date_time
    start = log.past(period.start if period else day, field, now.today)
    end = log.read_date(period.end, f"{field}Period.end") if period else None
    if start is None:
        if not (day or period):
            log.add(field, "it is not recorded when it was given", left_out=True)
        return ()
    return (Interval(start, end if end is not None and log.in_order(start, end, f"{field}Period") else start),)


def once_only(intervals: Intervals, now: Now) -> Intervals:
    """The stretches of one single dose: its day, and perhaps a day soon after, as an order may have to wait.

    What is yet to begin is left as it is, and a dose of no day tells of no use.
    """
    days = {i.start for i in intervals if i.start is not None}
    gap = timedelta(days=now.gap_days)
    return tuple(
        Interval(day, None if day.earliest > now.today else ClinicalDate(day.earliest, day.latest + gap))
        for day in sorted(days, key=lambda day: day.order)
    )


def is_taken(intervals: Intervals, today: date) -> bool:
    """Whether the record vouches for use on this day."""
    for interval in intervals:
        start, end = interval.start, interval.end
        has_begun = start is None or start.earliest <= today
        goes_on = end is None or end.earliest >= today
        if has_begun and goes_on and (start is None or start.latest <= today or end is None):
            return True
    return False


def is_planned(resource: Resource, intervals: Intervals, now: Now) -> bool:
    """Whether an active record tells only of use that is yet to begin; a beginning years ahead is a wrong date."""
    starts = [i.start.earliest for i in intervals if i.start is not None]
    is_ahead = len(starts) == len(intervals) > 0 and now.today < min(starts) <= now.today + LONGEST_AHEAD
    return is_ahead and status_of(resource) == "active"


def all_dosages(resource: Resource) -> list[Dosage]:
    """The dosage of any kind of medication record."""
    given = resource.dosage if resource.dosage is not None else resource.dosage_instruction
    if given is None:
        return []
    return given if isinstance(given, list) else [given]


def _some_day(start: ClinicalDate, until: date) -> ClinicalDate:
    """An end that is not recorded: not before the use began, and not after `until`."""
    return ClinicalDate(start.latest, until) if start.latest < until else start


def _after(start: ClinicalDate, days: int) -> ClinicalDate:
    """The last day of a supply that lasts so many days; the last of all days where it lies behind that."""
    more = timedelta(days=days - 1)
    return ClinicalDate(later(start.earliest, more), later(start.latest, more))


def _quoted(status: str | None) -> str:
    return repr(status.strip()[:20]) if status and status.strip() else "(none)"
