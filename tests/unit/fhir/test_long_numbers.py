"""A number of very many digits in a text is no dose: it is told, and not looked for at each of its digits."""

from __future__ import annotations

import pytest

from cds_service.fhir.sig import read_sig
from cds_service.fhir.sig_text import plain
from cds_service.fhir.strengths import strength_in_name
from cds_service.knowledge.model import Knowledge

LONG = "a number in the directions is too long to be read"


@pytest.mark.parametrize("text", ["1" * 490, f"take 5 mg {'1' * 13}", f"take {'٣' * 13} mg", f"0.{'1' * 13} mg"])
def test_directions_with_one_are_not_read_and_say_so(text: str) -> None:
    sig = read_sig(text)

    assert sig.reason == LONG
    assert (sig.amount, sig.frequency) == (None, None)


@pytest.mark.parametrize(("text", "is_read"), [("½" * 125, True), ("½" * 126, False), ("1/2 " * 125, True)])
def test_fractions_count_as_they_are_read(text: str, is_read: bool) -> None:
    assert (read_sig(text).reason != "the directions are too long to be read") is is_read
    assert len(plain(text)) <= 500


def test_twelve_digits_are_not_too_many() -> None:
    assert read_sig("take 1 tablet daily, ndc 123456789012").reason != LONG


def test_the_other_readers_see_a_sign_of_it() -> None:
    assert plain("every " + "1" * 300 + " days") == "every # days"


def test_a_name_with_a_bar_code_keeps_its_strength(knowledge: Knowledge) -> None:
    medicine = knowledge.medicines["folic-acid"]

    with_code = strength_in_name("Folic acid 5 mg tablet 1234567890123", medicine)

    assert with_code == strength_in_name("Folic acid 5 mg tablet", medicine)
    assert with_code.mg_per_unit == 5
    assert strength_in_name("Folic acid " + "5" * 200 + " mg tablet", medicine).mg_per_unit is None
