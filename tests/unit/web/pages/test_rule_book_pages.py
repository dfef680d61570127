"""The rule book in a browser: every file of the knowledge has its page, and what a site changes is told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from cds_service.composition import services
from cds_service.config import Settings
from cds_service.knowledge.loader import PACKAGED, load
from cds_service.storage.store import Store
from cds_service.web import create_app

Open = Callable[..., FlaskClient]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    stores: list[Store] = []

    def of(site: Path | None = None, *, knowledge_pages: bool = True) -> FlaskClient:
        store = Store(f"sqlite:///{tmp_path}/b12.sqlite3")
        stores.append(store)
        knowledge = load(overlay=site)
        settings = Settings(today=date(2025, 10, 1), knowledge_dir=site, knowledge_pages=knowledge_pages)
        return create_app(settings, services(knowledge), knowledge, store).test_client()

    yield of
    for store in stores:
        store.close()


def text_of(client: FlaskClient, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    return answer.get_data(as_text=True)


def links(text: str, start: str) -> Sequence[str]:
    return re.findall(rf'href="(?:\.\./)*({start}[^"]*)"', text)


def test_every_file_of_the_knowledge_has_a_page_and_every_link_leads_to_one(opened: Open) -> None:
    client = opened()
    listed = set(links(text_of(client, "/knowledge"), "knowledge/"))
    files = {f"knowledge/{path.relative_to(PACKAGED).parent}/{path.stem}" for path in PACKAGED.glob("*/*.yaml")}
    of_rules = {re.sub(r"(rules/B12-[A-Z]+-\d\d).*", r"\1", file) for file in files}
    assert listed - {"knowledge/site"} == of_rules
    found: set[str] = set()
    for address in listed:
        found |= set(links(text_of(client, f"/{address}"), "knowledge/"))
    assert found <= listed | {"knowledge/site"}


def test_a_rule_is_shown_with_its_words_numbers_sources_and_examples(opened: Open) -> None:
    text = text_of(opened(), "/knowledge/rules/B12-TEST-01")
    for told in (
        "Metformin use for more than four months raises the risk",
        "4 months",
        "knowledge/medicines/metformin",
        "no vitamin B12 result in the last 12 months: consider testing.",
        "Exactly four months",
        "Draft, not yet reviewed by a clinician",
        "https://",
    ):
        assert told in text, told


@pytest.mark.parametrize(
    ("search", "listed", "not_listed"),
    [
        ("metformin", "rules/B12-TEST-01", "analytes/mcv"),
        ("2132-9", "analytes/total-b12", "rules/B12-TEST-01"),
        ("METFORMIN months", "parameters/metformin-months", "analytes/mcv"),
        ("nice-ng239", "rules/B12-DX-01", "rules/B12-TEST-01"),
    ],
)
def test_a_search_lists_what_holds_all_its_words(opened: Open, search: str, listed: str, not_listed: str) -> None:
    text = text_of(opened(), f"/knowledge?q={search}")
    assert f'"knowledge/{listed}"' in text
    assert f'"knowledge/{not_listed}"' not in text


def test_a_search_for_nothing_that_is_there_says_so_and_runs_nothing(opened: Open) -> None:
    text = text_of(opened(), "/knowledge?q=%3Cscript%3Ealert(1)%3C/script%3E")
    assert "Nothing here holds" in text
    assert "<script>" not in text


@pytest.mark.parametrize("address", ["/knowledge/rules/B12-TEST-99", "/knowledge/secrets/x", "/knowledge/rules/..%2f"])
def test_what_is_not_there_is_not_found(opened: Open, address: str) -> None:
    assert opened().get(address).status_code == 404


def test_without_files_of_its_own_a_site_is_told_that_all_is_as_it_ships(opened: Open) -> None:
    assert "every value is as it ships" in text_of(opened(), "/knowledge/site")


def test_what_a_site_changes_stands_beside_what_ships(opened: Open, tmp_path: Path) -> None:
    name = "parameters/metformin-months.yaml"
    site = tmp_path / "site"
    (site / name).parent.mkdir(parents=True)
    ours = (PACKAGED / name).read_text(encoding="utf-8")
    (site / name).write_text(ours.replace("value: 4", "value: 48"), encoding="utf-8")
    client = opened(site)
    text = text_of(client, "/knowledge/site")
    assert "1 value differs" in text
    assert re.search(rf"{name}</th><td>value</td><td>4</td><td>48</td>", text)
    assert "48 months" in text_of(client, "/knowledge/parameters/metformin-months")


def test_the_pages_can_be_switched_off(opened: Open) -> None:
    assert opened(knowledge_pages=False).get("/knowledge").status_code == 404


def test_no_page_is_heavy(opened: Open) -> None:
    client = opened()
    sizes = {a: len(client.get(f"/{a}").data) for a in links(text_of(client, "/knowledge"), "knowledge/")}
    assert max(sizes.values()) < 300_000, max(sizes, key=lambda address: sizes[address])
