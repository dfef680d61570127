"""The rule book says what the knowledge files say, and is checked against them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from cds_service.errors import InvalidKnowledge
from cds_service.knowledge.loader import PACKAGED, load
from cds_service.knowledge.model import RuleKnowledge
from cds_service.rule_book import check, main, write
from cds_service.rule_book.book import rule_book
from cds_service.rule_book.markdown import cell, table
from cds_service.rule_book.stories import story_index
from tests.unit.knowledge import folder as small

KNOWLEDGE = load()
BOOK = rule_book(KNOWLEDGE, PACKAGED)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project of one small folder of knowledge and one story."""
    small.knowledge_folder(tmp_path / "cds_service")
    small.write(tmp_path, "fixtures/low/story.yaml", "title: B12 150\nshows: It is low.\nhooks: [patient-view]\n")
    return tmp_path


def test_a_written_book_is_current(root: Path) -> None:
    write(root)

    assert check(root) == []


def test_a_book_that_was_never_written_is_stale(root: Path) -> None:
    assert check(root) == [
        "cds_service/knowledge/README.md: is not as the data say; run `make rule-book` and commit it",
        "cds_service/knowledge/sentences.yaml: is not as the data say; run `make rule-book` and commit it",
        "fixtures/README.md: is not as the data say; run `make rule-book` and commit it",
    ]


def test_a_changed_number_makes_the_book_stale(root: Path) -> None:
    write(root)
    path = root / "cds_service/knowledge/analytes/total-b12.yaml"
    path.write_text(path.read_text().replace("deficient_below: 180", "deficient_below: 200"))

    assert [problem.partition(":")[0] for problem in check(root)] == ["cds_service/knowledge/README.md"]


def test_a_changed_story_makes_the_index_stale(root: Path) -> None:
    write(root)
    small.write(root, "fixtures/low/story.yaml", "title: B12 140\nshows: It is low.\nhooks: [patient-view]\n")

    assert [problem.partition(":")[0] for problem in check(root)] == ["fixtures/README.md"]


def test_without_stories_there_is_no_index(root: Path) -> None:
    (root / "fixtures/low/story.yaml").unlink()
    (root / "fixtures/low").rmdir()
    (root / "fixtures").rmdir()
    write(root)

    assert check(root) == []
    assert not (root / "fixtures").exists()


def test_the_command_fails_and_names_the_stale_page(root: Path) -> None:
    runner = CliRunner()

    stale = runner.invoke(main, ["--check", "--root", str(root)])
    assert stale.exit_code == 1
    assert "cds_service/knowledge/README.md: is not as the data say" in stale.stderr

    assert runner.invoke(main, ["--root", str(root)]).exit_code == 0
    assert runner.invoke(main, ["--check", "--root", str(root)]).exit_code == 0


def test_the_command_names_what_is_wrong_with_the_knowledge(root: Path) -> None:
    (root / "cds_service/knowledge/sources.yaml").unlink()

    told = CliRunner().invoke(main, ["--root", str(root)])
    assert told.exit_code == 1
    assert "sources.yaml: is missing; add the file" in told.stderr


def test_the_book_is_the_same_each_time() -> None:
    assert rule_book(KNOWLEDGE, PACKAGED) == BOOK


def test_the_book_names_its_version_and_that_it_is_no_approved_knowledge() -> None:
    assert KNOWLEDGE.version in BOOK
    assert "does not replace it" in BOOK


@pytest.mark.parametrize("rule", KNOWLEDGE.rules.values(), ids=lambda rule: rule.id)
def test_a_rule_stands_in_the_book_in_full(rule: RuleKnowledge) -> None:
    section = BOOK.partition(f"\n### {rule.id}\n")[2].partition("\n### ")[0]

    assert rule.statement in section
    assert rule.rationale in section
    for citation in rule.sources:
        assert citation.at in section
    for card in rule.cards.values():
        assert cell(card.summary) in section
    for example in rule.examples:
        assert f"| {cell(example.name)} |" in section


def test_every_parameter_and_limit_stands_in_the_book_with_its_unit() -> None:
    for parameter in KNOWLEDGE.parameter_files.values():
        assert f"| {f'{parameter.value} {parameter.unit}'.removesuffix(' 1')} | {parameter.statement} |" in BOOK
    assert "| ng/L | severe below 100, deficient below 180, deficiency unlikely above 350 | 1 | 20000 |" in BOOK
    assert "| pmol/L | severe below 74, deficient below 133, deficiency unlikely above 258 | 1 | 14800 |" in BOOK


def test_every_dose_stands_in_the_book() -> None:
    for regimen in KNOWLEDGE.regimens.values():
        for step in regimen.steps:
            assert f"| {step.text} | {step.dose} {step.dose_unit} |" in BOOK


def test_every_link_of_the_book_leads_to_a_file_or_a_section() -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", BOOK)
    headings = {line.removeprefix("### ").lower() for line in BOOK.splitlines() if line.startswith("### ")}

    assert targets
    for target in targets:
        if target.startswith("#"):
            assert target[1:] in headings
        elif not target.startswith("http"):
            assert (PACKAGED / target).exists(), target


def test_the_codes_are_counted_by_system_and_licence() -> None:
    snomed = [line for line in BOOK.splitlines() if line.startswith("| snomed |")]

    assert [line.split(" | ")[1] for line in snomed] == ["SNOMED CT licence", "Global Patient Set, CC BY 4.0"]
    counted = sum(int(row[-1]) for row in re.findall(r"\| (loinc|snomed) \| ([^|]+) \| (\d+) \|", BOOK))
    assert counted > 500


def test_a_bar_in_a_text_does_not_break_a_table() -> None:
    assert table(["a"], [["x | y\nz"]]) == "| a |\n|---|\n| x \\| y z |"


@pytest.mark.parametrize(
    ("story", "problem"),
    [
        ("title: B12 150\n", "low/story.yaml: title or shows is missing; write both"),
        ("- a list\n", "low/story.yaml: title or shows is missing; write both"),
        ("title: [\n", "low/story.yaml: line 2: is not YAML: did not find expected node content; mend the line"),
    ],
)
def test_a_story_that_cannot_be_listed_is_named(tmp_path: Path, story: str, problem: str) -> None:
    small.write(tmp_path, "low/story.yaml", story)

    with pytest.raises(InvalidKnowledge) as told:
        story_index(tmp_path)

    assert told.value.problems == (problem,)


def test_a_site_gets_its_whole_knowledge_and_what_it_changed(tmp_path: Path) -> None:
    limit = (PACKAGED / "parameters/metformin-months.yaml").read_text().replace("value: 4", "value: 6")
    small.write(tmp_path / "site", "parameters/metformin-months.yaml", limit)

    done = CliRunner().invoke(main, ["--overlay", str(tmp_path / "site"), "--root", str(tmp_path / "out")])

    assert done.exit_code == 0, done.output
    book = (tmp_path / "out/README.md").read_text()
    assert "## Changed by this site" in book
    assert "| parameters/metformin-months.yaml | value | 4 | 6 |" in book
    assert load(tmp_path / "out").parameters.metformin_months == 6


def test_a_sites_book_is_not_written_over_ours(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["--overlay", str(tmp_path)])

    assert done.exit_code == 2
    assert "name it with --root" in done.output


def test_the_shipped_book_has_no_chapter_on_a_site() -> None:
    assert "Changed by this site" not in BOOK
