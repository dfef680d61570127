"""Runs the tests on each of the changes that mutmut makes (`make mutants`): every change in a process of its own.

mutmut's own runner lets pytest find the tests anew for each change, and that takes longer than to run them: the stories
and examples of tests/spec are many. Here pytest finds them once, and each change is a fork of the process that did. A
change gets the tests that reach its function: those that noticed others in it first, then the quickest. A change that
was noticed before is not run again while its function stays the same; delete the copy to begin afresh.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import pytest
from mutmut.__main__ import create_mutants
from mutmut.configuration import config
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state
from mutmut.utils.file_utils import copy_also_copy_files, copy_src_dir, walk_mutatable_files
from mutmut.utils.format_utils import mangled_name_from_mutant_name

from bench.mutants import KILLED, SLOW, STANDS, UNTESTED

_AT_ONCE = int(os.environ.get("MUTANTS_AT_ONCE", os.cpu_count() or 1))
_CPU_SECONDS = 10  # of one test that never ends; the slowest that does takes about two
_MEMORY = 4 << 30


def main() -> None:
    """Make the changes in the copy that is named, in the modules that match, and run what is not known of them."""
    copy, only = sys.argv[1:]
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
    arguments = [*config().pytest_add_cli_args_test_selection, *config().pytest_add_cli_args]
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
    _reaching: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _seconds: dict[str, float] = field(default_factory=dict)
    _killers: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _running: dict[int, _Running] = field(default_factory=dict)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run every test once to learn what it reaches, then those that reach it for each change."""
        import cds_service

        assert Path(cds_service.__file__).is_relative_to(Path.cwd()), "the tests import the unchanged code"
        session.config.pluginmanager.unregister(name="terminalreporter")
        self._learn(session)
        for module in self.data:
            for key, code in module.exit_code_by_key.items():
                if code in (KILLED, SLOW):
                    continue
                while len(self._running) >= _AT_ONCE:
                    self._wait()
                self._start(session, module, key)
            while self._running:
                self._wait()
            print(module.path, *(f"{n} {word}" for word, n in _count(module).items()), sep=", ", flush=True)
        return True

    def _learn(self, session: pytest.Session) -> None:
        """Which tests reach which function, and how long each takes; in a fork, so that nothing of it stays."""
        read, write = os.pipe()
        child = os.fork()
        if not child:
            set_mutant_under_test("stats")
            with os.fdopen(write, "w") as out:
                for item, following in zip(session.items, [*session.items[1:], None], strict=True):
                    state()._stats.clear()
                    began = time.process_time()
                    item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                    if session.testsfailed:
                        print(json.dumps({"failed": item.nodeid}), file=out, flush=True)
                        os._exit(1)
                    found = {"id": item.nodeid, "took": time.process_time() - began, "reaches": [*state()._stats]}
                    print(json.dumps(found), file=out)
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as lines:
            for found in map(json.loads, lines):
                if "failed" in found:
                    sys.exit(f"fails without any change: {found['failed']}")
                self._seconds[found["id"]] = found["took"]
                for function in found["reaches"]:
                    self._reaching[function].append(found["id"])
        os.waitpid(child, 0)
        print(f"{len(self._seconds)} tests, {sum(self._seconds.values()):.0f} s", flush=True)

    def _start(self, session: pytest.Session, module: SourceFileMutationData, key: str) -> None:
        function = mangled_name_from_mutant_name(key)
        tests = sorted(self._reaching[function], key=self._seconds.__getitem__)
        if not tests:
            module.exit_code_by_key[key] = UNTESTED
            return
        first = self._killers[function]
        by_id = {item.nodeid: item for item in session.items}
        items = [by_id[name] for name in dict.fromkeys([*first, *tests])]
        read, write = os.pipe()
        child = os.fork()
        if not child:
            set_mutant_under_test(key)
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            for item, following in zip(items, [*items[1:], None], strict=True):
                signal.setitimer(signal.ITIMER_PROF, _CPU_SECONDS)
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
                if session.testsfailed:
                    os.write(write, item.nodeid.encode())
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
            killers[:] = [noticed_by, *(k for k in killers if k != noticed_by)][:20]
        ended.module.exit_code_by_key[ended.key] = SLOW if code < 0 else code
        ended.module.save()


def _count(module: SourceFileMutationData) -> dict[str, int]:
    codes = list(module.exit_code_by_key.values())
    kinds = {"killed": KILLED, "too slow": SLOW, "standing": STANDS, "untested": UNTESTED}
    return {word: codes.count(code) for word, code in kinds.items()}


if __name__ == "__main__":
    main()
