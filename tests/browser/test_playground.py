"""What a stranger sees: patients, charts, orders, cards, and why, in a real browser against the running service."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import EVIL, NO_OVERFLOW, hostile_bundle

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

ROOT = Path(__file__).resolve().parents[2]
FOLIC_ACID = "Folic acid 1 mg tablet"


def open_story(page: Page, name: str) -> Locator:
    """Open a story's chart; what the service answered to patient-view."""
    page.select_option("#story", name)
    page.click("#open")
    page.locator("#banner", has_text=name).wait_for()
    answer = page.locator("#on-chart .answer")
    answer.wait_for()
    return answer


def order(page: Page, drug: str) -> Locator:
    """Choose a drug; what the service answered to order-select."""
    page.select_option("#drug", label=drug)
    answer = page.locator("#on-order .answer")
    answer.wait_for()
    return answer


def paste(page: Page, content: str) -> None:
    page.locator("#own > summary").click()
    page.fill("#bundle", content)
    page.get_by_role("button", name="Open this Bundle").click()


def test_opening_the_chart_of_the_metformin_story_shows_its_card(page: Page) -> None:
    answer = open_story(page, "metformin-neuropathy-untested")
    card = answer.locator(".card.warning")
    assert card.locator(".badge").inner_text() == "Warning"
    assert "test vitamin B12" in card.locator("h4").inner_text()
    assert card.get_by_role("button", name="Order Total vitamin B12").is_visible()
    assert page.locator("#chart", has_text="Metformin 1000 mg tablet").is_visible()


def test_the_chart_is_as_fresh_today_as_on_the_day_it_was_written_for(page: Page) -> None:
    answer = open_story(page, "folic-acid-masking")
    assert "2025-09-20" in answer.locator(".card h4").inner_text()  # the service's day is the story's


def test_adding_b12_to_folic_acid_makes_the_card_go_away(page: Page) -> None:
    open_story(page, "folic-acid-masking")
    answer = order(page, FOLIC_ACID)
    assert "can mask B12 deficiency" in answer.locator(".card h4").inner_text()
    answer.get_by_role("button", name="Start oral vitamin B12").click()
    page.locator("#on-order .nothing").wait_for()
    assert page.locator("#basket li").count() == 2
    feedback = page.locator("#on-feedback", has_text="Feedback sent: accepted")
    feedback.wait_for()
    assert "200" in feedback.locator("h3").inner_text()
    page.click("#sign")
    page.locator("#signed", has_text="Signed").wait_for()
    assert page.locator("#basket", has_text="No drafts").is_visible()


def test_a_draft_of_the_chart_can_be_taken_and_signed_against_the_advice(page: Page) -> None:
    open_story(page, "folic-acid-masking")
    page.get_by_role("button", name="Take the chart’s draft").click()
    page.locator("#on-order .card").wait_for()
    page.click("#sign")
    page.click("#sign-anyway")
    assert "Signed" in page.locator("#signed").inner_text()


def test_the_dose_changes_what_is_asked(page: Page) -> None:
    open_story(page, "folic-acid-masking")
    order(page, FOLIC_ACID)
    page.fill("#dose", "3")
    page.locator("#on-order .card h4", has_text="3 mg/day").wait_for()
    assert page.locator("#basket", has_text="3 tablet once daily").is_visible()


def test_why_this_card_and_why_no_card_are_one_click_away(page: Page) -> None:
    answer = open_story(page, "metformin-neuropathy-untested")
    answer.get_by_text("Why this card?").first.click()
    assert answer.locator(".card .findings", has_text="B12-TEST-01").first.is_visible()
    answer = open_story(page, "nothing-to-say")
    answer.locator(".nothing").wait_for()
    answer.get_by_text("Why no card?").click()
    assert answer.get_by_text("Did not fire").is_visible()


def test_the_messages_are_one_click_away(page: Page) -> None:
    answer = open_story(page, "metformin-neuropathy-untested")
    answer.get_by_text("Request: POST").click()
    assert '"hook": "patient-view"' in answer.locator("pre").first.inner_text()
    answer.get_by_text("Response: 200").click()
    assert '"cards"' in answer.locator("pre").last.inner_text()


def test_an_error_is_shown_as_the_ehr_gets_it(page: Page) -> None:
    open_story(page, "metformin-neuropathy-untested")
    page.get_by_text("Play a worse EHR").click()
    page.select_option("#withheld", "labs")
    page.click("#again")
    failed = page.locator("#on-chart .failed")
    failed.wait_for()
    assert "HTTP 412" in failed.inner_text()
    assert "labs" in failed.inner_text()


def test_an_override_is_sent_with_its_reason(page: Page) -> None:
    card = open_story(page, "metformin-neuropathy-untested").locator(".card").first
    card.get_by_text("Override", exact=True).first.click()
    card.locator("select").select_option(index=1)
    card.get_by_role("button", name="Override").click()
    page.locator("#on-feedback", has_text="Feedback sent: overridden").wait_for()
    page.locator("#on-feedback").get_by_text("Request: POST").click()
    assert '"overrideReason"' in page.locator("#on-feedback pre").first.inner_text()


def test_links_of_cards_tell_nobody_where_they_were_followed(page: Page) -> None:
    links = open_story(page, "folic-acid-masking").locator("a")
    assert links.count() > 0
    for link in links.all():
        assert link.get_attribute("rel") == "noopener noreferrer"


@pytest.mark.parametrize("width", [1440, 390])
def test_hostile_text_is_shown_and_does_not_run(open_page: Callable[..., Page], width: int) -> None:
    page = open_page(width)
    paste(page, hostile_bundle())
    page.locator("#on-chart .answer").wait_for()
    assert EVIL in page.locator("#banner").inner_text()
    assert EVIL in page.locator("#chart").inner_text()
    page.select_option("#drug", label=FOLIC_ACID)
    page.locator("#on-order .answer").wait_for()
    assert page.evaluate("window.hit") is None
    assert page.locator("img").count() == 0
    assert page.locator("a[href^='javascript']").count() == 0
    assert page.evaluate(NO_OVERFLOW)


def test_a_dropped_file_is_opened_and_one_that_is_no_fhir_is_told(page: Page) -> None:
    def drop(content: str, name: str) -> None:
        page.evaluate(
            """([content, name]) => {
                const data = new DataTransfer();
                data.items.add(new File([content], name));
                document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true}));
            }""",
            [content, name],
        )

    drop("\u0000\ufffdPNG", "picture.png")
    page.locator("#trouble:not([hidden])", has_text="This is not JSON").wait_for()
    drop('{"resourceType": "Questionnaire"}', "other.json")
    page.locator("#trouble:not([hidden])", has_text="A FHIR Bundle is needed").wait_for()
    drop((ROOT / "fixtures/severe-deficiency/bundle.json").read_text(encoding="utf-8"), "bundle.json")
    page.locator("#banner", has_text="severe-deficiency").wait_for()
    assert page.locator("#trouble").is_hidden()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "is not JSON"),
        ("[]", "A FHIR Bundle is needed"),
        ('{"resourceType": "Patient"}', "A FHIR Bundle is needed"),
        ('{"resourceType": "Bundle"}', "no Patient"),
    ],
)
def test_what_is_no_bundle_is_told_in_a_sentence(page: Page, content: str, told: str) -> None:
    paste(page, content)
    assert told in page.locator("#trouble:not([hidden])").inner_text()


def test_a_file_is_opened(page: Page) -> None:
    page.locator("#own > summary").click()
    page.set_input_files("#file", ROOT / "fixtures/severe-deficiency/bundle.json")
    page.locator("#banner", has_text="severe-deficiency").wait_for()


def test_the_policy_forbids_scripts_and_addresses_that_are_not_ours(page: Page) -> None:
    refused = page.evaluate(
        """() => new Promise(resolve => {
            document.addEventListener("securitypolicyviolation", event => resolve(event.effectiveDirective));
            const inline = document.createElement("script");
            inline.textContent = "window.hit = 1";
            document.body.append(inline);
            setTimeout(() => resolve("nothing"), 2000);
        })"""
    )
    assert refused == "script-src-elem"
    assert page.evaluate("window.hit") is None


def test_all_is_done_with_the_keyboard_alone(page: Page) -> None:
    def reach(place: str) -> None:
        for _ in range(60):
            if page.evaluate(f"document.activeElement?.matches({place!r})"):
                return
            page.keyboard.press("Tab")
        pytest.fail(f"{place} is not reached with the tabulator")

    reach("#story")
    page.keyboard.type("Folic acid ordered")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("#on-chart .card").wait_for()
    reach("#drug")
    page.keyboard.type(FOLIC_ACID)
    page.locator("#on-order .card").wait_for()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    reach("#on-order .suggestions button")
    page.keyboard.press("Enter")
    page.locator("#on-order .nothing").wait_for()
