"""Which of an analyte's canonical units a quantity is in, from its UCUM code and its printed unit.

Both must agree where both are given: a quantity that says two things is not read. No unit is ever supplied.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from cds_service.facts.units import normalised
from cds_service.fhir.remembered import itself, remembered
from cds_service.fhir.unusable import Unusable, quoted
from cds_service.knowledge.model import AnalyteKnowledge, Scale

_UCUM = ("http://unitsofmeasure.org", "https://unitsofmeasure.org", "urn:oid:2.16.840.1.113883.6.8")
_LONGEST_VALUE = 16
_MOST_DIGITS = 12  # a result of 10^12 or 10^-12 in any unit is no laboratory result, and would overflow sums
_PARTS = re.compile(r"[\s(),;]+")
_SIGN = re.compile(r"[a-zµμ0-9*^.\[\]{}]{1,8}(?:/[a-zµμ0-9*^.\[\]{}]{1,8})+", re.IGNORECASE)
_SHORT = re.compile(r"[a-z0-9%]{1,8}")
_NO_UNIT = "it has no unit, and none is guessed"


@dataclass(frozen=True, slots=True)
class ReadUnit:
    """A unit that was understood: the scale, the factor to its canonical unit, and the unit as sent."""

    scale: Scale
    factor: Decimal
    printed: str


def read_unit(analyte: AnalyteKnowledge, field: str, unit: str, code: str = "", system: str = "") -> ReadUnit:
    """The unit of a quantity.

    Raises:
        Unusable: there is no unit, it is not one of the analyte's, it is refused, or unit and code disagree.
    """
    return _read_unit((analyte.id, field, unit, code, system), analyte)


@remembered(itself)
def _read_unit(asked: tuple[str, str, str, str, str], analyte: AnalyteKnowledge) -> ReadUnit:
    _, field, unit, code, system = asked
    unit, code = unit.strip(), code.strip()
    if not unit and not code:
        raise Unusable(field, _NO_UNIT)
    _refuse(analyte, f"{field}.unit", unit)
    _refuse(analyte, f"{field}.code", code)
    printed, coded = _known(analyte, unit), _known(analyte, code)
    if printed and coded and (printed.scale is not coded.scale or printed.factor != coded.factor):
        raise Unusable(f"{field}.code", f"its unit says {quoted(unit)} and its unit code {quoted(code)}")
    if coded and (printed or not _says_otherwise(unit, coded, analyte)):
        return ReadUnit(coded.scale, coded.factor, unit if printed else code)
    if printed and (not code or (system.strip() and system.strip().rstrip("/") not in _UCUM)):
        return printed
    if printed or coded:
        raise Unusable(f"{field}.code", f"its unit says {quoted(unit)} and its unit code {quoted(code)}")
    raise Unusable(f"{field}.unit", f"the unit {quoted(unit or code)} is not known for {analyte.short}")


def _says_otherwise(unit: str, coded: ReadUnit, analyte: AnalyteKnowledge) -> bool:
    """Whether a printed unit that is not known as a whole contradicts the UCUM code.

    It does when it is a unit sign itself ("IU/L"), or holds one of another unit. Words ("pg/mL (calculated)", "пг/мл")
    do not: the code is what FHIR computes with.
    """
    signs = [part for part in _PARTS.split(unit) if _SIGN.fullmatch(part)]
    if not signs:
        return _SHORT.fullmatch(normalised(unit)) is not None
    known = [_known(analyte, sign) for sign in signs]
    return any(one is None or one.scale is not coded.scale or one.factor != coded.factor for one in known)


def _known(analyte: AnalyteKnowledge, unit: str) -> ReadUnit | None:
    spelling = normalised(unit)
    for scale in analyte.scales:
        factor = scale.units.get(spelling)
        if factor is not None:
            return ReadUnit(scale, factor, unit)
    return None


def _refuse(analyte: AnalyteKnowledge, field: str, unit: str) -> None:
    words = analyte.refused_units.get(normalised(unit)) if unit else None
    if words is not None:
        raise Unusable(field, f"the unit {quoted(unit)} is refused: {words}")


def is_measurable(number: Decimal) -> bool:
    """Whether a number is finite and of a size that arithmetic with laboratory units can hold."""
    return number.is_finite() and (number == 0 or abs(number.adjusted()) <= _MOST_DIGITS)


def printed_number(number: Decimal) -> str:
    """A number as it was sent, without an exponent; only decimals beyond any use are cut."""
    return f"{number:f}"[:_LONGEST_VALUE] if is_measurable(number) else "a number out of all bounds"
