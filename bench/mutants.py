"""What a run of mutmut found: a table of the modules, and each change that no test noticed (`make mutants`)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

MUTANTS = Path("mutants")
KILLED = {1, 3}
SLOW = {24, 36, 152, 255, -24}
NO_TEST = {5, 33}


def main() -> None:
    """Print Markdown: the table, then the changes that survived, by function."""
    found = {path: json.loads(path.read_text("utf-8"))["exit_code_by_key"] for path in sorted(MUTANTS.rglob("*.meta"))}
    found = {path: codes for path, codes in found.items() if any(code is not None for code in codes.values())}
    if not found:
        sys.exit("Nothing was run yet: make mutants")
    print("| module | mutants | killed | too slow | survived | untested | killed, % |\n|---|--:|--:|--:|--:|--:|--:|")
    for path, codes in found.items():
        print(_row(str(path.relative_to(MUTANTS)).removesuffix(".meta"), codes))
    print(_row("all", {f"{path}{key}": code for path, codes in found.items() for key, code in codes.items()}))
    for codes in found.values():
        for key, code in codes.items():
            if code is not None and code not in KILLED | SLOW:
                print(f"\n{key}{' (untested)' if code in NO_TEST else ''}\n```diff\n{_change(key)}\n```")


def _row(module: str, codes: dict[str, int | None]) -> str:
    seen = Counter(
        "killed" if code in KILLED else "slow" if code in SLOW else "untested" if code in NO_TEST else "survived"
        for code in codes.values()
        if code is not None
    )
    total = sum(seen.values())
    share = 100 * (seen["killed"] + seen["slow"]) / total
    cells = (module, total, seen["killed"], seen["slow"], seen["survived"], seen["untested"], f"{share:.1f}")
    return f"| {' | '.join(map(str, cells))} |"


def _change(key: str) -> str:
    mutmut = Path(sys.executable).with_name("mutmut")
    shown = subprocess.run([mutmut, "show", key], capture_output=True, text=True, check=True).stdout.splitlines()
    return "\n".join(line for line in shown if line[:1] in "+-" and line[:3] not in ("+++", "---"))


if __name__ == "__main__":
    main()
