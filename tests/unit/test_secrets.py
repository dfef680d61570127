"""`make check` finds a secret in a file, and takes none of ours for one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRAGMA = re.compile(r"pragma: allowlist secret(?P<why>.*)")


def is_refused(text: str, folder: Path) -> bool:
    file = folder / "settings.py"
    file.write_text(text)
    scan = [sys.executable, "-m", "detect_secrets.pre_commit_hook", str(file)]
    return subprocess.run(scan, capture_output=True, cwd=folder).returncode != 0


@pytest.mark.parametrize(
    "text",
    [
        "key = '" + "AKIA" + "QQQQQQQQQQQQQQQQ'",
        "url = 'postgresql://b12:" + "correcthorse@db.example.org/b12'",
        "-----BEGIN " + "PRIVATE KEY-----",
        "password = '" + "kfjh3-4857skj'",
    ],
)
def test_a_secret_is_noticed(text: str, tmp_path: Path) -> None:
    assert is_refused(text, tmp_path)


def test_what_is_none_is_not(tmp_path: Path) -> None:
    assert not is_refused("colour = 'blue'", tmp_path)


def test_each_line_that_only_looks_like_a_secret_is_in_a_test_or_says_why() -> None:
    for folder in ("cds_service", "hooks", "deploy", "bench", "fixtures"):
        for path in (ROOT / folder).rglob("*.*"):
            if path.suffix in (".py", ".yaml", ".yml", ".json", ".conf"):
                told = PRAGMA.findall(path.read_text(encoding="utf-8"))
                assert all(why.strip(" -") for why in told), path
