"""The rule book: what the knowledge files say, written out for people; and the index of the patient stories.

Both pages are made from data and never edited: `python -m cds_service.rule_book` writes them, `--check` holds that
they are as the data say.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cds_service.errors import InvalidKnowledge
from cds_service.knowledge.loader import load
from cds_service.rule_book.book import rule_book
from cds_service.rule_book.stories import story_index

ROOT = Path(__file__).parent.parent.parent
KNOWLEDGE_PAGE = Path("cds_service/knowledge/README.md")
FIXTURES_PAGE = Path("fixtures/README.md")


def write(root: Path) -> None:
    """Write every page anew.

    Raises:
        InvalidKnowledge: the knowledge files or the stories cannot be used.
    """
    for path, text in _pages(root).items():
        (root / path).write_text(text, encoding="utf-8")


def check(root: Path) -> list[str]:
    """The pages that are not as the data say, each with what to do.

    Raises:
        InvalidKnowledge: the knowledge files or the stories cannot be used.
    """
    stale = [path for path, text in _pages(root).items() if not _is_written(root / path, text)]
    return [f"{path.as_posix()}: is not as the data say; run `make rule-book` and commit it" for path in stale]


@click.command()
@click.option("--check", "only_check", is_flag=True, help="Write nothing; fail where a page is stale.")
@click.option("--root", type=click.Path(path_type=Path, file_okay=False, exists=True), default=ROOT)
def main(only_check: bool, root: Path) -> None:
    """Write the rule book and the index of the stories, or check them."""
    problems: list[str] = []
    try:
        if only_check:
            problems = check(root)
        else:
            write(root)
    except InvalidKnowledge as error:
        problems = list(error.problems)
    for problem in problems:
        click.echo(problem, err=True)
    sys.exit(1 if problems else 0)


def _is_written(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _pages(root: Path) -> dict[Path, str]:
    pages = {KNOWLEDGE_PAGE: rule_book(load(root / KNOWLEDGE_PAGE.parent), root / KNOWLEDGE_PAGE.parent)}
    if (root / FIXTURES_PAGE.parent).is_dir():
        pages[FIXTURES_PAGE] = story_index(root / FIXTURES_PAGE.parent)
    return pages
