"""The wheel, installed where no checkout is: it serves, in an empty folder, with all that belongs to it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.conformance.server import ROOT, running

BUILT_FROM = ("cds_service", "fixtures", "hooks", "pyproject.toml", "README.md", "LICENSE")
STORY = "metformin-neuropathy-untested"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing that an earlier build left behind can get into it."""
    folder = tmp_path_factory.mktemp("wheel")
    ours = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in BUILT_FROM:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / "source" / name, ignore=ours)
        else:
            (folder / "source").mkdir(exist_ok=True)
            shutil.copy(source, folder / "source" / name)
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(folder / "source"))
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new environment that holds the wheel.

    Where everything is meant to be present, what it needs is installed from the lock as for production. Elsewhere it is
    borrowed from the environment of the tests, so that no network is needed; the checkout is not in reach either way.
    """
    folder = tmp_path_factory.mktemp("elsewhere") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    found = folder / "bin" / "python"
    if os.environ.get("B12_REQUIRE_ALL"):
        lock = ROOT / "requirements.lock"
        pip("--python", str(found), "install", "--quiet", "--require-hashes", "--requirement", str(lock))
    else:
        (packages,) = (folder / "lib").glob("python*/site-packages")
        (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    pip("--python", str(found), "install", "--quiet", "--no-deps", str(wheel))
    return found


@pytest.fixture(scope="module")
def address(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    empty = tmp_path_factory.mktemp("empty")
    log = tmp_path_factory.mktemp("log")
    command = (str(python.with_name("b12-cds")),)
    with running(log, command, empty, B12_WORKERS="1", B12_DATABASE_URL="") as service:
        yield service.url
    assert (empty / "var" / "b12-cds.sqlite3").is_file(), "the database is made where the service is started"


def pip(*words: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *words]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def run(python: Path, *words: str, cwd: Path) -> str:
    command = [str(python.with_name("b12-cds")), *words]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_file_that_the_checkout_keeps_for_it_is_in_the_wheel(wheel: Path) -> None:
    kept = {
        path.relative_to(ROOT).as_posix()
        for name in BUILT_FROM[:3]
        for path in (ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    packed = set(zipfile.ZipFile(wheel).namelist())

    assert kept - packed == set()
    assert {name.partition("/")[0] for name in packed if ".dist-info/" not in name} == set(BUILT_FROM[:3])


def test_the_code_that_runs_is_that_of_the_wheel(python: Path, tmp_path: Path) -> None:
    command = [str(python), "-c", "import cds_service, hooks, sys; print(cds_service.__file__, hooks.__file__)"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)

    assert all(Path(file).is_relative_to(python.parents[1]) for file in done.stdout.split())


def test_the_installed_service_answers_with_a_card(address: str) -> None:
    request = (ROOT / "fixtures" / STORY / "patient-view.request.json").read_bytes()
    told = requests.post(
        f"{address}/cds-services/b12-patient-view", request, headers={"Content-Type": "application/json"}, timeout=10
    )

    assert [card["indicator"] for card in told.json()["cards"]] == ["warning"]
    assert requests.get(f"{address}/ready", timeout=10).status_code == 200


def test_the_installed_service_has_its_pages_and_its_patients(address: str) -> None:
    for page in ("/", "/playground/playground.js", "/docs", "/openapi.json"):
        assert requests.get(address + page, timeout=10).status_code == 200, page
    assert STORY in requests.get(f"{address}/playground/setup", timeout=10).text


def test_the_installed_commands_find_the_knowledge_and_the_stories(python: Path, tmp_path: Path) -> None:
    assert "rules" in run(python, "check-knowledge", cwd=tmp_path)
    assert "Answers that differ: 0 of" in run(python, "diff-knowledge", cwd=tmp_path)
