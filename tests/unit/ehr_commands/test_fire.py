"""`b12-cds fire` plays the EHR: from the chart to the card, the order that it proposes, and back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pytest_httpserver import HTTPServer

from cds_service import cli
from tests.conformance.server import running
from tests.fhir_server import FhirStub
from tests.unit.ehr_commands.conftest import ROOT, Run

METFORMIN = "metformin-neuropathy-untested"
FOLIC_ACID = "folic-acid-masking"
Fire = Callable[..., Result]


@pytest.fixture(scope="module")
def fhir() -> Iterator[HTTPServer]:
    with HTTPServer(host="localhost", port=0, threaded=True) as server:
        yield server


@pytest.fixture(scope="module")
def service(fhir: HTTPServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service that may read from the FHIR server."""
    settings = {"B12_FHIR_ORIGINS": f"http://localhost:{fhir.port}", "B12_FHIR_ALLOW_HTTP_LOCALHOST": "true"}
    with running(tmp_path_factory.mktemp("service"), B12_WORKERS="1", **settings) as started:
        yield started.url


@pytest.fixture
def ehr(fhir: HTTPServer) -> FhirStub:
    """The EHR's FHIR server, with two of the stories on it."""
    fhir.clear()
    stub = FhirStub(fhir)
    folders = [str(ROOT / "fixtures" / name) for name in (METFORMIN, FOLIC_ACID)]
    assert command("load", stub.base, *folders).exit_code == 0
    return stub


@pytest.fixture
def fire(service: str, ehr: FhirStub) -> Fire:
    def run(hook: str, patient: str, *words: str) -> Result:
        return command("fire", hook, "--url", service, "--fhir", ehr.base, "--patient", patient, *words)

    return run


def command(*words: str) -> Result:
    environment = {"B12_TODAY": "2025-10-01", "COLUMNS": "120"}
    return CliRunner(env=environment).invoke(cli.commands, words, catch_exceptions=False)


def cards(done: Result) -> list[str]:
    return [str(card["summary"]) for card in json.loads(done.stdout)["cards"]]


def test_prefetch_is_what_the_server_holds_and_the_cards_are_numbered(fire: Fire) -> None:
    done = fire("patient-view", METFORMIN)
    assert done.exit_code == 0, done.output
    for told in ("Prefetch: patient (1)", "conditions (2)", "1 · warning", "Metformin since", "1.1 [ Order Total"):
        assert told in done.stdout


@pytest.mark.parametrize("choice", ["none", "half", "patient,labs"])
def test_what_is_not_sent_is_read_by_the_service_and_the_card_is_the_same(choice: str, fire: Fire) -> None:
    assert cards(fire("patient-view", METFORMIN, "--prefetch", choice, "--raw")) == cards(
        fire("patient-view", METFORMIN, "--raw")
    )
    assert "Left to the service to read" in fire("patient-view", METFORMIN, "--prefetch", choice).stdout


def test_a_suggestion_that_is_applied_is_on_the_server_and_its_card_comes_no_more(fire: Fire, ehr: FhirStub) -> None:
    done = fire("patient-view", METFORMIN, "--apply", "1.1", "--sign", "--feedback", "accepted")
    assert done.exit_code == 0, done.output
    order = ehr.of_type("ServiceRequest")[0]
    assert order["status"] == "active"
    assert f"create ServiceRequest: 201 Created ServiceRequest/{order['id']}" in done.stdout
    assert 'Feedback (accepted): 200 {"stored": 1}' in done.stdout
    assert "nothing to say" in fire("patient-view", METFORMIN).stdout
    assert command("load", ehr.base, "--clean").exit_code == 0
    assert ehr.held == {}


def test_a_card_may_be_overridden_with_one_of_its_reasons(fire: Fire) -> None:
    answer = json.loads(fire("patient-view", METFORMIN, "--raw").stdout)
    code = answer["cards"][0]["overrideReasons"][0]["code"]
    done = fire("patient-view", METFORMIN, "--feedback", "overridden", "--reason", code, "--comment", "seen")
    assert "Feedback (overridden): 200" in done.stdout


def test_drafts_on_the_server_are_the_orders_being_written(fire: Fire) -> None:
    assert '"summary": "Folic acid 1 mg/day ' in fire("order-sign", FOLIC_ACID, "--raw").stdout


def test_an_order_may_be_typed(fire: Fire) -> None:
    done = fire("order-select", FOLIC_ACID, "--order", "folic acid 5 mg, 1 tablet daily", "--raw")
    assert "Folic acid 5 mg/day" in cards(done)[0]


def test_a_patient_is_known_by_id_too(fire: Fire, ehr: FhirStub) -> None:
    for patient in ehr.of_type("Patient"):
        assert fire("patient-view", patient["id"]).exit_code == 0
        assert fire("patient-view", f"Patient/{patient['id']}").exit_code == 0


def test_a_token_goes_to_the_server_and_to_the_service_and_is_not_shown(
    fire: Fire, ehr: FhirStub, tmp_path: Path
) -> None:
    ehr.token = "let-me-in"
    (tmp_path / "token").write_text(ehr.token)
    done = fire("patient-view", METFORMIN, "--prefetch", "none", "--token-file", str(tmp_path / "token"))
    assert "Metformin since" in done.stdout
    assert ehr.token not in done.output


def test_a_service_that_admits_listed_clients_admits_us_with_a_key(tmp_path: Path) -> None:
    issuer = "https://st-elsewhere.example.org"
    made = command("client-key", str(tmp_path / "key.json"), "--issuer", issuer)
    (tmp_path / "clients.yaml").write_text(made.stdout)
    assert (tmp_path / "key.json").stat().st_mode & 0o077 == 0
    bundle = ROOT / "fixtures" / METFORMIN / "bundle.json"
    settings = {"B12_TRUST": "required", "B12_CLIENTS": str(tmp_path / "clients.yaml"), "B12_WORKERS": "1"}
    with running(tmp_path, B12_EXTERNAL_URL="https://cds.example.org", **settings) as started:
        words = ["fire", "patient-view", "--bundle", str(bundle), "--url", started.url, "--issuer", issuer]
        words += ["--key", str(tmp_path / "key.json"), "--feedback", "accepted", "--card", "1.1"]
        done = command(*words, "--audience", "https://cds.example.org/cds-services")
        log = started.log.read_text()
    assert "Metformin since" in done.stdout
    assert "Feedback (accepted): 200" in done.stdout
    assert not re.search(r"eyJ[\w-]+\.", log)


def test_a_key_is_never_written_over(tmp_path: Path) -> None:
    assert command("client-key", str(tmp_path / "key.json")).exit_code == 0
    before = (tmp_path / "key.json").read_text()
    again = command("client-key", str(tmp_path / "key.json"))
    assert again.exit_code == 2
    assert (tmp_path / "key.json").read_text() == before
    assert command("client-key", str(tmp_path / "no" / "key.json")).exit_code == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "either --bundle FILE, or --fhir URL"),
        (["--fhir", "http://localhost/fhir"], "--fhir needs --patient"),
        (["--bundle", "README.md", "--apply", "1"], "need a server"),
        (["--bundle", "README.md", "--issuer", "x"], "go together"),
        (["--bundle", "README.md", "--feedback", "accepted"], "needs the suggestion"),
    ],
)
def test_options_that_do_not_go_together_are_said(words: list[str], told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = command("fire", "patient-view", *words)
    assert done.exit_code == 2
    assert told in " ".join(done.output.split())


def test_each_failure_is_a_message_with_its_own_status(run: Run, base_url: str, stub: FhirStub) -> None:
    at = ("fire", "patient-view", "--url", base_url, "--fhir", stub.base)
    unknown = run(*at, "--patient", "nobody")
    assert unknown.returncode == 9
    assert "has no Patient 'nobody'" in unknown.stderr
    stub.add(resourceType="Patient", id="p1")
    nowhere = ("fire", "patient-view", "--url", "http://127.0.0.1:9", "--fhir", stub.base)
    assert run(*nowhere, "--patient", "p1").returncode == 3
    stub.version = "5.0.0"
    assert run(*at, "--patient", "x").returncode == 6
    stub.token = "t"
    assert run(*at, "--patient", "x").returncode == 7
