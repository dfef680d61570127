"""One card on somebody's public FHIR server, and nothing left behind: `make smoke FHIR=https://hapi.fhir.org/baseR4`.

Never part of the tests of a change: such a server is slow, full of others' data, or down, and that is nobody's fault
here. It loads one patient under a tag that nobody else has, fires, applies, reports back, and deletes what it made,
also where a step failed. Each step says how it went. Ends with 0 if all did, with 1 if a step failed, and with the
status of the commands (3 to 8, docs/for-integrators.md) where the server cannot be tested at all.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from cds_service.ehr.clean import Cleaner
from cds_service.ehr.fhir_server import FhirServer
from cds_service.ehr_commands.options import exit_status, fhir_server, fhir_token
from cds_service.errors import B12Error
from tests.conformance.server import ROOT, running

STORY = "metformin-neuropathy-untested"
_TYPES = ("Patient", "Condition", "MedicationRequest", "Observation", "ServiceRequest")  # loaded or applied here
_TRIES = 4  # a public server may find a moment later what it has just written
_PAUSE_SECONDS = 5.0
_COMMAND_SECONDS = 600


class Failed(Exception):
    """A step did not do what it should; the message says what came instead."""


@dataclass
class Smoke:
    """One run against one server."""

    server: FhirServer
    service: str
    tag: str = field(default_factory=lambda: f"smoke-{uuid4().hex[:16]}")
    pause: Callable[[float], None] = time.sleep
    failed: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Every step, and then the cleaning, whatever happened before."""
        try:
            if self._step("load", self.load):
                self._step("fire, with prefetch", lambda: self.expect_card("all"))
                self._step("fire, read by the service", self.expect_card_fetched)
                self._step("fire order-select", self.expect_order_card)
                if self._step("apply, sign and report back", self.apply):
                    self._step("fire again", self.expect_no_card)
        finally:
            self._step("clean up", self.clean)

    def load(self) -> None:
        """One story, with dates of today."""
        self._command("load", self.server.base, f"fixtures/{STORY}", "--tag", self.tag)

    def expect_card(self, prefetch: str) -> None:
        """The test is suggested; tried again while the server does not find what was loaded."""
        self._until(lambda: "B12-TEST-01" in self._rules(self._fire("patient-view", "--prefetch", prefetch)))

    def expect_card_fetched(self) -> None:
        """The same, with the service reading: over https, or on this machine."""
        place = urlsplit(self.server.base)
        if place.scheme != "https" and place.hostname not in ("localhost", "127.0.0.1"):
            raise Failed("left out: the service reads from other machines over https only")
        self.expect_card("none")

    def expect_order_card(self) -> None:
        """Folic acid without a B12 level and with neuropathy."""
        self._until(
            lambda: any(
                rule.startswith("B12-SAFE-")
                for rule in self._rules(self._fire("order-select", "--order", "folic acid 5 mg, 1 tablet daily"))
            )
        )

    def apply(self) -> None:
        """The first suggestion, signed."""
        told = self._command(*self._fire_words("patient-view"), "--apply", "1.1", "--sign", "--feedback", "accepted")
        if "201" not in told or '"stored": 1' not in told:
            raise Failed(told[-400:])

    def expect_no_card(self) -> None:
        """The test is on its way, so it is not suggested again."""
        self._until(lambda: "B12-TEST-01" not in self._rules(self._fire("patient-view")))

    def clean(self) -> None:
        """Delete what bears the tag, until the server finds none of it."""
        for _ in range(_TRIES):
            cleaner = Cleaner(self.server, self.tag)
            found = [one for _, some in cleaner.find(_TYPES) for one in some]
            if not found and not cleaner.unsearched:
                return
            for _ in cleaner.delete(found):
                pass
            self.pause(_PAUSE_SECONDS)
        raise Failed(f"try again later: b12-cds load {self.server.base} --clean --tag {self.tag}")

    def _until(self, is_so: Callable[[], bool]) -> None:
        for _ in range(_TRIES):
            if is_so():
                return
            self.pause(_PAUSE_SECONDS)
        raise Failed("the cards are not those that were expected")

    def _fire_words(self, hook: str) -> tuple[str, ...]:
        there = ("--url", self.service, "--fhir", self.server.base, "--patient", STORY, "--tag", self.tag)
        return ("fire", hook, *there)

    def _fire(self, hook: str, *more: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._command(*self._fire_words(hook), *more, "--raw"))
        return answer

    @staticmethod
    def _rules(answer: dict[str, Any]) -> set[str]:
        return {rule for card in answer["cards"] for rule in card["extension"]["org.b12-cds.trace"]["rules"]}

    @staticmethod
    def _command(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "cds_service.cli", *words],
            cwd=ROOT,
            env=os.environ | {"COLUMNS": "120"},
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        if done.returncode:
            raise Failed(
                f"b12-cds {words[0]} ended with {done.returncode}: {(done.stderr or done.stdout).strip()[-600:]}"
            )
        return done.stdout

    def _step(self, name: str, act: Callable[[], None]) -> bool:
        begun = time.monotonic()
        try:
            act()
        except (Failed, B12Error, subprocess.TimeoutExpired, ValueError, KeyError) as problem:
            self.failed.append(name)
            _say(f"FAILED  {name}: {problem}")
            return False
        _say(f"ok      {name} ({time.monotonic() - begun:.0f} s)")
        return True


@contextmanager
def smoking(base: str) -> Iterator[Smoke]:
    """A run against the server at this address, with a service of its own.

    Raises:
        B12Error: it is no server that could be tested; nothing was written.
    """
    server = fhir_server(base, fhir_token(None))
    place = urlsplit(server.base)
    settings = {
        "B12_TODAY": "",
        "B12_WORKERS": "1",
        "B12_DEADLINE_SECONDS": "60",
        "B12_FHIR_ORIGINS": f"{place.scheme}://{place.netloc}".lower(),
        "B12_FHIR_ALLOW_HTTP_LOCALHOST": "true",
    }
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), **settings) as service:
        yield Smoke(server, service.url)
    server.close()


def main(arguments: list[str]) -> int:
    """Run it, and tell how it ended."""
    if len(arguments) != 1:
        _say("Say which server: make smoke FHIR=https://hapi.fhir.org/baseR4")
        return 2
    try:
        with smoking(arguments[0]) as smoke:
            _say(
                f"FHIR {smoke.server.version} at {smoke.server.base}; all that is made there bears the tag {smoke.tag}"
            )
            smoke.run()
    except B12Error as problem:
        _say(f"Not tested: {problem}")
        return exit_status(problem) or 1
    if smoke.failed:
        _say(f"Failed: {', '.join(smoke.failed)}. Public servers have bad days: try again, or another server.")
    return 1 if smoke.failed else 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
