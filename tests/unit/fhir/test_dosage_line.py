"""One dosage line: rates, maxima, durations, and structure held against words."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from cds_service.fhir.amounts import Amount, Kind, Strength
from cds_service.fhir.dosage_line import Line, read_line
from cds_service.fhir.sig_frequency import Frequency
from tests.medication_builders import dosage, dose, every

TABLET = Strength(mg_per_unit=Fraction(5), mg_per_ml=Fraction(2))
NOT_KNOWN = Strength()
COMBINED = Strength(mg_per_unit=Fraction(5), is_combination=True)
ANOTHER_STRENGTH = "the directions name another strength than the product has"
HOW_OFTEN = "timing and directions contradict each other on how often"
NO_RATE = "the rate at which it is given cannot be read"


def line(strength: Strength = TABLET, **fields: Any) -> Line:
    return read_line(dosage(**fields), strength)


def told(strength: Strength = TABLET, **fields: Any) -> tuple[Any, Any, str]:
    read = line(strength, **fields)
    return read.low, read.high, read.reason


def part(value: float | str | None = None, unit: str | None = None, code: str | None = None) -> dict[str, Any]:
    given = {"value": None if value is None else Decimal(str(value)), "unit": unit, "code": code}
    return {name: one for name, one in given.items() if one is not None}


def ratio(numerator: dict[str, Any] | None, denominator: dict[str, Any] | None) -> dict[str, Any]:
    given = {"numerator": numerator, "denominator": denominator}
    return {name: one for name, one in given.items() if one is not None}


def rated(**rate: Any) -> dict[str, Any]:
    return {"doseAndRate": [rate]}


@pytest.mark.parametrize(
    ("rate", "mg"),
    [
        ({"rateQuantity": part(5, "mg/d")}, "5"),
        ({"rateQuantity": part(5, "mg per day", "mg/d")}, "5"),
        ({"rateQuantity": part(5, "g/d")}, "5000"),
        ({"rateQuantity": part(14, "mg/wk")}, "2"),
        ({"rateQuantity": part("0.5", "mL/h")}, "24"),
        ({"rateQuantity": part(2, "tablets/d")}, "10"),
        ({"rateRatio": ratio(part(1, "mg"), part(12, "h"))}, "2"),
        ({"rateRatio": ratio(part(3, "tablet"), part(1, "day", "d"))}, "15"),
        ({"rateRatio": ratio(part(7, "mg"), part(1, "wk"))}, "1"),
    ],
    ids=str,
)
def test_a_rate_is_so_many_mg_a_day(rate: dict[str, Any], mg: str) -> None:
    assert told(**rated(**rate)) == (Fraction(mg), Fraction(mg), "")


@pytest.mark.parametrize(
    "rate",
    [
        {"rateQuantity": part(5, "mg")},
        {"rateQuantity": part(5, "mg/")},
        {"rateQuantity": part(5, "/d")},
        {"rateQuantity": part(5, "mg/fortnight")},
        {"rateQuantity": part(5, "mg/kg/d")},
        {"rateQuantity": part(5, "drops/d")},
        {"rateQuantity": part(5)},
        {"rateQuantity": part(None, "mg/d")},
        {"rateQuantity": part(0, "mg/d")},
        {"rateQuantity": part(-5, "mg/d")},
        {"rateQuantity": part("1e300", "mg/d")},
        {"rateQuantity": {}},
        {"rateRatio": {}},
        {"rateRatio": ratio(part(5, "mg"), None)},
        {"rateRatio": ratio(None, part(1, "d"))},
        {"rateRatio": ratio(part(5, "drops"), part(1, "d"))},
        {"rateRatio": ratio(part(5, "mg"), part(None, "d"))},
        {"rateRatio": ratio(part(5, "mg"), part(0, "d"))},
        {"rateRatio": ratio(part(5, "mg"), part(-1, "d"))},
        {"rateRatio": ratio(part(5, "mg"), part(1, "fortnight"))},
        {"rateRatio": ratio(part(5, "mg"), part(1))},
        {"rateRange": {"low": part(1, "mg/d"), "high": part(2, "mg/d")}},
    ],
    ids=str,
)
def test_a_rate_that_is_not_an_amount_per_time_is_not_guessed(rate: dict[str, Any]) -> None:
    assert line(**rated(**rate)) == Line(reason=NO_RATE)


@pytest.mark.parametrize(
    "rate",
    [
        {"rateQuantity": part(1, "mL/h")},
        {"rateQuantity": part(1, "tablet/d")},
        {"rateRatio": ratio(part(1, "mL"), part(1, "h"))},
    ],
    ids=str,
)
def test_a_rate_of_a_product_of_unknown_strength_is_not_guessed(rate: dict[str, Any]) -> None:
    assert line(NOT_KNOWN, **rated(**rate)) == Line(reason=NO_RATE)


@pytest.mark.parametrize(
    "doses", [{"doseQuantity": part(5, "mg")}, {"doseRange": {"low": part(5, "mg"), "high": part(5, "mg")}}], ids=str
)
def test_a_dose_stands_before_the_rate_beside_it(doses: dict[str, Any]) -> None:
    given: dict[str, Any] = {"doseAndRate": [{**doses, "rateQuantity": part(1, "mg/d")}], "timing": every(1)}
    assert told(**given) == (5, 5, "")


def test_the_first_entry_with_a_rate_is_read_whatever_stands_before_it() -> None:
    assert told(doseAndRate=[{}, {"rateQuantity": part(3, "mg/d")}]) == (3, 3, "")
    assert told(doseAndRate=[{"doseQuantity": part(5, "mg")}, {"rateQuantity": part(3, "mg/d")}]) == (3, 3, "")


@pytest.mark.parametrize(
    ("period", "words", "reason"),
    [
        (10, "every 11 days", ""),
        (11, "every 10 days", ""),
        (10, "every 12 days", HOW_OFTEN),
        (12, "every 10 days", HOW_OFTEN),
    ],
)
def test_two_frequencies_are_one_within_ten_percent(period: int, words: str, reason: str) -> None:
    read = line(text=words, timing=every(1, period), doseAndRate=dose(5, "mg"))
    assert read.reason == reason
    assert read.low == (None if reason else Fraction(5, period))
    assert (read.frequency is None) == bool(reason)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"text": "single dose", "timing": every(1)}, HOW_OFTEN),
        ({"text": "daily", "timing": {"code": {"coding": [{"code": "ONCE"}]}}}, HOW_OFTEN),
        ({"timing": {"code": {"coding": [{"code": "ONCE"}]}}}, "a single dose, not a daily one"),
        ({"text": "single dose"}, "a single dose, not a daily one"),
        ({}, "how often it is taken is not given"),
    ],
    ids=str,
)
def test_once_is_no_daily_dose(fields: dict[str, Any], reason: str) -> None:
    read = line(doseAndRate=dose(5, "mg"), **fields)
    assert (read.low, read.reason) == (None, reason)
    assert read.dose == (Fraction(5), Fraction(5))
    assert read.is_single == reason.startswith("a single")


@pytest.mark.parametrize(
    ("strength", "fields", "expected"),
    [
        (TABLET, {"text": "take 2 tablets (10 mg) daily"}, (10, 10, "")),
        (TABLET, {"text": "take 2 tablets (5 mg) daily"}, (10, 10, "")),
        (TABLET, {"text": "take 2 tablets (3 mg) daily"}, (None, None, ANOTHER_STRENGTH)),
        (TABLET, {"text": "5 mg tablets, take 2 tablets daily"}, (10, 10, "")),
        (TABLET, {"text": "3 mg tablets, take 2 tablets daily"}, (None, None, ANOTHER_STRENGTH)),
        (NOT_KNOWN, {"text": "3 mg tablets, take 2 tablets daily"}, (6, 6, "")),
        (COMBINED, {"text": "3 mg tablets, take 2 tablets daily"}, (10, 10, "")),
        (COMBINED, {"text": "3 mg daily"}, (None, None, "the dose is in mg of a product that holds several medicines")),
        (NOT_KNOWN, {"text": "2 tablets daily"}, (None, None, "what one unit of the product holds is not known")),
        (NOT_KNOWN, {"text": "2 mL daily"}, (None, None, "what one mL of the product holds is not known")),
        (Strength(conflict="two strengths"), {"text": "2 tablets daily"}, (None, None, "two strengths")),
        (Strength(conflict="two strengths"), {"text": "2 mL daily"}, (None, None, "two strengths")),
        (TABLET, {"text": "1-2 tablets daily"}, (5, 10, "")),
        (TABLET, {"text": "1-2 mL daily"}, (2, 4, "")),
        (TABLET, {"text": "1-2 mg daily"}, (1, 2, "")),
    ],
    ids=str,
)
def test_an_amount_is_mg_by_the_strength_of_the_product(
    strength: Strength, fields: dict[str, Any], expected: tuple[int | None, int | None, str]
) -> None:
    assert told(strength, **fields) == expected


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"doseAndRate": [*dose(5, "mg"), *dose(6, "mg")]}, "two different doses are given"),
        ({"doseAndRate": dose(5, "mg"), "dose": part(6, "mg")}, "two different doses are given"),
        ({"doseAndRate": dose(5, None)}, "the dose has no unit"),
        (
            {"doseAndRate": dose(5, "mg"), "text": "take 6 mg"},
            "dose and directions contradict each other on the amount",
        ),
        (
            {"doseAndRate": dose(6, "mg"), "text": "take 5 mg"},
            "dose and directions contradict each other on the amount",
        ),
        (
            {"doseAndRate": dose(1, "tablet"), "text": "take 6 mg"},
            "dose and directions contradict each other on the amount",
        ),
        ({"text": "take 2000000 mg"}, "the dose in the directions is not believable"),
        ({}, "the amount taken at a time is not given"),
    ],
    ids=str,
)
def test_amounts_that_contradict_each_other_or_lack_a_unit_are_not_guessed(fields: dict[str, Any], reason: str) -> None:
    read = line(timing=every(1), **fields)
    assert (read.low, read.high, read.reason) == (None, None, reason)
    assert read.amount is None


@pytest.mark.parametrize(
    "fields",
    [
        {"doseAndRate": dose(5, None), "text": "take 5 mg"},
        {"doseAndRate": dose(5, "mg"), "text": "take 1 tablet"},
        {"doseAndRate": dose(1, "tablet"), "text": "take 5 mg"},
        {"dose": part(5, "mg")},
        {"doseQuantity": part(5, "mg")},
        {"doseAndRate": dose(5, "mg"), "dose": part("0.005", "g"), "doseQuantity": part(5000, "ug")},
    ],
    ids=str,
)
def test_amounts_that_agree_are_one(fields: dict[str, Any]) -> None:
    assert told(timing=every(1), **fields) == (5, 5, "")


def test_a_line_keeps_its_amount_in_the_unit_it_was_given_in() -> None:
    read = line(timing=every(2), doseAndRate=dose(3, "tablet"))
    assert read.amount == Amount(Kind.UNIT, Fraction(3), Fraction(3))
    assert read.frequency == Frequency(Fraction(2), Fraction(2))
    assert read.dose == (Fraction(15), Fraction(15))


@pytest.mark.parametrize(
    ("repeat", "words", "days"),
    [
        ({"boundsDuration": part(2, "weeks", "wk")}, "", 14),
        ({"boundsDuration": part(10, "d")}, "for 7 days", 10),
        ({"boundsRange": {"low": part(5, "d"), "high": part(7, "d")}}, "", 7),
        ({"boundsRange": {"low": part(5, "d")}}, "for 6 days", 6),
        ({"boundsDuration": part(3, "d"), "boundsRange": {"high": part(7, "d")}}, "", 3),
        ({"boundsDuration": part(1, "d")}, "", 1),
        ({"boundsDuration": part(0, "d")}, "for 7 days", None),
        ({"boundsDuration": part(-1, "d")}, "", None),
        ({"boundsDuration": part(None, "d")}, "", None),
        ({"boundsDuration": part(5, "fortnights")}, "", None),
        ({"boundsDuration": part(5)}, "", None),
        ({}, "for 7 days", 7),
    ],
    ids=str,
)
def test_how_long_it_is_taken_is_told_by_the_bounds_before_the_words(
    repeat: dict[str, Any], words: str, days: int | None
) -> None:
    assert line(text=f"5 mg daily {words}", timing=every(1, **repeat)).lasts_days == days


@pytest.mark.parametrize(
    "fields", [{"asNeededBoolean": True}, {"asNeededCodeableConcept": {}}, {"text": "1 tablet when needed"}], ids=str
)
def test_a_stated_maximum_tells_the_most_of_what_is_taken_when_needed(fields: dict[str, Any]) -> None:
    most = ratio(part(4, "tablet"), part(1, "d"))
    expected = (0, 20, "taken when needed; the stated maximum is counted")
    assert told(doseAndRate=dose(1, "tablet"), maxDosePerPeriod=most, **fields) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (None, None, "how often it is taken is not given")),
        ({"asNeededBoolean": True, "timing": every(1)}, (5, 5, "")),
    ],
    ids=str,
)
def test_a_stated_maximum_tells_nothing_of_regular_use(fields: dict[str, Any], expected: tuple[Any, Any, str]) -> None:
    most = ratio(part(4, "tablet"), part(1, "d"))
    assert told(doseAndRate=dose(1, "tablet"), maxDosePerPeriod=most, **fields) == expected


def test_an_unreadable_maximum_leaves_the_reason_of_the_line() -> None:
    most = ratio(part(4, "drops"), part(1, "d"))
    read = line(doseAndRate=dose(1, "tablet"), maxDosePerPeriod=most, asNeededBoolean=True)
    assert (read.low, read.high, read.reason) == (None, None, "how often it is taken is not given")
    assert read.as_needed


def test_a_changing_dose_in_words_is_believed_over_a_whole_structure() -> None:
    read = line(text="taper slowly", timing=every(1), doseAndRate=dose(5, "mg"))
    assert (read.low, read.dose, read.amount) == (None, None, None)
    assert read.reason == "the directions change the dose over time"


def test_unreadable_words_count_where_the_structure_is_not_whole() -> None:
    assert told(text="1.000 mg", timing=every(1), doseAndRate=dose(5, "mg")) == (5, 5, "")
    for lacking in ({"timing": every(1)}, {"doseAndRate": dose(5, "mg")}):
        read = line(text="1.000 mg", **lacking)
        assert (read.low, read.dose, read.amount) == (None, None, None)
        assert read.reason == "a number in the directions can be read in two ways"


def test_words_that_name_an_end_of_a_range_agree_with_it() -> None:
    for words in ("take 5 mg", "take 10 mg"):
        given = {"doseRange": {"low": part(5, "mg"), "high": part(10, "mg")}}
        assert told(text=words, timing=every(1), doseAndRate=[given]) == (5, 10, "")


def test_a_weak_amount_in_words_neither_contradicts_the_structured_one_nor_is_lost_without_it() -> None:
    weak = "5 mg tablet daily"
    assert told(NOT_KNOWN, text=weak, timing=every(1), doseAndRate=dose(10, "mg")) == (10, 10, "")
    assert told(NOT_KNOWN, text=weak, timing=every(1)) == (5, 5, "")


def test_a_structured_amount_at_the_edge_of_the_one_in_words_does_not_contradict_it() -> None:
    for mg in (1, 2):
        assert told(NOT_KNOWN, text="take 1-2 mg daily", timing=every(1), doseAndRate=dose(mg, "mg")) == (mg, mg, "")
