"""Results that are sent as text: "<150 pg/mL", "172,5 ng/L", "Haemolysed - repeat".

A text is read only when the whole of it is understood. A text that holds a number beside words that are not
understood is not a number: the words may take it back.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from cds_service.facts.labs import Comparator

_LONGEST = 60
_NUMBER = r"[0-9]+(?:[.,'’][0-9]+)*|[.,][0-9]+"
_FLAG = r"(?:[hl]{1,2}|high|low|normal|n|\*+|[hl]\*|abnormal|a)"
_UNIT = (
    r"ml/min(?:/| per )\{?1[.,]73[ _]?m[2²]\}?"  # the one unit that people write with blanks and a number in it
    r"|[x×]?\s?10(?:\*|\^|e)[0-9]{1,2}\s?/\s?[a-zµμ]+"
    # signs without blanks between them, but for one on either side of a stroke
    r"|(?:[^\W0-9_]|[%{\[])(?:[^\s<>=()/]| ?/(?: [^\s<>=()/])?)*"
)
_RESULT = re.compile(
    rf"(?P<comparator><=|>=|=<|=>|[<>≤≥=]|(?:is )?(?:less|lower|fewer|greater|higher|more) than(?: or equal to)?"
    rf"|below|under|above|over|at least|at most|up to|lt|gt)?\s*"
    rf"(?P<number>{_NUMBER})\s*(?:(?:-|–|to)\s*(?P<until>{_NUMBER}))?\s*"
    rf"(?P<unit>{_UNIT})?\s*"
    rf"(?:[(\[]?\s*(?:{_FLAG})\s*[)\]]?)?\s*"
    rf"(?:[(\[]\s*(?:(?:ref(?:erence)?|normal)(?: range)?:?\s*)?(?:{_NUMBER})\s*(?:-|–|to)\s*(?:{_NUMBER})\s*[)\]])?",
    re.IGNORECASE,
)
_COMPARATORS = {
    "<": Comparator.BELOW,
    "less than": Comparator.BELOW,
    "lower than": Comparator.BELOW,
    "fewer than": Comparator.BELOW,
    "below": Comparator.BELOW,
    "under": Comparator.BELOW,
    "lt": Comparator.BELOW,
    "<=": Comparator.AT_MOST,
    "=<": Comparator.AT_MOST,
    "≤": Comparator.AT_MOST,
    "at most": Comparator.AT_MOST,
    "up to": Comparator.AT_MOST,
    ">=": Comparator.AT_LEAST,
    "=>": Comparator.AT_LEAST,
    "≥": Comparator.AT_LEAST,
    "at least": Comparator.AT_LEAST,
    ">": Comparator.ABOVE,
    "greater than": Comparator.ABOVE,
    "higher than": Comparator.ABOVE,
    "more than": Comparator.ABOVE,
    "above": Comparator.ABOVE,
    "over": Comparator.ABOVE,
    "gt": Comparator.ABOVE,
}
_OR_EQUAL = {Comparator.BELOW: Comparator.AT_MOST, Comparator.ABOVE: Comparator.AT_LEAST}
_GROUPED_BY_COMMAS = re.compile(r"[1-9][0-9]{0,2}(?:[,'’][0-9]{3})+")
_AMBIGUOUS = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")
_DIGITS = re.compile(r"[0-9]*")
_NO_DIGIT = re.compile(r"[^0-9]")
_GROUPED_BY_POINTS = re.compile(r"[1-9][0-9]{0,2}(?:[.'’][0-9]{3})+")


@dataclass(frozen=True, slots=True)
class WrittenResult:
    """A number as it was written. `until` is the upper end of a range; `number` and `until` as sent, for display."""

    value: Decimal
    comparator: Comparator | None
    unit: str
    number: str
    until: Decimal | None = None

    @property
    def printed(self) -> str:
        """The result as sent, made short."""
        sign = self.comparator.value if self.comparator is not None else ""
        return f"{sign}{self.number} {self.unit}".strip()


class AmbiguousNumber(ValueError):
    """A number that can be read in two ways, such as 1,234."""


def parse_number(text: str) -> Decimal:
    """A number with a decimal point or comma, with or without thousands separators.

    Raises:
        AmbiguousNumber: one comma or point before exactly three digits can part decimals or thousands: 1,234 is 1.234
            in Hamburg and 1234 in Boston, and 1.234 the other way round.
        ValueError: the separators make no number.
    """
    if _AMBIGUOUS.fullmatch(text):
        raise AmbiguousNumber(text)
    for grouped, decimal in ((_GROUPED_BY_COMMAS, "."), (_GROUPED_BY_POINTS, ",")):
        whole, point, fraction = text.partition(decimal)
        if (grouped.fullmatch(whole) or _DIGITS.fullmatch(whole)) and _DIGITS.fullmatch(fraction):
            digits = _NO_DIGIT.sub("", whole)
            if digits or fraction:
                return Decimal(f"{digits or '0'}.{fraction or '0'}" if point else digits)
    raise ValueError(f"{text[:20]!r} is not a number")


def parse_comparator(text: str) -> Comparator | None:
    """The comparator that a sign or words stand for; None for none at all, and for "=".

    Raises:
        ValueError: it stands for none that we know.
    """
    words = " ".join(text.lower().split()).removeprefix("is ")
    if words in ("", "="):
        return None
    plain = words.removesuffix(" or equal to")
    found = _COMPARATORS.get(plain)
    if found is None:
        raise ValueError(f"{text[:20]!r} is not a comparator")
    return found if plain == words else _OR_EQUAL[found]


def parse_result(text: str) -> WrittenResult | None:
    """The number, comparator and unit of a result sent as text; None when the text is not one number or range.

    Raises:
        AmbiguousNumber: the number can be read in two ways.
    """
    plain = " ".join(text.replace("&lt;", "<").replace("&gt;", ">").split())
    found = _RESULT.fullmatch(plain) if len(plain) <= _LONGEST else None
    if found is None:
        return None
    comparator = parse_comparator(found["comparator"] or "")
    number, until = found["number"], found["until"]
    try:
        value = parse_number(number)
        upper = parse_number(until) if until else None
    except AmbiguousNumber:
        raise
    except ValueError:
        return None
    if upper is not None and (comparator is not None or upper < value):
        return None
    written = f"{number}-{until}" if until else number
    return WrittenResult(value, comparator, (found["unit"] or "").rstrip("*"), written, upper)
