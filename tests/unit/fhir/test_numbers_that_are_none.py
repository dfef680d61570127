"""A JSON text such as "sNaN" decodes as a number that raises when it is compared: it hides nothing else."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cds_service.fhir.amounts import Strength, read_strength
from cds_service.fhir.dosage import read_dose
from cds_service.fhir.resources import Dosage, DoseAndRate, Quantity, Ratio

NO_NUMBERS = [Decimal("sNaN"), Decimal("NaN"), Decimal("Infinity"), Decimal("1E+999999")]


@pytest.mark.parametrize("no_number", NO_NUMBERS)
def test_a_dose_that_is_no_number_is_told_and_not_counted(no_number: Decimal) -> None:
    line = Dosage(dose_and_rate=[DoseAndRate(dose_quantity=Quantity(value=no_number, unit="mg"))])
    dose = read_dose([line, line], Strength(), takes_upper=False)
    assert (dose.daily.mg_per_day, dose.daily.reason) == (None, "the dose has no usable number")


@pytest.mark.parametrize("no_number", NO_NUMBERS)
def test_a_strength_per_no_number_is_none(no_number: Decimal) -> None:
    ratio = Ratio(numerator=Quantity(value=Decimal(1), unit="mg"), denominator=Quantity(value=no_number))
    assert read_strength(ratio) == Strength()
