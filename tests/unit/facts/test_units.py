"""One spelling for each unit, and no guess."""

from __future__ import annotations

import pytest

from cds_service.facts import units
from cds_service.facts.units import measures, normalised
from cds_service.knowledge.model import Property


@pytest.mark.parametrize(
    ("written", "spelling"),
    [
        ("µmol/L", "umol/l"),
        ("μmol/L", "umol/l"),
        ("UMOL/L", "umol/l"),
        ("10*9 / L", "10*9/l"),
        ("10*9\u00a0/L", "10*9/l"),  # a blank that does not break, as copied from a web page
        ("mL/min/{1.73_m2}", "ml/min/1.73_m2"),
        ("mL/min/1.73m²", "ml/min/1.73m2"),
        ("[pg]/mL", "pg/ml"),
        ("picogram per milliliter", "pg/ml"),
        ("Nanograms per litre", "ng/l"),
        ("micrograms/liter", "ug/l"),
        ("milligram per deciliter", "mg/dl"),
        ("gram per deciliter", "g/dl"),
        ("picomole per liter", "pmol/l"),
        ("micromoles/litre", "umol/l"),
        ("mol per microliter", "mol/ul"),
        ("", ""),
    ],
)
def test_a_unit_has_one_spelling(written: str, spelling: str) -> None:
    assert normalised(written) == spelling


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("per litre", "perlitre"),
        ("femtogram per liter", "femtogramperliter"),
        ("picogram per milliliter (serum)", "picogrampermilliliter(serum)"),
        ("рg/mL", "рg/ml"),  # a Cyrillic letter matches nothing
    ],
)
def test_what_is_not_known_is_left_as_it_is(written: str, kept: str) -> None:
    assert normalised(written) == kept


@pytest.mark.parametrize(
    ("unit", "kind"),
    [
        ("Picomole per liter", Property.SUBSTANCE),
        ("nanogram per litre", Property.MASS),
        ("g", Property.MASS),
        ("x10^3 kg/L", Property.MASS),
        ("mcg/dL", Property.MASS),
        ("fl", Property.OTHER),
        ("xg/L", Property.OTHER),
        ("mg%", Property.OTHER),
    ],
)
def test_a_unit_is_for_one_kind_of_quantity(unit: str, kind: Property) -> None:
    assert measures(unit) is kind


def test_a_unit_that_comes_again_is_read_once_and_a_long_text_is_not_kept() -> None:
    units._kept.cache_clear()
    for _ in range(3):
        assert normalised("pg/mL") == "pg/ml"
        assert normalised("x" * 50) == "x" * 50
    assert (units._kept.cache_info().misses, units._kept.cache_info().hits) == (1, 2)
