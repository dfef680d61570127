"""Ask whether a locked package has a known vulnerability, and say what could not be asked.

pip-audit says "no known vulnerabilities" of packages that it could not look up, too. Here those are told apart. Exit
status: 0, all were looked up and nothing is known against them; 1, something is known; 3, some could not be looked up.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOCKS = ("requirements-postgres.lock",)
FOUND, NOT_ASKED = 1, 3


@dataclass(frozen=True, slots=True)
class Audit:
    """What is known: `found` holds a line for each vulnerability, `not_asked` the packages not looked up."""

    asked: int
    found: tuple[str, ...]
    not_asked: tuple[str, ...]
    trouble: str = ""

    @property
    def status(self) -> int:
        """The exit status."""
        if self.found:
            return FOUND
        return NOT_ASKED if self.not_asked or self.trouble else 0

    def as_text(self, lock: str) -> str:
        """For whoever reads the log of a build."""
        lines = [f"{lock}: {self.asked} packages looked up, {len(self.found)} known vulnerabilities"]
        lines += [f"  KNOWN: {line}" for line in self.found]
        if self.not_asked:
            lines.append(f"  NOT AUDITED: {len(self.not_asked)} packages; the source of advisories does not know them,")
            lines.append("  or is out of reach. Nothing is known about them, neither good nor bad.")
        if self.trouble:
            lines.append(f"  NOT AUDITED: the source of advisories is out of reach ({self.trouble}).")
        return "\n".join(lines)


def read(answer: str, trouble: str) -> Audit:
    """What pip-audit's JSON says; `trouble` is what it wrote beside it, and tells why where there is no JSON."""
    try:
        listed: Sequence[Mapping[str, Any]] = json.loads(answer)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = trouble.strip().splitlines()[-1:] or ["no answer"]
        return Audit(0, (), (), last[0][:200])
    found = [
        f"{package['name']} {package['version']}: {known['id']}, mended in {', '.join(known['fix_versions']) or 'none'}"
        for package in listed
        for known in package.get("vulns", ())
    ]
    not_asked = tuple(package["name"] for package in listed if "skip_reason" in package)
    return Audit(len(listed) - len(not_asked), tuple(found), not_asked)


def main() -> int:
    """Audit each lock that a machine in production installs from."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("locks", nargs="*", default=LOCKS)
    statuses = []
    for lock in parser.parse_args().locks:
        program = str(Path(sys.executable).with_name("pip-audit"))
        command = [program, "--disable-pip", "--require-hashes", "--format", "json"]
        done = subprocess.run(
            [*command, "--progress-spinner", "off", "--timeout", "15", "--requirement", lock],
            capture_output=True,
            text=True,
        )
        audit = read(done.stdout, done.stderr)
        print(audit.as_text(lock))
        statuses.append(audit.status)
    return FOUND if FOUND in statuses else max(statuses)


if __name__ == "__main__":
    sys.exit(main())
