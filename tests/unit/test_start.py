"""What a start reads and checks, what a worker is made of, and what neither has to load."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
import time
from multiprocessing import Process
from pathlib import Path

import pytest

from cds_service import application
from cds_service.application import Start, checked_knowledge
from cds_service.config import Settings
from cds_service.errors import InvalidKnowledge
from cds_service.fhir.draft_resources import templates
from cds_service.server import Application

ROOT = Path(__file__).parents[2]
REGIMEN = "regimens/im-replacement.yaml"

# As a worker of `b12-cds serve`, but in one process; then a clinician's first request.
WORKER = """
import sys
from pathlib import Path
from cds_service import cli
from cds_service.application import Start, make_app

app = make_app(Start.from_environment())
client = app.test_client()
assert client.get("/ready").status_code == 200
loaded = set(sys.modules)
body = Path("fixtures/metformin-neuropathy-untested/patient-view.request.json").read_bytes()
answer = client.post("/cds-services/b12-patient-view", data=body, content_type="application/json")
assert answer.get_json()["cards"]
print(*sorted(set(sys.modules) - loaded), sep=",")
print(*sorted({name.partition(".")[0] for name in sys.modules}), sep=",")
"""
# malloc's statistics: `hblks` counts the blocks that are mapped apart from the heap.
MEMORY = """
import ctypes
from cds_service.application import Start, make_app

class Told(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks u f k".split()]

make_app(Start.from_environment())
told = ctypes.CDLL(None).mallinfo2
told.restype = Told
del_me = bytearray(8_000_000)
del del_me  # without the setting, all up to this size would now come from the heap
before = told().hblks
kept = bytearray(4_000_000)
print(told().hblks - before)
"""


def printed(script: str, folder: Path) -> list[str]:
    """What a script prints in a process of its own, as the service is started, without its log."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("B12_")}
    ours = {"B12_DATABASE_URL": f"sqlite:///{folder}/b12.sqlite3", "B12_LOG_LEVEL": "ERROR", "B12_TODAY": "2025-10-01"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=others | ours, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def changed(folder: Path, old: str, new: str) -> Path:
    """A folder of a site's own knowledge: one regimen, changed in one place."""
    text = (ROOT / "cds_service" / "knowledge" / REGIMEN).read_text(encoding="utf-8")
    assert re.search(old, text)
    (folder / "regimens").mkdir(parents=True, exist_ok=True)
    (folder / REGIMEN).write_text(re.sub(old, new, text, count=1), encoding="utf-8")
    return folder


def test_a_start_on_a_database_that_is_up_to_date_loads_no_migrations_and_the_first_call_nothing_at_all(
    tmp_path: Path,
) -> None:
    printed(WORKER, tmp_path)  # makes the tables

    of_the_call, of_the_worker = printed(WORKER, tmp_path)

    assert of_the_call == ""
    heavy = {"fhir", "pydantic", "alembic", "mako", "granian", "uvloop", "resvg_py", "orjson", "hypothesis", "pytest"}
    assert set(of_the_worker.split(",")) & heavy == set()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc alone raises the threshold")
def test_what_a_large_body_took_is_given_back(tmp_path: Path) -> None:
    assert printed(MEMORY, tmp_path) == ["1"]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("dose_code: ug", "dose_code: 'u  g'", "dosageInstruction.0.doseAndRate.0.doseQuantity.code cannot be used"),
        (r"repeats: \d+", "repeats: 99999999999", "dispenseRequest.numberOfRepeatsAllowed cannot be used"),
    ],
)
def test_knowledge_that_proposes_what_is_not_fhir_stops_the_start_and_is_named(
    old: str, new: str, told: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidKnowledge) as refused:
        checked_knowledge(Settings(knowledge_dir=changed(tmp_path, old, new)))

    (problem,) = refused.value.problems
    assert problem == f"{REGIMEN}: its MedicationRequest is not valid FHIR: {told}; mend the value that goes there"


class _NoProcess:
    def __init__(self, **_: object) -> None:
        raise OSError("no memory for another process")


class _SilentProcess(Process):
    def run(self) -> None:
        time.sleep(60)


class _DyingProcess(Process):
    def run(self) -> None:
        os._exit(9)


@pytest.mark.parametrize("kind", [_NoProcess, _SilentProcess, _DyingProcess])
def test_where_the_judge_has_no_process_or_it_fails_what_is_proposed_is_judged_all_the_same(
    kind: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "Process", kind)
    monkeypatch.setattr(application, "_JUDGE_SECONDS", 0.5)
    folder = changed(tmp_path / "knowledge", r"repeats: \d+", "repeats: 99999999999")

    with pytest.raises(InvalidKnowledge, match="numberOfRepeatsAllowed cannot be used"):
        Start.read(Settings(knowledge_dir=folder, database_url=f"sqlite:///{tmp_path}/b12.sqlite3"))


def test_workers_get_what_was_read_until_new_files_can_be_used(tmp_path: Path) -> None:
    folder = changed(tmp_path / "knowledge", "quantity: 13", "quantity: 14")
    settings = Settings(knowledge_dir=folder, database_url=f"sqlite:///{tmp_path}/b12.sqlite3")
    first = Start.read(settings)
    ours = Application(first)

    changed(folder, "quantity: 13", "quantity: [")
    with pytest.raises(InvalidKnowledge, match=REGIMEN):
        ours.renew()
    assert ours.start is first

    changed(folder, "quantity: 13", "quantity: 15")
    ours.renew()
    assert ours.start.knowledge.regimens["im-replacement"].quantity == 15
    assert first.knowledge.regimens["im-replacement"].quantity == 14


def test_what_workers_are_made_of_can_be_sent_to_one_that_is_not_forked(tmp_path: Path) -> None:
    ours = Application(Start.read(Settings(database_url=f"sqlite:///{tmp_path}/b12.sqlite3")))

    sent = pickle.loads(pickle.dumps(ours))  # noqa: S301 # our own, a line ago

    templates(sent.start.knowledge)
    assert sent.start.settings == ours.start.settings
    assert sent.start.knowledge.version == ours.start.knowledge.version
