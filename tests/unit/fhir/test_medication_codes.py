"""What the name of a product tells of what it holds beside vitamin B12."""

from __future__ import annotations

import pytest

from cds_service.fhir.medication_codes import _names_b12_alone


@pytest.mark.parametrize(
    ("name", "is_alone"),
    [
        ("Cyanocobalamin 1000 mcg/mL injection", True),
        ("Vitamin B-12 2 MG Oral Tablet", True),
        ("hydroxo-cobalamin 1 mg/ml i.m., multi-dose vial", True),
        ("Cyanocobalamin 1000 µg", True),
        ("Multi-Vitamin B12", False),
        ("Multivitamin with B12", False),
        ("Neurobion", False),
        ("Vitamin B1 B12", False),
        ("Vitamin B12 and thiamine", False),
        ("Vitamin D3 B12", False),
    ],
)
def test_a_name_of_b12_alone_has_no_word_of_anything_else(name: str, is_alone: bool) -> None:
    assert _names_b12_alone(name) is is_alone
