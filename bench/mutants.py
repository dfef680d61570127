"""What a run of mutmut found, as a page: a table of the modules, and each change that no test noticed with the reason
why it may stand (`make mutants`).

The reasons are kept in survivors.yaml, by function and by what its line became: mutmut numbers its changes anew when
the code above them changes. A survivor without a reason, a reason without a survivor, or a share below the least that
we accept is told, and the exit code says so. The copies in which mutmut ran may be named (default: mutants/).
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import yaml
from mutmut.mutation.diff_apply import get_diff_for_mutant

from cds_service.knowledge.loader import load

REASONS = Path(__file__).with_name("survivors.yaml")
LEAST_KILLED = 90
KILLED = {1, 3}
SLOW = {24, 36, 152, 255, -24}
NO_TEST = {5, 33}
_KEY = re.compile(r"(?P<module>.+)\.x(?P<name>[_ǁ].+)__mutmut_\d+")
_HEAD = """\
# Which changes to the code no test notices

`make mutants` changes the code in small ways, one at a time (a `<` becomes a `<=`, a word another word, an argument
is left out), and runs the tests that reach the changed line. A change that no test notices is either a test that we
lack or a change that makes no difference. This page is what the last whole run printed; the reasons stand in
`bench/survivors.yaml`, and `python -m bench.mutants` fails while a survivor has none.

Run on the code of {date} with knowledge {version}, by mutmut {mutmut}. The code goes on changing: run it anew after
work on these modules, one by one where time is short (`make mutants ONLY='cds_service.facts.*'`). Decorated functions
are changed too. Constants outside functions are not: the code lists and numbers are data, and `tests/spec` guards each
number by an example on its edge. The tests run as on any machine, without the data that only some have.

"Killed" are the changes that a test noticed; "too slow" those that never came to an end, which a test run notices too.
"""


@dataclass(frozen=True, slots=True)
class Module:
    """What became of each change of a module, by mutmut's exit codes."""

    copy: Path
    path: str
    codes: Mapping[str, int]

    @property
    def seen(self) -> Counter[str]:
        """How many there were of each kind."""
        return Counter(
            "killed" if code in KILLED else "slow" if code in SLOW else "untested" if code in NO_TEST else "survived"
            for code in self.codes.values()
        )


@dataclass(frozen=True, slots=True)
class Survivor:
    """A change that no test noticed: mutmut's name for it, the function, and the lines before and after."""

    key: str
    function: str
    before: str
    after: str
    is_untested: bool

    @property
    def place(self) -> tuple[str, str]:
        """What a reason is filed under."""
        return self.function, self.after


def main() -> None:
    """Print Markdown: the table, then what survived, by reason. Exits with 1 where something is not explained."""
    found = [module for copy in sys.argv[1:] or ["mutants"] for module in _modules(Path(copy))]
    if not found:
        sys.exit("Nothing was run yet: make mutants")
    found.sort(key=lambda module: module.path)
    known = reasons()
    survivors = [survivor for module in found for survivor in _survivors(module)]
    print(_HEAD.format(date=_commit_date(), version=load().version, mutmut=metadata.version("mutmut")))
    print("| module | mutants | killed | too slow | survived | untested | killed, % |\n|---|--:|--:|--:|--:|--:|--:|")
    for module in found:
        print(_row(module.path, module.seen))
    print(_row("all", _all(found)))
    print("\n## The changes that stand, and why")
    for why in dict.fromkeys(known.values()):
        ours = [s for s in survivors if known.get(s.place) == why]
        if ours:
            print("\n".join(["", why, "", *map(_line, ours)]))
    sys.exit("\n".join(_faults(found, survivors, known)) or None)


def _modules(copy: Path) -> Iterator[Module]:
    """The modules of which at least one change was run."""
    ours = copy / "mutants"
    for meta in sorted(ours.rglob("*.meta")):
        held = json.loads(meta.read_text("utf-8"))["exit_code_by_key"]
        codes = {key: code for key, code in held.items() if code is not None}
        if codes:
            yield Module(copy, str(meta.relative_to(ours)).removesuffix(".meta"), codes)


def _all(modules: Iterable[Module]) -> Counter[str]:
    return sum((module.seen for module in modules), Counter())


def reasons() -> dict[tuple[str, str], str]:
    """Why a change may stand, by function and by what its line became."""
    return {
        (function, _squeezed([line])): " ".join(group["why"].split())
        for group in yaml.safe_load(REASONS.read_text("utf-8"))
        for function, lines in group["changes"].items()
        for line in lines
    }


def _faults(
    modules: Sequence[Module], survivors: Sequence[Survivor], known: Mapping[tuple[str, str], str]
) -> Iterator[str]:
    """What keeps the page from being whole."""
    for survivor in survivors:
        if survivor.place not in known:
            untested = " (no test reaches it)" if survivor.is_untested else ""
            yield f"Not explained{untested}: {survivor.key}\n  - {survivor.before}\n  + {survivor.after}"
    functions = {_function(key) for module in modules for key in module.codes}
    for function, after in sorted(known.keys() - {s.place for s in survivors}):
        if function in functions:
            yield f"{REASONS.name} explains a change that is noticed, or made no longer: {function}: {after}"
    share = _share(_all(modules))
    if share < LEAST_KILLED:
        yield f"Only {share:.1f} % are killed; {LEAST_KILLED} % is the least"


def _share(seen: Counter[str]) -> float:
    return 100 * (seen["killed"] + seen["slow"]) / seen.total()


def _row(name: str, seen: Counter[str]) -> str:
    numbers = (seen.total(), seen["killed"], seen["slow"], seen["survived"], seen["untested"])
    return f"| {name} | {' | '.join(map(str, numbers))} | {_share(seen):.1f} |"


def _survivors(module: Module) -> Iterator[Survivor]:
    for key, code in module.codes.items():
        if code in KILLED | SLOW:
            continue
        with contextlib.chdir(module.copy):
            shown = get_diff_for_mutant(key, path=module.path).splitlines()
        before = _squeezed(line[1:] for line in shown if line.startswith("-") and not line.startswith("---"))
        after = _squeezed(line[1:] for line in shown if line.startswith("+") and not line.startswith("+++"))
        yield Survivor(key, _function(key), before, after or f"without: {before}", code in NO_TEST)


def _line(survivor: Survivor) -> str:
    name = survivor.key.removeprefix("cds_service.")
    return f"- `{name}`: `{survivor.before}` becomes `{survivor.after}`"


def _function(key: str) -> str:
    """The function of mutmut's key: of `….facts.dates.xǁClinicalDateǁparse__mutmut_4` it is ClinicalDate.parse."""
    parts = _KEY.fullmatch(key)
    if parts is None:
        raise ValueError(f"not one of mutmut's names: {key}")
    name = parts["name"].removeprefix("_") if parts["name"].startswith("_") else parts["name"].strip("ǁ")
    return f"{parts['module']}.{name.replace('ǁ', '.')}"


def _squeezed(lines: Iterable[str]) -> str:
    return " ".join(" ".join(lines).split())


def _commit_date() -> str:
    shown = subprocess.run(
        [shutil.which("git") or "git", "log", "-1", "--format=%cs"], capture_output=True, text=True, check=True
    )
    return shown.stdout.strip()


if __name__ == "__main__":
    main()
