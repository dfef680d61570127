"""What surrounds the code holds together: locks, layers, images, and what the README promises."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from compose_spec import PyCompose

from cds_service.config import Settings

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
LOCKS = sorted(ROOT.glob("requirements*.lock"))
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def compose_text() -> str:
    """The compose file as Compose reads it where no variable is set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", (ROOT / "docker-compose.yml").read_text(encoding="utf-8"))


def compose() -> dict[str, Any]:
    services: dict[str, Any] = PyCompose.from_yaml(compose_text()).to_dict()["services"]
    return services


def dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text(encoding="utf-8")


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_locked_package_has_a_version_and_a_hash(lock: Path) -> None:
    packages = re.split(r"\n(?=[a-z0-9])", re.sub(r"(?m)^#.*\n", "", lock.read_text()).strip())
    assert len(packages) > 30
    for package in packages:
        assert re.match(r"[a-z0-9.-]+==\S+( ; [^\\]+)? \\\n    --hash=sha256:[0-9a-f]{64}", package), package[:80]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_no_lock_names_an_index(lock: Path) -> None:
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links|--trusted-host|@ file:", lock.read_text())


def test_the_locks_agree_on_every_version() -> None:
    versions: dict[str, set[str]] = {}
    for lock in LOCKS:
        for name, version in re.findall(r"(?m)^([a-z0-9.-]+)==(\S+)", lock.read_text()):
            versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_the_build_backend_comes_from_the_lock() -> None:
    assert re.search(r"(?m)^setuptools==", (ROOT / "requirements.lock").read_text())


def test_every_direct_dependency_is_locked() -> None:
    locked = {
        re.sub(r"[._]", "-", name)
        for name in re.findall(r"(?m)^([a-z0-9.-]+)==", (ROOT / "requirements.lock").read_text())
    }
    wanted = {
        re.sub(r"[._]", "-", re.split(r"[\[<>=]", line)[0].lower()) for line in PYPROJECT["project"]["dependencies"]
    }
    assert wanted - locked == set()


def test_every_part_of_the_service_has_its_layer() -> None:
    contracts = {contract["id"]: contract for contract in PYPROJECT["tool"]["importlinter"]["contracts"]}
    named = set(re.findall(r"cds_service\.(\w+)", " ".join(contracts["layers"]["layers"])))
    parts = {path.stem for path in (ROOT / "cds_service").iterdir() if path.suffix == ".py" or path.is_dir()}
    assert parts - {"__init__", "__pycache__"} - named == set()


def test_the_compose_file_is_a_compose_file() -> None:
    assert set(compose()) == {"b12-cds", "hapi", "postgres"}


@pytest.mark.parametrize(("right", "wrong"), [("environment:", "enviroment:"), ("service_healthy", "well")])
def test_a_misspelt_compose_file_would_be_noticed(right: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=r"services\.b12-cds"):
        PyCompose.from_yaml(compose_text().replace(right, wrong, 1))


def test_containers_are_reached_from_this_machine_only() -> None:
    published = [port for service in compose().values() for port in service.get("ports", [])]
    assert published
    assert all(str(port).startswith("127.0.0.1:") for port in published)


def test_only_what_is_asked_for_runs_beside_the_service() -> None:
    assert {name: service.get("profiles", []) for name, service in compose().items()} == {
        "b12-cds": [],
        "hapi": ["hapi"],
        "postgres": ["postgres"],
    }


def test_the_settings_of_compose_start_the_service() -> None:
    image = dict(re.findall(r"\b(HOST|PORT)=(\S+)", dockerfile()))
    given = {name: value or "" for name, value in compose()["b12-cds"]["environment"].items()}
    settings = Settings.from_environment(image | given)
    assert settings.host == "0.0.0.0"
    assert settings.cors_origins == ("http://localhost:8080",)


def test_the_image_serves_on_the_port_that_compose_publishes() -> None:
    assert re.search(r"PORT=8000\b", dockerfile())
    assert "EXPOSE 8000" in dockerfile()
    assert [str(port) for port in compose()["b12-cds"]["ports"]] == ["127.0.0.1:8000:8000"]


def test_the_image_runs_a_command_that_the_project_installs_and_not_as_root() -> None:
    command = re.findall(r'(?m)^CMD \["([^"]+)"', dockerfile())
    assert command == list(PYPROJECT["project"]["scripts"])
    assert re.search(r"(?m)^USER [1-9]\d+$", dockerfile())


def test_the_image_is_built_from_what_is_there_on_a_python_that_we_support() -> None:
    assert re.findall(r"(?m)^ARG BASE=python:(\d+\.\d+)-slim", dockerfile()) == ["3.11"]
    assert set(re.findall(r"(?m)^FROM (\S+)", dockerfile())) == {"${BASE}"}
    copied = [name for line in re.findall(r"(?m)^COPY (?!--from)(.*)", dockerfile()) for name in line.split()[:-1]]
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for name in copied:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in ignored, name


def test_the_page_on_deploying_names_every_setting_and_no_other() -> None:
    source = (ROOT / "cds_service" / "config.py").read_text()
    read = set(re.findall(r'(?:env\.\w+|_origins|_listed)\(\s*(?:env, )?"([A-Z0-9_]+)"', source))
    page = (ROOT / "docs/deploying.md").read_text(encoding="utf-8")
    table = page.partition("## Settings")[2].partition("\n## ")[0]
    told = {name for row in re.findall(r"(?m)^\| (`[^|]+`) \|", table) for name in re.findall(r"`([A-Z0-9_]+)`", row)}
    assert read == told


@pytest.mark.parametrize("path", ["README.md", *(f"docs/{name.name}" for name in (ROOT / "docs").glob("*.md"))])
def test_links_between_documents_lead_somewhere(path: str) -> None:
    page = ROOT / path
    text = re.sub(r"`[^`\n]*`", "", page.read_text(encoding="utf-8"))  # code may hold what looks like a link
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", text):
        assert (page.parent / target).exists(), f"{path} links to {target}"


def test_the_answer_in_the_readme_is_the_one_that_the_story_promises() -> None:
    told = json.loads(re.findall(r"```json\n(.*?)```", README, re.DOTALL)[0])["cards"]
    promised = json.loads((ROOT / "fixtures/metformin-neuropathy-untested/patient-view.cards.json").read_text())[
        "cards"
    ]
    assert [(card["summary"], card["indicator"]) for card in told] == [
        (card["summary"], card["indicator"]) for card in promised
    ]
    assert [[s["label"] for s in card["suggestions"]] for card in told] == [card["suggestions"] for card in promised]
    assert [card["extension"]["org.b12-cds.trace"]["rules"] for card in told] == [card["rules"] for card in promised]
