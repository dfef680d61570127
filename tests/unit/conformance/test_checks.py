"""The checks can fail: wrong services are told apart from a right one, and none of them breaks the examination."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner
from rich.console import Console

from cds_service import cli
from cds_service.conformance.check import NotApplicable, Outcome, Result, check, results
from cds_service.conformance.checks import CHECKS
from cds_service.conformance.checks.requests import faults_are_refused
from cds_service.conformance.client import Answer, Client, ServiceUnreachable, base_of
from cds_service.conformance.report import as_json, as_table, conforms, examine
from cds_service.conformance.requirements import read_requirements
from cds_service.conformance.visit import Visit
from tests.unit.conformance.wrong_services import garbled, served, sloppy, stranger


@pytest.fixture(scope="module")
def sloppy_results() -> list[Result]:
    with served(sloppy()) as url:
        return examine(url)


@pytest.fixture(scope="module")
def stranger_results() -> list[Result]:
    with served(stranger()) as url:
        return examine(url)


@pytest.fixture(scope="module")
def garbled_results() -> list[Result]:
    with served(garbled()) as url:
        return examine(url)


def failed(found: list[Result]) -> set[str]:
    return {result.title for result in found if result.outcome is Outcome.FAILED}


def test_each_check_verifies_requirements_and_has_a_title_of_its_own() -> None:
    known = read_requirements()

    assert len({check.title for check in CHECKS}) == len(CHECKS)
    assert [check.title for check in CHECKS if not check.verifies or set(check.verifies) - set(known)] == []


def test_ours_breaks_nothing(base_url: str) -> None:
    found = examine(base_url)

    assert {result.title: result.problems for result in found if result.outcome is Outcome.FAILED} == {}
    assert conforms(found)


def test_ours_shows_nearly_everything_that_can_be_judged(base_url: str) -> None:
    unjudged = [result.problems for result in examine(base_url) if result.outcome is Outcome.NOT_APPLICABLE]

    assert unjudged == [("no action deletes",), ("no action changes or deletes",)]


def test_every_check_fails_for_a_service_that_is_wrong(
    sloppy_results: list[Result], stranger_results: list[Result], garbled_results: list[Result]
) -> None:
    seen = failed(sloppy_results) | failed(stranger_results) | failed(garbled_results)

    assert {check.title for check in CHECKS} - seen == set()


def test_a_sloppy_service_is_told_what_is_wrong_and_where(sloppy_results: list[Result]) -> None:
    by_title = {result.title: "\n".join(result.problems) for result in sloppy_results}

    assert "same card 1: 140 characters" in by_title["A summary has 1 to 139 characters"]
    assert "'hard-stop'" in by_title["An indicator is info, warning or critical"]
    assert "context.draftOrders" in by_title["No template asks for draft orders or selections"]
    assert "sort:desc" in by_title["Searches stay inside the recommended subset of FHIR"]
    assert "Patient/another" in by_title["Only draft orders of the request are changed or deleted"]
    assert "an unknown service: 200" in by_title[faults_are_refused.title]
    assert not conforms(sloppy_results)


def test_what_a_wrong_service_does_right_passes(sloppy_results: list[Result]) -> None:
    passed = {result.title for result in sloppy_results if result.outcome is Outcome.PASSED}

    assert "Discovery answers 200 with a list of services" in passed
    assert "Each service answers a whole request with 200 and a list of cards" in passed


def test_a_service_of_odd_shapes_breaks_no_check(stranger_results: list[Result]) -> None:
    assert {result.outcome for result in stranger_results} == set(Outcome)
    assert not conforms(stranger_results)


def test_a_redirect_is_not_followed(garbled_results: list[Result]) -> None:
    assert "the status is 302" in garbled_results[0].problems
    assert not conforms(garbled_results)


def test_a_broken_advice_does_not_fail_a_service() -> None:
    with served(sloppy()) as url:
        found = [result for result in examine(url) if result.weight != "SHALL"]

    assert failed(found)
    assert conforms(found)


def test_many_problems_are_cut_and_said_to_be() -> None:
    @check("Never", "1")
    def never(_visit: Visit) -> Iterator[str]:
        yield from map(str, range(30))

    @check("Nothing", "1")
    def nothing(_visit: Visit) -> Iterator[str]:
        raise NotApplicable("there is nothing")
        yield ""

    visit = Visit(Client("http://127.0.0.1"), Answer(200), ())
    many, none = results(visit, [never, nothing], read_requirements())

    assert (len(many.problems), many.problems[-1]) == (21, "…and 10 more")
    assert (none.outcome, none.problems) == (Outcome.NOT_APPLICABLE, ("there is nothing",))


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://127.0.0.1", "http://127.0.0.1:1", "http://[::1"])
def test_an_address_where_nothing_answers_is_one_clear_message(url: str) -> None:
    with pytest.raises(ServiceUnreachable):
        examine(url)


@pytest.mark.parametrize("url", ["http://x", "http://x/", "http://x/cds-services", "http://x/cds-services/"])
def test_the_address_may_be_that_of_discovery(url: str) -> None:
    assert base_of(url) == "http://x"


def test_the_table_shows_text_of_a_service_as_text(sloppy_results: list[Result]) -> None:
    console = Console(width=160, record=True, file=io.StringIO())
    hostile = Result("A [bold]title[/bold]", ("CDSH-1",), sloppy_results[0].weight, Outcome.FAILED, ("[red]x",))
    console.print(as_table([hostile, *sloppy_results], "http://[x]"))
    shown = console.export_text()

    assert "[red]x" in shown
    assert "[bold]title" in shown


def test_the_command_fails_for_a_wrong_service_and_tells_a_program(sloppy_results: list[Result]) -> None:
    with served(garbled()) as url:
        done = CliRunner().invoke(cli.commands, ["conformance", url, "--json"])

    told = json.loads(done.output)
    assert done.exit_code == 1
    assert told["conforms"] is False
    assert told["checks"][0]["outcome"] == "failed"
    assert as_json(sloppy_results, "x")["conforms"] is False


def test_the_command_shows_a_table_for_ours(base_url: str) -> None:
    done = CliRunner().invoke(cli.commands, ["conformance", base_url + "/cds-services"])

    assert done.exit_code == 0, done.output
    assert "passed" in done.output
    assert "failed" not in done.output
