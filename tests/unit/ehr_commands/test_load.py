"""`b12-cds load` from a terminal: what it prints, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from werkzeug import Response

from tests.fhir_server import FhirStub
from tests.unit.ehr_commands.conftest import ROOT, Run

STORY = str(ROOT / "fixtures" / "folic-acid-masking")


def test_it_lists_the_patients_with_their_ids_and_removes_them_again(run: Run, stub: FhirStub) -> None:
    done = run("load", stub.base)
    assert done.returncode == 0, done.stderr
    patients = len(stub.of_type("Patient"))
    assert f"{patients} Patient" in done.stdout
    assert all(patient["id"] in done.stdout for patient in stub.of_type("Patient"))
    again = run("load", stub.base, STORY)
    assert "4 there already" in again.stdout
    assert "hold no FHIR" not in done.stdout
    cleaned = run("load", stub.base, "--clean")
    assert f"{patients} Patient" in cleaned.stdout
    assert stub.held == {}
    assert "Nothing bears the tag demo" in run("load", stub.base, "--clean").stdout


def test_a_token_is_read_from_a_file_or_the_environment_and_never_shown(
    run: Run, stub: FhirStub, tmp_path: Path
) -> None:
    stub.token = "right-token"
    path = tmp_path / "token"
    path.write_text("right-token\n")
    assert run("load", stub.base, STORY, "--token-file", str(path)).returncode == 0
    assert run("load", stub.base, STORY, B12_FHIR_TOKEN="right-token").returncode == 0
    refused = run("load", stub.base, STORY, B12_FHIR_TOKEN="wrong-token")
    assert refused.returncode == 7
    assert "wrong-token" not in refused.stdout + refused.stderr
    assert "--token-file" in refused.stderr


@pytest.mark.parametrize(
    ("answer", "status", "told"),
    [
        (Response("<html>"), 5, "no FHIR server"),
        (Response('{"resourceType": "CapabilityStatement", "fhirVersion": "3.0.2"}'), 6, "STU3"),
        (Response("", status=403), 7, "token"),
        (Response("", status=302, headers={"Location": "https://ehr.example.org"}), 5, "leads on to"),
    ],
)
def test_what_is_wrong_with_a_server_has_its_own_status(
    answer: Response, status: int, told: str, run: Run, stub: FhirStub
) -> None:
    stub.faults = [answer]
    done = run("load", stub.base, STORY)
    assert done.returncode == status
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bad_file_a_bad_address_and_a_bad_entry_have_theirs(run: Run, stub: FhirStub, tmp_path: Path) -> None:
    assert run("load", stub.base, str(tmp_path)).returncode == 9
    assert run("load", "ehr.example.org", STORY).returncode == 2
    assert run("load", stub.base, "--tag", "a b", STORY).returncode == 9
    assert run("load", "http://127.0.0.1:9/fhir", STORY).returncode == 3
    bad = {"resourceType": "Patient", "id": "x", "status": "bad"}
    (tmp_path / "a.json").write_text(json.dumps({"resourceType": "Bundle", "entry": [{"resource": bad}]}))
    done = run("load", stub.base, str(tmp_path))
    assert done.returncode == 8
    assert "Nothing of this transaction" in done.stderr
    assert stub.held == {}


def test_what_the_server_does_not_delete_is_told(run: Run, stub: FhirStub) -> None:
    run("load", stub.base, STORY)
    patient = stub.of_type("Patient")[0]["id"]
    stub.add(resourceType="Observation", id="theirs", subject={"reference": f"Patient/{patient}"})
    done = run("load", stub.base, "--clean")
    assert done.returncode == 8
    assert "Observation/theirs" in done.stdout
