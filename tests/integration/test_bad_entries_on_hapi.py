"""What a real server refuses is refused whole: its own words are told, and nothing of that transaction is there."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cds_service.ehr.clean import Cleaner
from cds_service.ehr.load import Loader
from cds_service.ehr.resource_files import read_files
from cds_service.errors import FhirRefused
from tests.conformance.server import STORY_DAY
from tests.integration.clinic import Clinic

pytestmark = pytest.mark.hapi

BAD: dict[str, dict[str, Any]] = {
    "a status that FHIR does not have": {"status": "bad"},
    "a date that is none": {"status": "final", "effectiveDateTime": "yesterday"},
    "a number in words": {"status": "final", "valueQuantity": {"value": "much"}},
}


def bundle(*resources: dict[str, Any]) -> str:
    return json.dumps(
        {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in resources]}
    )


@pytest.mark.parametrize("kind", BAD)
def test_one_bad_entry_keeps_its_whole_bundle_off_the_server(kind: str, clinic: Clinic, tmp_path: Path) -> None:
    tag, day = f"test-{uuid4().hex[:12]}", date.fromisoformat(STORY_DAY)
    patient = {"resourceType": "Patient", "id": "p", "gender": "female"}
    bad = {
        "resourceType": "Observation",
        "id": "o",
        "subject": {"reference": "Patient/p"},
        "code": {"text": "B12"},
        **BAD[kind],
    }
    (tmp_path / "a.json").write_text(bundle(patient))
    (tmp_path / "b.json").write_text(bundle(patient, bad))
    loader = Loader(clinic.server, read_files([tmp_path], day)[0], tag, day)

    try:
        with pytest.raises(FhirRefused, match=r"b\.json: the FHIR server answers .* with 4\d\d: .*HAPI-\d+") as refused:
            list(loader.run())
        assert "Nothing of this transaction (2 resources) was written. 1 resources of earlier" in str(refused.value)
    finally:
        cleaner = Cleaner(clinic.server, tag)
        left = [one["resourceType"] for _, some in cleaner.find(("Patient", "Observation")) for one in some]
        for _ in cleaner.delete(one for _, some in cleaner.find(("Patient", "Observation")) for one in some):
            pass
    assert left == ["Patient"]
