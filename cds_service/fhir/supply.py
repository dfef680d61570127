"""How many days an ordered or dispensed supply lasts."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from cds_service.facts.treatments import DailyDose
from cds_service.fhir.amounts import Amount, Kind, Strength, exact, read_quantity, shown
from cds_service.fhir.dosage import DoseRead, decimal
from cds_service.fhir.medication_issues import IssueLog
from cds_service.fhir.resources import Quantity, Resource
from cds_service.fhir.sig_frequency import DAYS_IN

# Beyond these a number is a slip of the pen, or an EHR's way to say "for ever": neither is a supply.
LONGEST_SUPPLY_DAYS = 1_100
MOST_REPEATS = 999
_MOST_A_DAY = 10  # units of a product; more is a supply for several patients, or a slip of the pen
LONGEST_ORDER_DAYS = 36_525
_UNITS = {
    "day": "d",
    "days": "d",
    "week": "wk",
    "weeks": "wk",
    "month": "mo",
    "months": "mo",
    "year": "a",
    "years": "a",
}


def ordered_days(resource: Resource, dose: DoseRead, log: IssueLog) -> int | None:
    """Days of one supply times one plus the repeats, else the time for which it is to be taken; None for neither."""
    supplied = _supplied_days(resource, dose, log)
    if supplied is None and dose.lasts_days is not None and dose.lasts_days <= LONGEST_SUPPLY_DAYS:
        return _whole(dose.lasts_days)
    return supplied


def _supplied_days(resource: Resource, dose: DoseRead, log: IssueLog) -> int | None:
    dispense = resource.dispense_request
    if dispense is None:
        return None
    days = _duration(dispense.expected_supply_duration, "dispenseRequest.expectedSupplyDuration", log)
    if days is None:
        days = _quantity_days(dispense.quantity, dose)
    repeats = dispense.number_of_repeats_allowed or 0
    if days is not None and (not 0 <= repeats <= MOST_REPEATS or days * (1 + repeats) > LONGEST_ORDER_DAYS):
        why = f"{_cut(repeats)} repeats are not believable"
        log.add("dispenseRequest.numberOfRepeatsAllowed", why, left_out=True)
        return None
    return None if days is None else days * (1 + repeats)


def dispensed_days(resource: Resource, dose: DoseRead, log: IssueLog) -> int | None:
    """`daysSupply`, else the quantity divided by the daily dose; None where the dispense does not tell."""
    days = _duration(_days_supply(resource), "daysSupply", log)
    return days if days is not None else _quantity_days(resource.quantity, dose)


def supplied_dose(resource: Resource, strength: Strength, log: IssueLog) -> DailyDose | None:
    """What a supply comes to a day where no dosage was given: ninety tablets of 2 mg for ninety days are 2 mg a day.

    None unless the number of units of the product, the days and what one unit holds are all told.
    """
    dispense = resource.dispense_request
    quantity = resource.quantity if dispense is None else dispense.quantity
    if quantity is None or strength.mg_per_unit is None:
        return None
    given = read_quantity(quantity)
    days = _stated_days(resource, log)
    if days is None or not isinstance(given, Amount) or given.kind is not Kind.UNIT or given.low / days > _MOST_A_DAY:
        return None
    return DailyDose(decimal(given.low * strength.mg_per_unit / days), "reckoned from the supply")


def _stated_days(resource: Resource, log: IssueLog) -> int | None:
    dispense = resource.dispense_request
    if dispense is not None:
        return _duration(dispense.expected_supply_duration, "dispenseRequest.expectedSupplyDuration", log)
    return _duration(_days_supply(resource), "daysSupply", log)


def _days_supply(resource: Resource) -> Quantity | None:
    supply = resource.days_supply
    if supply is not None and not (supply.unit or supply.code):
        # The element's own name tells the unit, so that leaving it out loses nothing.
        return Quantity(value=supply.value, code="d")
    return supply


def _duration(quantity: Quantity | None, path: str, log: IssueLog) -> int | None:
    """A duration in whole days; an issue for an unknown unit or a number that is no supply."""
    if quantity is None or quantity.value is None:
        return None
    unit = _time_unit(quantity.code) or _time_unit(quantity.unit)
    if not unit:
        log.add(path, f"the unit of {shown(quantity)!r} is not known, so the supply was not used", left_out=True)
        return None
    days = _supply_days(quantity.value, unit) if quantity.value.is_finite() else None
    if days is None:
        log.add(path, f"a supply of {shown(quantity)!r} is not believable, so it was not used", left_out=True)
    return days


@lru_cache(maxsize=1024)
def _supply_days(number: Decimal, unit: str) -> int | None:
    """So many UCUM units of time in whole days; None where that is no supply."""
    value = exact(number)
    days = None if value is None else value * DAYS_IN[unit]
    return _whole(days) if days is not None and 0 < days <= LONGEST_SUPPLY_DAYS else None


def _time_unit(text: str | None) -> str:
    """The UCUM code of a unit of time; "" where it is none."""
    unit = (text or "").strip()
    return unit if unit in DAYS_IN else _UNITS.get(unit.lower(), "")


def _quantity_days(quantity: Quantity | None, dose: DoseRead) -> int | None:
    """The quantity divided by what is taken a day; None unless both are told in one kind of unit and are no ranges."""
    if quantity is None or dose.amount is None or dose.frequency is None or dose.as_needed:
        return None
    amount, given = dose.amount, read_quantity(quantity)
    a_day = amount.high * dose.frequency.high
    if not isinstance(given, Amount) or given.kind is not amount.kind or a_day != amount.low * dose.frequency.low:
        return None
    days = given.low / a_day
    return _whole(days) if 0 < days <= LONGEST_SUPPLY_DAYS else None


def _whole(days: Fraction) -> int:
    """Whole days; a supply for part of a day covers that day."""
    return max(1, int(days))


def _cut(number: int) -> str:
    return str(number) if abs(number) < 10**9 else "very many"
