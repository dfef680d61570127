"""`make hapi` says what is wrong where it cannot start, and `make hapi-stop` ends no process but its own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

HAPI = Path(__file__).parent / "hapi" / "hapi.py"


@pytest.fixture
def launcher(tmp_path: Path) -> Path:
    """The launcher in a tree of its own, so that a server that runs in this one is left alone."""
    module = tmp_path / "tests" / "integration" / "hapi"
    module.mkdir(parents=True)
    return Path(shutil.copy(HAPI, module))


def launch(launcher: Path, *arguments: str, path: str = "/nowhere") -> tuple[int, str]:
    """What it answers on a machine that finds its programs in `path`."""
    told = subprocess.run(
        [sys.executable, str(launcher), *arguments],
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return told.returncode, told.stdout + told.stderr


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_without_java_and_maven_it_says_what_to_install(launcher: Path) -> None:
    status, told = launch(launcher, "start", str(free_port()))
    assert status == 1
    assert "not found: java, javac, mvn" in told
    assert "apt install default-jdk-headless maven" in told


def test_an_old_java_is_named_with_its_version(launcher: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    program(tools, "java", 'echo "    java.specification.version = 11" >&2')
    program(tools, "javac", "")
    program(tools, "mvn", "")
    status, told = launch(launcher, "start", str(free_port()), path=str(tools))
    assert (status, told) == (1, "HAPI FHIR needs Java 17 or later; `java` on this machine's PATH is 11.\n")


def test_maven_s_own_words_are_shown_when_it_fails(launcher: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    program(tools, "java", 'echo "    java.specification.version = 17" >&2')
    program(tools, "javac", "")
    program(tools, "mvn", "echo Could not transfer artifact; exit 1")
    (launcher.parent / "pom.xml").touch()
    status, told = launch(launcher, "start", str(free_port()), path=str(tools))
    assert status == 1
    assert "Maven could not build tests/integration/hapi:\nCould not transfer artifact" in told


def test_a_port_that_is_taken_is_named_with_a_way_out(launcher: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        status, told = launch(launcher, "start", str(port))
    assert status == 1
    assert f"Port {port} is taken" in told
    assert "HAPI_PORT=" in told


def test_stopping_what_does_not_run_is_no_error(launcher: Path) -> None:
    assert launch(launcher, "stop") == (0, "HAPI FHIR is not running.\n")


def test_a_process_that_has_the_old_number_by_chance_is_not_stopped(launcher: Path, tmp_path: Path) -> None:
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        pid_file = tmp_path / "var" / "hapi" / "pid"
        pid_file.parent.mkdir(parents=True)
        pid_file.write_text(str(stranger.pid))
        status, told = launch(launcher, "stop", path=os.environ["PATH"])
        assert (status, told) == (0, "HAPI FHIR is not running.\n")
        assert stranger.poll() is None
        assert not pid_file.exists()
    finally:
        stranger.terminate()
        stranger.wait(10)


@pytest.mark.parametrize("arguments", [(), ("restart",), ("start",), ("start", "port"), ("start", "-1")])
def test_another_command_is_refused_with_the_two_that_exist(launcher: Path, arguments: tuple[str, ...]) -> None:
    assert launch(launcher, *arguments) == (1, "Say either: start PORT, or: stop\n")
