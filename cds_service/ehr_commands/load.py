"""`b12-cds load`: test patients onto a FHIR server, and off it again."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import date
from pathlib import Path

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from cds_service.ehr.clean import Cleaner
from cds_service.ehr.fhir_server import FhirServer
from cds_service.ehr.load import Loaded, Loader
from cds_service.ehr.patient_bundle import UnusableFile
from cds_service.ehr.resource_files import read_files
from cds_service.ehr.stories import STORIES
from cds_service.ehr_commands.options import EXIT_STATUS, Day, fhir_server, fhir_token, today, token_options
from cds_service.errors import FhirRefused
from cds_service.terminal import Terminal

_SHOWN = 40


@click.command()
@click.argument("url")
@click.argument("folders", nargs=-1, type=click.Path(exists=True, path_type=Path))
@click.option("--tag", default="demo", show_default=True, help="What is loaded bears this tag, and is removed by it.")
@click.option("--written-for", type=Day(), help="The day the files were written for; their dates are moved to today.")
@click.option("--clean", is_flag=True, help="Delete what was loaded under the tag, and nothing else.")
@token_options
def load(
    url: str, folders: tuple[Path, ...], tag: str, written_for: date | None, clean: bool, token_file: Path | None
) -> None:
    """Put FOLDERS of Bundles and NDJSON (otherwise the patient stories) on the FHIR R4 server at URL.

    Loading again changes nothing, but for the stories' dates, which move with today. What others keep on the server
    is never touched.
    """
    if clean and folders:
        raise click.UsageError("--clean removes all that bears the tag, so it takes no folders")
    day = today()
    files, others = ([], 0) if clean else read_files(folders or _stories(), day, written_for)
    server = fhir_server(url, fhir_token(token_file))
    if clean:
        _clean(server, tag)
        return
    loader = Loader(server, files, tag, day)
    with _progress() as progress:
        total = sum(map(len, loader.transactions))
        bar = progress.add_task("Loading", total=total)
        for number in loader.run():
            progress.advance(bar, number)
    _show(loader.loaded, tag, others if folders else 0)  # the stories are known to hold other files


def _stories() -> tuple[Path, ...]:
    if not STORIES.is_dir():
        raise UnusableFile(f"{STORIES}: the patient stories are not here; name a folder of Bundles or NDJSON.")
    return (STORIES,)


def _show(loaded: Loaded, tag: str, others: int) -> None:
    console = Terminal(highlight=False)
    table = Table("Patient", "Id on the server", title=f"Patients under the tag {tag}", title_justify="left")
    for name, server_id in list(loaded.patients.items())[:_SHOWN]:
        table.add_row(Text(name), Text(server_id))
    console.print(table)
    if len(loaded.patients) > _SHOWN:
        _say(f"and {len(loaded.patients) - _SHOWN} more patients")
    for what, counts in (
        ("created", loaded.created),
        ("renewed, with the dates of today", loaded.renewed),
        ("there already", loaded.found),
    ):
        if counts:
            _say(f"{counts.total()} {what}: {_by_type(counts)}")
    if loaded.loose:
        _say(
            f"{loaded.loose.total()} references lead to what is not in the files ({_by_type(loaded.loose)}); "
            "they were kept as identifiers, so that they lead to nobody else's resources"
        )
    if others:
        _say(f"{others} JSON files hold no FHIR and were passed over")


def _clean(server: FhirServer, tag: str) -> None:
    cleaner = Cleaner(server, tag)
    with _progress() as progress:
        bar = progress.add_task("Looking", total=len(server.types))
        resources = []
        for _, found in cleaner.find():
            resources += found
            progress.advance(bar)
        bar = progress.add_task("Deleting", total=len(resources))
        for number in cleaner.delete(resources):
            progress.advance(bar, number)
    _say(f"{cleaner.deleted.total()} deleted: {_by_type(cleaner.deleted)}" if resources else _nothing(tag))
    for name in cleaner.left[:_SHOWN]:
        _say(f"{name} bears the tag but no identifier of ours; it was left")
    if cleaner.unsearched:
        kind, why = next(iter(cleaner.unsearched.items()))
        _say(f"{len(cleaner.unsearched)} types could not be searched, such as {kind}: {why}")
    for why in cleaner.refused:
        _say(f"Not deleted: {why}")
    if cleaner.refused or (cleaner.unsearched and not resources):
        sys.exit(EXIT_STATUS[FhirRefused])


def _say(line: str) -> None:
    Terminal(highlight=False).print(line, markup=False, soft_wrap=True)


def _nothing(tag: str) -> str:
    return f"Nothing bears the tag {tag}."


def _by_type(counts: Counter[str]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in sorted(counts.items()))


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=Terminal(stderr=True), transient=True)
