"""What a change of the knowledge does is told value by value, rule by rule and card by card."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cds_service import cli
from cds_service.errors import InvalidKnowledge
from cds_service.knowledge.loader import PACKAGED
from cds_service.knowledge_diff import knowledge_diff

STORIES = Path(__file__).resolve().parents[2] / "fixtures"
LIMIT, RULE = "analytes/total-b12.yaml", "rules/B12-DX-01-total-b12-deficient.yaml"


def overlay(place: Path, file: str, old: str, new: str) -> Path:
    """A site's folder with one file of ours, changed in one place."""
    text = (PACKAGED / file).read_text(encoding="utf-8")
    assert text.count(old) == 1
    path = place / "site" / file
    path.parent.mkdir(parents=True)
    path.write_text(text.replace(old, new), encoding="utf-8")
    return place / "site"


def run(*words: str) -> Result:
    return CliRunner().invoke(cli.commands, ["diff-knowledge", "--stories", str(STORIES), *words])


def test_a_moved_limit_is_told_with_the_stories_whose_cards_change(tmp_path: Path) -> None:
    # the story's B12 is 165 ng/L: deficient, and no longer so when the limit sinks below it
    site = overlay(tmp_path, LIMIT, "    deficient_below: 180", "    deficient_below: 150")

    found = knowledge_diff(None, site, STORIES)

    assert [(v.file, v.at, v.old, v.new) for v in found.values] == [
        (LIMIT, "scales.ng/L.deficient_below", "180", "150"),
    ]
    assert found.rules == ()
    changed = {story.story: story for story in found.stories}
    masking = changed["folic-acid-masking"]
    assert (masking.before.status, masking.after.status) == ("deficient", "indeterminate")
    assert masking.before.cards != masking.after.cards
    assert found.stories_asked > len(found.stories)


def test_a_reworded_rule_is_named(tmp_path: Path) -> None:
    site = overlay(tmp_path, RULE, "title: Total vitamin B12 in the deficient band", "title: Low")

    found = knowledge_diff(None, site, STORIES)

    assert found.rules == ("B12-DX-01",)
    assert found.stories == ()


def test_a_code_that_was_added_is_told_by_its_name(tmp_path: Path) -> None:
    code = 'codes:\n  - {system: loinc, code: "99999-9", display: Cobalamin here, property: mass}'
    site = overlay(tmp_path, LIMIT, "\ncodes:", f"\n{code}")

    (change,) = knowledge_diff(None, site, STORIES).values

    assert (change.at, change.old) == ("codes.loinc 99999-9", "")
    assert "Cobalamin here" in change.new


def test_nothing_differs_from_itself() -> None:
    done = run("-", "-")

    assert done.exit_code == 0, done.output
    assert "Values that differ: 0" in done.output
    assert "Answers that differ: 0 of" in done.output


def test_the_command_shows_before_and_after(tmp_path: Path) -> None:
    site = overlay(tmp_path, LIMIT, "    deficient_below: 180", "    deficient_below: 150")

    done = run("-", str(site))
    assert done.exit_code == 0, done.output
    assert f"{LIMIT}: scales.ng/L.deficient_below: 180 → 150" in done.output
    assert "before: status deficient" in done.output

    told = json.loads(run("-", str(site), "--json").output)
    assert told["values"][0]["new"] == "150"
    assert told["stories"][0]["before"]["cards"][0]["summary"]


def test_a_folder_that_is_none_is_named() -> None:
    done = run("no/such/folder")

    assert done.exit_code == 2
    assert "no/such/folder" in done.output


def test_a_knowledge_that_cannot_be_used_stops_the_command(tmp_path: Path) -> None:
    site = overlay(tmp_path, LIMIT, "    deficient_below: 180", "    deficient_below: low")

    with pytest.raises(InvalidKnowledge, match="deficient_below: must be a number"):
        knowledge_diff(None, site, STORIES)
