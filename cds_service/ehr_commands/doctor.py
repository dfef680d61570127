"""`b12-cds doctor`: what of an EHR's data we can use."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from cds_service.config import Settings
from cds_service.ehr.chart import patient_on
from cds_service.ehr.doctor.examine import as_json, examine, report
from cds_service.ehr.doctor.gather import gathered
from cds_service.ehr.doctor.tally import Tally
from cds_service.ehr.patient_bundle import PatientBundle, read_json, read_patient_bundle
from cds_service.ehr_commands.options import fhir_server, fhir_token, today, token_options
from cds_service.knowledge.loader import load
from cds_service.terminal import Terminal

UNHEALTHY = 10
"""The exit status where something of the data should be mended."""


@click.command()
@click.argument("source", metavar="URL|FILE")
@click.option("--patient", default="", help="The patient's id; on a server also the name that `load` lists.")
@click.option("--tag", default="demo", show_default=True, help="The tag under which that name was loaded.")
@click.option("--top", default=15, show_default=True, type=click.IntRange(min=1), help="Rows a table.")
@click.option("--json", "as_program", is_flag=True, help="All rows, for a program.")
@token_options
def doctor(source: str, patient: str, tag: str, top: int, as_program: bool, token_file: Path | None) -> None:
    """Tell what of a patient's data we can use: on the FHIR server at URL, or in a Bundle in FILE.

    Counts and examples of codes, units, dates, statuses and shapes, and what is not valid FHIR; at the end, what to
    do. No name of the patient is shown. Ends with 0 if nothing should be mended, with 10 otherwise.
    """
    settings = Settings.from_environment()
    knowledge = load(
        overlay=settings.knowledge_dir, with_snomed_affiliate=settings.snomed_affiliate, site=settings.site
    )
    record, tally = _record(source, patient, tag, token_file)
    examine(record, knowledge, today(), tally)
    if as_program:
        click.echo(json.dumps(as_json(tally), indent=1, ensure_ascii=False))
    else:
        Terminal().print(report(tally, top))
    sys.exit(0 if tally.is_healthy else UNHEALTHY)


def _record(source: str, patient: str, tag: str, token_file: Path | None) -> tuple[PatientBundle, Tally]:
    if "://" not in source:
        record = read_patient_bundle(read_json(Path(source)), patient)
        return record, Tally(record.of_type("Patient"))
    if not patient:
        raise click.UsageError("a server needs --patient ID, or the name that `b12-cds load` lists")
    server = fhir_server(source, fhir_token(token_file))
    found = patient_on(server, patient, tag)
    tally = Tally([found])
    return gathered(server, found, tally), tally
