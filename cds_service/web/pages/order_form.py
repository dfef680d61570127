"""What the playground's order form offers: drugs with codes of the knowledge, their units, and timings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from cds_service.knowledge.model import Knowledge
from cds_service.web.pages.playground import Json

_UCUM = "http://unitsofmeasure.org"
_SNOMED = "http://snomed.info/sct"


def order_form(knowledge: Knowledge) -> Json:
    """The drugs as FHIR concepts, each with the dose it begins with, and the timings as FHIR's `Timing.repeat`."""
    words = yaml.safe_load(Path(__file__).with_name("drugs.yaml").read_text(encoding="utf-8"))
    drugs = [_drug(entry, words, coding) for entry in words["drugs"] if (coding := _coding(entry, knowledge))]
    return {"drugs": drugs, "timings": [{"text": text, "repeat": repeat} for text, repeat in words["timings"].items()]}


def _coding(entry: Mapping[str, Any], knowledge: Knowledge) -> Json | None:
    if "other" in entry:
        return dict(entry["other"])
    codes = knowledge.medicines[entry["medicine"]].codes
    return next(
        ({"system": c.system, "code": c.code, "display": c.display} for c in codes if c.code == entry["code"]), None
    )


def _drug(entry: Mapping[str, Any], words: Mapping[str, Any], coding: Json) -> Json:
    unit = words["units"][entry["unit"]]
    return {
        "concept": {"coding": [coding], "text": entry["name"]},
        "unit": {"unit": entry["unit"], "system": _UCUM, "code": unit["code"]},
        "route": {"coding": [{"system": _SNOMED, **words["routes"][unit["route"]]}], "text": unit["route"]},
        "dose": entry["dose"],
        "often": entry["often"],
    }
