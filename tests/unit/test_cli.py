"""The commands: what they print, and that a mistake is told in one clear message."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cds_service import cli
from cds_service.ehr.patient_bundle import UnusableFile
from cds_service.errors import CannotDraw

ROOT = Path(__file__).resolve().parents[2]
STORY = ROOT / "fixtures" / "mild-deficiency-neuropathy"


def run(*words: str) -> Result:
    return CliRunner().invoke(cli.commands, words)


def test_services_lists_each_service_with_its_hook() -> None:
    done = run("services")
    assert done.exit_code == 0, done.output
    for service in ("b12-patient-view", "b12-order-select", "b12-order-sign"):
        assert service in done.output


@pytest.mark.parametrize("name", ["bundle.json", "patient-view.request.json"])
def test_assess_takes_a_bundle_or_a_hook_request(name: str) -> None:
    done = run("assess", str(STORY / name), "--today", "2025-10-01")
    assert done.exit_code == 0, done.output
    assert "Vitamin B12 status: deficient" in done.output
    assert "as of 2025-10-01" in done.output


def test_assess_as_json_is_the_assessment_of_the_answer() -> None:
    done = run("assess", str(STORY / "bundle.json"), "--today", "2025-10-01", "--json")
    found = json.loads(done.output)
    assert found["status"] == "deficient"
    assert {"fires", "does-not-fire"} <= {finding["outcome"] for finding in found["findings"]}


def test_assess_takes_its_day_from_the_settings_where_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("B12_TODAY", "2025-09-30")
    assert json.loads(run("assess", str(STORY / "bundle.json"), "--json").output)["asOf"] == "2025-09-30"


@pytest.mark.parametrize("name", ["bundle.json", "patient-view.request.json"])
def test_timeline_draws_a_bundle_or_a_hook_request(name: str, tmp_path: Path) -> None:
    done = run("timeline", str(STORY / name), "--today", "2025-10-01", "-o", str(tmp_path / "t.svg"))
    assert done.exit_code == 0, done.output
    drawn = (tmp_path / "t.svg").read_text(encoding="utf-8")
    assert drawn.startswith("<?xml")
    assert "Vitamin B12 status: deficient" in drawn
    assert "assessed for 2025-10-01" in drawn


def test_timeline_draws_a_png_or_says_what_it_lacks(tmp_path: Path) -> None:
    picture = tmp_path / "t.PNG"
    done = run("timeline", str(STORY / "bundle.json"), "--today", "2025-10-01", "-o", str(picture))
    if isinstance(done.exception, CannotDraw):
        assert "fonts-dejavu-core" in str(done.exception)
    else:
        assert picture.read_bytes().startswith(b"\x89PNG")


def test_timeline_refuses_what_it_cannot_write(tmp_path: Path) -> None:
    done = run("timeline", str(STORY / "bundle.json"), "-o", str(tmp_path / "t.pdf"))
    assert done.exit_code == 2
    assert "neither .svg nor .png" in done.output
    done = run("timeline", str(STORY / "bundle.json"), "-o", str(tmp_path / "none" / "t.svg"))
    assert isinstance(done.exception, CannotDraw)
    assert "cannot be written" in str(done.exception)


def test_a_day_that_is_none_is_refused() -> None:
    done = run("assess", str(STORY / "bundle.json"), "--today", "yesterday")
    assert done.exit_code == 2
    assert "2025-10-01" in done.output


def test_a_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    done = run("assess", str(broken))
    assert isinstance(done.exception, UnusableFile)
    assert "broken.json" in str(done.exception)


def test_an_expected_failure_is_a_message_and_no_traceback(tmp_path: Path) -> None:
    empty = tmp_path / "empty.json"
    empty.write_text('{"resourceType": "Bundle"}')
    words = [sys.executable, "-m", "cds_service.cli", "assess", str(empty)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 9
    assert "holds no Patient" in done.stderr
    assert "Traceback" not in done.stderr


def test_check_knowledge_prints_version_and_counts() -> None:
    done = run("check-knowledge")
    assert done.exit_code == 0, done.output
    assert "Knowledge" in done.output
    assert "regimens" in done.output


def test_check_knowledge_names_every_problem_with_file_field_reason_and_what_to_mend(tmp_path: Path) -> None:
    ours = ROOT / "cds_service" / "knowledge"
    broken = {
        "analytes/total-b12.yaml": ("    unlikely_above: 350", "    unlikely_abvoe: 350"),
        "regimens/oral-replacement.yaml": ("dose: 2000", "dos: 2000"),
    }
    for file, (old, new) in broken.items():
        text = (ours / file).read_text(encoding="utf-8")
        assert old in text
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(text.replace(old, new), encoding="utf-8")
    words = [sys.executable, "-m", "cds_service.cli", "check-knowledge", str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)

    assert (done.returncode, done.stdout) == (1, "")
    told = " ".join(done.stderr.split())
    assert "Traceback" not in told
    for problem in (
        "analytes/total-b12.yaml: scales.0.unlikely_abvoe: is not known; did you mean 'unlikely_above'?",
        "analytes/total-b12.yaml: scales.0.unlikely_above: is missing beside deficient_below, which leaves a gap",
        "regimens/oral-replacement.yaml: steps.0.dos: is not known; did you mean 'dose'?",
        "regimens/oral-replacement.yaml: steps.0.dose: is missing; add it",
    ):
        assert problem in told


def test_fire_shows_the_cards_of_a_running_service(base_url: str) -> None:
    done = run("fire", "patient-view", "--bundle", str(STORY / "bundle.json"), "--url", base_url)
    assert done.exit_code == 0, done.output
    assert "warning" in done.output


def test_fire_raw_gives_the_answer_as_it_came(base_url: str) -> None:
    done = run("fire", "patient-view", "--bundle", str(STORY / "bundle.json"), "--url", base_url, "--raw")
    assert json.loads(done.output)["cards"][0]["indicator"] == "warning"
