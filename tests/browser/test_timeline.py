"""The timeline in a real browser: from the open chart, without JavaScript, on a phone, on paper, and under attack."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[2]
STORY = "functional-deficiency"
EVIL = '"><img src=x onerror="window.hit=1"><script>window.hit=1</script>'
NO_OVERFLOW = "document.documentElement.scrollWidth <= innerWidth"


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


def hostile_bundle() -> str:
    """Markup, a long word, right-to-left marks and emoji wherever a record has text, and three thousand results."""
    text = EVIL + "\u202eemoclew \U0001f600" + "W" * 5000
    bundle: dict[str, Any] = json.loads((ROOT / f"fixtures/{STORY}/bundle.json").read_text(encoding="utf-8"))
    resources = [entry["resource"] for entry in bundle["entry"]]
    resources[0]["name"] = [{"text": text}]
    for resource in resources:
        resource.get("code", {})["text"] = text
    result = next(r for r in resources if r["resourceType"] == "Observation")
    days = [str(date(2025, 9, 1) - timedelta(days=number)) for number in range(3000)]
    more = [
        {**result, "id": f"r{day}", "code": {**result["code"], "text": EVIL}, "effectiveDateTime": day} for day in days
    ]
    statement = {"resourceType": "MedicationStatement", "id": "m", "status": "active", "subject": result["subject"]}
    medicine = {**statement, "medicationCodeableConcept": {"text": f"metformin {text}"}}
    return json.dumps({**bundle, "entry": [{"resource": r} for r in [*resources, medicine, *more]]})


@pytest.fixture
def without_javascript(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


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


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_axe_finds_nothing_and_nothing_sticks_out(
    open_page: Callable[..., Page], base_url: str, width: int, height: int, scheme: Literal["light", "dark"]
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = draw(open_page(width, height, scheme), base_url, story="pernicious-anaemia-lapsed")
    found = Axe().run(page).response["violations"]
    assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found] == []
    assert page.evaluate(NO_OVERFLOW)
    assert page.locator("svg:visible").count() == 1


def test_on_paper_the_wide_picture_is_light_and_the_form_is_gone(open_page: Callable[..., Page], base_url: str) -> None:
    page = draw(open_page(390, 844, "dark"), base_url)
    page.emulate_media(media="print")
    assert page.locator(".wide svg").is_visible()
    assert not page.locator(".narrow svg").is_visible()
    assert not page.locator("#choose").is_visible()
    colour = page.evaluate("getComputedStyle(document.querySelector('.wide .title')).fill")
    assert colour == "rgb(27, 35, 33)"
