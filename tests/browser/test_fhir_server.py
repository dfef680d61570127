"""The playground on a FHIR server: finding a patient, opening the chart, and what is said where that fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pytest_httpserver import HTTPServer

from tests.fhir_server import FhirStub

if TYPE_CHECKING:
    from playwright.sync_api import Page

STORY = "metformin-neuropathy-untested"
BUNDLE = Path(__file__).resolve().parents[2] / f"fixtures/{STORY}/bundle.json"
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "processing"}]}


@pytest.fixture
def stub(httpserver: HTTPServer) -> FhirStub:
    made = FhirStub(httpserver)
    for entry in json.loads(BUNDLE.read_text(encoding="utf-8"))["entry"]:
        made.add(**entry["resource"])
    return made


def find(page: Page, search: str = "", server: int = 0) -> None:
    if not page.locator("#find").is_visible():
        page.locator("#server > summary").click()
    page.select_option("#origin", index=server)
    page.fill("#search", search)
    page.get_by_role("button", name="Find patients").click()


def test_a_patient_of_a_server_is_found_and_gets_their_cards(page: Page, stub: FhirStub) -> None:
    find(page, "Synthetic")
    page.locator("#found-told", has_text="1 found").wait_for()
    page.locator("#found button", has_text=STORY).click()
    card = page.locator("#on-chart .card.warning")
    card.first.wait_for()
    assert "test vitamin B12" in card.first.locator("h4").inner_text()
    assert page.locator("#trouble").is_hidden()
    page.locator("#on-chart").get_by_text("Request: POST").click()
    assert f'"fhirServer": "{stub.base}"' in page.locator("#on-chart pre").first.inner_text()


def test_an_id_that_nobody_has_is_told(page: Page, stub: FhirStub) -> None:
    assert stub.held
    find(page, "no-such-patient")
    page.locator("#found-told", has_text="No patient is found.").wait_for()


def test_what_a_server_does_not_give_is_told_and_not_sent_as_none(
    page: Page, stub: FhirStub, httpserver: HTTPServer
) -> None:
    httpserver.clear()
    httpserver.expect_request("/fhir/Condition").respond_with_json(OUTCOME, status=500)
    FhirStub(httpserver).held = stub.held
    find(page, STORY)
    page.locator("#found button").click()
    page.locator("#on-chart .answer").wait_for()
    assert "conditions (the FHIR server answered with status 500)" in page.locator("#trouble").inner_text()
    page.locator("#on-chart").get_by_text("Request: POST").click()
    sent = json.loads(page.locator("#on-chart pre").first.inner_text())["prefetch"]
    assert "conditions" not in sent
    assert "labs" in sent


def test_a_server_that_does_not_answer_is_told_in_a_sentence(page: Page) -> None:
    find(page, server=1)
    told = page.locator("#trouble:not([hidden])")
    told.wait_for()
    assert "http://127.0.0.1:9/fhir: the FHIR server answered with a broken connection" in told.inner_text()
    assert "Check that it runs" in told.inner_text()
    assert page.locator("#found-told").inner_text() == ""
