"""Several dosage lines, ranges and strengths: what comes of them for one medicine."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from cds_service.facts.treatments import DailyDose, Medicine
from cds_service.fhir import dosage as reader
from cds_service.fhir.amounts import Amount, Kind, Strength, exact
from cds_service.fhir.dosage import NO_DOSAGE, daily_dose, decimal, read_dose
from cds_service.fhir.medications import takes_upper
from cds_service.fhir.sig_frequency import Frequency
from cds_service.fhir.strengths import strength_in_name
from tests.medication_builders import dosage, dose, every, medicine_knowledge

TABLET = Strength(mg_per_unit=Fraction(1))


def lines(*fields: dict[str, Any]) -> list[Any]:
    return [dosage(**one) for one in fields]


def lowest(*fields: dict[str, Any]) -> DailyDose:
    return daily_dose(lines(*fields), TABLET, takes_upper=False)


def highest(*fields: dict[str, Any]) -> DailyDose:
    return daily_dose(lines(*fields), TABLET, takes_upper=True)


def test_no_dosage_says_so() -> None:
    assert lowest() == NO_DOSAGE


def test_lines_at_the_same_time_are_added() -> None:
    assert lowest({"text": "2 tablets in the morning"}, {"text": "1 tablet at night"}).mg_per_day == 3


def test_lines_of_the_same_sequence_are_added() -> None:
    assert lowest({"sequence": 1, "text": "2 mg daily"}, {"sequence": 1, "text": "1 mg daily"}).mg_per_day == 3


def test_a_line_sent_twice_counts_once() -> None:
    assert lowest({"text": "2 mg daily"}, {"text": "2 mg daily"}).mg_per_day == 2


def test_lines_in_sequence_follow_one_another() -> None:
    steps = ({"sequence": 1, "text": "5 mg daily"}, {"sequence": 2, "text": "1 mg daily"})
    assert highest(*steps) == DailyDose(Decimal(5), "the dose changes in steps; the highest is counted")
    assert lowest(*steps) == DailyDose(Decimal(1), "the dose changes in steps; the lowest is counted")


def test_the_step_whose_bounds_hold_the_day_is_the_dose() -> None:
    def step(number: int, text: str, start: str, end: str) -> dict[str, Any]:
        return {"sequence": number, "text": text, "timing": every(1, boundsPeriod={"start": start, "end": end})}

    steps = lines(step(1, "5 mg", "2025-01-01", "2025-03-31"), step(2, "1 mg", "2025-04-01", "2025-12-31"))
    assert daily_dose(steps, TABLET, takes_upper=True, on=date(2025, 2, 1)).mg_per_day == 5
    assert daily_dose(steps, TABLET, takes_upper=True, on=date(2025, 10, 1)).mg_per_day == 1


def test_one_step_that_cannot_be_told_makes_the_dose_unknown() -> None:
    told = highest({"sequence": 1, "text": "5 mg daily"}, {"sequence": 2, "text": "as directed"})
    assert told.mg_per_day is None
    assert "amount" in told.reason


def test_one_line_of_several_that_cannot_be_told_makes_the_sum_unknown() -> None:
    assert lowest({"text": "5 mg daily"}, {"text": "1 tablet as directed"}).mg_per_day is None


def test_as_needed_lines_count_for_the_highest_alone() -> None:
    both = ({"text": "1 mg daily"}, {"text": "1 tablet twice daily prn"})
    assert lowest(*both).mg_per_day == 1
    assert highest(*both).mg_per_day == 3
    assert not read_dose(lines(*both), TABLET, takes_upper=False).as_needed


def test_a_range_says_which_end_is_counted() -> None:
    assert highest({"text": "1-2 mg daily"}) == DailyDose(Decimal(2), "the dose is a range; the highest is counted")


def test_the_highest_counts_for_folic_acid_and_the_lowest_for_all_else() -> None:
    assert [medicine for medicine in Medicine if takes_upper(medicine)] == [Medicine.FOLIC_ACID]


def test_a_stated_maximum_is_the_most_that_may_be_taken() -> None:
    most = {"numerator": {"value": 4, "unit": "tablet"}, "denominator": {"value": 1, "unit": "d"}}
    line = {"asNeededBoolean": True, "doseAndRate": dose(1, "tablet"), "maxDosePerPeriod": most}
    assert highest(line).mg_per_day == 4
    assert lowest(line).mg_per_day is None


def test_exactly_a_tenth_of_a_milligram_stays_exact() -> None:
    line = {"timing": every(1), "doseAndRate": dose("0.1", "mg")}
    assert lowest(line).mg_per_day == Decimal("0.1")
    assert highest({"timing": every(1, 1, "wk"), "doseAndRate": dose("0.7", "mg")}).mg_per_day == Decimal("0.1")


def test_tablets_of_unknown_strength_tell_nothing() -> None:
    unknown = daily_dose(lines({"text": "1 tablet daily"}), Strength(), takes_upper=True)
    assert unknown == DailyDose(None, "what one unit of the product holds is not known")


@pytest.mark.parametrize(
    "text", ["", " ", "x" * 100_000, "\x00\x01", "1" * 400, "1/0 tablet daily", "every 0 days 1 mg"]
)
def test_hostile_directions_are_unreadable_and_do_no_harm(text: str) -> None:
    assert lowest({"text": text}).mg_per_day is None


@pytest.mark.parametrize(
    ("name", "mg_per_unit", "mg_per_ml"),
    [
        ("folic acid 5 mg tablet", "5", None),
        ("Folic Acid 5mg Tablets", "5", None),
        ("folic acid 400 mcg", "0.4", None),
        ("Folic acid 400 microgram tablets", "0.4", None),
        ("Folic acid 100 µg tablet", "0.1", None),
        ("folic acid 1,000 mcg tablet", "1", None),
        ("folic acid 0,4 mg Tabletten", "0.4", None),
        ("folic acid 1.000 mcg", None, None),
        ("folic acid 2.5mg/5ml oral solution", None, "0.5"),
        ("folic acid 5 mg/mL injection", None, "5"),
        ("folic acid 1 mg/1 mL", None, "1"),
        ("folic acid", None, None),
        ("iron 100 mg / folic acid 0.35 mg tablet", "0.35", None),
        ("iron 100 mg + folic acid 350 micrograms", "0.35", None),
        ("iron 100 mg and folic acid 0.4 mg", "0.4", None),
        ("folic acid 1 mg, 5 mg", None, None),
        ("folic acid 1000 IU", None, None),
    ],
)
def test_strengths_are_read_from_names(name: str, mg_per_unit: str | None, mg_per_ml: str | None) -> None:
    folic_acid = medicine_knowledge().medicines[Medicine.FOLIC_ACID]
    assert strength_in_name(name, folic_acid) == Strength(
        Fraction(mg_per_unit) if mg_per_unit else None, Fraction(mg_per_ml) if mg_per_ml else None
    )


def bounded(text: str, sequence: int | None = None, **bounds: str) -> dict[str, Any]:
    return {"sequence": sequence, "text": text, "timing": every(1, boundsPeriod=bounds)}


@pytest.mark.parametrize(
    ("on", "lowest_mg", "highest_mg"),
    [
        (date(2025, 1, 1), 5, 5),
        (date(2025, 3, 31), 5, 5),
        (date(2025, 4, 1), 1, 1),
        (date(2025, 12, 31), 1, 1),
        (date(2026, 1, 1), 1, 5),
        (None, 1, 5),
    ],
)
def test_a_step_holds_from_its_first_to_its_last_day_and_all_count_where_none_holds(
    on: date | None, lowest_mg: int, highest_mg: int
) -> None:
    steps = lines(
        bounded("5 mg", 1, start="2025-01-01", end="2025-03-31"), bounded("1 mg", 2, start="2025-04-01", end="2025")
    )
    assert daily_dose(steps, TABLET, takes_upper=False, on=on).mg_per_day == lowest_mg
    assert daily_dose(steps, TABLET, takes_upper=True, on=on).mg_per_day == highest_mg


@pytest.mark.parametrize(("on", "mg"), [(date(2025, 3, 31), 5), (date(2025, 4, 1), 1)])
def test_a_bound_left_open_holds_for_ever(on: date, mg: int) -> None:
    steps = lines(bounded("5 mg", 1, end="2025-03-31"), bounded("1 mg", 2, start="2025-04-01"))
    assert daily_dose(steps, TABLET, takes_upper=False, on=on).mg_per_day == mg
    assert daily_dose(steps, TABLET, takes_upper=True, on=on).mg_per_day == mg


@pytest.mark.parametrize(
    "vague", [bounded("5 mg", 1), bounded("5 mg", 1, start="soon"), {"sequence": 1, "text": "5 mg daily"}], ids=str
)
def test_a_line_without_readable_bounds_gives_way_to_one_that_holds_the_day(vague: dict[str, Any]) -> None:
    steps = lines(vague, bounded("1 mg", 2, start="2025-01-01"))
    assert daily_dose(steps, TABLET, takes_upper=True, on=date(2025, 10, 1)).mg_per_day == 1


def test_the_mass_at_a_time_is_that_of_the_cautious_end() -> None:
    both = lines({"text": "1-2 mg daily"}, {"text": "5 mg weekly"})
    assert read_dose(both, TABLET, takes_upper=False).dose_mg == 1
    assert read_dose(both, TABLET, takes_upper=True).dose_mg == 5
    assert read_dose(lines({"text": "daily"}), Strength(), takes_upper=True).dose_mg is None


@pytest.mark.parametrize(
    ("fields", "mg"),
    [
        ([], 1),
        ([{}], 1),
        ([{"text": "Use as directed"}], 1),
        ([{"text": "daily"}], 1),
        ([{"text": "1 mg tablets as directed"}], 1),
        ([{"text": "the 2 mg tablets daily"}], 2),
        ([{"text": "2 tablets"}], 2),
        ([{"text": "taper as directed"}], None),
        ([{"text": "not taking"}], None),
    ],
)
def test_where_nothing_says_how_many_are_taken_one_unit_of_the_product_counts(
    fields: list[dict[str, Any]], mg: int | None
) -> None:
    assert read_dose(lines(*fields), TABLET, takes_upper=False).dose_mg == mg


def test_one_unit_of_the_product_is_no_daily_dose() -> None:
    for fields in ([], [{}], [{"text": "Use as directed"}], [{"text": "daily"}]):
        assert read_dose(lines(*fields), TABLET, takes_upper=False).daily.mg_per_day is None


def test_amount_and_frequency_are_told_of_a_single_line_alone() -> None:
    one = read_dose(lines({"text": "2 tablets three times daily"}), TABLET, takes_upper=False)
    assert one.amount == Amount.of(Kind.UNIT, Fraction(2))
    assert one.frequency == Frequency.of(Fraction(3))
    two = read_dose(lines({"text": "2 tablets daily"}, {"text": "1 tablet daily"}), TABLET, takes_upper=False)
    assert (two.amount, two.frequency) == (None, None)


@pytest.mark.parametrize(
    ("texts", "days"),
    [
        (["5 mg daily for 7 days"], 7),
        (["5 mg daily for 7 days", "1 mg daily for 10 days"], 17),
        (["5 mg daily for 7 days", "1 mg daily"], None),
    ],
    ids=str,
)
def test_steps_last_one_after_the_other(texts: list[str], days: int | None) -> None:
    steps = [{"sequence": number, "text": text} for number, text in enumerate(texts, 1)]
    assert read_dose(lines(*steps), TABLET, takes_upper=False).lasts_days == days


def test_lines_taken_together_last_as_long_as_the_longest() -> None:
    both = [{"text": "5 mg daily for 7 days"}, {"text": "1 mg daily for 10 days"}]
    assert read_dose(lines(*both), TABLET, takes_upper=False).lasts_days == 10
    assert read_dose(lines(*both, {"text": "2 mg daily"}), TABLET, takes_upper=False).lasts_days is None


def test_a_dose_is_as_needed_or_single_only_where_every_line_is() -> None:
    as_needed = read_dose(lines({"text": "5 mg daily prn"}, {"text": "1 mg daily prn"}), TABLET, takes_upper=False)
    assert as_needed.as_needed
    assert as_needed.daily.mg_per_day == 6
    single = read_dose(lines({"text": "5 mg once only"}), TABLET, takes_upper=False)
    assert (single.is_single, single.as_needed) == (True, False)
    mixed = read_dose(lines({"text": "5 mg once only"}, {"text": "1 mg daily"}), TABLET, takes_upper=False)
    assert not mixed.is_single


@pytest.mark.parametrize(
    ("fraction", "mg"),
    [
        ("1/3", "0.333333333333"),
        ("2/3", "0.666666666667"),
        ("1/8", "0.125"),
        ("3", "3"),
        ("0.12345678901234", "0.12345678901234"),
    ],
)
def test_a_fraction_is_exact_where_it_can_be_and_else_has_twelve_digits(fraction: str, mg: str) -> None:
    assert str(decimal(Fraction(fraction))) == mg


def test_a_remark_on_a_sum_is_that_of_its_first_line_that_has_one() -> None:
    most = {"numerator": {"value": 4, "unit": "tablet"}, "denominator": {"value": 1, "unit": "d"}}
    prn = {"asNeededBoolean": True, "doseAndRate": dose(1, "tablet"), "maxDosePerPeriod": most}
    remark = "taken when needed; the stated maximum is counted"
    assert highest({"text": "1 mg daily"}, prn) == DailyDose(Decimal(5), remark)
    assert lowest(prn) == DailyDose(None, "only the most that may be taken is given")


def test_the_reason_of_the_step_that_cannot_be_told_is_given() -> None:
    steps = ({"sequence": 1, "text": "5 mg daily"}, {"sequence": 2, "text": "5 mg"}, {"sequence": 3, "text": "daily"})
    assert lowest(*steps) == DailyDose(None, "how often it is taken is not given")


def test_ranges_in_steps_are_steps_and_equal_steps_need_no_remark() -> None:
    changing = ({"sequence": 1, "text": "1-2 mg daily"}, {"sequence": 2, "text": "1-2 mg daily prn"})
    assert lowest(*changing) == DailyDose(Decimal(1), "the dose changes in steps; the lowest is counted")
    assert highest({"sequence": 1, "text": "2 mg daily"}, {"sequence": 2, "text": "2 tablets daily"}) == DailyDose(
        Decimal(2), ""
    )


def test_lines_without_a_sequence_are_taken_together_whatever_is_numbered() -> None:
    assert lowest({"text": "2 mg daily"}, {"sequence": 0, "text": "1 mg daily"}).mg_per_day == 3


def test_a_line_without_a_sequence_is_no_part_of_the_first_step() -> None:
    mixed = ({"text": "2 mg daily"}, {"sequence": 1, "text": "1 mg daily"})
    assert lowest(*mixed) == DailyDose(Decimal(1), "the dose changes in steps; the lowest is counted")


@pytest.mark.parametrize("length", [1, 300])
def test_lines_are_read_alike_whether_or_not_they_are_short_enough_to_keep(length: int) -> None:
    ten = [{"text": "1-2 mg daily", "route": {"text": f"{number} {'x' * length}"}} for number in range(10)]
    assert lowest(*ten).mg_per_day == 10
    assert highest(*ten).mg_per_day == 20


def test_lines_that_differ_in_their_dates_alone_are_read_once() -> None:
    reader._read_spelled.cache_clear()
    for year in range(2020, 2026):
        told = daily_dose(lines(bounded("1 mg", start=f"{year}-01-01")), TABLET, takes_upper=False)
        assert told == DailyDose(Decimal(1), "")
    assert reader._read_spelled.cache_info().misses == 1


def test_a_number_of_very_many_digits_is_no_dose_and_costs_no_time() -> None:
    long = "0." + "1" * 20_000
    assert lowest({"timing": every(1), "doseAndRate": dose(long, "mg")}).mg_per_day is None
    assert exact(Decimal(long)) is None
    assert exact(Decimal("0." + "1" * 30)) == Fraction("0." + "1" * 30)


def test_lines_too_long_to_be_met_again_are_not_kept() -> None:
    reader._read_spelled.cache_clear()
    long = [{"text": "1 mg daily", "route": {"text": "x" * 2000}}]
    assert lowest(*long) == DailyDose(Decimal(1), "")
    assert reader._read_spelled.cache_info().currsize == 0


def test_a_number_that_cannot_be_compared_is_never_taken_for_a_line_sent_twice() -> None:
    odd = [{"timing": every(1), "doseAndRate": dose(number, "mg")} for number in ("1", "sNaN")]
    assert highest(*odd) == highest(*reversed(odd)) == DailyDose(None, "the dose has no usable number")


def test_a_timing_without_a_repeat_hinders_nothing() -> None:
    told = {"text": "take 1 tablet daily"}
    assert lowest({**told, "timing": {"code": {"text": "at breakfast"}}}) == lowest(told)
    assert lowest(told).mg_per_day is not None
