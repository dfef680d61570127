"""The timeline in a real browser: from the open chart, without JavaScript, on a phone, on paper, and under attack."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import NO_OVERFLOW, hostile_bundle

if TYPE_CHECKING:
    from playwright.sync_api import Page

STORY = "functional-deficiency"


def draw(page: Page, base_url: str, bundle: str = "", story: str = STORY) -> Page:
    """Post the form as a person does."""
    page.goto(f"{base_url}/playground/timeline")
    if bundle:
        page.fill("#bundle", bundle)
    else:
        page.select_option("#story", story)
    page.get_by_role("button", name="Draw the timeline").click()
    page.wait_for_load_state()
    return page


def test_the_open_chart_leads_to_its_timeline_and_no_address_names_the_patient(page: Page) -> None:
    page.select_option("#story", STORY)
    page.click("#open")
    page.locator("#banner", has_text=STORY).wait_for()
    with page.expect_popup() as opened:
        page.get_by_role("button", name="Vitamin B12 timeline").click()
    drawn = opened.value
    drawn.locator("h2", has_text="functional deficiency").wait_for()
    assert drawn.url.endswith("/playground/timeline")
    assert drawn.locator(".banner", has_text=STORY).is_visible()


def test_why_this_card_leads_to_the_facts_over_time(page: Page) -> None:
    page.select_option("#story", STORY)
    page.click("#open")
    page.get_by_text("Why these cards, and no others?").click()
    with page.expect_popup() as opened:
        page.get_by_role("button", name="See the facts over time").click()
    assert opened.value.locator(".banner", has_text=STORY).is_visible()


def test_a_mark_tells_its_source_where_the_mouse_or_the_keyboard_rests(page: Page, base_url: str) -> None:
    draw(page, base_url)
    marks = page.locator(".wide .mark.relied")
    marks.first.hover()
    assert "Observation/functional-deficiency" in page.locator("#told").inner_text()
    page.locator(".wide a").first.focus()
    page.keyboard.press("ArrowRight")
    assert (
        page.evaluate("document.activeElement.querySelector('title').textContent") == page.locator("#told").inner_text()
    )
    page.keyboard.press("Enter")
    assert page.locator("tr:target").is_visible()


def test_without_javascript_the_picture_and_its_table_are_there(without_javascript: Page, base_url: str) -> None:
    page = draw(without_javascript, base_url)
    assert page.locator(".wide svg").is_visible()
    assert page.locator("table", has_text="Methylmalonic acid").is_visible()
    page.locator(".wide a").first.click()
    assert page.locator("tr:target").is_visible()


def test_without_javascript_what_cannot_be_drawn_is_told(without_javascript: Page, base_url: str) -> None:
    page = draw(without_javascript, base_url, bundle="{")
    assert "not JSON" in page.get_by_role("alert").inner_text()


@pytest.mark.parametrize("width", [1440, 390])
def test_a_hostile_record_is_drawn_as_text(open_page: Callable[..., Page], base_url: str, width: int) -> None:
    page = draw(open_page(width), base_url, bundle=hostile_bundle())
    page.locator("svg:visible").first.wait_for()
    assert page.evaluate("window.hit") is None
    assert page.locator("img").count() == 0
    assert page.evaluate(NO_OVERFLOW)
    assert "are left out here" in page.locator("main").inner_text()
    assert len(page.content().encode()) < 1_000_000


def test_on_paper_the_wide_picture_is_light_and_the_form_is_gone(open_page: Callable[..., Page], base_url: str) -> None:
    page = draw(open_page(390, 844, "dark"), base_url)
    page.emulate_media(media="print")
    assert page.locator(".wide svg").is_visible()
    assert not page.locator(".narrow svg").is_visible()
    assert not page.locator("#choose").is_visible()
    colour = page.evaluate("getComputedStyle(document.querySelector('.wide .title')).fill")
    assert colour == "rgb(27, 35, 33)"
