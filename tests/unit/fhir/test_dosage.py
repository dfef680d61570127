"""Several dosage lines, ranges and strengths: what comes of them for one medicine."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from cds_service.facts.treatments import DailyDose, Medicine
from cds_service.fhir.amounts import Strength
from cds_service.fhir.dosage import NO_DOSAGE, daily_dose, read_dose
from cds_service.fhir.medications import takes_upper
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
