"""An order whose stated supply is over, and which still counts as going on for a while."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.fhir.medications import read_treatments
from tests.builders import TODAY, record
from tests.medication_builders import medicine_knowledge, request, rxnorm, supply

KNOWLEDGE = medicine_knowledge()


@pytest.mark.parametrize(
    ("fields", "is_active", "has_run_out"),
    [
        ({"authoredOn": "2025-07-04", "dispenseRequest": supply(90)}, True, False),  # until today
        ({"authoredOn": "2025-07-03", "dispenseRequest": supply(90)}, True, True),  # until yesterday
        ({"authoredOn": "2025-05-05", "dispenseRequest": supply(90)}, True, True),  # the last day of the gap
        ({"authoredOn": "2025-05-04", "dispenseRequest": supply(90)}, False, False),
        ({"authoredOn": "2025-05-04"}, True, False),  # no supply is stated
        ({"authoredOn": "2025-07-03", "dispenseRequest": supply(90), "status": "stopped"}, False, False),
    ],
)
def test_an_order_has_run_out_after_the_last_day_of_its_supply(
    fields: dict[str, Any], is_active: bool, has_run_out: bool
) -> None:
    order = request(medicationCodeableConcept=rxnorm("244190"), **fields)
    [found] = read_treatments(record(medicationRequests=[order]), KNOWLEDGE, TODAY)[0]
    assert (found.is_active, found.has_run_out) == (is_active, has_run_out)
