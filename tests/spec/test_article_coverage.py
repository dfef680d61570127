"""Every statement of the source article is carried by a rule, a number or words, or is left out for a reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cds_service.knowledge.loader import load
from cds_service.knowledge.model import ArticleStatement, Told
from cds_service.rule_book.coverage import coverage, untold

KNOWLEDGE = load()
STATEMENTS = KNOWLEDGE.coverage
PAGE = coverage(KNOWLEDGE)
COVERED = {line for statement in STATEMENTS for line in statement.lines}


@pytest.fixture
def article(shared: Path) -> list[str]:
    return (shared / "reference" / "source-article.md").read_text(encoding="utf-8").splitlines()


def test_every_line_that_is_not_empty_has_a_row(article: list[str]) -> None:
    written = {number for number, line in enumerate(article, 1) if line.strip()}

    assert sorted(written - COVERED) == []
    assert sorted(COVERED - written) == []


def test_no_statement_is_copied_from_the_article(article: list[str]) -> None:
    text = " ".join(" ".join(article).split()).casefold()

    assert [s.id for s in STATEMENTS if s.says.rstrip(".").casefold() in text] == []


def test_only_headings_references_and_page_furniture_are_left_out() -> None:
    assert [s.id for s in STATEMENTS if s.left_out] == ["headings", "references", "page-furniture"]


def test_what_only_informs_is_told_in_words_that_stand_there() -> None:
    assert untold(KNOWLEDGE) == []
    assert any(statement.told for statement in STATEMENTS)


def test_words_that_were_taken_away_are_missed() -> None:
    lost = ArticleStatement("prognosis", (1,), "It heals.", told=(Told("B12-DX-01", "it heals by itself"),))

    (problem,) = untold(replace(KNOWLEDGE, coverage=(lost,)))

    assert problem.startswith("coverage.yaml: prognosis.told: B12-DX-01 does not say 'it heals by itself'; write")


def test_every_rule_that_cites_the_article_carries_one_of_its_statements() -> None:
    citing = {rule.id for rule in KNOWLEDGE.rules.values() if any(c.source == "source-article" for c in rule.sources)}
    carrying = {name for statement in STATEMENTS for name in statement.rules}

    assert sorted(citing - carrying) == []


def test_every_number_that_cites_the_article_carries_one_of_its_statements() -> None:
    things = [*KNOWLEDGE.parameter_files.values(), *(r for r in KNOWLEDGE.regimen_files.values() if not r.instead_of)]
    citing = {thing.id for thing in things if any(c.source == "source-article" for c in thing.sources)}
    carrying = {name for s in STATEMENTS for name in (*s.parameters, *s.regimens)}

    assert sorted(citing - carrying) == []


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda statement: statement.id)
def test_the_page_tells_each_statement_with_its_lines_and_examples(statement: ArticleStatement) -> None:
    (row,) = [line for line in PAGE.splitlines() if f"| {statement.says} |" in line]

    assert row.startswith(f"| {', '.join(map(str, statement.lines))} | ")
    for name in statement.rules:
        assert f"[{name}](" in row
        assert all(example.name in row for example in KNOWLEDGE.rules[name].examples)
    for told in statement.told:
        assert told.words in row
