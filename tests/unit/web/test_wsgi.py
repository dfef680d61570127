"""The application as a WSGI server loads it: in a process of its own, from its environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import gc
from cds_service.wsgi import app
client = app.test_client()
assert gc.get_threshold()[0] > 10_000 and gc.get_freeze_count() > 0
for path in ("/health", "/ready", "/cds-services"):
    assert client.get(path).status_code == 200, client.get(path).get_data()
print(client.get("/ready").get_json()["knowledgeVersion"])
"""


def load(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("B12_")}
    database = f"sqlite:///{folder}/var/b12.sqlite3"
    return subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**environment, "B12_DATABASE_URL": database, **settings},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_application_is_ready_with_packaged_knowledge_and_a_database_of_its_own(tmp_path: Path) -> None:
    done = load(tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1]
    assert (tmp_path / "var" / "b12.sqlite3").exists()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"B12_TRUST": "required"}, "B12_TRUST"),
        ({"HOST": "0.0.0.0"}, "B12_TRUST=open-insecure"),
        ({"B12_DATABASE_URL": "nonsense://"}, "B12_DATABASE_URL"),
        ({"B12_NEVER_SENT": "labs"}, "B12_NEVER_SENT"),
    ],
)
def test_a_wrong_setting_stops_the_start(settings: dict[str, str], told: str, tmp_path: Path) -> None:
    done = load(tmp_path, **settings)

    assert done.returncode != 0
    assert told in done.stderr
