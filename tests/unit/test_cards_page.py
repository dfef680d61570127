"""All cards of a folder of patients stand on one page, equal ones once, in the order of the rules."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cds_service import cli

STORIES = Path(__file__).resolve().parents[2] / "fixtures"
SEVERE, UNTESTED = "severe-deficiency", "metformin-neuropathy-untested"


def run(*words: object) -> Result:
    return CliRunner().invoke(cli.commands, ["cards", *map(str, words), "--today", "2025-10-01"])


def put(folder: Path, name: str, story: str, file: str = "patient-view.request.json") -> None:
    folder.mkdir(exist_ok=True)
    shutil.copy(STORIES / story / file, folder / name)


def test_a_card_stands_once_with_all_that_a_clinician_sees_and_the_files_it_was_seen_in(tmp_path: Path) -> None:
    put(tmp_path, "a.json", SEVERE)
    put(tmp_path, "b.json", SEVERE)
    put(tmp_path, "c.json", SEVERE, "bundle.json")  # the same patient, as a Bundle

    page = run(tmp_path).output

    promised = json.loads((STORIES / SEVERE / "patient-view.cards.json").read_text(encoding="utf-8"))
    (card,) = promised["cards"]
    assert page.count(f"### {card['indicator']}: {card['summary']}\n") == 1
    assert "Total B12 below 180 pg/mL confirms deficiency." in page
    assert "| Severe deficiency | 85 pg/mL |" in page
    assert f"- **{card['suggestions'][0]}** (recommended)\n" in page
    assert f"- **{card['suggestions'][1]}**\n" in page
    assert "- Set aside because: " in page
    assert "- Seen in 3: a, b, c\n" in page
    assert "3 requests got 3 cards, 1 of them different" in page
    assert "Keep it as you keep the record" in page


def test_the_cards_stand_in_the_order_of_the_rules_under_their_titles(tmp_path: Path) -> None:
    put(tmp_path, "a.json", UNTESTED)
    put(tmp_path, "b.json", SEVERE)

    heads = re.findall(r"^## (.*)", run(tmp_path).output, re.MULTILINE)

    assert heads == [
        "B12-DX-01: Total vitamin B12 in the deficient band",
        "B12-TEST-01: Metformin for more than four months",
    ]


def test_who_gets_no_card_or_no_answer_is_named_and_other_files_are_counted(tmp_path: Path) -> None:
    put(tmp_path, "well.json", "nothing-to-say")
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    (tmp_path / "expected.json").write_text('{"status": "deficient"}', encoding="utf-8")
    (tmp_path / "other.json").write_text('{"hook": "order-dispatch"}', encoding="utf-8")

    page = run(tmp_path).output

    assert "## No card\n\n1: well\n" in page
    assert "- broken: " in page
    assert "is not JSON" in page
    assert "- other: No service answers the hook" in page
    assert "1 files hold neither" in page


def test_the_page_goes_into_a_file_and_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    put(tmp_path / "in", "a.json", SEVERE)
    written = run(tmp_path / "in", "-o", tmp_path / "page.md")
    refused = run(tmp_path / "in", "-o", tmp_path / "none" / "page.md")

    assert (written.exit_code, written.output) == (0, "")
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == run(tmp_path / "in").output
    assert "page.md: cannot be written" in str(refused.exception)


@pytest.mark.parametrize("content", ["", "[]"], ids=["no file", "no request"])
def test_a_folder_without_patients_is_refused(tmp_path: Path, content: str) -> None:
    if content:
        (tmp_path / "a.json").write_text('{"resourceType": "Patient"}', encoding="utf-8")
    assert "holds a hook request or a FHIR Bundle" in str(run(tmp_path).exception)
