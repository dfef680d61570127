"""`b12-cds doctor` from a terminal."""

from __future__ import annotations

import json
from pathlib import Path

from tests.fhir_server import FhirStub
from tests.unit.ehr_commands.conftest import ROOT, Run

STORY = ROOT / "fixtures" / "mild-deficiency-neuropathy"


def test_a_healthy_file_and_a_healthy_patient_of_a_server_end_with_0(run: Run, stub: FhirStub) -> None:
    done = run("doctor", str(STORY / "bundle.json"))
    assert done.returncode == 0, done.stdout
    assert "vitamin B12 in pg/mL" in done.stdout
    run("load", stub.base, str(STORY))
    done = run("doctor", stub.base, "--patient", STORY.name)
    assert done.returncode == 0, done.stdout
    assert "Nothing: all that concerns us" in done.stdout


def test_what_should_be_mended_ends_with_10_and_is_told(run: Run, tmp_path: Path) -> None:
    bundle = json.loads((STORY / "bundle.json").read_text())
    for entry in bundle["entry"]:
        entry["resource"].pop("effectiveDateTime", None)
    (tmp_path / "b.json").write_text(json.dumps(bundle))
    done = run("doctor", str(tmp_path / "b.json"), "--top", "1")
    assert done.returncode == 10
    assert "What to do" in done.stdout
    assert "Send dates" in done.stdout
    found = json.loads(run("doctor", str(tmp_path / "b.json"), "--json").stdout)
    assert (found["healthy"], found["rows"][0]["topic"]) == (False, "Used")


def test_what_cannot_be_examined_is_said(run: Run, stub: FhirStub, tmp_path: Path) -> None:
    assert run("doctor", stub.base).returncode == 2
    assert run("doctor", stub.base, "--patient", "nobody").returncode == 9
    assert run("doctor", str(tmp_path / "none.json")).returncode == 9
