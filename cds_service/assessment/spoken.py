"""Dates, spans and limits as a clinician says them: the day as precisely as it is known, a limit in the lab's unit."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from cds_service.facts.dates import ClinicalDate, whole_months_between
from cds_service.facts.labs import LabResult
from cds_service.facts.units import normalised
from cds_service.knowledge.model import Scale

_DAYS_TO, _WEEKS_TO_MONTHS, _MONTHS_TO = 14, 3, 24


def when(taken: ClinicalDate) -> str:
    """ "on 2025-03-10", "in March 2025" or "in 2025"."""
    if taken.is_exact:
        return f"on {taken}"
    year = taken.earliest.year
    if taken.earliest.month != taken.latest.month:
        return f"in {year}"
    months = (
        f"in January {year}",
        f"in February {year}",
        f"in March {year}",
        f"in April {year}",
        f"in May {year}",
        f"in June {year}",
        f"in July {year}",
        f"in August {year}",
        f"in September {year}",
        f"in October {year}",
        f"in November {year}",
        f"in December {year}",
    )
    return months[taken.earliest.month - 1]


def how_long(start: date, end: date) -> str:
    """ "9 days", "11 weeks", "7 months" or "10 years": whole ones that have passed, so never more than there were."""
    days, months = (end - start).days, whole_months_between(start, end)
    if days < _DAYS_TO:
        return f"{days} days"
    if months < _WEEKS_TO_MONTHS:
        return f"{days // 7} weeks"
    return f"{months} months" if months < _MONTHS_TO else f"{months // 12} years"


def printed_unit(result: LabResult, scale: Scale | None) -> tuple[str, Decimal]:
    """The laboratory's own name of the unit and the factor that makes the canonical one of it; else that one and 1."""
    printed = result.printed.rpartition(" ")[2]
    factor = scale.units.get(normalised(printed)) if scale is not None else None
    return (printed, factor) if factor is not None else (result.unit, Decimal(1))


def in_printed_unit(limit: Decimal, result: LabResult, scale: Scale | None) -> str:
    """A limit in the unit that the laboratory printed, without a unit: a clinician need not convert to compare."""
    _unit, factor = printed_unit(result, scale)
    converted = limit / factor
    exact = converted.normalize()
    return f"{exact:f}" if exact * factor == limit and len(exact.as_tuple().digits) <= 4 else f"{converted:.3g}"


def limit_words(limit: Decimal, result: LabResult, scale: Scale | None) -> str:
    """A limit with its unit, as the laboratory prints it; a number that was converted stands before the one we hold."""
    unit, factor = printed_unit(result, scale)
    words = f"{in_printed_unit(limit, result, scale)} {unit}"
    return words if factor == 1 else f"{words} = {limit.normalize():f} {result.unit}"
