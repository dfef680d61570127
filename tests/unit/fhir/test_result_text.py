"""Numbers in text. The many spellings of whole results are in tests/spec/result_spellings.yaml."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.fhir.result_text import AmbiguousNumber, parse_comparator, parse_number, parse_result


@given(st.decimals(min_value=0, max_value=99999, places=2))
def test_a_number_is_read_alike_with_point_and_comma(number: Decimal) -> None:
    assert parse_number(f"{number}") == parse_number(f"{number}".replace(".", ",")) == number


@given(st.integers(min_value=1000, max_value=999_999_999), st.sampled_from(["'", "’"]))
def test_an_apostrophe_only_ever_separates_thousands(number: int, mark: str) -> None:
    assert parse_number(f"{number:,}".replace(",", mark)) == number


@given(st.integers(min_value=1000, max_value=999_999), st.sampled_from(",."))
def test_one_comma_or_point_before_three_digits_is_never_guessed(number: int, mark: str) -> None:
    with pytest.raises(AmbiguousNumber):
        parse_number(f"{number:,}".replace(",", mark))


@given(st.integers(min_value=0, max_value=999))
def test_a_leading_zero_makes_the_comma_a_decimal_one(thousandths: int) -> None:
    assert parse_number(f"0,{thousandths:03}") == Decimal(thousandths) / 1000


@pytest.mark.parametrize("sign", ["~", "!", "ca", "<>", "is not less than"])
def test_an_unknown_comparator_is_refused(sign: str) -> None:
    with pytest.raises(ValueError, match="not a comparator"):
        parse_comparator(sign)


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        written = parse_result(text)
    except AmbiguousNumber:
        return
    assert written is None or written.value >= 0


def test_a_long_text_is_not_searched() -> None:
    assert parse_result("1," * 50_000) is None
