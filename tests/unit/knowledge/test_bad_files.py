"""Each kind of bad file gives one problem that names file and field, what is wrong and how to mend it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.unit.knowledge.folder import FILES, knowledge_folder, problems, problems_after, write

A = "analytes/total-b12.yaml"
C = "conditions/coeliac.yaml"
G = "regimens/oral.yaml"
R = "rules/B12-DX-01-deficient.yaml"
P = "parameters/metformin-months.yaml"
FOLDERS = "analytes, tests, medicines, conditions, specimens, regimens, rules, parameters"
CASES = [
    pytest.param(name, case["change"], case["to"], case["problem"], id=f"{name}: {case['to'][:40]!r}")
    for name, cases in yaml.safe_load((Path(__file__).parent / "bad_files.yaml").read_text()).items()
    for case in cases
]


def test_the_folder_of_these_tests_has_no_problem(tmp_path: Path) -> None:
    assert problems(knowledge_folder(tmp_path)) == []


@pytest.mark.parametrize(("name", "old", "new", "expected"), CASES)
def test_a_bad_file_is_named_with_what_to_mend(tmp_path: Path, name: str, old: str, new: str, expected: str) -> None:
    assert f"{name}: {expected}" in problems_after(tmp_path, name, old, new)


def test_an_alias_is_refused(tmp_path: Path) -> None:
    told = problems_after(tmp_path, A, 'source: {id: design, at: "1"}', 'sources: [&s {id: design, at: "1"}, *s]')

    assert told == [f"{A}: line 17: has an alias (*name); write the value out in each place"]


def test_a_file_that_is_no_mapping_is_named(tmp_path: Path) -> None:
    folder = knowledge_folder(tmp_path, **{C: "- coeliac\n"})

    assert problems(folder) == [f"{C}: must hold keys and values; write `key: value` lines"]


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    folder = knowledge_folder(tmp_path)
    (folder / C).write_bytes(b"id: c\xf6liac\n")

    assert problems(folder) == [f"{C}: is not UTF-8; save it as UTF-8 text"]


def test_all_problems_of_all_files_are_told_together(tmp_path: Path) -> None:
    folder = knowledge_folder(tmp_path)
    write(folder, A, FILES[A].replace("deficient_below: 180", "deficient_below: low").replace("short:", "shrt:"))
    write(folder, C, FILES[C].replace("role: risk", "role: riks"))

    assert [problem.partition(": ")[0] for problem in problems(folder)] == [A, A, A, C]


def test_a_missing_parameter_and_a_left_over_one_are_named(tmp_path: Path) -> None:
    folder = knowledge_folder(tmp_path)
    (folder / P).rename(folder / "parameters/metformin-month.yaml")
    text = (folder / "parameters/metformin-month.yaml").read_text()
    write(folder, "parameters/metformin-month.yaml", text.replace("metformin-months", "metformin-month"))

    assert problems(folder) == [
        f"{P}: is missing; add the file",
        "parameters/metformin-month.yaml: id: 'metformin-month' is no parameter that the rules read; "
        "take the file away, or did you mean 'metformin-months'?",
    ]


def test_an_id_is_never_used_twice(tmp_path: Path) -> None:
    folder = knowledge_folder(tmp_path, **{"rules/B12-DX-01-again.yaml": FILES[R]})

    assert problems(folder) == [
        f"{R}: id: 'B12-DX-01' is also the id of rules/B12-DX-01-again.yaml; ids are never used twice"
    ]


def test_a_code_measures_one_thing(tmp_path: Path) -> None:
    other = FILES[A].replace("id: total-b12", "id: active-b12")
    folder = knowledge_folder(tmp_path, **{"analytes/active-b12.yaml": other})

    assert problems(folder) == [
        f"{A}: codes.0.code: '2132-9' stands in analytes/active-b12.yaml too; a code measures one thing"
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("conditions/crohn.yml", "would not be read; rename it to end in .yaml"),
        ("condition/crohn.yaml", f"is not a file that we read; put it in one of {FOLDERS}"),
        ("conditions/bowel/crohn.yaml", f"is not a file that we read; put it in one of {FOLDERS}"),
    ],
)
def test_a_file_that_would_be_passed_over_is_named(tmp_path: Path, name: str, expected: str) -> None:
    folder = knowledge_folder(tmp_path, **{name: FILES[C]})

    assert problems(folder) == [f"{name}: {expected}"]


@pytest.mark.parametrize("name", ["sources.yaml", "override-reasons.yaml", "version.yaml"])
def test_a_missing_list_is_named(tmp_path: Path, name: str) -> None:
    folder = knowledge_folder(tmp_path)
    (folder / name).unlink()

    assert f"{name}: is missing; add the file" in problems(folder)


def test_a_step_that_is_followed_by_another_says_how_long_it_lasts(tmp_path: Path) -> None:
    text = FILES[G]
    step = next(line for line in text.splitlines() if line.startswith("  - {text"))
    folder = knowledge_folder(tmp_path, **{G: text.replace(step, step.replace(", for_days: 90", "") + "\n" + step)})

    assert problems(folder) == [
        f"{G}: steps.0.for_days: is missing: another step follows this one; say for how many days it is taken"
    ]
