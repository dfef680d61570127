"""Each patient story is valid FHIR, is what its story.yaml says, and gets the cards that it promises."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from cds_service.knowledge.model import Knowledge
from cds_service.offline import answered
from cds_service.service import CdsService
from fixtures.build import Story, files, promise, stories

STORIES = stories()
FOLDER = Path(__file__).resolve().parents[2] / "fixtures"
CALLS = [pytest.param(story, hook, id=f"{story.name}/{hook}") for story in STORIES for hook in story.hooks]


def named(story: Story) -> str:
    return story.name


def read(story: Story, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / story.name / name).read_text(encoding="utf-8"))
    return content


def resources(node: Any) -> list[dict[str, Any]]:
    """Every resource in a Bundle or request, Bundles left out."""
    if isinstance(node, list):
        return [found for part in node for found in resources(part)]
    if not isinstance(node, dict):
        return []
    own = [node] if node.get("resourceType", "Bundle") != "Bundle" else []
    return own + [found for part in node.values() for found in resources(part)]


def test_there_are_stories_of_every_hook() -> None:
    assert {hook for story in STORIES for hook in story.hooks} == {"patient-view", "order-select", "order-sign"}
    assert len(STORIES) >= 14


@pytest.mark.parametrize("story", STORIES, ids=named)
def test_every_resource_of_a_story_is_valid_fhir(story: Story) -> None:
    for resource in resources(read(story, "bundle.json")):
        kind = resource["resourceType"]
        model = getattr(import_module(f"fhir.resources.R4B.{kind.lower()}"), kind)
        model.model_validate(resource)


@pytest.mark.parametrize("story", STORIES, ids=named)
def test_the_bundle_of_a_story_may_be_loaded_twice(story: Story) -> None:
    bundle = read(story, "bundle.json")
    assert bundle["type"] == "transaction"
    for entry in bundle["entry"]:
        url = f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        assert entry["request"] == {"method": "PUT", "url": url}


@pytest.mark.parametrize("story", STORIES, ids=named)
def test_nobody_in_a_story_is_real(story: Story) -> None:
    patients = [r for r in resources(read(story, "bundle.json")) if r["resourceType"] == "Patient"]
    assert [patient["name"][0]["family"] for patient in patients] == ["Story"]


@pytest.mark.parametrize(("story", "hook"), CALLS)
def test_a_story_gets_the_cards_it_promises(
    story: Story, hook: str, offered: tuple[CdsService, ...], knowledge: Knowledge
) -> None:
    answer = answered(read(story, f"{hook}.request.json"), offered, knowledge, story.today)
    assert promise(answer) == read(story, f"{hook}.cards.json")


@pytest.mark.parametrize("story", STORIES, ids=named)
def test_the_files_of_a_story_are_what_its_description_makes(
    story: Story, offered: tuple[CdsService, ...], knowledge: Knowledge
) -> None:
    made = {path.name: content for path, content in files(story, offered, knowledge)}
    kept = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in (FOLDER / story.name).glob("*.json")}
    assert kept == made, "run: make fixtures"
