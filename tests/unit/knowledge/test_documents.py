"""YAML is read exactly: numbers as written, and no word made into something else."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.knowledge.loader.documents import UnreadableDocument, parse


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1.10", Decimal("1.10")),
        ("0.28", Decimal("0.28")),
        ("0.1000000000000000055511151231257827", Decimal("0.1000000000000000055511151231257827")),
        ("180", 180),
        ("-1", -1),
        ('"180"', "180"),
        ("0123", "0123"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("1e3", "1e3"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("0x10", "0x10"),
        ("no", "no"),
        ("off", "off"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("2026-11-24", date(2026, 11, 24)),
        ("2026-11-24T10:00:00Z", "2026-11-24T10:00:00Z"),
        ("[a, 1.50]", ["a", Decimal("1.50")]),
    ],
)
def test_a_value_is_read_as_it_is_written(written: str, read: object) -> None:
    value = parse(f"key: {written}")

    assert value == {"key": read}
    assert isinstance(value, dict)
    assert type(value["key"]) is type(read)
    assert str(value["key"]) == str(read)


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=9))
def test_every_decimal_comes_back_digit_for_digit(number: Decimal) -> None:
    value = parse(f"key: {number:f}")

    assert isinstance(value, dict)
    assert str(Decimal(value["key"])) == str(Decimal(f"{number:f}"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\na: 2\n", "line 2: the key 'a' is given twice; keep one of them"),
        ("a: {b: 1, b: 2}\n", "line 1: the key 'b' is given twice; keep one of them"),
        ("[a]: 1\n", "line 1: has a key that is no text; write a word before the colon"),
        ("a: &x [1]\nb: *x\n", "line 1: has an alias (*name); write the value out in each place"),
        ("a: 2026-13-01\n", "line 1: 2026-13-01 is no day of the calendar; write YYYY-MM-DD"),
        ("a: [1\n", "line 2: is not YAML: did not find expected ',' or ']'; mend the line"),
        ("a: 1\n---\nb: 2\n", "line 2: is not YAML: but found another document; mend the line"),
    ],
)
def test_a_document_that_cannot_be_read_says_where_and_how_to_mend_it(text: str, problem: str) -> None:
    with pytest.raises(UnreadableDocument) as told:
        parse(text)

    assert str(told.value) == problem


def test_a_character_that_yaml_does_not_allow_is_refused() -> None:
    with pytest.raises(UnreadableDocument, match="save it as UTF-8 text"):
        parse("a: \x00")


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_and_nothing_else_happens(text: str) -> None:
    with suppress(UnreadableDocument):
        parse(text)
