"""The transcript in docs/ is what these commands answer today on a real HAPI FHIR server."""

from __future__ import annotations

import pytest

from tests.integration.clinic import Clinic
from tests.integration.transcript import PAGE, transcript

pytestmark = pytest.mark.hapi


def test_the_transcript_is_current_and_each_kind_of_action_was_applied(clinic: Clinic) -> None:
    told = transcript(clinic.base)

    assert told == PAGE.read_text(encoding="utf-8"), "docs/transcript.md is not current; write it anew: make transcript"
    for done in ("create ServiceRequest: 201", "update MedicationRequest/", "delete MedicationRequest/"):
        assert f"\n  {done}" in told
