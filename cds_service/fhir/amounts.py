"""Amounts of medicine: how much, of what kind of unit, and nothing guessed.

An amount is a mass (always in mg here), a volume (mL), or a number of units of the product (tablets, capsules,
sprays). What one unit or one mL holds is the product's strength; only with it does an amount become milligrams.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from cds_service.facts.units import normalised
from cds_service.fhir.resources import Quantity, Range, Ratio

MOST_MG = Fraction(100_000)  # 100 g at once is no dose of any medicine read here, but a slip of the pen
MOST_UNITS = Fraction(1_000)
_MOST_DIGITS = 30  # a number of a million digits is no dose, and would keep a fraction busy for minutes


class Kind(StrEnum):
    """What an amount counts."""

    MASS = "mg"
    VOLUME = "mL"
    UNIT = "unit"


@dataclass(frozen=True, slots=True)
class Amount:
    """From `low` to `high` (equal unless a range was given) of a kind, in mg, mL or units of the product."""

    kind: Kind
    low: Fraction
    high: Fraction

    @classmethod
    def of(cls, kind: Kind, low: Fraction, high: Fraction | None = None) -> Amount:
        """An amount; one number is a range from itself to itself."""
        return cls(kind, low, low if high is None else high)

    @property
    def is_believable(self) -> bool:
        """More than nothing, in order, and not beyond any dose."""
        most = MOST_MG if self.kind is Kind.MASS else MOST_UNITS
        return 0 < self.low <= self.high <= most


@dataclass(frozen=True, slots=True)
class Strength:
    """What one unit and one mL of the product hold of one medicine, in mg; None where it is not known.

    `is_combination`: the product holds other medicines too, so that a dose in mg does not tell of which. `conflict`
    says why a strength that was given twice cannot be used.
    """

    mg_per_unit: Fraction | None = None
    mg_per_ml: Fraction | None = None
    is_combination: bool = False
    conflict: str = ""


MASS_IN_MG = {
    "mg": Fraction(1),
    "mgs": Fraction(1),
    "milligram": Fraction(1),
    "milligrams": Fraction(1),
    "milligramme": Fraction(1),
    "milligrammes": Fraction(1),
    "g": Fraction(1000),
    "gm": Fraction(1000),
    "gms": Fraction(1000),
    "gram": Fraction(1000),
    "grams": Fraction(1000),
    "gramme": Fraction(1000),
    "grammes": Fraction(1000),
    "ug": Fraction(1, 1000),
    "ugs": Fraction(1, 1000),
    "mcg": Fraction(1, 1000),
    "mcgs": Fraction(1, 1000),
    "microg": Fraction(1, 1000),
    "microgram": Fraction(1, 1000),
    "micrograms": Fraction(1, 1000),
    "microgramme": Fraction(1, 1000),
    "microgrammes": Fraction(1, 1000),
    "ng": Fraction(1, 1_000_000),
}
VOLUME_IN_ML = {
    "ml": Fraction(1),
    "mls": Fraction(1),
    "cc": Fraction(1),
    "millilitre": Fraction(1),
    "millilitres": Fraction(1),
    "milliliter": Fraction(1),
    "milliliters": Fraction(1),
}
# fmt: off
UNITS = frozenset(
    {
        "tablet", "tablets", "tab", "tabs", "tbl", "tbls", "caplet", "caplets", "capsule", "capsules", "cap",
        "caps", "pill", "pills", "lozenge", "lozenges", "loz", "gum", "gummy", "gummies", "softgel", "softgels",
        "sachet", "sachets", "packet", "packets", "film", "wafer", "spray", "sprays", "oraltablet", "oralcapsule",
        "tablet(s)", "capsule(s)", "tab(s)", "cap(s)",
    }
)
# Containers and doses whose content a tablet strength does not tell.
UNTOLD_UNITS = frozenset(
    {
        "ampoule", "ampoules", "ampule", "ampules", "amp", "amps", "vial", "vials", "syringe", "syringes",
        "injection", "injections", "dose", "doses", "unitdose", "drop", "drops", "gtt", "each", "ea", "puff",
        "puffs", "application", "kit", "pack",
    }
)
# fmt: on
INTERNATIONAL_UNITS = frozenset({"iu", "ius", "u", "unit", "units", "internationalunit", "internationalunits"})


@dataclass(frozen=True, slots=True)
class Unread:
    """Why an amount could not be read, in words for a clinician."""

    reason: str


def unit_kind(text: str) -> tuple[Kind, Fraction] | Unread | None:
    """The kind of a unit and the factor that makes it mg, mL or units; None for no unit that we know."""
    unit = normalised(text)
    if unit in MASS_IN_MG:
        return Kind.MASS, MASS_IN_MG[unit]
    if unit in VOLUME_IN_ML:
        return Kind.VOLUME, VOLUME_IN_ML[unit]
    if unit in UNITS:
        return Kind.UNIT, Fraction(1)
    if unit in INTERNATIONAL_UNITS:
        return Unread("the dose is in international units, which do not tell the amount")
    if unit in UNTOLD_UNITS:
        return Unread(f"the dose is in {unit!r}, whose content is not told")
    return None


def read_quantity(quantity: Quantity) -> Amount | Unread:
    """One Quantity as an amount. Code and unit must agree; an unknown or missing unit is never guessed."""
    factor = _unit_of(quantity)
    if isinstance(factor, Unread):
        return factor
    if quantity.comparator:
        return Unread(f"the dose is given as {quantity.comparator[:4]!r} a number, not as a number")
    number = exact(quantity.value)
    if number is None:
        return Unread("the dose has no usable number")
    amount = Amount.of(factor[0], number * factor[1])
    return amount if amount.is_believable else Unread(f"a dose of {shown(quantity)} is not believable")


def read_range(dose: Range) -> Amount | Unread:
    """A Range as an amount from its low to its high end; both ends must be of one kind."""
    ends = [read_quantity(end) for end in (dose.low, dose.high) if end is not None]
    amounts = [end for end in ends if isinstance(end, Amount)]
    if len(amounts) != 2:
        return next((end for end in ends if isinstance(end, Unread)), Unread("a dose range lacks one of its ends"))
    low, high = amounts
    if low.kind is not high.kind or low.low > high.high:
        return Unread("the ends of a dose range contradict each other")
    return Amount.of(low.kind, low.low, high.high)


def read_strength(strength: Ratio) -> Strength:
    """An ingredient's strength: mass per unit of the product or per mL; nothing where it is neither."""
    if strength.numerator is None:
        return Strength()
    mass = read_quantity(strength.numerator)
    if isinstance(mass, Unread) or mass.kind is not Kind.MASS:
        return Strength()
    if strength.denominator is None:
        return Strength()
    per = read_quantity(strength.denominator)
    if isinstance(per, Unread):
        # "per 1" without a unit, or with UCUM's unity, is per one unit of the product.
        unit, code = normalised(strength.denominator.unit or ""), strength.denominator.code or ""
        is_one = exact(strength.denominator.value) == 1 and not unit and code in ("", "1")
        return Strength(mg_per_unit=mass.low) if is_one else Strength()
    if per.kind is Kind.VOLUME:
        return Strength(mg_per_ml=mass.low / per.low)
    return Strength(mg_per_unit=mass.low / per.low) if per.kind is Kind.UNIT else Strength()


def exact(value: Decimal | None) -> Fraction | None:
    """A decimal as an exact fraction; None for none, NaN, infinities, and for exponents or digits out of hand."""
    if value is None or not value.is_finite() or abs(value.adjusted()) > 12:
        return None
    if len(value.as_tuple().digits) > _MOST_DIGITS:
        return None
    return Fraction(value)


def shown(quantity: Quantity) -> str:
    """A quantity in few words for a message: the number in short form, and the unit as it was sent, cut short."""
    unit = quantity.unit or quantity.code or "(no unit)"
    return f"{quantity.value:.6g} {unit[:12]}" if quantity.value is not None else f"no number {unit[:12]}"


def _unit_of(quantity: Quantity) -> tuple[Kind, Fraction] | Unread:
    """Code and unit read together: where only one is known it counts, where both are they must agree."""
    known = [found for text in (quantity.code, quantity.unit) if text and (found := unit_kind(text)) is not None]
    if not known:
        if quantity.unit or (quantity.code and quantity.code != "1"):
            return Unread(f"the unit {(quantity.unit or quantity.code or '')[:20]!r} of the dose is not known")
        return Unread("the dose has no unit")
    if len(known) == 2 and known[0] != known[1] and not any(isinstance(k, Unread) for k in known):
        return Unread(
            f"code {(quantity.code or '')[:12]!r} and unit {(quantity.unit or '')[:12]!r} contradict each other"
        )
    return next((k for k in known if isinstance(k, Unread)), known[0])
