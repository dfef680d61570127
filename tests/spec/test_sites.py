"""At each site a card offers that site's products, and the assessment is the same at all of them."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cds_service.composition import services
from cds_service.config import SITES, Settings
from cds_service.errors import InvalidSettings
from cds_service.knowledge.loader import load
from cds_service.offline import answered

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
TODAY = date(2025, 10, 1)


def answer(story: str, site: str) -> dict[str, Any]:
    """What the patient view of a story gets at a site."""
    request = json.loads((FIXTURES / story / "patient-view.request.json").read_text(encoding="utf-8"))
    knowledge = load(site=site)
    return answered(request, services(knowledge), knowledge, TODAY)


def offers(story: str, site: str) -> list[str]:
    """The labels of all suggestions."""
    return [s["label"] for card in answer(story, site)["cards"] for s in card.get("suggestions", ())]


def products(story: str, site: str) -> set[str]:
    """The products of all proposed prescriptions."""
    return {
        action["resource"]["medicationCodeableConcept"]["text"]
        for card in answer(story, site)["cards"]
        for suggestion in card.get("suggestions", ())
        for action in suggestion["actions"]
        if action["resource"]["resourceType"] == "MedicationRequest"
    }


def test_in_spinal_cord_disease_the_uk_injects_hydroxocobalamin_on_alternate_days() -> None:
    story = "subacute-combined-degeneration"

    assert any("1 mg on alternate days until there is no further improvement" in label for label in offers(story, "uk"))
    assert products(story, "uk") == {"Hydroxocobalamin 1 mg/mL solution for injection"}
    assert products(story, "us") == {"Cyanocobalamin 1000 mcg/mL solution for injection"}


def test_a_lapsed_patient_takes_up_the_interval_of_the_site() -> None:
    story = "pernicious-anaemia-lapsed"

    assert any("1 mg every 3 months" in label for label in offers(story, "uk"))
    assert any("1000 mcg once a month" in label for label in offers(story, "us"))


def test_tablets_are_of_the_strength_that_the_site_has() -> None:
    assert "Cyanocobalamin 1 mg oral tablet" in products("mild-deficiency-neuropathy", "uk")
    assert "Vitamin B12 (cyanocobalamin) 2000 mcg oral tablet" in products("mild-deficiency-neuropathy", "us")


@pytest.mark.parametrize("story", ["severe-deficiency", "mild-deficiency-neuropathy", "pernicious-anaemia-lapsed"])
def test_only_the_products_differ_between_sites(story: str) -> None:
    def told(site: str) -> list[tuple[str, str, list[str]]]:
        cards = answer(story, site)["cards"]
        return [(c["summary"], c["indicator"], c["extension"]["org.b12-cds.trace"]["rules"]) for c in cards]

    assert told("uk") == told("us")


@pytest.mark.parametrize("site", SITES)
def test_a_site_is_chosen_by_the_setting(site: str) -> None:
    assert Settings.from_environment({"B12_SITE": site}).site == site


def test_an_unknown_site_stops_the_start() -> None:
    with pytest.raises(InvalidSettings, match=r"B12_SITE: .*Write one of us, uk"):
        Settings.from_environment({"B12_SITE": "de"})
