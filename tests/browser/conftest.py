"""A real Chromium against the running service; every page is watched for errors and for breaches of its policy."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from pytest_httpserver import HTTPServer

from tests.conformance.server import running

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
_REFUSED = ("responded with a status of 4", "responded with a status of 502")
ROOT = Path(__file__).resolve().parents[2]
EVIL = '"><img src=x onerror="window.hit=1"><script>window.hit=1</script>[l](javascript:window.hit=1)'
NO_OVERFLOW = "document.documentElement.scrollWidth <= innerWidth"


def hostile_bundle() -> str:
    """Markup, script links, a long word, right-to-left marks and emoji wherever a record has text; 3,000 results."""
    text = EVIL + "\u202eemoclew \U0001f600" + "W" * 5000
    bundle: dict[str, Any] = json.loads((ROOT / "fixtures/functional-deficiency/bundle.json").read_text("utf-8"))
    resources = [entry["resource"] for entry in bundle["entry"]]
    resources[0] |= {"name": [{"text": text}], "gender": text}
    for resource in resources:
        resource.get("code", {})["text"] = text
    result = next(r for r in resources if r["resourceType"] == "Observation")
    days = [str(date(2025, 9, 1) - timedelta(days=number)) for number in range(3000)]
    code = {**result["code"], "text": EVIL}
    more = [{**result, "id": f"r{day}", "code": code, "effectiveDateTime": day} for day in days]
    statement = {"resourceType": "MedicationStatement", "id": "m", "status": "active", "subject": result["subject"]}
    medicine = {**statement, "medicationCodeableConcept": {"text": f"metformin {text}"}}
    return json.dumps({**bundle, "entry": [{"resource": r} for r in [*resources, medicine, *more]]})


@pytest.fixture(scope="session")
def base_url(tmp_path_factory: pytest.TempPathFactory, make_httpserver: HTTPServer) -> Iterator[str]:
    """A running service that may call the FHIR server of the tests, and one at which nobody listens."""
    settings = {
        "B12_WORKERS": "1",
        "B12_FHIR_ORIGINS": f"{make_httpserver.url_for('').rstrip('/')},http://127.0.0.1:9",
        "B12_FHIR_ALLOW_HTTP_LOCALHOST": "true",
    }
    with running(tmp_path_factory.mktemp("service"), **settings) as service:
        yield service.url


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
        page.set_default_timeout(20_000)
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
def without_javascript(browser: Browser) -> Iterator[Page]:
    """A page in which no script runs."""
    context = browser.new_context(java_script_enabled=False)
    yield context.new_page()
    context.close()


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """The playground at a desk."""
    return open_page()
