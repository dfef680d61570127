"""What we propose, read back by our own dose engine: the regimen that was meant."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec
import pytest

from cds_service.fhir.dosage import daily_dose
from cds_service.fhir.draft_resources import draft_medication_request
from cds_service.fhir.resources import Dosage
from cds_service.fhir.strengths import Strength
from cds_service.knowledge.loader import load
from cds_service.knowledge.model import Regimen

REGIMENS = load().regimen_files
_DAYS = {"d": Decimal(1), "wk": Decimal(7)}


@pytest.mark.parametrize("regimen", REGIMENS.values(), ids=lambda regimen: regimen.id)
def test_each_step_of_a_regimen_reads_back_as_its_own_daily_dose(regimen: Regimen) -> None:
    resource = draft_medication_request(regimen, "p1", date(2025, 10, 1))
    dosages = [msgspec.convert(d, Dosage, strict=False) for d in resource["dosageInstruction"]]
    assert len(dosages) == len(regimen.steps)
    for dosage, step in zip(dosages, regimen.steps, strict=True):
        read = daily_dose([dosage], Strength(), takes_upper=False)
        assert read.mg_per_day is not None, read.reason
        if step.period_unit in _DAYS:
            meant = step.dose / 1000 * step.frequency / step.period / _DAYS[step.period_unit]
            assert abs(read.mg_per_day - meant) < Decimal("0.0001")
        else:
            monthly = read.mg_per_day * step.period
            assert Decimal("0.03") < monthly < Decimal("0.034")  # 1 mg a month


@pytest.mark.parametrize("regimen", REGIMENS.values(), ids=lambda regimen: regimen.id)
def test_the_dispensed_quantity_covers_the_supply_days(regimen: Regimen) -> None:
    units, day = Decimal(0), 0
    for step in regimen.steps:
        days = step.for_days if step.for_days is not None else regimen.supply_days - day
        every = {"d": 1, "wk": 7, "mo": 30}[step.period_unit] * step.period
        units += -(-min(days, regimen.supply_days - day) // every) * step.frequency
        day += days
    assert regimen.quantity >= units - 1
