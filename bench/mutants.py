"""What a run of the changes found, as a page: a table of the modules, and each change that no test noticed with the
reason why it may stand (`make mutants`).

What was found is kept by module in mutants.json, with the day; a run of some modules leaves the others as they were.
The reasons are kept in survivors.yaml, by function and by what its line became: mutmut numbers its changes anew when
the code above them changes. A survivor without a reason, a reason without a survivor, or a share below the least that
we accept is told, and the exit code says so.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml
from mutmut.mutation.diff_apply import get_diff_for_mutant

MEASURED = Path(__file__).with_name("mutants.json")
REASONS = Path(__file__).with_name("survivors.yaml")
PAGE = Path(__file__).parents[1] / "docs" / "mutation.md"
LEAST_KILLED = 90
STANDS, KILLED, UNTESTED, SLOW = 0, 1, 33, 36  # mutmut's exit codes
_KEY = re.compile(r"(?P<module>.+)\.x(?P<name>[_ǁ].+)__mutmut_\d+")
_HEAD = """\
# Which changes to the code no test notices

`make mutants` changes the code in small ways, one at a time (a `<` becomes a `<=`, a word another word, an argument
is left out), and runs the tests that reach the changed function. A change that no test notices is either a test that
we lack or a change that makes no difference. This page is what the runs found; the reasons stand in
`bench/survivors.yaml`, and `python -m bench.mutants` fails while a survivor has none, or while fewer than {least} % of
the changes of a module are noticed.

Each module was run on the code of the day that its row names, and the code goes on changing: run a module anew after
work on it (`make mutants ONLY='cds_service.facts.*'`); the other rows stay. Where time is short, fewer tests may be
named (`TESTS=tests/unit/facts`): then more changes stand, never fewer. mutmut makes the changes. Decorated functions
are changed too. Constants outside functions are not: the code lists and numbers are data, and `tests/spec` guards each
number by an example on its edge. The tests run as on any machine, without the data that only some have.

"Killed" are the changes that a test noticed; "too slow" those that never came to an end, which a test run notices too.
"""


@dataclass(frozen=True, slots=True)
class Survivor:
    """A change that no test noticed: mutmut's name for it, and the lines before and after."""

    key: str
    before: str
    after: str
    is_untested: bool

    @property
    def place(self) -> tuple[str, str]:
        """What a reason is filed under."""
        return _function(self.key), self.after


@dataclass(frozen=True, slots=True)
class Module:
    """What became of the changes of a module, and the day of the code that was changed."""

    day: str
    killed: int
    slow: int
    survivors: tuple[Survivor, ...]

    @property
    def seen(self) -> Counter[str]:
        """How many there were of each kind."""
        untested = sum(survivor.is_untested for survivor in self.survivors)
        return Counter(killed=self.killed, slow=self.slow, untested=untested, survived=len(self.survivors) - untested)


def main() -> None:
    """Take in what the last run found, and write the page. Exits with 1 where something is not explained."""
    modules = measured() | {path: module for copy in sys.argv[1:] for path, module in _found(Path(copy))}
    if not modules:
        sys.exit("Nothing was run yet: make mutants")
    MEASURED.write_text(
        json.dumps({path: asdict(module) for path, module in sorted(modules.items())}, indent=1, ensure_ascii=False)
        + "\n",
        "utf-8",
    )
    PAGE.write_text(page(measured(), reasons()), "utf-8")
    sys.exit("\n".join(faults(measured(), reasons())) or None)


def measured() -> dict[str, Module]:
    """What was found of each module when it was last run, by its path."""
    held = json.loads(MEASURED.read_text("utf-8")) if MEASURED.exists() else {}
    return {
        path: Module(found["day"], found["killed"], found["slow"], tuple(Survivor(**s) for s in found["survivors"]))
        for path, found in held.items()
    }


def page(modules: Mapping[str, Module], known: Mapping[tuple[str, str], str]) -> str:
    """The page, in Markdown: the table, then what survived, by reason."""
    lines = [_HEAD.format(least=LEAST_KILLED)]
    lines.append("| module | code of | mutants | killed | too slow | survived | untested | killed, % |")
    lines.append("|---|---|--:|--:|--:|--:|--:|--:|")
    lines += [_row(path, module.day, module.seen) for path, module in modules.items()]
    lines.append(_row("all", "", sum((module.seen for module in modules.values()), Counter())))
    lines += ["", "## The changes that stand, and why"]
    survivors = [survivor for module in modules.values() for survivor in module.survivors]
    for why in dict.fromkeys(known.values()):
        ours = [s for s in survivors if known.get(s.place) == why]
        if ours:
            lines += ["", why, "", *map(_line, ours)]
    return "\n".join([*lines, ""])


def _found(copy: Path) -> Iterator[tuple[str, Module]]:
    """The modules that the last run changed and came to the end of."""
    ours = copy / "mutants"
    for changed in sorted(ours.rglob("*.spans")):
        path = str(changed.relative_to(ours)).removesuffix(".spans")
        codes: dict[str, int | None] = json.loads(changed.with_suffix(".meta").read_text("utf-8"))["exit_code_by_key"]
        if codes and None not in codes.values():
            kinds = Counter(codes.values())
            standing = tuple(
                _survivor(copy, path, key, code == UNTESTED)
                for key, code in codes.items()
                if code not in (KILLED, SLOW)
            )
            yield path, Module(_commit_date(), kinds[KILLED], kinds[SLOW], standing)


def _survivor(copy: Path, path: str, key: str, is_untested: bool) -> Survivor:
    with contextlib.chdir(copy):
        shown = get_diff_for_mutant(key, path=path).splitlines()
    before = _squeezed(line[1:] for line in shown if line.startswith("-") and not line.startswith("---"))
    after = _squeezed(line[1:] for line in shown if line.startswith("+") and not line.startswith("+++"))
    return Survivor(key, before, after or f"without: {before}", is_untested)


def reasons() -> dict[tuple[str, str], str]:
    """Why a change may stand, by function and by what its line became."""
    return {
        (function, _squeezed([line])): " ".join(group["why"].split())
        for group in yaml.safe_load(REASONS.read_text("utf-8"))
        for function, lines in group["changes"].items()
        for line in lines
    }


def faults(modules: Mapping[str, Module], known: Mapping[tuple[str, str], str]) -> Iterator[str]:
    """What keeps the page from being whole."""
    survivors = [survivor for module in modules.values() for survivor in module.survivors]
    for survivor in survivors:
        if survivor.place not in known:
            untested = " (no test reaches it)" if survivor.is_untested else ""
            yield f"Not explained{untested}: {survivor.key}\n  - {survivor.before}\n  + {survivor.after}"
    names = tuple(path.removesuffix(".py").replace("/", ".") + "." for path in modules)
    for function, after in sorted(known.keys() - {s.place for s in survivors}):
        if function.startswith(names):
            yield f"{REASONS.name} explains a change that is noticed, or made no longer: {function}: {after}"
    for path, module in modules.items():
        if _share(module.seen) < LEAST_KILLED:
            yield f"{path}: only {_share(module.seen):.1f} % are killed; {LEAST_KILLED} % is the least"


def _share(seen: Counter[str]) -> float:
    return 100 * (seen["killed"] + seen["slow"]) / seen.total()


def _row(name: str, day: str, seen: Counter[str]) -> str:
    numbers = (seen.total(), seen["killed"], seen["slow"], seen["survived"], seen["untested"])
    return f"| {name} | {day} | {' | '.join(map(str, numbers))} | {_share(seen):.1f} |"


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
