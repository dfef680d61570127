"""The eGFR that a creatinine stands for: only where none was reported, and only where it is certainly too low."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cds_service.assessment.kidneys import with_estimated_rate
from cds_service.facts.dates import ClinicalDate
from cds_service.facts.labs import Analyte, LabResult
from cds_service.knowledge.loader import load
from tests.spec.example_facts import example_facts

KNOWLEDGE = load()


def estimated(creatinine: Any, **given: Any) -> LabResult | None:
    facts = example_facts({"creatinine": creatinine, **given})
    found = [r for r in with_estimated_rate(facts, KNOWLEDGE).all if r.estimated_from]
    return found[0] if found else None


@pytest.mark.parametrize(
    ("creatinine", "age", "sex", "rate"),
    [("4.1 mg/dL", 61, "female", "12"), ("2 mg/dL", 81, "male", "33"), ("1.5 mg/dL", 31, "female", "48")],
)
def test_it_follows_the_equation(creatinine: str, age: int, sex: str, rate: str) -> None:
    found = estimated(creatinine, age=age, sex=sex)

    assert found is not None
    assert (found.analyte, str(found.value), found.estimated_from) == (Analyte.EGFR, rate, creatinine)


def test_what_is_not_known_never_makes_it_lower() -> None:
    assert estimated("1.2 mg/dL", sex="female") is not None
    assert estimated("1.2 mg/dL", sex="male") is None
    assert estimated("1.2 mg/dL") is None
    facts = replace(example_facts({"creatinine": "1.5 mg/dL", "sex": "male", "age": 90}), born=None)
    assert with_estimated_rate(facts, KNOWLEDGE).all == facts.labs  # of a young man it would be no sign


@pytest.mark.parametrize("year", ["2025-09-21", "2025-09", "2025"])
def test_an_egfr_that_may_be_of_that_day_or_later_counts_instead(year: str) -> None:
    facts = example_facts({"creatinine": "4.1 mg/dL", "egfr": "90 mL/min/1.73m2"})
    labs = [replace(r, taken=ClinicalDate.parse(year)) if r.analyte is Analyte.EGFR else r for r in facts.labs]

    assert with_estimated_rate(replace(facts, labs=tuple(labs)), KNOWLEDGE).all == tuple(labs)


def test_a_bound_counts_where_it_settles() -> None:
    above = estimated(">2.5 mg/dL")
    assert above is not None
    assert (above.comparator, above.least) == ("<", None)
    assert estimated("<2.5 mg/dL") is None
    assert estimated("high") is None
