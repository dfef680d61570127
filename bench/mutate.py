"""Runs the tests on each of the changes that mutmut makes (`make mutants`): every change in a process of its own.

mutmut's own runner lets pytest find the tests anew for each change, which takes longer than to run them, and runs all
that enter the changed function: here every story enters every rule. So pytest finds the tests once, each change is a
fork of the process that did, and it gets the tests that come to the changed statement: those that noticed others in
its function first, then the quickest. A change that was noticed before is not run again while its function stays the
same; delete the copy to begin afresh. Fewer tests than those of pyproject.toml may be named where time is short: with
fewer, more changes stand, never fewer.
"""

from __future__ import annotations

import ast
import gc
import json
import os
import resource
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import coverage
import pytest
from mutmut.__main__ import create_mutants
from mutmut.configuration import config
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir, walk_mutatable_files
from mutmut.utils.format_utils import mangled_name_from_mutant_name

from bench.mutants import KILLED, SLOW, STANDS, UNTESTED

_AT_ONCE = int(os.environ.get("MUTANTS_AT_ONCE", os.cpu_count() or 1))
_CPU_SECONDS = 10  # of one test that never ends; the slowest that does takes about two
_MEMORY = 4 << 30


def main() -> None:
    """Make the changes in the copy that is named, in the modules that match, and run what is not known of them."""
    copy, only, *tests = sys.argv[1:]
    os.chdir(copy)
    chosen = [str(p) for p in walk_mutatable_files() if fnmatch(".".join(p.with_suffix("").parts), only)]
    if not chosen:
        sys.exit(f"No module that may be changed matches {only!r} (tool.mutmut.only_mutate in pyproject.toml)")
    config().only_mutate = chosen
    for old in (path for path in Path("mutants").rglob("*") if path.is_file() and path.suffix != ".meta"):
        old.unlink()
    copy_src_dir()
    copy_also_copy_files()
    create_mutants(_AT_ONCE)
    data = [SourceFileMutationData(path=Path(path)) for path in chosen]
    for module in data:
        module.meta_path = module.meta_path.absolute()
        module.load()
    os.chdir("mutants")
    arguments = [*(tests or config().pytest_add_cli_args_test_selection), *config().pytest_add_cli_args]
    sys.exit(pytest.main(["--rootdir=.", "--tb=native", *arguments], plugins=[Runs(data)]))


@dataclass(slots=True)
class _Running:
    module: SourceFileMutationData
    key: str
    killer: int  # where the child writes which test noticed the change


@dataclass
class Runs:
    """In place of pytest's own loop over the tests: one loop for each change."""

    data: Sequence[SourceFileMutationData]
    _reaching: dict[str, dict[int, set[int]]] = field(default_factory=dict)  # by module and line
    _seconds: list[float] = field(default_factory=list)  # of each of session.items
    _killers: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    _running: dict[int, _Running] = field(default_factory=dict)
    _failed: str = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what failed, in words."""
        if report.failed:
            self._failed = f"{report.nodeid}\n{report.longreprtext}"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run every test once to learn what it comes to, then for each change those that come to it."""
        import cds_service

        assert Path(cds_service.__file__).is_relative_to(Path.cwd()), "the tests import the unchanged code"
        session.config.pluginmanager.unregister(name="terminalreporter")
        self._learn(session)
        gc.freeze()  # else each fork copies the memory that it only counts
        for module in self.data:
            statements = Statements(module.path)
            for key, code in module.exit_code_by_key.items():
                if code in (KILLED, SLOW):
                    continue
                while len(self._running) >= _AT_ONCE:
                    self._wait()
                reached = self._reaching[str(module.path)]
                tests = set().union(*(reached.get(line, ()) for line in statements.changed_by(key)))
                self._start(session, module, key, tests)
            while self._running:
                self._wait()
            print(module.path, *(f"{n} {word}" for word, n in _count(module).items()), sep=", ", flush=True)
        return True

    def _learn(self, session: pytest.Session) -> None:
        """Which tests come to which lines, and how long each takes; in a fork, so that nothing of it stays."""
        read, write = os.pipe()
        child = os.fork()
        if not child:
            set_mutant_under_test("")
            paths = {str(module.path): str(Path(module.path).absolute()) for module in self.data}
            traced = coverage.Coverage(data_file=None, include=list(paths.values()), config_file=False)
            traced.start()
            took = []
            for place, (item, following) in enumerate(_in_turn(session.items)):
                traced.switch_context(str(place))
                began = time.process_time()
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                took.append(time.process_time() - began)
                if session.testsfailed:
                    break
            traced.stop()
            held = traced.get_data()
            lines = {
                path: {line: [int(c) for c in contexts if c] for line, contexts in held.contexts_by_lineno(at).items()}
                for path, at in paths.items()
            }
            with os.fdopen(write, "w") as out:
                json.dump({"failed": self._failed, "took": took, "lines": lines}, out)
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as answer:
            found = json.load(answer)
        os.waitpid(child, 0)
        if found["failed"]:
            print(f"Fails without any change: {found['failed']}", file=sys.stderr, flush=True)  # no reporter is left
            pytest.exit("a test fails without any change", returncode=1)
        self._seconds = found["took"]
        self._reaching = {
            path: {int(line): set(tests) for line, tests in lines.items()} for path, lines in found["lines"].items()
        }
        print(f"{len(self._seconds)} tests, {sum(self._seconds):.0f} s", flush=True)

    def _start(self, session: pytest.Session, module: SourceFileMutationData, key: str, tests: set[int]) -> None:
        if not tests:
            module.exit_code_by_key[key] = UNTESTED
            module.save()
            return
        first = [place for place in self._killers[mangled_name_from_mutant_name(key)] if place in tests]
        order = list(dict.fromkeys([*first, *sorted(tests, key=self._seconds.__getitem__)]))
        read, write = os.pipe()
        child = os.fork()
        if not child:
            set_mutant_under_test(key)
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            for place, (item, following) in zip(order, _in_turn([session.items[p] for p in order]), strict=True):
                signal.setitimer(signal.ITIMER_PROF, _CPU_SECONDS)
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if session.testsfailed:
                    os.write(write, str(place).encode())
                    os._exit(KILLED)
            os._exit(STANDS)
        os.close(write)
        self._running[child] = _Running(module, key, read)

    def _wait(self) -> None:
        child, status = os.wait()
        ended = self._running.pop(child)
        with os.fdopen(ended.killer) as said:
            noticed_by = said.read()
        code = os.waitstatus_to_exitcode(status)
        if noticed_by:
            killers = self._killers[mangled_name_from_mutant_name(ended.key)]
            killers[:] = [int(noticed_by), *(k for k in killers if k != int(noticed_by))][:20]
        ended.module.exit_code_by_key[ended.key] = SLOW if code < 0 else code
        ended.module.save()


class Statements:
    """Which lines a process passes that comes to the changed statement, in a module as mutmut wrote it.

    It holds every function as it was, besides its changed copies. Lines rather than functions, and the whole of a
    statement (of an `if` or a `for` its head) rather than the one line: a condition may go on for several lines.
    """

    def __init__(self, path: Path | str) -> None:
        source = Path(path).read_text("utf-8")
        self._lines = source.splitlines()
        nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.stmt)]
        self._functions = {
            node.name: node for node in nodes if isinstance(node, ast.FunctionDef) and "__mutmut_" in node.name
        }

    def changed_by(self, key: str) -> range:
        """The lines of the statement in the function as it was."""
        name = key.rpartition(".")[2]
        old, new = self._functions[f"{name.rpartition('__mutmut_')[0]}__mutmut_orig"], self._functions[name]
        pairs = zip(self._text(old), self._text(new), strict=False)
        changed = next((line for line, (was, now) in enumerate(pairs, old.body[0].lineno) if was != now), old.lineno)
        around = [n for n in ast.walk(old) if isinstance(n, ast.stmt) and n.lineno <= changed <= (n.end_lineno or 0)]
        return _head(max(around, key=lambda node: node.lineno))

    def _text(self, function: ast.FunctionDef) -> list[str]:
        return self._lines[function.body[0].lineno - 1 : function.end_lineno]


def _head(statement: ast.stmt) -> range:
    end = (statement.end_lineno or statement.lineno) + 1
    match statement:
        case ast.FunctionDef():  # a default value: whatever enters it
            return range(statement.body[0].lineno, end)
        case ast.Match():
            return range(statement.lineno, statement.cases[0].pattern.lineno)
        case ast.If() | ast.For() | ast.While() | ast.With() | ast.Try():
            return range(statement.lineno, max(statement.body[0].lineno, statement.lineno + 1))
    return range(statement.lineno, end)


def _in_turn(items: Sequence[pytest.Item]) -> Iterator[tuple[pytest.Item, pytest.Item | None]]:
    """Each with the one that follows it."""
    return zip(items, [*items[1:], None], strict=True)


def _count(module: SourceFileMutationData) -> dict[str, int]:
    codes = list(module.exit_code_by_key.values())
    kinds = {"killed": KILLED, "too slow": SLOW, "standing": STANDS, "untested": UNTESTED}
    return {word: codes.count(code) for word, code in kinds.items()}


if __name__ == "__main__":
    main()
