"""What daily dose is read from directions in words and from structured dosage: more than four hundred, one by one."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.fhir.amounts import Strength
from cds_service.fhir.dosage import daily_dose, read_dose
from tests.medication_builders import dosage, dose, every

TABLET_5_MG = Strength(mg_per_unit=Fraction(5), mg_per_ml=Fraction(1))
LINES = Path(__file__).with_name("sigs.txt").read_text(encoding="utf-8").splitlines()
SIGS = [line.rpartition(" | ")[::2] for line in LINES if line and not line.startswith("#")]


@pytest.mark.parametrize(("text", "expected"), SIGS, ids=[text[:60] for text, _ in SIGS])
def test_directions_are_read_as_the_table_says(text: str, expected: str) -> None:
    read = read_dose([dosage(text=text)], TABLET_5_MG, takes_upper=False)
    assert read.as_needed == expected.endswith(" prn")
    _is(read.daily.mg_per_day, read.daily.reason, expected.removesuffix(" prn"))


@pytest.mark.parametrize(("text", "_expected"), SIGS, ids=[text[:60] for text, _ in SIGS])
def test_the_highest_end_is_never_below_the_lowest(text: str, _expected: str) -> None:
    lowest = daily_dose([dosage(text=text)], TABLET_5_MG, takes_upper=False).mg_per_day
    highest = daily_dose([dosage(text=text)], TABLET_5_MG, takes_upper=True).mg_per_day
    assert lowest is None or (highest is not None and lowest <= highest)


def _is(mg: Decimal | None, reason: str, expected: str) -> None:
    if expected.startswith("? "):
        assert mg is None
        assert expected[2:] in reason
    else:
        assert mg is not None, reason
        assert f"{mg:.9f}".rstrip("0").rstrip(".") == expected


TABLET = dose(1, "tablet", "{tbl}")
MG_5 = dose(5, "mg", "mg")
HL7 = "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation"


def code(value: str, system: str = HL7) -> dict[str, Any]:
    return {"code": {"coding": [{"system": system, "code": value}]}}


STRUCTURED: list[tuple[str, dict[str, Any], str]] = [
    # timing.repeat
    ("once a day", {"timing": every(1), "doseAndRate": TABLET}, "5"),
    ("twice a day", {"timing": every(2), "doseAndRate": TABLET}, "10"),
    ("every 6 hours", {"timing": every(1, 6, "h"), "doseAndRate": TABLET}, "20"),
    ("every 30 minutes", {"timing": every(1, 30, "min"), "doseAndRate": dose(1, "mg")}, "48"),
    ("every 43200 seconds", {"timing": every(1, 43200, "s"), "doseAndRate": TABLET}, "10"),
    ("once a week", {"timing": every(1, 1, "wk"), "doseAndRate": MG_5}, "0.714285714"),
    ("0.4 mg once a week", {"timing": every(1, 1, "wk"), "doseAndRate": dose("0.4", "mg")}, "0.057142857"),
    ("every 2 weeks", {"timing": every(1, 2, "wk"), "doseAndRate": MG_5}, "0.357142857"),
    ("every 3 months", {"timing": every(1, 3, "mo"), "doseAndRate": dose(1, "mL", "mL")}, "0.010951403"),
    ("once a year", {"timing": every(1, 1, "a"), "doseAndRate": dose(1, "mg")}, "0.002737851"),
    ("every other day", {"timing": every(1, 2, "d"), "doseAndRate": TABLET}, "2.5"),
    (
        "a period without frequency is once",
        {"timing": every(None, 3, "mo"), "doseAndRate": dose(1, "mg")},
        "0.010951403",
    ),
    ("units spelled out", {"timing": every(1, 1, "day"), "doseAndRate": TABLET}, "5"),
    ("half a day", {"timing": every(1, 0.5, "d"), "doseAndRate": TABLET}, "10"),
    ("frequency to frequencyMax", {"timing": every(1, frequencyMax=2), "doseAndRate": TABLET}, "5"),
    ("period to periodMax", {"timing": every(1, 4, "h", periodMax=6), "doseAndRate": TABLET}, "20"),
    ("period 0", {"timing": every(1, 0), "doseAndRate": TABLET}, "? believable"),
    ("negative period", {"timing": every(1, -1), "doseAndRate": TABLET}, "? believable"),
    ("frequency 0", {"timing": every(0), "doseAndRate": TABLET}, "? believable"),
    ("negative frequency", {"timing": every(-2), "doseAndRate": TABLET}, "? believable"),
    ("frequency 10000", {"timing": every(10000), "doseAndRate": TABLET}, "? believable"),
    ("frequencyMax below frequency", {"timing": every(3, frequencyMax=1), "doseAndRate": TABLET}, "? believable"),
    ("no period", {"timing": {"repeat": {"frequency": 2}}, "doseAndRate": TABLET}, "? which period"),
    ("no period unit", {"timing": {"repeat": {"frequency": 2, "period": 1}}, "doseAndRate": TABLET}, "? no unit"),
    ("unknown period unit", {"timing": every(1, 1, "fortnight"), "doseAndRate": TABLET}, "? not known"),
    ("the unit M could be minute or month", {"timing": every(1, 1, "M"), "doseAndRate": TABLET}, "? not known"),
    # days of the week, times of the day
    ("Mondays", {"timing": {"repeat": {"dayOfWeek": ["mon"]}}, "doseAndRate": MG_5}, "0.714285714"),
    ("Mon Wed Fri", {"timing": {"repeat": {"dayOfWeek": ["mon", "wed", "fri"]}}, "doseAndRate": MG_5}, "2.142857143"),
    ("daily on Mon Wed Fri", {"timing": every(1, dayOfWeek=["mon", "wed", "fri"]), "doseAndRate": MG_5}, "2.142857143"),
    ("weekly on Monday", {"timing": every(1, 1, "wk", dayOfWeek=["mon"]), "doseAndRate": MG_5}, "0.714285714"),
    (
        "3 a week, days named",
        {"timing": every(3, 1, "wk", dayOfWeek=["mon", "wed", "fri"]), "doseAndRate": MG_5},
        "2.142857143",
    ),
    (
        "once a week on two days",
        {"timing": every(1, 1, "wk", dayOfWeek=["mon", "thu"]), "doseAndRate": MG_5},
        "0.714285714",
    ),
    (
        "5 a week on two days",
        {"timing": every(5, 1, "wk", dayOfWeek=["mon", "thu"]), "doseAndRate": MG_5},
        "? contradict",
    ),
    ("two times of day", {"timing": {"repeat": {"timeOfDay": ["08:00:00", "20:00:00"]}}, "doseAndRate": TABLET}, "10"),
    (
        "frequency 1, two times",
        {"timing": every(1, timeOfDay=["08:00:00", "20:00:00"]), "doseAndRate": TABLET},
        "? contradict",
    ),
    ("when MORN", {"timing": {"repeat": {"when": ["MORN"]}}, "doseAndRate": TABLET}, "5"),
    ("when MORN and EVE", {"timing": {"repeat": {"when": ["MORN", "EVE"]}}, "doseAndRate": TABLET}, "10"),
    ("when HS, daily", {"timing": every(1, when=["HS"]), "doseAndRate": TABLET}, "5"),
    ("with meals, how many", {"timing": {"repeat": {"when": ["C"]}}, "doseAndRate": TABLET}, "? how often"),
    ("three times before meals", {"timing": every(3, when=["AC"]), "doseAndRate": TABLET}, "15"),
    # codes
    *(
        (f"code {value}", {"timing": code(value), "doseAndRate": TABLET}, mg)
        for value, mg in (
            ("BID", "10"),
            ("TID", "15"),
            ("QID", "20"),
            ("AM", "5"),
            ("PM", "5"),
            ("QD", "5"),
            ("QOD", "2.5"),
            ("Q4H", "30"),
            ("Q6H", "20"),
            ("Q8H", "15"),
            ("BED", "5"),
            ("WK", "0.714285714"),
            ("MO", "0.164271047"),
        )
    ),
    *(
        (f"local code {value}", {"timing": code(value, "urn:local"), "doseAndRate": TABLET}, mg)
        for value, mg in (
            ("DAILY", "5"),
            ("Q12H", "10"),
            ("Q24H", "5"),
            ("QHS", "5"),
            ("1X/WEEK", "0.714285714"),
            ("ONCE", "? single"),
            ("ASDIR", "? how often"),
            ("EVERY OTHER DAY", "2.5"),
            ("bid", "10"),
        )
    ),
    ("code in words", {"timing": {"code": {"text": "Twice daily"}}, "doseAndRate": TABLET}, "10"),
    ("code and repeat agree", {"timing": {**every(2), **code("BID")}, "doseAndRate": TABLET}, "10"),
    ("code and repeat disagree", {"timing": {**every(1), **code("BID")}, "doseAndRate": TABLET}, "? contradict"),
    ("count 1", {"timing": {"repeat": {"count": 1}}, "doseAndRate": MG_5}, "? single"),
    ("one event", {"timing": {"event": ["2025-09-01"]}, "doseAndRate": MG_5}, "? single"),
    ("listed dates", {"timing": {"event": ["2025-09-01", "2025-09-08"]}, "doseAndRate": MG_5}, "? listed dates"),
    # amounts and units
    *(
        (f"{value} {unit}", {"timing": every(1), "doseAndRate": dose(value, unit)}, mg)
        for value, unit, mg in (
            (5, "mg", "5"),
            (5, "MG", "5"),
            ("0.005", "g", "5"),
            (400, "mcg", "0.4"),
            (400, "ug", "0.4"),
            (400, "µg", "0.4"),
            (400, "μg", "0.4"),
            (400, "microgram", "0.4"),
            (400, "micrograms", "0.4"),
            (2, "tablets", "10"),
            (2, "TAB", "10"),
            (2, "Tablet", "10"),
            (1, "capsule", "5"),
            (1, "cap", "5"),
            (1, "{tbl}", "5"),
            (1, "Oral Tablet", "5"),
            (2, "mL", "2"),
            (2, "ml", "2"),
            (1000, "IU", "? international"),
            (10, "UNIT", "? international"),
            (1, "vial", "? content"),
            (1, "dose", "? content"),
            (1, "bottle", "? not known"),
            (5, "мг", "? not known"),
            (0, "mg", "? believable"),
            (-5, "mg", "? believable"),
            ("1e300", "mg", "? no usable number"),
            ("NaN", "mg", "? no usable number"),
            (200000, "mg", "? believable"),
        )
    ),
    ("no unit", {"timing": every(1), "doseAndRate": dose(1, None)}, "? no unit"),
    ("no unit, but words", {"text": "1 tablet daily", "timing": every(1), "doseAndRate": dose(1, None)}, "5"),
    ("unity code, unit told", {"timing": every(1), "doseAndRate": dose(1, "tablet", "1")}, "5"),
    ("code unknown, unit known", {"timing": every(1), "doseAndRate": dose(1, "tablet", "XYZ")}, "5"),
    ("code empty, unit known", {"timing": every(1), "doseAndRate": dose(5, "mg", "")}, "5"),
    ("code against unit", {"timing": every(1), "doseAndRate": dose(5, "mg", "ug")}, "? contradict"),
    (
        "comparator",
        {"timing": every(1), "doseAndRate": [{"doseQuantity": {"value": 5, "unit": "mg", "comparator": "<"}}]},
        "? number",
    ),
    (
        "dose range",
        {
            "timing": every(1),
            "doseAndRate": [{"doseRange": {"low": {"value": 1, "unit": "mg"}, "high": {"value": 2, "unit": "mg"}}}],
        },
        "1",
    ),
    (
        "dose range upside down",
        {
            "timing": every(1),
            "doseAndRate": [{"doseRange": {"low": {"value": 3, "unit": "mg"}, "high": {"value": 2, "unit": "mg"}}}],
        },
        "? contradict",
    ),
    (
        "dose range with one end",
        {"timing": every(1), "doseAndRate": [{"doseRange": {"high": {"value": 2, "unit": "mg"}}}]},
        "? ends",
    ),
    ("two doses", {"timing": every(1), "doseAndRate": [*dose(5, "mg"), *dose(1, "mg")]}, "? two different"),
    ("ordered and calculated agree", {"timing": every(1), "doseAndRate": [*dose(5, "mg"), *dose("0.005", "g")]}, "5"),
    ("older doseQuantity", {"timing": every(1), "doseQuantity": {"value": 5, "unit": "mg"}}, "5"),
    ("rate 5 mg/d", {"doseAndRate": [{"rateQuantity": {"value": 5, "code": "mg/d"}}]}, "5"),
    ("rate 0.1 mL/h", {"doseAndRate": [{"rateQuantity": {"value": Decimal("0.1"), "unit": "mL/h"}}]}, "2.4"),
    (
        "rate as a ratio",
        {
            "doseAndRate": [
                {"rateRatio": {"numerator": {"value": 1, "unit": "mg"}, "denominator": {"value": 12, "code": "h"}}}
            ]
        },
        "2",
    ),
    ("rate nobody can read", {"doseAndRate": [{"rateQuantity": {"value": 5, "unit": "drops/min"}}]}, "? rate"),
    # structure against words
    ("words repeat the structure", {"text": "1 tablet daily", "timing": every(1), "doseAndRate": TABLET}, "5"),
    ("5 mg daily against weekly", {"text": "once weekly", "timing": every(1), "doseAndRate": MG_5}, "? how often"),
    ("1 tablet against 2", {"text": "2 tablets daily", "timing": every(1), "doseAndRate": TABLET}, "? on the amount"),
    ("5 mg against 1 mg", {"text": "1 mg daily", "timing": every(1), "doseAndRate": MG_5}, "? on the amount"),
    ("1 tablet is 5 mg", {"text": "5 mg daily", "timing": every(1), "doseAndRate": TABLET}, "5"),
    (
        "monthly is four-weekly",
        {"text": "every 4 weeks", "timing": every(1, 1, "mo"), "doseAndRate": MG_5},
        "0.164271047",
    ),
    ("amount in words alone", {"text": "1 tablet daily", "timing": every(1)}, "5"),
    ("amount nowhere", {"timing": every(1)}, "? amount"),
    ("frequency in words alone", {"text": "twice daily", "doseAndRate": TABLET}, "10"),
    ("frequency nowhere", {"doseAndRate": TABLET}, "? how often"),
    ("the text is the product", {"text": "1mg Tablet", "timing": every(1), "doseAndRate": MG_5}, "5"),
    (
        "an unreadable note beside a full structure",
        {"text": "5 mg or 10 mg", "timing": every(1), "doseAndRate": MG_5},
        "5",
    ),
    ("a taper beside a full structure", {"text": "taper slowly", "timing": every(1), "doseAndRate": MG_5}, "? change"),
    ("patientInstruction", {"patientInstruction": "one tablet twice a day"}, "10"),
    (
        "once in words, daily in structure",
        {"text": "single dose", "timing": every(1), "doseAndRate": MG_5},
        "? how often",
    ),
]


@pytest.mark.parametrize(("fields", "expected"), [row[1:] for row in STRUCTURED], ids=[row[0] for row in STRUCTURED])
def test_structured_dosage_is_read_as_the_table_says(fields: dict[str, Any], expected: str) -> None:
    read = daily_dose([dosage(**fields)], TABLET_5_MG, takes_upper=False)
    _is(read.mg_per_day, read.reason, expected)


WORDS = st.sampled_from(
    [
        "1",
        "2",
        "0.5",
        "1/2",
        "half",
        "a",
        "one",
        "two",
        "tablet",
        "tablets",
        "tab",
        "mg",
        "mcg",
        "ml",
        "5",
        "400",
        "daily",
        "bid",
        "weekly",
        "monthly",
        "every",
        "other",
        "day",
        "3",
        "months",
        "hours",
        "prn",
        "as",
        "needed",
        "then",
        "and",
        "or",
        "for",
        "x",
        "(",
        ")",
        "-",
        "/",
        "once",
        "twice",
        "times",
        "per",
        "up",
        "to",
        "morning",
        "night",
        "on",
        "Mondays",
        "except",
        "max",
        "1,000",
        "1.000",
        "q6h",
    ]
)


@given(st.lists(WORDS, max_size=14).map(" ".join) | st.text(max_size=80))
def test_any_text_is_read_or_refused_but_never_fails(text: str) -> None:
    lowest = daily_dose([dosage(text=text)], TABLET_5_MG, takes_upper=False)
    highest = daily_dose([dosage(text=text)], TABLET_5_MG, takes_upper=True)
    for told in (lowest, highest):
        assert (told.mg_per_day is None and told.reason) or (told.mg_per_day is not None and told.mg_per_day > 0)
    if lowest.mg_per_day is not None and highest.mg_per_day is not None:
        assert lowest.mg_per_day <= highest.mg_per_day


@given(st.lists(WORDS, max_size=14).map(" ".join))
def test_capitals_and_blanks_change_nothing(text: str) -> None:
    plainly = daily_dose([dosage(text=text)], TABLET_5_MG, takes_upper=False)
    assert daily_dose([dosage(text=f"  {text.upper()} ")], TABLET_5_MG, takes_upper=False) == plainly
