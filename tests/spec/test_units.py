"""Every unit factor of the shipped analytes, against UCUM (ucumvert) and pint as oracle (clinical-guidelines 6)."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache

import pint
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ucumvert import PintUcumRegistry

from cds_service.facts.units import measures, normalised
from cds_service.knowledge.loader import load
from cds_service.knowledge.model import AnalyteKnowledge, Property, Scale

KNOWLEDGE = load()

# Molar masses in g/mol. Haemoglobin: one subunit, Hb(Fe), as laboratories report mmol/L.
MOLAR_MASS = {
    "mma": "118.09",
    "homocysteine": "135.18",
    "serum-folate": "441.40",
    "red-cell-folate": "441.40",
    "haemoglobin": "16114.5",
    "creatinine": "113.12",
}
# Spellings in use that are not UCUM, and the UCUM that each stands for.
MEANS = {
    "mcmol/l": "umol/l",
    "micromol/l": "umol/l",
    "mcg/l": "ug/l",
    "cumicron": "um3",
    "cubicmicron": "um3",
    "thousand/ul": "10*3/ul",
    "gi/l": "10*9/l",
    "bil/l": "10*9/l",
}
WITHIN = Decimal("0.0005")  # the factors are printed with four figures or more


@cache
def _registry() -> pint.UnitRegistry:
    return PintUcumRegistry()


def _ucum(spelling: str) -> str:
    if spelling.startswith("ml/min/1.73"):
        return "ml/min"  # UCUM writes the body surface as an annotation, which is no part of the unit
    if spelling in MEANS:
        return MEANS[spelling]
    plain = spelling.removeprefix("x").replace("^", "*").replace("10e", "10*")
    thousands = re.sub(r"^(?:k|thou)/", "10*3/", plain)
    return thousands.replace("mcl", "ul").replace("cumm", "mm3")


def _factor(spelling: str, scale: Scale, analyte: AnalyteKnowledge) -> Decimal:
    """The factor to the canonical unit, by UCUM and the molar mass alone."""
    registry = _registry()
    given = 1 * registry.from_ucum(_ucum(spelling))
    target = 1 * registry.from_ucum(_ucum(normalised(scale.unit)))
    if given.dimensionality != target.dimensionality:
        molar = float(MOLAR_MASS[analyte.id]) * registry.from_ucum("g/mol")
        given = given / molar if (given / molar).dimensionality == target.dimensionality else given * molar
    return Decimal(repr((given / target).to_base_units().magnitude))


SPELLINGS = [
    pytest.param(analyte, scale, spelling, factor, id=f"{analyte.id} {spelling} to {scale.unit}")
    for analyte in KNOWLEDGE.analytes.values()
    for scale in analyte.scales
    for spelling, factor in scale.units.items()
]


@pytest.mark.parametrize(("analyte", "scale", "spelling", "factor"), SPELLINGS)
def test_a_factor_is_what_ucum_says(analyte: AnalyteKnowledge, scale: Scale, spelling: str, factor: Decimal) -> None:
    expected = _factor(spelling, scale, analyte)

    assert abs(factor - expected) <= expected * WITHIN


@given(st.data(), st.decimals(min_value="0.01", max_value=5000, places=2))
def test_a_converted_value_is_what_ucum_says(data: st.DataObject, amount: Decimal) -> None:
    analyte, scale, spelling, factor = data.draw(st.sampled_from(SPELLINGS)).values
    expected = amount * _factor(spelling, scale, analyte)

    assert abs(amount * factor - expected) <= expected * WITHIN


@pytest.mark.parametrize("analyte", KNOWLEDGE.analytes.values(), ids=lambda analyte: analyte.id)
def test_a_spelling_belongs_to_one_scale_and_is_not_refused(analyte: AnalyteKnowledge) -> None:
    spellings = [spelling for scale in analyte.scales for spelling in scale.units]

    assert len(set(spellings)) == len(spellings)
    assert not set(spellings) & set(analyte.refused_units)
    assert all(spelling == normalised(spelling) for spelling in [*spellings, *analyte.refused_units])


@pytest.mark.parametrize("analyte", KNOWLEDGE.analytes.values(), ids=lambda analyte: analyte.id)
def test_the_canonical_unit_is_a_spelling_of_itself(analyte: AnalyteKnowledge) -> None:
    assert all(scale.units[normalised(scale.unit)] == 1 for scale in analyte.scales)


def test_total_b12_is_never_converted_between_mass_and_substance() -> None:
    total = KNOWLEDGE.analytes["total-b12"]

    assert {scale.unit for scale in total.scales} == {"ng/L", "pmol/L"}
    for scale in total.scales:
        assert {measures(spelling) for spelling in scale.units} == {scale.property}


def test_pg_per_dl_is_refused_for_total_b12_and_ng_per_dl_is_ten_ng_per_l() -> None:
    total = KNOWLEDGE.analytes["total-b12"]
    by_mass = next(scale for scale in total.scales if scale.unit == "ng/L")

    assert "pg/dl" in total.refused_units
    assert by_mass.units["ng/dl"] == 10


@pytest.mark.parametrize(
    ("unit", "kind"),
    [
        ("pg/mL", Property.MASS),
        ("ng/L", Property.MASS),
        ("µg/L", Property.MASS),
        ("mcg/L", Property.MASS),
        ("g/dL", Property.MASS),
        ("pmol/L", Property.SUBSTANCE),
        ("μmol/L", Property.SUBSTANCE),
        ("mcmol/L", Property.SUBSTANCE),
        ("fL", Property.OTHER),
        ("mL/min/{1.73_m2}", Property.OTHER),
        ("10*9/L", Property.OTHER),
        ("", Property.OTHER),
    ],
)
def test_a_unit_tells_mass_from_substance(unit: str, kind: Property) -> None:
    assert measures(unit) is kind
