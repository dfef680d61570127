"""`b12-cds`: the service and what surrounds it, from a terminal. Thin: each command calls one package below."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from shlex import quote
from typing import Any, NoReturn
from uuid import uuid4

import click
from rich.table import Table

from cds_service.application import Start, checked_knowledge
from cds_service.cards_page import cards_page
from cds_service.composition import services
from cds_service.config import Settings
from cds_service.conformance import report
from cds_service.conformance.client import ServiceUnreachable
from cds_service.database_commands import database
from cds_service.ehr import show
from cds_service.ehr.hook_request import hook_request
from cds_service.ehr.patient_bundle import UnusableFile, is_hook_request, read_json, read_patient_bundle
from cds_service.ehr.prefetch import everything
from cds_service.ehr.stories import STORIES
from cds_service.ehr_commands.doctor import doctor
from cds_service.ehr_commands.fire import client_key, fire
from cds_service.ehr_commands.load import load as load_command
from cds_service.ehr_commands.options import EXPECTED, FILE, HOOKS, Day, exit_status
from cds_service.errors import CannotDraw, IncompatibleDatabase, TemporarilyUnavailable
from cds_service.feedback_report import as_csv, as_ndjson, feedback_table
from cds_service.figures.draw import drawn_alone
from cds_service.knowledge.model import ReviewStatus
from cds_service.knowledge_diff import knowledge_diff
from cds_service.listener import listen
from cds_service.offline import answered
from cds_service.service import CdsService
from cds_service.storage.database import advice_on
from cds_service.storage.store import Store
from cds_service.terminal import Terminal
from cds_service.web.pages.timeline import HOOK as PATIENT_VIEW
from cds_service.web.pages.timeline import timeline_of

_TRY = STORIES / "metformin-neuropathy-untested" / "patient-view.request.json"
_EXPECTED = (*EXPECTED, ServiceUnreachable)


_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
@click.version_option(package_name="b12-cds")
def commands() -> None:
    """A CDS Hooks service for vitamin B12."""


commands.add_command(database)


def main() -> None:
    """The entry point: an expected failure is one clear message and its own exit status, never a traceback."""
    try:
        commands(standalone_mode=True)
    except _EXPECTED as error:
        _fail(_told(error), exit_status(error))


@commands.command()
def serve() -> None:
    """Serve on HOST and PORT, with the settings of the environment."""
    from cds_service import server  # granian is heavy, and no other command needs it

    start = Start.from_environment()  # what is wrong is said here, once, and not by every worker
    listeners = listen(start.settings)
    address = f"http://{start.settings.host}:{start.settings.port}"
    click.echo(f"Serving on {address}  (discovery: {address}/cds-services)\nTry it from another terminal:\n")
    click.echo(f"  {_request_to_try(address)}\n")
    server.serve(start, listeners)


@commands.command(name="services")
def list_services() -> None:
    """The services, their hooks and the data they ask for."""
    table = Table("Service", "Hook", "Required", "Asked for")
    for service in services(checked_knowledge(Settings.from_environment())):
        table.add_row(service.id, service.hook, ", ".join(service.required), ", ".join(service.prefetch))
    Terminal().print(table)


@commands.command()
@click.argument("bundle", type=FILE)
@click.option("--today", type=Day(), help="The day to assess on; otherwise B12_TODAY, otherwise the clock's.")
@click.option("--hook", type=click.Choice(HOOKS), default="patient-view", show_default=True, help="For a Bundle.")
@click.option("--patient", default="", help="The patient's id, where a Bundle holds several.")
@click.option("--json", "as_json", is_flag=True, help="The assessment as the service's answer holds it.")
def assess(bundle: Path, today: date | None, hook: str, patient: str, as_json: bool) -> None:
    """Assess one patient: BUNDLE is a FHIR Bundle, or a hook request as an EHR sends it."""
    settings = Settings.from_environment()
    knowledge = checked_knowledge(settings)
    offered = services(knowledge)
    request = read_json(bundle)
    if not is_hook_request(request):
        request = _request(hook, request, offered, patient)
    answer = answered(request, offered, knowledge, today or settings.today or _clock())
    assessment = answer.get("extension", {}).get(show.ASSESSMENT, {})
    if as_json:
        click.echo(json.dumps(assessment, indent=2, ensure_ascii=False))
        return
    console = Terminal()
    console.print(show.assessment(assessment), show.cards(answer))


@commands.command()
@click.argument("bundle", type=FILE)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="An .svg or .png.")
@click.option("--today", type=Day(), help="The day to assess on; otherwise B12_TODAY, otherwise the clock's.")
@click.option("--patient", default="", help="The patient's id, where a Bundle holds several.")
def timeline(bundle: Path, output: Path, today: date | None, patient: str) -> None:
    """Draw the vitamin B12 timeline of one patient from BUNDLE, a FHIR Bundle or a patient-view request.

    The picture holds the patient's id, results and medicines: keep it as you keep the record.
    """
    if output.suffix.lower() not in (".svg", ".png"):
        raise click.BadParameter(f"{output.name!r} ends in neither .svg nor .png", param_hint="--output")
    settings = Settings.from_environment()
    knowledge = checked_knowledge(settings)
    request = read_json(bundle)
    if not is_hook_request(request):
        request = _request(PATIENT_VIEW, request, services(knowledge), patient)
    drawn = drawn_alone(timeline_of(request, knowledge, today or settings.today or _clock()))
    content = drawn.encode()
    if output.suffix.lower() == ".png":
        from cds_service.figures.png import png  # no other command needs it

        content = png(drawn)
    try:
        output.write_bytes(content)
    except OSError as error:
        raise CannotDraw(f"{output}: cannot be written ({error.strerror}).") from error


@commands.command()
@click.argument("folders", nargs=-1, required=True, type=_FOLDER, metavar="FOLDER...")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="A .md file; else the terminal.")
@click.option("--today", type=Day(), help="The day to assess on; otherwise B12_TODAY, otherwise the clock's.")
def cards(folders: tuple[Path, ...], output: Path | None, today: date | None) -> None:
    """Print every card that the patients in FOLDER get, equal ones once, to be read.

    FOLDER holds hook requests, or FHIR Bundles with one patient each, as .json at any depth. The page holds results,
    dates and file names: keep it as you keep the record.
    """
    settings = Settings.from_environment()
    knowledge = checked_knowledge(settings)
    page = cards_page(folders, services(knowledge), knowledge, today or settings.today or _clock())
    if output is None:
        click.echo(page, nl=False)
        return
    try:
        output.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UnusableFile(f"{output}: cannot be written ({error.strerror}).") from error


@commands.command(name="check-knowledge")
@click.argument("folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path))
def check_knowledge(folder: Path | None) -> None:
    """Check the packaged knowledge, with the files of FOLDER laid over it; explains every error."""
    knowledge = checked_knowledge(Settings(knowledge_dir=folder))
    table = Table("What", "How many", title=f"Knowledge {knowledge.version}", title_justify="left")
    kinds = ("analytes", "tests", "medicines", "conditions", "specimens")
    for name in ("rules", *kinds, "regimens", "parameter_files", "sources"):
        table.add_row(name.replace("_files", "s"), str(len(getattr(knowledge, name))))
    for name in kinds:
        table.add_row(f"codes of {name}", str(len(getattr(knowledge, f"{name}_by_code"))))
    reviews, today = knowledge.reviews, _clock()
    table.add_row("files approved by clinicians", f"{sum(r.status is ReviewStatus.APPROVED for r in reviews)}")
    table.add_row("files that no clinician has reviewed", f"{sum(r.reviewed is None for r in reviews)}")
    table.add_row("files whose review is overdue", f"{sum(r.is_overdue(today) for r in reviews)}")
    Terminal().print(table)


@commands.command()
@click.argument("url")
@click.option("--json", "as_json", is_flag=True, help="The results, for a program.")
@click.option("--token-file", type=FILE, help="A file that holds the bearer token to send.")
@click.option("--origin", default=report.SANDBOX, show_default=True, help="The origin of a client in a browser.")
def conformance(url: str, as_json: bool, token_file: Path | None, origin: str) -> None:
    """Check the CDS service at URL, ours or another's, against CDS Hooks; fails where a SHALL does not hold.

    It is sent a synthetic patient, faulty requests, and feedback on its cards.
    """
    token = token_file.read_text(encoding="utf-8").strip() if token_file else ""
    found = report.examine(url, token, origin)
    if as_json:
        click.echo(json.dumps(report.as_json(found, url), indent=2, ensure_ascii=False))
    else:
        Terminal().print(report.as_table(found, url))
    sys.exit(0 if report.conforms(found) else 1)


@commands.group(invoke_without_command=True)
@click.option("--comments", is_flag=True, help="Show what clinicians wrote: it may hold patient data.")
@click.pass_context
def feedback(context: click.Context, comments: bool) -> None:
    """What clinicians did with the cards of each rule: the last state of each card, reasons and comments."""
    if context.invoked_subcommand is None:
        settings = Settings.from_environment()
        found = Store(settings.database_url).feedback_by_rule()
        Terminal().print(feedback_table(found, checked_knowledge(settings), with_comments=comments))


@feedback.command()
@click.option("--format", "kind", type=click.Choice(["csv", "ndjson"]), default="csv", show_default=True)
@click.option("--comments", is_flag=True, help="With what clinicians wrote: it may hold patient data.")
def export(kind: str, comments: bool) -> None:
    """Write every item of feedback to standard output, with the rules of its card."""
    records = Store(Settings.from_environment().database_url).feedback_history()
    write = as_csv if kind == "csv" else as_ndjson
    click.echo(write(records, with_comments=comments), nl=False)


@feedback.command()
def purge() -> None:
    """Delete feedback older than B12_FEEDBACK_DAYS, and the cards of that time."""
    settings = Settings.from_environment()
    before = datetime.now(UTC) - timedelta(days=settings.feedback_days)
    gone = Store(settings.database_url).purge_feedback(before)
    click.echo(f"{gone} items of feedback from before {before.date()} are deleted.")


@commands.command(name="diff-knowledge")
@click.argument("a", default="-")
@click.argument("b", default="-")
@click.option("--stories", type=_FOLDER, default=STORIES, help="The patients to try both on; otherwise ours.")
@click.option("--json", "as_json", is_flag=True, help="The same as JSON.")
def diff_knowledge(a: str, b: str, stories: Path, as_json: bool) -> None:
    """What differs between A and B: values, rules, and the cards of every story, before and after.

    A and B are folders of your own files, laid over the packaged knowledge; - is the packaged knowledge alone.
    """
    found = knowledge_diff(_overlay(a), _overlay(b), stories)
    click.echo(found.as_json() if as_json else found.as_text())


def _overlay(folder: str) -> Path | None:
    if folder == "-":
        return None
    if not Path(folder).is_dir():
        raise click.BadParameter(f"{folder!r} is no folder; name one with your knowledge files, or - for ours")
    return Path(folder)


def _request(hook: str, bundle: dict[str, Any], offered: Sequence[CdsService], patient: str) -> dict[str, Any]:
    templates = everything(next(service.prefetch for service in offered if service.hook == hook))
    return hook_request(hook, read_patient_bundle(bundle, patient), templates, instance=str(uuid4()))


def _request_to_try(address: str) -> str:
    content = "-H 'Content-Type: application/json'"
    here = Path.cwd()
    file = _TRY.relative_to(here) if _TRY.is_relative_to(here) else _TRY
    return f"curl -s {content} -d {quote(f'@{file}')} {address}/cds-services/b12-patient-view"


def _clock() -> date:
    return datetime.now().astimezone().date()


def _told(error: Exception) -> str:
    """What went wrong; of the database also what it said and what helps, as only its operator reads this."""
    if isinstance(error, TemporarilyUnavailable) and not isinstance(error, IncompatibleDatabase):
        return f"B12_DATABASE_URL: {error} ({error.cause}). {advice_on(error.cause)}"
    return str(error)


def _fail(message: str, status: int) -> NoReturn:
    Terminal(stderr=True).print(message, style="red", markup=False, highlight=False, soft_wrap=True)
    sys.exit(status)


for command in (load_command, fire, doctor, client_key):
    commands.add_command(command)


if __name__ == "__main__":
    main()
