"""Passing over results that concern nobody changes no fact: of every story and vignette, and of records of others."""

from __future__ import annotations

import json

import pytest

from cds_service.fhir.read_facts import read_facts
from cds_service.fhir.sieve import Sieve
from cds_service.knowledge.model import Knowledge
from cds_service.web.hook_request import read_hook_request
from tests.spec.silence.scenes import Scene, scenes

SCENES = tuple(scenes())


@pytest.fixture(scope="module")
def sieve(knowledge: Knowledge) -> Sieve:
    """One that has read everything before, as in a service that has run for long."""
    made = Sieve(knowledge)
    for scene in SCENES:
        read_hook_request(json.dumps(scene.request).encode(), scene.hook, made)
    return made


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: f"{scene.source}: {scene.name}")
def test_the_facts_are_the_same(scene: Scene, sieve: Sieve, knowledge: Knowledge) -> None:
    body = json.dumps(scene.request).encode()
    whole, sieved = (read_hook_request(body, scene.hook, used).record for used in (None, sieve))

    assert read_facts(sieved, knowledge, scene.today) == read_facts(whole, knowledge, scene.today)
