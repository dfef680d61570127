"""Dates, spans and limits are said as a clinician says them."""

from __future__ import annotations

from calendar import month_name
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from cds_service.assessment.bands import scale_of
from cds_service.assessment.spoken import how_long, in_printed_unit, limit_words, printed_unit, when
from cds_service.facts.dates import ClinicalDate
from cds_service.facts.labs import Analyte
from cds_service.knowledge.loader import load
from tests.spec.example_facts import lab_result

KNOWLEDGE = load()


@pytest.mark.parametrize(
    ("told", "said"),
    [("2025-03-10", "on 2025-03-10"), ("2025-03-10T08:15:00Z", "on 2025-03-10"), ("2025", "in 2025")],
)
def test_a_day_is_said_as_precisely_as_it_is_known(told: str, said: str) -> None:
    assert when(ClinicalDate.parse(told)) == said


@pytest.mark.parametrize("number", range(1, 13))
def test_a_month_has_its_name(number: int) -> None:
    assert when(ClinicalDate.parse(f"2024-{number:02}")) == f"in {month_name[number]} 2024"


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ("2025-10-01", "0 days"),
        ("2025-09-18", "13 days"),
        ("2025-09-17", "2 weeks"),
        ("2025-07-17", "10 weeks"),
        ("2025-07-02", "13 weeks"),
        ("2025-07-01", "3 months"),
        ("2025-06-15", "3 months"),
        ("2023-10-02", "23 months"),
        ("2023-10-01", "2 years"),
        ("2015-06-20", "10 years"),
    ],
)
def test_a_span_is_said_in_units_that_one_can_grasp_and_never_longer_than_it_was(start: str, said: str) -> None:
    assert how_long(date.fromisoformat(start), date(2025, 10, 1)) == said


@pytest.mark.parametrize(
    ("analyte", "result", "printed", "limit", "said"),
    [
        (Analyte.TOTAL_B12, "150 ng/L", "150 pg/mL", "180", "180 pg/mL"),
        (Analyte.TOTAL_B12, "179 ng/L", "17.9 ng/dL", "180", "18 ng/dL = 180 ng/L"),
        (Analyte.TOTAL_B12, "132 pmol/L", "0.132 nmol/L", "133", "0.133 nmol/L = 133 pmol/L"),
        (Analyte.TOTAL_B12, "150 ng/L", "about 150", "180", "180 ng/L"),
        (Analyte.MMA, "0.281 umol/L", "281 nmol/L", "0.28", "280 nmol/L = 0.28 umol/L"),
        (Analyte.MMA, "0.5 umol/L", "0.5 μmol/L", "0.28", "0.28 μmol/L"),
        (Analyte.MMA, "0.5 umol/L", "59.0 ng/mL", "0.28", "33.1 ng/mL = 0.28 umol/L"),
    ],
)
def test_a_limit_stands_in_the_unit_that_the_laboratory_printed(
    analyte: Analyte, result: str, printed: str, limit: str, said: str
) -> None:
    read = replace(lab_result(analyte, result), printed=printed)
    assert limit_words(Decimal(limit), read, scale_of(read, KNOWLEDGE.analytes[analyte])) == said


def test_without_a_scale_the_unit_of_the_result_stands() -> None:
    read = replace(lab_result(Analyte.MMA, "0.5 umol/L"), printed="59 ng/mL")
    assert printed_unit(read, None) == ("umol/L", Decimal(1))
    assert in_printed_unit(Decimal("0.28"), read, None) == "0.28"


@pytest.mark.parametrize(("limit", "said"), [("0.2835", "0.2835"), ("0.28355", "0.284")])
def test_a_limit_of_more_than_four_figures_is_rounded(limit: str, said: str) -> None:
    result = lab_result(Analyte.MMA, "0.3 umol/L")
    assert in_printed_unit(Decimal(limit), result, scale_of(result, KNOWLEDGE.analytes[Analyte.MMA])) == said
