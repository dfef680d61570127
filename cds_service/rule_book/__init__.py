"""The rule book: what the knowledge files say, written out for people; what of the source article they carry; and the
index of the patient stories.

The pages are made from data and never edited: `python -m cds_service.rule_book` writes them, `--check` holds that they
are as the data say.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cds_service.errors import InvalidKnowledge
from cds_service.knowledge.loader import PACKAGED, load
from cds_service.knowledge.loader.files import SENTENCES, effective_files
from cds_service.knowledge.model import Knowledge
from cds_service.rule_book.book import rule_book
from cds_service.rule_book.changes import changed_by_site
from cds_service.rule_book.coverage import coverage, untold
from cds_service.rule_book.sentences import sentences_page
from cds_service.rule_book.stories import story_index

ROOT = Path(__file__).parent.parent.parent
KNOWLEDGE_PAGE = Path("cds_service/knowledge/README.md")
COVERAGE_PAGE = Path("docs/coverage.md")
SENTENCES_PAGE = KNOWLEDGE_PAGE.with_name(SENTENCES)
FIXTURES_PAGE = Path("fixtures/README.md")
SITE_PAGE = Path("README.md")


def write(root: Path) -> None:
    """Write every page anew.

    Raises:
        InvalidKnowledge: the knowledge files or the stories cannot be used.
    """
    _write(root / SENTENCES_PAGE, sentences_page().encode())  # first: the version on every page hashes it
    for path, text in _pages(root).items():
        _write(root / path, text.encode())


def check(root: Path) -> list[str]:
    """The pages that are not as the data say, each with what to do.

    Raises:
        InvalidKnowledge: the knowledge files or the stories cannot be used.
    """
    stale = [path for path, text in _pages(root).items() if not _is_written(root / path, text)]
    return [f"{path.as_posix()}: is not as the data say; run `make rule-book` and commit it" for path in stale]


def write_site(overlay: Path, place: Path) -> None:
    """Write into `place` the knowledge of a site, file by file, and its rule book, which says what the site changed.

    Raises:
        InvalidKnowledge: the knowledge files cannot be used.
    """
    knowledge = load(overlay=overlay)
    files = effective_files(PACKAGED, overlay)
    for name, content in files.items():
        _write(place / name, content)
    changes = changed_by_site(effective_files(PACKAGED, None), files)
    _write(place / SITE_PAGE, rule_book(knowledge, place, changes).encode())


@click.command()
@click.option("--check", "only_check", is_flag=True, help="Write nothing; fail where a page is stale.")
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), default=ROOT, help="Where to write.")
@click.option(
    "--overlay",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="A site's own files: writes its whole knowledge and its rule book into --root.",
)
def main(only_check: bool, root: Path, overlay: Path | None) -> None:
    """Write the rule book, the article's coverage and the index of the stories, or check them."""
    if overlay is not None and (only_check or root == ROOT):
        raise click.UsageError("--overlay writes into a folder of its own: name it with --root, and leave out --check")
    problems: list[str] = []
    try:
        if overlay is not None:
            write_site(overlay, root)
        elif only_check:
            problems = check(root)
        else:
            write(root)
    except InvalidKnowledge as error:
        problems = list(error.problems)
    for problem in problems:
        click.echo(problem, err=True)
    sys.exit(1 if problems else 0)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _is_written(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _pages(root: Path) -> dict[Path, str]:
    knowledge = load(root / KNOWLEDGE_PAGE.parent)
    problems = untold(knowledge)
    if problems:
        raise InvalidKnowledge(problems)
    book = rule_book(knowledge, root / KNOWLEDGE_PAGE.parent)
    return {KNOWLEDGE_PAGE: book, SENTENCES_PAGE: sentences_page(), **_other_pages(root, knowledge)}


def _other_pages(root: Path, knowledge: Knowledge) -> dict[Path, str]:
    pages: dict[Path, str] = {}
    covered = coverage(knowledge)
    if covered:
        pages[COVERAGE_PAGE] = covered
    if (root / FIXTURES_PAGE.parent).is_dir():
        pages[FIXTURES_PAGE] = story_index(root / FIXTURES_PAGE.parent)
    return pages
