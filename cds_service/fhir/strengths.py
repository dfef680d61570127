"""What one unit or one mL of a product holds of one medicine: from its codes, its ingredients, and its name.

Two of them that disagree are a conflict, and then nothing is told: neither is guessed to be the right one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction

from cds_service.fhir.amounts import MASS_IN_MG, Strength, exact
from cds_service.fhir.names import name_matches
from cds_service.fhir.sig_text import is_ambiguous, number, plain
from cds_service.knowledge.model import MedicineCode, MedicineKnowledge

_UNITS = "|".join(sorted((re.escape(unit) for unit in MASS_IN_MG if unit != "ng"), key=len, reverse=True))
_MASS = re.compile(
    r"(?<![\d.])(\d+(?:\.\d+)?)\s*-?\s*(" + _UNITS + r")\b(?!\s*(?:/|per|in)\s*(?:\d+(?:\.\d+)?)?\s*ml\b)"
)
_PER_ML = re.compile(
    r"(?<![\d.])(\d+(?:\.\d+)?)\s*(" + _UNITS + r")\s*(?:/|per|in)\s*(\d+(?:\.\d+)?)?\s*(?:ml|cc|millilit(?:er|re))\b"
)
_WORD = re.compile(r"[a-z]{3}|\bb\d")
_BETWEEN_INGREDIENTS = re.compile(r"\s*(?:/(?!\s*(?:\d+(?:\.\d+)?\s*)?(?:ml|cc)\b)|\+|,|;|&|\band\b|\bwith\b)\s*")


def strength_of(
    codes: Sequence[MedicineCode],
    ingredients: Iterable[Strength],
    names: Iterable[str],
    medicine: MedicineKnowledge,
    is_combination: bool,
) -> Strength:
    """The strength that codes, ingredients and names agree on; a `conflict` where they do not."""
    told = [Strength(exact(code.mg), exact(code.mg_per_ml)) for code in codes]
    told.extend(ingredients)
    told.extend(strength_in_name(name, medicine) for name in names)
    per_unit = {s.mg_per_unit for s in told if s.mg_per_unit is not None}
    per_ml = {s.mg_per_ml for s in told if s.mg_per_ml is not None}
    if len(per_unit) > 1 or len(per_ml) > 1:
        return Strength(is_combination=is_combination, conflict="the product is given with two different strengths")
    return Strength(next(iter(per_unit), None), next(iter(per_ml), None), is_combination)


def strength_in_name(name: str, medicine: MedicineKnowledge) -> Strength:
    """`folic acid 5 mg tablet`, `cyanocobalamin 1000 mcg/mL`, `folic acid 2.5 mg / vitamin B12 2 mg tablet`."""
    words = plain(name)
    if is_ambiguous(words):
        return Strength()
    parts = [words]
    if len(_MASS.findall(words)) + len(_PER_ML.findall(words)) > 1 or _BETWEEN_INGREDIENTS.search(words):
        parts = _BETWEEN_INGREDIENTS.split(words)
        if any(_MASS.search(part) and not _WORD.search(_MASS.sub("", part)) for part in parts):
            return Strength()  # "folic acid / vitamin B12 5 mg / 1 mg": which is whose?
        parts = [part for part in parts if name_matches(part, medicine.names)]
    masses = {number(value) * MASS_IN_MG[unit] for part in parts for value, unit in _MASS.findall(part)}
    per_ml = {
        number(value) * MASS_IN_MG[unit] / (number(volume) if volume else 1)
        for part in parts
        for value, unit, volume in _PER_ML.findall(part)
        if not volume or number(volume) > 0
    }
    return Strength(_the_one(masses), _the_one(per_ml))


def names_several_strengths(name: str) -> bool:
    """Whether a name tells several masses, as that of a combination product does."""
    return len(_MASS.findall(plain(name))) > 1


def _the_one(values: set[Fraction]) -> Fraction | None:
    return next(iter(values)) if len(values) == 1 and min(values) > 0 else None
