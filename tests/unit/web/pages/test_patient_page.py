"""The page for the patient: plain words, no identity, and never a reassurance that nothing bears out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service.config import Settings
from cds_service.knowledge.model import Knowledge
from cds_service.playground import StoryEhr
from cds_service.service import CdsService
from cds_service.storage.store import Store
from cds_service.web import create_app
from cds_service.web.pages.patient import day_in_words

ADDRESS = "/playground/patient"
MULTIPART = "multipart/form-data"
STORIES = sorted(path.parent.name for path in (Path(__file__).parents[4] / "fixtures").glob("*/story.yaml"))


def patient(**fields: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": "p1", "birthDate": "1960-03-14", "gender": "female", **fields}


def b12(**value: Any) -> dict[str, Any]:
    """A final serum B12 of eleven days ago."""
    return {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "2132-9"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2025-09-20T08:15:00Z",
        **value,
    }


@pytest.fixture
def page(offered: Sequence[CdsService], knowledge: Knowledge, tmp_path: Path) -> Iterator[FlaskClient]:
    store = Store(f"sqlite:///{tmp_path}/b12.sqlite3")
    settings = Settings(today=date(2025, 10, 1))
    yield create_app(settings, offered, knowledge, store, playground=StoryEhr(offered)).test_client()
    store.close()


def written(page: FlaskClient, **form: Any) -> str:
    answer = page.post(ADDRESS, data=form, content_type=MULTIPART)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def of_record(page: FlaskClient, *resources: Any) -> str:
    return written(page, bundle=json.dumps({"resourceType": "Bundle", "entry": [{"resource": r} for r in resources]}))


@pytest.mark.parametrize("story", STORIES)
def test_every_story_has_a_page_with_all_its_parts_and_no_identity(page: FlaskClient, story: str) -> None:
    text = written(page, story=story)
    for part in ("What was found", "What you can ask", "Keep taking your medicines", "Get help at once if"):
        assert f">{part}</h2>" in text
    shown = text.partition('<section class="choose"')[0]
    assert f">{story}<" not in shown
    assert "Synthetic" not in shown
    assert not re.search(r"\b(?:19|20)\d\d-\d\d-\d\d\b", shown.partition(">Where this comes from<")[0])


def test_it_says_the_finding_the_result_and_when(page: FlaskClient) -> None:
    text = written(page, story="folic-acid-masking")
    assert "Your vitamin B12 is low. It can be treated." in text
    assert "<bdi>165 pg/mL</bdi></td><td>20 September 2025" in text
    assert "1 October 2025" in text
    assert "draft, not yet reviewed by a clinician" in text


def test_where_nothing_is_known_it_does_not_reassure(page: FlaskClient) -> None:
    text = of_record(page, patient())
    assert "no recent vitamin B12 result" in text
    assert "does not point to a lack" not in text


def test_where_the_level_is_fine_it_says_no_more_than_that(page: FlaskClient) -> None:
    text = of_record(page, patient(), b12(valueQuantity={"value": 620, "unit": "pg/mL"}))
    assert "does not point to a lack of vitamin B12" in text
    assert "no recent vitamin B12 result" not in text


def test_what_could_not_be_read_is_said(page: FlaskClient) -> None:
    text = of_record(page, patient(), b12(valueQuantity={"value": 620, "unit": "furlong"}))
    assert "could not be read" in text or "could not be used" in text
    assert "does not point to a lack" not in text


def test_a_child_is_sent_to_a_childrens_doctor(page: FlaskClient) -> None:
    text = of_record(page, patient(birthDate="2016-01-01"))
    assert "children" in text
    assert "no reason to do anything" not in text


def test_a_hostile_result_is_text(page: FlaskClient) -> None:
    text = of_record(page, patient(), b12(valueString="<script>alert(1)</script>150 pg/mL"))
    assert "<script>alert" not in text


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"story": "none-of-ours"}, "no patient to show"),
        ({"bundle": "{"}, "is not JSON"),
        ({"bundle": "[]"}, "A FHIR Bundle is needed"),
        ({"bundle": '{"resourceType": "Bundle"}'}, "no Patient"),
    ],
)
def test_what_cannot_be_read_is_told_on_the_page(page: FlaskClient, form: dict[str, str], told: str) -> None:
    answer = page.post(ADDRESS, data=form, content_type=MULTIPART)
    assert answer.status_code == 400
    assert told in answer.get_data(as_text=True)
    assert 'role="alert"' in answer.get_data(as_text=True)


def test_a_record_that_is_too_large_is_told_on_the_page(
    offered: Sequence[CdsService], knowledge: Knowledge, tmp_path: Path
) -> None:
    store = Store(f"sqlite:///{tmp_path}/b12.sqlite3")
    settings = Settings(today=date(2025, 10, 1), max_body_bytes=10_000)
    page = create_app(settings, offered, knowledge, store, playground=StoryEhr(offered)).test_client()
    answer = page.post(ADDRESS, data={"bundle": "x" * 20_000}, content_type=MULTIPART)
    store.close()
    assert answer.status_code == 413
    assert "too large to be read" in answer.get_data(as_text=True)


def test_days_are_written_as_people_write_them() -> None:
    assert day_in_words(date(2026, 10, 3)) == "3 October 2026"
