"""Our reading of CDS Hooks is whole, and each point of it is tested or explained."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cds_service.conformance.__main__ import main
from cds_service.conformance.page import check, page, write
from cds_service.conformance.requirements import (
    TABLE,
    How,
    InvalidRequirements,
    Requirement,
    Weight,
    gaps,
    marked_tests,
    read_requirements,
)

ROOT = Path(__file__).resolve().parents[3]
HEAD = TABLE.read_text(encoding="utf-8").splitlines()[0]


def one(how: How = How.TESTED, reason: str = "") -> dict[str, Requirement]:
    return {"CDSH-1": Requirement("CDSH-1", "SHALL", "JSON", "s", "https://x", "both", how, reason)}


def test_there_are_150_points_in_their_order() -> None:
    assert list(read_requirements()) == [f"CDSH-{number}" for number in range(1, 151)]


def test_every_point_is_tested_or_explained_and_no_test_names_another() -> None:
    assert gaps(read_requirements(), marked_tests(ROOT / "tests")) == []


def test_each_point_has_a_source_and_says_whom_it_binds() -> None:
    for requirement in read_requirements().values():
        assert requirement.link.startswith("https://")
        assert requirement.concerns in ("service", "client", "both")


def test_the_page_is_as_the_data_say() -> None:
    assert check(ROOT) == []


@pytest.mark.parametrize(
    ("level", "weight"),
    [("SHALL NOT", Weight.MANDATORY), ("REQUIRED", Weight.MANDATORY), ("SHOULD", Weight.ADVISED), ("MAY", Weight.OPEN)],
)
def test_a_level_has_a_weight(level: str, weight: Weight) -> None:
    assert Requirement("CDSH-1", level, "", "", "", "", How.TESTED, "").weight is weight


@pytest.mark.parametrize(
    ("requirements", "tests", "problem"),
    [
        (one(), {}, "CDSH-1: is said to be tested, and no test verifies it"),
        (one(How.BY_DESIGN), {}, "CDSH-1: is by design and needs a reason"),
        (one(), {"CDSH-1": (), "CDSH-9": ()}, "CDSH-9: a test verifies it, but requirements.csv does not know it"),
    ],
)
def test_what_is_open_is_named(
    requirements: dict[str, Requirement], tests: dict[str, tuple[Path]], problem: str
) -> None:
    assert gaps(requirements, tests) == [problem]


def test_what_is_explained_is_not_open() -> None:
    assert gaps(one(How.NOT_APPLICABLE, "because"), {}) == []


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("CDSH-1,SHALL,text,source,link,both,guessed,", "how is 'guessed'"),
        ("CDSH-1,MUST,text,source,link,both,tested,", "level is 'MUST'"),
        ("CDSH-1,SHALL,,source,link,both,tested,", "CDSH-1: text"),
        ("CDSH-1,SHALL,text,source,link,both,tested,reason,more", "too many columns"),
        (",SHALL,text,source,link,both,tested,", "a row without an id"),
        ("CDSH-1,SHALL,t,s,l,both,tested,\nCDSH-1,SHALL,t,s,l,both,tested,", "stands twice"),
    ],
)
def test_a_row_that_is_not_whole_is_refused(row: str, problem: str, tmp_path: Path) -> None:
    table = tmp_path / "requirements.csv"
    table.write_text(f"{HEAD}\n{row}\n")

    with pytest.raises(InvalidRequirements, match=problem):
        read_requirements(table)


def test_marks_are_read_from_the_tests_without_running_them(tmp_path: Path) -> None:
    (tmp_path / "test_x.py").write_text(
        "import pytest\nraise SystemExit\n\n@pytest.mark.verifies('CDSH-1', 'CDSH-2')\n"
        "@pytest.mark.verifies('CDSH-3')\ndef test_a(): ...\n"
    )

    assert marked_tests(tmp_path) == dict.fromkeys(("CDSH-1", "CDSH-2", "CDSH-3"), (Path("test_x.py"),))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_x.py").write_text("@pytest.mark.verifies('CDSH-1')\ndef test_a(): ...\n")
    return tmp_path


def test_a_page_that_was_not_written_is_stale_and_an_open_point_stands_on_it(project: Path) -> None:
    assert "docs/conformance.md: is not as the data say; run `make rule-book` and commit it" in check(project)

    write(project)

    assert not [problem for problem in check(project) if problem.startswith("docs/")]
    assert "| CDSH-3 | SHALL NOT |" in page(project)[0]
    assert "**open**" in page(project)[0]
    assert "[test_x](../tests/test_x.py)" in page(project)[0]


def test_the_command_writes_and_checks(project: Path) -> None:
    assert CliRunner().invoke(main, ["--root", str(project)]).exit_code == 0

    done = CliRunner().invoke(main, ["--root", str(project), "--check"])

    assert done.exit_code == 1
    assert "CDSH-3" in done.output
