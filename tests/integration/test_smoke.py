"""`make smoke` against a HAPI FHIR server of our own: it does its steps, and leaves nothing, whatever happens."""

from __future__ import annotations

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Response

from cds_service.ehr.clean import Cleaner
from tests.fhir_server import FhirStub
from tests.integration.clinic import Clinic
from tests.integration.smoke import Smoke, main, smoking

OUT = Response("<html>502 Bad Gateway</html>", status=502)


def left(clinic: Clinic, tag: str) -> list[str]:
    found = Cleaner(clinic.server, tag).find(("Patient", "Condition", "MedicationRequest", "ServiceRequest"))
    return [one["id"] for _, some in found for one in some]


@pytest.mark.hapi
def test_it_loads_fires_applies_and_leaves_nothing(clinic: Clinic, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([clinic.base]) == 0, capsys.readouterr().out
    told = capsys.readouterr().out
    tag = told.partition("bears the tag ")[2].split()[0]
    assert [line.split()[0] for line in told.splitlines()[1:]] == ["ok"] * 7
    assert left(clinic, tag) == []


@pytest.mark.hapi
def test_what_was_made_is_taken_away_also_where_a_step_fails_or_is_broken_off(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken_off(_smoke: Smoke, _prefetch: str) -> None:
        raise KeyboardInterrupt

    with smoking(clinic.base) as smoke:
        smoke.load()
        assert len(left(clinic, smoke.tag)) > 1
        smoke.service = "http://127.0.0.1:9"  # nobody answers there
        smoke.pause = lambda _seconds: None
        smoke.run()
        assert {"fire, with prefetch", "apply, sign and report back"} <= set(smoke.failed)
        assert "clean up" not in smoke.failed
        assert left(clinic, smoke.tag) == []

        monkeypatch.setattr(Smoke, "expect_card", broken_off)
        with pytest.raises(KeyboardInterrupt):
            smoke.run()
        assert left(clinic, smoke.tag) == []


def test_a_server_that_is_out_for_a_moment_is_given_time(
    httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    stub = FhirStub(httpserver)
    with smoking(stub.base) as smoke:
        stub.faults = [OUT, Response("", status=429, headers={"Retry-After": "1"})]
        pauses: list[float] = []
        smoke.pause = pauses.append
        smoke.run()
    assert smoke.failed == [], capsys.readouterr().out
    assert pauses == [5.0]  # after deleting, to look again
    assert stub.held == {}


def test_what_cannot_be_deleted_is_told_with_what_to_type_later(
    httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    stub = FhirStub(httpserver)
    with smoking(stub.base) as smoke:
        smoke.pause = lambda _seconds: None
        smoke.load()
        stub.add(
            resourceType="Observation",
            id="theirs",
            subject={"reference": f"Patient/{stub.of_type('Patient')[0]['id']}"},
        )
        with pytest.raises(Exception, match=f"--clean --tag {smoke.tag}"):
            smoke.clean()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("version", "status"), [("3.0.2", 6), ("5.0.0", 6)])
def test_a_server_that_cannot_be_tested_is_told_and_nothing_is_sent(
    version: str, status: int, httpserver: HTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    stub = FhirStub(httpserver, version)
    assert main([stub.base]) == status
    assert "Not tested" in capsys.readouterr().out
    assert stub.transactions == []


def test_without_a_server_it_says_how_to_name_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "make smoke FHIR=" in capsys.readouterr().out
    assert main(["http://127.0.0.1:9/fhir"]) == 3
