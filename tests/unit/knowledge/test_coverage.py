"""A row of the article's coverage that names what does not exist is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_service.knowledge.loader import load
from tests.unit.knowledge.folder import knowledge_folder, problems, write

ROW = "low:\n  lines: [34]\n  says: Below 180 is low.\n  rules: [B12-DX-01]\n  limits: [total-b12.deficient_below]\n"


def test_a_row_is_read(tmp_path: Path) -> None:
    (row,) = load(knowledge_folder(tmp_path, **{"coverage.yaml": ROW})).coverage

    assert (row.id, row.lines, row.rules) == ("low", (34,), ("B12-DX-01",))
    assert row.limits == ("total-b12.deficient_below",)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("B12-DX-01", "B12-DX-10", "low.rules: there is no 'B12-DX-10'; did you mean 'B12-DX-01'?"),
        ("deficient_below", "raised_above", "low.limits: there is no 'total-b12.raised_above'; did you mean"),
        ("rules: [B12-DX-01]", "regimens: [orla]", "low.regimens: there is no 'orla'; did you mean 'oral'?"),
        ("rules: [B12-DX-01]", "parameters: [ppi]", "low.parameters: there is no 'ppi'; "),
        ("rules: [B12-DX-01]", "told: [{rule: B12-DX-02, words: x}]", "low.told: there is no 'B12-DX-02'; "),
        ("lines: [34]", "lines: []", "low.lines: are empty; write the lines of the article"),
        ("rules: [B12-DX-01]", "left_out: Because.", "low.left_out: stands beside what carries the statement"),
        ("rules:", "rulse:", "low.rulse: is not known; did you mean 'rules'?"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(tmp_path: Path, old: str, new: str, problem: str) -> None:
    told = problems(knowledge_folder(tmp_path, **{"coverage.yaml": ROW.replace(old, new)}))

    assert [line for line in told if line.startswith(f"coverage.yaml: {problem}")] == told
    assert len(told) == 1


def test_a_row_that_nothing_carries_is_named(tmp_path: Path) -> None:
    folder = knowledge_folder(tmp_path)
    write(folder, "coverage.yaml", "low: {lines: [34], says: Below 180 is low.}\n")

    assert [line.startswith("coverage.yaml: low.left_out: is missing") for line in problems(folder)] == [True]


def test_two_rows_do_not_speak_for_one_line(tmp_path: Path) -> None:
    folder = knowledge_folder(tmp_path, **{"coverage.yaml": ROW + ROW.replace("low:", "again:")})

    assert problems(folder) == ["coverage.yaml: again.lines: low speaks for line 34 too; keep it in one of the two"]
