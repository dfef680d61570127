"""Builds, starts and stops a HAPI FHIR server on this machine, with nothing but Python, Java and Maven: `make hapi`.

What it leaves behind is under var/hapi: the process id, the log, and the database, which outlives a stop.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

MODULE = Path(__file__).resolve().parent
ROOT = MODULE.parents[2]
HOME = ROOT / "var" / "hapi"
PID, LOG, DATA = HOME / "pid", HOME / "log", HOME / "data"
BUILT = MODULE / "target" / "built"
CLASS_PATH = f"{MODULE}/target/classes:{MODULE}/target/lib/*"
JAVA = 17
START_SECONDS = 300
STOP_SECONDS = 30


class Refused(Exception):
    """It cannot be done; the message says why, and how to mend it."""


def start(port: int) -> None:
    """Returns once the server answers; does nothing if it runs already."""
    address = f"http://127.0.0.1:{port}/fhir"
    pid = _running()
    if pid and _version(address):
        _say(f"HAPI FHIR runs already: {address} (process {pid}).")
        return
    if pid:
        raise Refused(f"HAPI FHIR runs as process {pid}, but not on port {port}. Stop it first: make hapi-stop")
    with socket.socket() as trial:
        if trial.connect_ex(("127.0.0.1", port)) == 0:
            raise Refused(f"Port {port} is taken by another program. Choose another: HAPI_PORT=8099 make hapi")
    _check_tools()
    _build()
    _launch(port, address)


def stop() -> None:
    """Stops the server that `start` started, and no other process."""
    pid = _running()
    if not pid:
        _say("HAPI FHIR is not running.")
        PID.unlink(missing_ok=True)
        return
    os.kill(pid, signal.SIGTERM)
    if not _ended(pid, STOP_SECONDS):
        os.kill(pid, signal.SIGKILL)
        _ended(pid, STOP_SECONDS)
    PID.unlink(missing_ok=True)
    _say(f"HAPI FHIR is stopped. Its data stay in {DATA.relative_to(ROOT)}; delete that folder to begin anew.")


def _check_tools() -> None:
    missing = [tool for tool in ("java", "javac", "mvn") if not shutil.which(tool)]
    if missing:
        raise Refused(
            f"HAPI FHIR needs Java {JAVA} or later (a JDK) and Maven; not found: {', '.join(missing)}. "
            "Debian: apt install default-jdk-headless maven. With Docker instead: docker compose --profile hapi up hapi"
        )
    told = subprocess.run(["java", "-XshowSettings:properties", "-version"], capture_output=True, text=True, check=True)
    version = next(line.split("=")[1] for line in told.stderr.splitlines() if "java.specification.version =" in line)
    if float(version) < JAVA:
        raise Refused(f"HAPI FHIR needs Java {JAVA} or later; `java` on this machine's PATH is {version.strip()}.")


def _build() -> None:
    """Maven fetches HAPI once (about 300 MB, from Maven Central) and is not asked again until the module changes."""
    sources = [MODULE / "pom.xml", *MODULE.glob("src/**/*.*")]
    if BUILT.exists() and BUILT.stat().st_mtime > max(source.stat().st_mtime for source in sources):
        return
    _say("Building the HAPI FHIR server; the first time, Maven downloads about 300 MB ...")
    done = subprocess.run(
        ["mvn", "--batch-mode", "--quiet", "-Dstyle.color=never", "package"],
        cwd=MODULE,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Refused(f"Maven could not build {MODULE.relative_to(ROOT)}:\n{done.stdout[-3000:]}")
    BUILT.touch()


def _launch(port: int, address: str) -> None:
    DATA.mkdir(parents=True, exist_ok=True)
    settings = [f"-Dhapi.port={port}", f"-Dhapi.data={DATA}"]
    tuning = ["-Xmx2g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]  # a short life: little is gained by optimising
    with LOG.open("wb") as log:
        process = subprocess.Popen(
            ["java", *tuning, *settings, "-cp", CLASS_PATH, "hapi.Server"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C ends the waiting, and the terminal's end does not end the server
        )
    PID.write_text(str(process.pid))
    _say(f"Starting HAPI FHIR as process {process.pid} (log: {LOG.relative_to(ROOT)}) ...")
    begun = time.monotonic()
    while time.monotonic() - begun < START_SECONDS:
        if process.poll() is not None:
            PID.unlink()
            raise Refused(f"HAPI FHIR ended while it started. The end of its log:\n{LOG.read_text()[-3000:]}")
        if version := _version(address):
            _say(f"HAPI FHIR {version} is ready after {time.monotonic() - begun:.0f} s: {address}")
            return
        time.sleep(0.5)
    stop()
    raise Refused(f"HAPI FHIR did not answer within {START_SECONDS} s and was stopped. Look into {LOG}.")


def _version(address: str) -> str:
    """The version of the HAPI server that answers there; "" if none does."""
    try:
        with urllib.request.urlopen(f"{address}/metadata", timeout=30) as answer:  # noqa: S310 (this machine, over http)
            return str(json.load(answer)["software"]["version"])
    except (OSError, ValueError, KeyError, urllib.error.URLError):
        return ""


def _running() -> int:
    """The process that `start` started, if it still runs; a process of the same number that is another is not it."""
    try:
        pid = int(PID.read_text())
    except (FileNotFoundError, ValueError):
        return 0
    command = _command(pid)
    return pid if str(DATA) in command and "hapi.Server" in command else 0


def _command(pid: int) -> str:
    """What that process was started with; "" if there is none."""
    if Path("/proc/self/cmdline").exists():  # `ps` is not on every Linux
        try:
            return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
        except OSError:
            return ""
    told = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return told.stdout


def _ended(pid: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if _running() != pid:
            return True
        time.sleep(0.2)
    return False


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Start or stop, as told."""
    try:
        match arguments:
            case ["start", port] if port.isdecimal():
                start(int(port))
            case ["stop"]:
                stop()
            case _:
                raise Refused("Say either: start PORT, or: stop")
    except Refused as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
