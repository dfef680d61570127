"""Every shell command of the README and docs/ does what it says.

They are run page by page, in the page's order, in a copy of what its reader has, against a service that really runs and
a FHIR server in memory. What needs more than that says so at its head (`# Needs Docker.`) and is held against the files
that it names. A command that is neither fails.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from pytest_httpserver import HTTPServer

from cds_service.cli import commands as ours
from tests.conformance.server import free_port
from tests.documents import LANGUAGES, PAGES, ROOT, Command, commands, fences, inline
from tests.fhir_server import FhirStub

COMMANDS = {page: commands(page) for page in PAGES}
MARKED = [command for each in COMMANDS.values() for command in each if command.needs]
RUN = {page: [command for command in each if not command.needs] for page, each in COMMANDS.items()}
KUBERNETES = sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))
TRANSCRIPT = ROOT / "docs" / "transcript.md"

BASH = "/bin/bash"
SERVICE, FHIR = "127.0.0.1:8000", "127.0.0.1:8081/fhir"  # the addresses that the pages use
_SERVES = re.compile(r"(make run|b12-cds serve)(\s*>\s*\S+)?$")
_NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", ".*_cache", ".hypothesis", "__pycache__", "*.egg-info", "var", "target", "dist", "build",
    "mutants", "tests", "bench",
)  # fmt: skip
_FRAMES = str.maketrans(dict.fromkeys("│╭╮╰╯─┃┏┓┗┛━┡┩└┘┴┬┳╇┼", " "))


def page_id(page: Path) -> str:
    return page.name


def one_line(text: str) -> str:
    """The text without the frames of tables and panels, so that where a line is broken does not matter."""
    return " ".join(text.translate(_FRAMES).split())


@dataclass
class Reader:
    """Somebody with a checkout, a terminal for the service and another one."""

    folder: Path
    fhir: str
    port: int = field(default_factory=free_port)
    service: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        shutil.copytree(ROOT, self.folder, ignore=_NOT_COPIED)
        venv = self.folder / ".venv"
        venv.mkdir()
        (venv / "bin").symlink_to(Path(sys.executable).parent)
        for made in ("installed", "installed-dev"):  # as make leaves it
            (venv / made).touch()

    @property
    def environment(self) -> dict[str, str]:
        """Small and in one width; all else is as a reader has it."""
        given = {name: value for name, value in os.environ.items() if not name.startswith("B12_")}
        return given | {"PORT": str(self.port), "B12_WORKERS": "1", "COLUMNS": "120", "B12_RATE_PER_MINUTE": "0"}

    def types(self, command: Command) -> None:
        """Run a command, and hold it to what the page says of it."""
        line = self._here(command.text)
        if _SERVES.search(line):
            self.stop()
            self._serve(line, command)
            return
        if not any("OperationOutcome" in promised for promised in command.prints):  # else the page shows an error
            line = line.replace("curl -s ", "curl -sf ")
        done = subprocess.run(
            [BASH, "-ec", line],
            cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        told = f"{command.where}: {command.text}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        assert done.returncode == command.status, f"ended with {done.returncode}: {told}"
        assert not re.search("Traceback|command not found|No such file", done.stderr), told  # also within a pipe
        printed = one_line(done.stdout + done.stderr)
        for promised in command.prints:
            for part in filter(None, map(one_line, self._here(promised).split("…"))):
                assert part in printed, f"does not print {part!r}: {told}"

    def stop(self) -> None:
        """As Ctrl-C does."""
        if self.service is not None and self.service.poll() is None:
            os.killpg(self.service.pid, signal.SIGINT)
            self.service.wait(20)
        self.service = None

    def _here(self, text: str) -> str:
        """The same at the addresses of this test; `fire` asks the usual port where none is named."""
        moved = text.replace(FHIR, self.fhir).replace(SERVICE, f"127.0.0.1:{self.port}")
        if "b12-cds fire" in moved and "--url" not in moved:
            moved = re.sub(r"b12-cds fire \S+", rf"\g<0> --url http://127.0.0.1:{self.port}", moved)
        return moved

    def _serve(self, line: str, command: Command) -> None:
        log = self.folder / "terminal"
        with log.open("wb") as terminal:
            self.service = subprocess.Popen(
                [BASH, "-c", line],
                cwd=self.folder, env=self.environment, stdout=terminal, stderr=terminal, start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + 60
        while time.monotonic() < end and self.service.poll() is None:
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise AssertionError(f"{command.where}: {command.text} did not serve:\n{log.read_text()[-2000:]}")


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with HTTPServer(host="127.0.0.1", port=0, threaded=True) as server:
        one = Reader(tmp_path / "b12-cds", FhirStub(server).base.removeprefix("http://"))
        yield one
        one.stop()


@pytest.mark.parametrize("page", [page for page, each in RUN.items() if each], ids=page_id)
def test_the_commands_of_a_page_do_in_its_order_what_it_says(page: Path, reader: Reader) -> None:
    if shutil.which("make") is None or shutil.which("curl") is None:
        pytest.skip("make or curl is not on this machine")
    for command in RUN[page]:
        reader.types(command)


def test_a_command_that_fails_or_prints_something_else_would_be_noticed(reader: Reader) -> None:
    page = ROOT / "README.md"
    for wrong in (
        Command(page, 1, "frobnicate --now"),
        Command(page, 1, "true", status=10),
        Command(page, 1, "echo one", prints=["two"]),
        Command(page, 1, ".venv/bin/b12-cds check-knowlege"),
        Command(page, 1, f"curl -s http://{reader.fhir}/Patient/nonsense"),
    ):
        with pytest.raises(AssertionError, match=r"README\.md:1"):
            reader.types(wrong)


# What is not run here, and what it is held against instead.


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return found


def checked_docker(words: list[str], settings: Mapping[str, str]) -> None:
    match words:
        case ["compose", *rest]:
            services = compose()["services"]
            profiles = {profile for service in services.values() for profile in service.get("profiles", [])}
            text = (ROOT / "docker-compose.yml").read_text()
            for name in settings:
                assert f"${{{name}:-" in text, f"the compose file does not read {name}"
            while rest[:1] == ["--profile"]:
                assert rest[1] in profiles
                rest = rest[2:]
            if rest[:2] == ["logs", "--since"]:
                rest = ["logs", *rest[3:]]
            assert rest[0] in ("up", "logs")
            assert set(rest[1:]) <= set(services)
        case ["build", "--tag", _, *arguments, "."]:
            told = re.findall(r"(?m)^ARG (\w+)=", (ROOT / "Dockerfile").read_text())
            assert all(arguments[n] == "--build-arg" for n in range(0, len(arguments), 2))
            assert {each.partition("=")[0] for each in arguments[1::2]} <= set(told)
        case ["run", *options, "b12-cds:local"]:
            port = re.findall(r"(?m)^EXPOSE (\d+)$", (ROOT / "Dockerfile").read_text())[0]
            assert f"127.0.0.1:8000:{port}" in options
        case _:
            raise AssertionError("what this does with Docker is not known to the test")


def checked_kubectl(words: list[str], _settings: Mapping[str, str]) -> None:
    objects = [each for file in KUBERNETES for each in yaml.safe_load_all(file.read_text())]
    names = {f"{each['kind'].lower()}/{each['metadata']['name']}" for each in objects}
    asked = set(re.findall(r"secretKeyRef: \{name: ([\w-]+)", "".join(file.read_text() for file in KUBERNETES)))
    match words:
        case ["apply", "--filename", file]:
            assert (ROOT / file).exists()
        case ["create", "secret", "generic", name, *_]:
            assert name in asked
        case ["rollout", "status" | "restart", name] | ["logs", name, *_] | ["describe", name]:
            assert name in names
        case _:
            raise AssertionError("what this does with Kubernetes is not known to the test")


def checked_systemd(words: list[str], _settings: Mapping[str, str]) -> None:
    units = {unit.name for unit in (ROOT / "deploy/systemd").iterdir()}
    named = {word if "." in word else f"{word}.service" for word in words if word.startswith("b12-cds")}
    assert named <= units
    assert named or words == ["daemon-reload"]


def checked_install(words: list[str], _settings: Mapping[str, str]) -> None:
    sources = [word for word in words if word.startswith(("deploy/", "dist/", "requirements"))]
    assert sources
    for source in sources:
        assert (ROOT / source).exists() or source.startswith("dist/"), source


def checked_ours(words: list[str], _settings: Mapping[str, str]) -> None:
    command: click.Command = ours
    left = list(words)
    while isinstance(command, click.Group) and left and not left[0].startswith("-"):
        found = command.commands.get(left[0])
        if found is None and command.invoke_without_command:
            break
        assert found is not None, f"there is no b12-cds {left[0]}"
        command, left = found, left[1:]
    options = {option for parameter in command.params for option in parameter.opts} | {"--help", "--version"}
    for word in left:
        if word.startswith("-") and word != "-":
            assert word.partition("=")[0] in options, f"b12-cds {command.name} has no {word}"


def checked_make(words: list[str], settings: Mapping[str, str]) -> None:
    make = shutil.which("make")
    assert make is not None
    planned = subprocess.run(
        [make, "--dry-run", *words], cwd=ROOT, env=os.environ | settings, capture_output=True, text=True
    )
    assert planned.returncode == 0, planned.stderr
    makefile = (ROOT / "Makefile").read_text()
    for name in (*settings, *(word.partition("=")[0] for word in words if "=" in word)):
        assert re.search(rf"\$[({{]{name}[)}}:]|\b{name}\b \?=", makefile) or name.startswith("B12_"), name


def known_only(_words: list[str], _settings: Mapping[str, str]) -> None:
    """A program of the machine that names nothing of ours."""


CHECKS: dict[str, Callable[[list[str], Mapping[str, str]], None]] = {
    "b12-cds": checked_ours,
    "docker": checked_docker,
    "install": checked_install,
    "kubectl": checked_kubectl,
    "make": checked_make,
    "systemctl": checked_systemd,
    "journalctl": checked_systemd,
    "pip": checked_install,
    **dict.fromkeys(("pg_dump", "python3", "useradd"), known_only),
}
NEEDS = {
    "Docker",
    "Java 17 and Maven",
    "a Kubernetes cluster",
    "a browser and the internet",
    "root",
    "some minutes",
    "PostgreSQL",
}


def checked(words: list[str]) -> None:
    """Hold a command that is not run against what it names."""
    settings = {}
    while words and (given := re.fullmatch(r"([A-Z][A-Z0-9_]*)=(.*)", words[0])):
        settings[given[1]] = given[2]
        words = words[1:]
    if words[:1] == ["sudo"]:
        words = words[1:]
    program = Path(words[0]).name
    assert program in CHECKS, f"{program} is not known to the test"
    CHECKS[program](words[1:], settings)


@pytest.mark.parametrize("command", MARKED, ids=lambda command: f"{command.where} {command.text[:40]}")
def test_what_is_not_run_here_says_what_it_needs_and_names_what_is_there(command: Command) -> None:
    assert command.needs in NEEDS
    parsed = subprocess.run([BASH, "-n", "-c", command.text], capture_output=True, text=True)
    assert parsed.returncode == 0, parsed.stderr
    for part in re.split(r"\s(?:&&|\|\||\|)\s", command.text):
        checked(shlex.split(part, comments=True))


@pytest.mark.parametrize(
    "wrong",
    [
        "frobnicate --now",
        "make nonsense",
        "docker compose --profile nonsense up",
        "NONSENSE=1 docker compose up",
        "docker build --tag b12-cds:local --build-arg NONSENSE=1 .",
        "kubectl apply --filename deploy/nonsense.yaml",
        "kubectl logs deployment/nonsense",
        "sudo systemctl restart b12-cds-nonsense",
        "sudo install deploy/nonsense /etc",
        "b12-cds nonsense",
        "docker compose logs nonsense",
        "b12-cds database --nonsense",
    ],
)
def test_a_mistake_in_what_is_not_run_would_be_noticed(wrong: str) -> None:
    with pytest.raises(AssertionError):
        checked(shlex.split(wrong))


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_every_fenced_block_says_what_it_is_and_none_hides_a_command(page: Path) -> None:
    for fence in fences(page):
        assert fence.language in LANGUAGES, f"{page.name}:{fence.line}: {fence.language!r}"
        assert fence.language != "console" or page == TRANSCRIPT, f"{page.name}:{fence.line}: write sh"
        if fence.language == "text":
            hidden = re.search(r"(?m)^(?:\$ |(?:\S*/)?(?:b12-cds|make|docker|kubectl|curl|sudo) )", fence.text)
            assert hidden is None, f"{page.name}:{fence.line}: {hidden and hidden[0]}"


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_commands_within_a_sentence_exist_with_their_options(page: Path) -> None:
    for text in inline(page):
        if not re.match(r"(?:[A-Z0-9_]+=\S* )*(?:\.venv/bin/)?(?:b12-cds|make)(?: |$)", text):
            continue
        words = [word for word in shlex.split(re.sub(r"[;…]", "", text)) if not word.startswith("[")]
        if Path(words[-1]).name in ("make", "b12-cds"):
            continue
        checked(words)
