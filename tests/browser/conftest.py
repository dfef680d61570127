"""A real Chromium against the running service; every page is watched for errors and for breaches of its policy."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_REFUSED = ("responded with a status of 4",)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; playwright's own browsers are never downloaded."""
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright  # heavy, and needed only here

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, headless=True, args=_FLAGS)
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser, base_url: str, request: pytest.FixtureRequest) -> Iterator[Callable[..., Page]]:
    """Opens the playground in a fresh profile; at the end, nothing may have been complained of on the console."""
    complaints: list[str] = []
    breaks_policy = "policy" in request.node.name
    contexts = []

    def opened(width: int = 1440, height: int = 900, color_scheme: Literal["light", "dark"] = "light") -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=color_scheme)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(f"{said.type}: {said.text}"))
        page.goto(f"{base_url}/")
        page.wait_for_selector("html[data-ready]")
        return page

    yield opened
    for context in contexts:
        context.close()
    # The browser's own lines for what a test provokes are no complaints of the page.
    provoked = (*_REFUSED, "Executing inline script violates") if breaks_policy else _REFUSED
    assert [text for text in complaints if not any(part in text for part in provoked)] == []


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """The playground at a desk."""
    return open_page()
