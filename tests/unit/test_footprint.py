"""What bench/ tells of memory and size is what the system says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.contenders import tree
from bench.installed import sizes
from bench.memory import memory


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="only Linux tells the memory of a process")
def test_the_memory_of_a_process_grows_with_what_it_holds() -> None:
    rss, pss = memory(os.getpid())
    held = b"x" * (64 << 20)
    more_rss, more_pss = memory(os.getpid())

    assert 0 < pss <= rss
    assert 60 < more_rss - rss < 70
    assert 60 < more_pss - pss < 70
    assert len(held) == 64 << 20


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="only Linux tells a process's children")
def test_the_processes_of_a_service_are_its_own_and_all_that_it_started() -> None:
    starter = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"
    process = subprocess.Popen([sys.executable, "-c", starter], stdin=subprocess.PIPE)
    try:
        while len(found := tree(process.pid)) < 2:
            assert process.poll() is None
        assert found[0] == process.pid
        assert len(found) == 2
    finally:
        process.communicate(b"\n", timeout=20)


def test_every_file_is_counted_once_under_its_package(tmp_path: Path) -> None:
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    (packages / "big" / "part").mkdir(parents=True)
    (packages / "big" / "a").write_bytes(b"x" * 100)
    (packages / "big" / "part" / "b").write_bytes(b"x" * 20)
    (packages / "single.py").write_bytes(b"x" * 3)
    (tmp_path / "pyvenv.cfg").write_bytes(b"x" * 7)
    (tmp_path / "python").symlink_to(packages / "big" / "a")

    assert sizes(tmp_path) == {"big": 120, "single.py": 3, "environment": 7}
