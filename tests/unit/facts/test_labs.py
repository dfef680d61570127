"""What a comparator leaves open about the true value."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from cds_service.facts.dates import ClinicalDate
from cds_service.facts.labs import Analyte, Comparator, LabResult
from tests.builders import TODAY

RESULT = LabResult(Analyte.TOTAL_B12, ClinicalDate.on(TODAY), "Observation/1", "180 ng/L", Decimal(180), "ng/L")


@pytest.mark.parametrize(
    ("comparator", "least", "most"),
    [
        (None, 180, 180),
        (Comparator.BELOW, None, 180),
        (Comparator.AT_MOST, None, 180),
        (Comparator.ABOVE, 180, None),
        (Comparator.AT_LEAST, 180, None),
    ],
)
def test_a_comparator_bounds_the_true_value_on_one_side(
    comparator: Comparator | None, least: int | None, most: int | None
) -> None:
    result = replace(RESULT, comparator=comparator)
    assert (result.least, result.most) == (least, most)


def test_a_result_in_words_bounds_nothing() -> None:
    in_words = replace(RESULT, value=None)
    assert (in_words.least, in_words.most) == (None, None)
