"""The playground's stories: what is offered, how they move in time, and whose chart is opened."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from cds_service.playground import StoryEhr
from cds_service.service import CdsService
from cds_service.web.pages.playground import UnusableBundle

FOLDER = "title: A title\nshows: What it shows.\nhooks: [patient-view]\ntoday: 2025-10-01\n"
PATIENT = {"resourceType": "Patient", "id": "p1"}
DRAFT = {"resourceType": "MedicationRequest", "id": "d1", "status": "draft", "subject": {"reference": "Patient/p1"}}
SIGNED = {**DRAFT, "id": "s1", "status": "active"}
AUTHORED = {**SIGNED, "authoredOn": "2025-09-20"}
LOCAL = {
    "resourceType": "Observation",
    "id": "o1",
    "subject": {"reference": "Patient/p1"},
    "code": {"coding": [{"system": "urn:local", "code": "B12"}]},
}


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "entry": [{"resource": resource} for resource in resources]}


@pytest.fixture
def ehr(offered: Sequence[CdsService]) -> StoryEhr:
    return StoryEhr(offered)


def test_every_story_of_the_fixtures_can_be_picked_and_opened(ehr: StoryEhr) -> None:
    names = [title.name for title in ehr.stories()]
    assert len(names) > 15
    assert names == sorted(names)
    for title in ehr.stories():
        story = ehr.story(title.name, date(2026, 3, 1))
        assert story is not None
        assert ehr.open_chart(story, "").patient_id
        assert title.title
        assert title.shows


def test_stories_are_read_from_their_folder(offered: Sequence[CdsService], tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "story.yaml").write_text(FOLDER)
    (tmp_path / "one" / "bundle.json").write_text(json.dumps(bundle(AUTHORED)))
    ehr = StoryEhr(offered, stories=tmp_path)

    [title] = ehr.stories()
    assert (title.name, title.title, title.hooks) == ("one", "A title", ("patient-view",))
    moved = ehr.story("one", date(2025, 10, 11))
    assert moved is not None
    assert moved["entry"][0]["resource"]["authoredOn"] == "2025-09-30"
    assert ehr.story("one", date(2025, 10, 1)) == bundle(AUTHORED)


def test_where_no_story_is_installed_there_is_none_to_pick(offered: Sequence[CdsService], tmp_path: Path) -> None:
    ehr = StoryEhr(offered, stories=tmp_path / "none")
    assert list(ehr.stories()) == []
    assert ehr.story("folic-acid-masking", date(2025, 10, 1)) is None


@pytest.mark.parametrize("name", ["", "..", "no-such-story", "../fixtures/severe-deficiency"])
def test_a_name_that_is_no_storys_leads_to_no_file(ehr: StoryEhr, name: str) -> None:
    assert ehr.story(name, date(2025, 10, 1)) is None


def test_drafts_are_apart_and_no_search_of_a_service_finds_them(ehr: StoryEhr) -> None:
    chart = ehr.open_chart(bundle(PATIENT, DRAFT, SIGNED), "")

    assert [draft["id"] for draft in chart.drafts] == ["d1"]
    sent = chart.prefetch["b12-patient-view"]["medicationRequests"]["entry"]
    assert [entry["resource"]["id"] for entry in sent] == ["s1"]


def test_a_service_is_sent_what_its_templates_find_and_everything_holds_local_results_too(ehr: StoryEhr) -> None:
    chart = ehr.open_chart(bundle(PATIENT, LOCAL), "p1")

    assert "entry" not in chart.prefetch["b12-patient-view"]["labs"]
    assert [entry["resource"]["id"] for entry in chart.everything["labs"]["entry"]] == ["o1"]


@pytest.mark.parametrize(
    ("content", "patient", "told"),
    [
        ({"resourceType": "Patient"}, "", "FHIR Bundle is needed"),
        (bundle(), "", "no Patient"),
        (bundle(PATIENT, {**PATIENT, "id": "p2"}), "", "2 Patients"),
        (bundle(PATIENT), "p" * 100, "no Patient with the id"),
    ],
)
def test_whose_chart_it_is_is_never_guessed(ehr: StoryEhr, content: dict[str, Any], patient: str, told: str) -> None:
    with pytest.raises(UnusableBundle, match=told) as problem:
        ehr.open_chart(content, patient)
    assert len(str(problem.value)) < 200


def test_without_an_id_the_only_patient_is_opened(ehr: StoryEhr) -> None:
    assert ehr.open_chart(bundle(PATIENT), "").patient_id == "p1"
    assert ehr.open_chart(bundle(PATIENT, {**PATIENT, "id": "p2"}), "p2").patient_id == "p2"
