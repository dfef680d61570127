"""Clinical dates: what a FHIR date says, how vague it is, and calendar months and years."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from cds_service.facts import dates
from cds_service.facts.dates import (
    ClinicalDate,
    add_months,
    age_in_years,
    days,
    later,
    parse_day,
    whole_months_between,
)


@pytest.mark.parametrize(
    ("text", "earliest", "latest", "time"),
    [
        ("2025", date(2025, 1, 1), date(2025, 12, 31), ""),
        ("2025-02", date(2025, 2, 1), date(2025, 2, 28), ""),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29), ""),
        ("2025-09-20", date(2025, 9, 20), date(2025, 9, 20), ""),
        (" 2025-09-20 ", date(2025, 9, 20), date(2025, 9, 20), ""),
        ("2025-09-20T08:15", date(2025, 9, 20), date(2025, 9, 20), "08:15"),
        ("2025-09-20T08:15:30.123Z", date(2025, 9, 20), date(2025, 9, 20), "08:15:30"),
        ("2025-09-20T08:15:30,5+02:00", date(2025, 9, 20), date(2025, 9, 20), "08:15:30"),
        ("2025-09-20 08:15:30+0200", date(2025, 9, 20), date(2025, 9, 20), "08:15:30"),
        ("2025-09-20t08:15:30z", date(2025, 9, 20), date(2025, 9, 20), "08:15:30"),
    ],
)
def test_a_date_is_the_interval_that_its_text_allows(text: str, earliest: date, latest: date, time: str) -> None:
    assert ClinicalDate.parse(text) == ClinicalDate(earliest, latest, time)


@pytest.mark.parametrize("text", ["2025-09-20T23:59:00-11:00", "2025-09-20T00:01:00+14:00"])
def test_the_day_that_was_written_down_is_the_day_that_counts(text: str) -> None:
    assert ClinicalDate.parse(text).earliest == date(2025, 9, 20)


@pytest.mark.parametrize(
    "text",
    [
        *("", "25-09-20", "20.09.2025", "2025-9-20", "2025-09-20T", "2025-13", "2025-02-30"),
        # As ISO 8601 allows and FHIR does not, or in digits of another script.
        *("20250920", "2025-W38-6", "2025-263", "2025-09-20T08", "2025-09-20T08:15:30."),
        "\u0662\u0660\u0662\u0665-09-20",
    ],
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        ClinicalDate.parse(text)


def test_a_refusal_quotes_the_first_forty_signs_and_says_what_a_date_looks_like() -> None:
    with pytest.raises(ValueError, match=r"^'x{40}' is not a FHIR date \(YYYY, YYYY-MM, YYYY-MM-DD or a dateTime\)$"):
        ClinicalDate.parse("x" * 41)


def test_a_day_is_an_exact_date() -> None:
    assert ClinicalDate.on(date(2025, 9, 20)) == ClinicalDate(date(2025, 9, 20), date(2025, 9, 20), "")
    assert ClinicalDate.on(date(2025, 9, 20)).is_exact
    assert not ClinicalDate.parse("2025-09").is_exact


@pytest.mark.parametrize("text", ["2025", "2025-09", "2025-09-20", "0255", "0255-02"])
def test_a_date_is_written_as_precisely_as_it_is_known(text: str) -> None:
    assert str(ClinicalDate.parse(text)) == text


def test_dates_are_ordered_by_their_last_day_then_the_vaguer_first_then_by_time() -> None:
    ordered = ["2024-12-31", "2025-09-29T23:00", "2025-09", "2025-09-30", "2025-09-30T08:00", "2025-09-30T09:00"]
    backwards = list(reversed(ordered))
    assert sorted(backwards, key=lambda text: ClinicalDate.parse(text).order) == ordered


@pytest.mark.parametrize(
    ("start", "months", "expected"),
    [
        ("2025-01-31", 1, "2025-02-28"),
        ("2024-01-31", 1, "2024-02-29"),
        ("2025-03-31", -1, "2025-02-28"),
        ("2025-01-15", -1, "2024-12-15"),
        ("2025-12-15", 1, "2026-01-15"),
        ("2025-01-15", 11, "2025-12-15"),
        ("2025-06-15", 0, "2025-06-15"),
        ("2025-10-31", -12, "2024-10-31"),
    ],
)
def test_months_on_is_the_same_day_or_the_last_that_the_month_has(start: str, months: int, expected: str) -> None:
    assert add_months(parse_day(start), months) == parse_day(expected)


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        ("2024-10-01", "2025-10-01", 12),
        ("2024-10-02", "2025-10-01", 11),
        ("2025-01-31", "2025-02-28", 1),
        ("2025-01-31", "2025-02-27", 0),
        ("2025-09-20", "2025-10-19", 0),
        ("2025-09-20", "2025-12-21", 3),
        ("2025-10-01", "2025-10-01", 0),
        ("2025-10-01", "2024-10-01", 0),
    ],
)
def test_only_completed_calendar_months_count_and_never_fewer_than_none(start: str, end: str, months: int) -> None:
    assert whole_months_between(parse_day(start), parse_day(end)) == months


@pytest.mark.parametrize(
    ("born", "youngest", "oldest"),
    [
        ("1960-10-01", 65, 65),
        ("1960-10-02", 64, 64),
        ("1960-09-30", 65, 65),
        ("1960-10", 64, 65),
        ("1960", 64, 65),
        ("1960-11", 64, 64),
    ],
)
def test_an_age_is_as_precise_as_the_birth_date(born: str, youngest: int, oldest: int) -> None:
    assert age_in_years(ClinicalDate.parse(born), date(2025, 10, 1)) == (youngest, oldest)


def test_days_are_days() -> None:
    assert days(30) == timedelta(days=30)


@pytest.mark.parametrize("text", ["2025", "2025-09", "20250920", "2025-02-30", "2025-09-20T08:15", ""])
def test_a_setting_names_a_full_day(text: str) -> None:
    assert parse_day("2025-09-20") == date(2025, 9, 20)
    with pytest.raises(ValueError, match=r"."):
        parse_day(text)


def test_digits_of_another_script_are_no_date() -> None:
    with pytest.raises(ValueError, match="is not a FHIR date"):
        ClinicalDate.parse("٢٠٢٥")


def test_a_date_that_comes_again_is_read_once_and_a_long_text_is_not_kept() -> None:
    dates._kept.cache_clear()
    for _ in range(3):
        ClinicalDate.parse("2025-09-20")
        ClinicalDate.parse(f"2025-09-21{' ' * 50}")
    assert (dates._kept.cache_info().misses, dates._kept.cache_info().hits) == (1, 2)


def test_beyond_the_last_day_lies_the_last_day() -> None:
    last, first = date(9999, 12, 31), date(1, 1, 1)
    assert later(last, timedelta(days=1)) == add_months(last, 1) == last
    assert add_months(first, -1) == first
    assert later(date(2025, 1, 31), timedelta(days=1)) == date(2025, 2, 1)
