"""Every page in both sizes and schemes: what axe-core finds, what sticks out, what it weighs, and a picture of it.

The pictures are kept in var/screenshots, for whoever wants to look at what a change did.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.browser.conftest import EVIL, NO_OVERFLOW, ROOT, hostile_bundle
from tests.conformance.server import running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PICTURES = ROOT / "var" / "screenshots"
LOOKS = [(width, height, scheme) for width, height in ((1440, 900), (390, 844)) for scheme in ("light", "dark")]
# All rules for the first and the last look, which differ in both; for the two between, what a size or a scheme changes.
BY_LOOK = {"runOnly": ["color-contrast", "scrollable-region-focusable", "target-size"]}
LIGHT, WITH_CHARTS = 300_000, 1_000_000
WEIGHT = """performance.getEntries().filter(entry => "decodedBodySize" in entry)
    .map(entry => Math.max(entry.decodedBodySize, entry.encodedBodySize)).reduce((sum, size) => sum + size, 0)"""


def at(address: str) -> Callable[[Page, str], None]:
    def opened(page: Page, base: str) -> None:
        page.goto(f"{base}{address}")

    return opened


def posted(address: str, button: str) -> Callable[[Page, str], None]:
    def opened(page: Page, base: str) -> None:
        page.goto(f"{base}{address}")
        page.select_option("#story", "functional-deficiency")
        page.get_by_role("button", name=button).click()
        page.wait_for_load_state()

    return opened


def playground(page: Page, base: str) -> None:
    page.goto(f"{base}/")
    page.wait_for_selector("html[data-ready]")


def chart(page: Page, base: str) -> None:
    """An open chart with an order, all of whose folds are open."""
    playground(page, base)
    page.select_option("#story", "folic-acid-masking")
    page.click("#open")
    page.locator("#on-chart .answer").wait_for()
    page.select_option("#drug", label="Folic acid 1 mg tablet")
    page.locator("#on-order .answer").wait_for()
    for fold in page.locator("summary:visible").all():
        fold.click()


def with_errors(page: Page, base: str) -> None:
    """The operations page after a few errors, and with cards of the stories."""
    for body in ("{}", f'{{"hook": "{EVIL[3:9]}"}}'):
        headers = {"Content-Type": "application/json"}
        page.request.post(f"{base}/cds-services/b12-patient-view", data=body, headers=headers)
    chart(page, base)
    page.goto(f"{base}/operations")
    assert page.locator("text=hookInstance").is_visible()


PAGES: dict[str, tuple[Callable[[Page, str], None], int]] = {
    "playground": (playground, LIGHT),
    "chart": (chart, LIGHT),
    "timeline": (posted("/playground/timeline", "Draw the timeline"), WITH_CHARTS),
    "timeline-empty": (at("/playground/timeline"), LIGHT),
    "patient": (posted("/playground/patient", "Write the page"), LIGHT),
    "patient-empty": (at("/playground/patient"), LIGHT),
    "rule-book": (at("/knowledge"), LIGHT),
    "rule-book-nothing": (at("/knowledge?q=no-such-word"), LIGHT),
    "rule": (at("/knowledge/rules/B12-DX-01"), LIGHT),
    "limits": (at("/knowledge/analytes/total-b12"), LIGHT),
    "site": (at("/knowledge/site"), LIGHT),
    "operations": (with_errors, WITH_CHARTS),
    "interface": (at("/docs"), LIGHT),
}


def look_at(page: Page, name: str) -> None:
    """Let axe look at the page in each size and scheme, and keep a picture of each."""
    from axe_playwright_python.sync_playwright import Axe

    PICTURES.mkdir(parents=True, exist_ok=True)
    axe = Axe()
    for number, (width, height, scheme) in enumerate(LOOKS):
        page.set_viewport_size({"width": width, "height": height})
        # A button whose colour is still on its way from one scheme to the other has a contrast of neither.
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.screenshot(path=PICTURES / f"{name}-{width}-{scheme}.png")
        found = axe.run(page, options=BY_LOOK if number in (1, 2) else None).response["violations"]
        told = [(rule["id"], [node["html"] for node in rule["nodes"]][:3]) for rule in found]
        assert told == [], (name, width, scheme)
        assert page.evaluate(NO_OVERFLOW), (name, width, scheme)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_keeps_to_its_width_and_is_not_heavy(page: Page, base_url: str, name: str) -> None:
    open_page, most = PAGES[name]
    open_page(page, base_url)
    page.wait_for_load_state("networkidle")
    weight = page.evaluate(WEIGHT)
    assert 5_000 < weight < most, weight
    look_at(page, name)


def test_the_longest_list_of_codes_is_not_heavy_either(page: Page, base_url: str) -> None:
    page.goto(f"{base_url}/knowledge/medicines/metformin")
    assert 100_000 < page.evaluate(WEIGHT) < LIGHT


def test_where_the_playground_is_off_the_pages_are_as_good(browser: Browser, tmp_path: Path) -> None:
    settings = {"B12_WORKERS": "1", "B12_PLAYGROUND": "false", "B12_OPERATIONS_PASSWORD": "x" * 16}
    with running(tmp_path, **settings) as service:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{service.url}/")
        look_at(page, "start")
        # A browser without a window shows no page with a 401: it is shown here under another status.
        refused = context.request.get(f"{service.url}/operations")
        assert refused.status == 401
        page.route("**/operations", lambda route: route.fulfill(response=refused, status=200, body=refused.text()))
        page.goto(f"{service.url}/operations")
        look_at(page, "operations-refused")
        assert "asks for its password" in page.locator("main").inner_text()
        context.close()


@pytest.mark.parametrize("width", [1440, 390])
def test_a_hostile_record_is_text_on_the_patients_page(
    open_page: Callable[..., Page], base_url: str, width: int
) -> None:
    page = open_page(width)
    page.goto(f"{base_url}/playground/patient")
    page.fill("#bundle", hostile_bundle())
    page.get_by_role("button", name="Write the page").click()
    page.locator("#found").wait_for()
    assert page.evaluate("window.hit") is None
    assert page.locator("img, a[href^='javascript']").count() == 0
    assert page.evaluate(NO_OVERFLOW)
    assert "WWWW" not in page.locator("main").inner_text()  # it says no name, no id and no text of the record


@pytest.mark.parametrize("address", ["/knowledge?q=", "/operations?days="])
def test_hostile_words_in_an_address_are_text(open_page: Callable[..., Page], base_url: str, address: str) -> None:
    page = open_page(390)
    text = quote(EVIL + "\u202e\U0001f600" + "W" * 3000)
    page.goto(f"{base_url}{address}{text}")
    assert page.evaluate("window.hit") is None
    assert page.locator("img").count() == 0
    assert page.evaluate(NO_OVERFLOW)


def test_without_javascript_the_pages_that_explain_are_whole(without_javascript: Page, base_url: str) -> None:
    page = without_javascript
    page.goto(f"{base_url}/")
    assert page.locator(".notice", has_text="which is switched off here").is_visible()
    page.get_by_role("link", name="rule book").last.click()
    page.fill("#q", "metformin")
    page.get_by_role("button", name="Search").click()
    page.locator(".lines a").first.click()
    assert page.locator("h1").is_visible()
    page.goto(f"{base_url}/playground/patient")
    page.select_option("#story", "severe-deficiency")
    page.get_by_role("button", name="Write the page").click()
    assert page.locator("text=Get help at once if").is_visible()
    page.goto(f"{base_url}/operations")
    assert page.get_by_text("Ready: the knowledge is loaded").is_visible()


def test_on_paper_a_patients_page_and_the_operations_page_hold_what_matters(page: Page, base_url: str) -> None:
    posted("/playground/patient", "Write the page")(page, base_url)
    page.emulate_media(media="print", color_scheme="dark")
    assert page.locator("text=Get help at once if").is_visible()
    assert not page.locator(".choose").is_visible()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    page.goto(f"{base_url}/operations")
    assert page.locator("#health").is_visible()
    assert not page.locator(".choices").is_visible()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
