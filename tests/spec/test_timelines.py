"""Every story and every real record can be drawn: well-formed, with each result that was read, and with its status."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml

from cds_service.ehr.hook_request import hook_request, stable_instance
from cds_service.ehr.patient_bundle import read_patient_bundle
from cds_service.ehr.prefetch import everything
from cds_service.figures.draw import NARROW, drawn_alone, drawn_for_page
from cds_service.figures.model import Timeline
from cds_service.knowledge.model import Knowledge
from cds_service.service import CdsService
from cds_service.web.pages.timeline import HOOK, timeline_of

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
STORIES = sorted(path.parent.name for path in FIXTURES.glob("*/story.yaml"))
REAL = {
    "mimic-iv-demo-fhir-2.1.0/patient-bundles-loinc": date(2200, 1, 1),
    "synthea-2019-smart-on-fhir-r4/slim-transaction-bundles": date(2021, 6, 1),
    "au-fhir-test-data": date(2025, 6, 1),
}
_MOST_OF_A_KIND = 8


def figure_of(bundle: dict[str, Any], knowledge: Knowledge, offered: Sequence[CdsService], today: date) -> Timeline:
    templates = everything(next(service.prefetch for service in offered if service.hook == HOOK))
    request = hook_request(HOOK, read_patient_bundle(bundle), templates, instance=stable_instance("timeline"))
    return timeline_of(request, knowledge, today)


def assert_drawn(figure: Timeline) -> None:
    for svg in (drawn_alone(figure), drawn_for_page(figure, "narrow", NARROW, {})):
        root = ET.fromstring(svg)  # noqa: S314 - it was written by ourselves
        assert figure.headline in (root.findtext("{http://www.w3.org/2000/svg}title") or "")


@pytest.mark.parametrize("name", STORIES)
def test_every_story_is_drawn(name: str, knowledge: Knowledge, offered: Sequence[CdsService]) -> None:
    bundle = json.loads((FIXTURES / name / "bundle.json").read_text(encoding="utf-8"))
    story = yaml.safe_load((FIXTURES / name / "story.yaml").read_text(encoding="utf-8"))
    figure = figure_of(bundle, knowledge, offered, story["today"])
    assert_drawn(figure)
    told = {row.source for row in figure.rows}
    results = [entry["resource"] for entry in bundle["entry"] if entry["resource"]["resourceType"] == "Observation"]
    ours = [
        r for r in results if any((c["system"], c["code"]) in knowledge.analytes_by_code for c in r["code"]["coding"])
    ]
    assert {f"Observation/{result['id']}" for result in ours} - told == set()


@pytest.mark.parametrize("folder", REAL)
def test_real_records_are_drawn(folder: str, shared: Path, knowledge: Knowledge, offered: Sequence[CdsService]) -> None:
    bundles = [
        bundle
        for path in sorted((shared / "data" / folder).glob("*.json"))
        if (bundle := json.loads(path.read_text(encoding="utf-8"))).get("resourceType") == "Bundle"
    ]
    assert bundles
    for bundle in bundles[:_MOST_OF_A_KIND]:
        figure = figure_of(bundle, knowledge, offered, REAL[folder])
        assert_drawn(figure)
        assert figure.panels
