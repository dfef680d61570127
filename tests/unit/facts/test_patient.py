"""How much of a key's data we hold."""

from __future__ import annotations

from cds_service.facts.patient import Availability, DataKey, PatientFacts
from tests.builders import TODAY


def test_a_key_is_as_available_as_was_said_and_complete_when_nobody_spoke_of_it() -> None:
    facts = PatientFacts("p1", TODAY, availability=((DataKey.LABS, Availability.FAILED),))
    assert facts.available(DataKey.LABS) is Availability.FAILED
    assert facts.available(DataKey.CONDITIONS) is Availability.COMPLETE
