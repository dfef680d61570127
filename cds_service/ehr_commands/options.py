"""What the commands for an EHR share: how its server is named and reached, which day it is, how failures exit."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from cds_service.config import Settings
from cds_service.ehr.fhir_server import FhirServer
from cds_service.ehr.patient_bundle import UnusableFile
from cds_service.ehr.post import ServiceFailed
from cds_service.ehr.prefetch import UnsupportedTemplate
from cds_service.errors import (
    AccessRefused,
    B12Error,
    FhirRefused,
    IncompatibleDatabase,
    NotFhir,
    OtherFhirVersion,
    OutboundRefused,
    ServerUnreachable,
    TemporarilyUnavailable,
    TlsFailed,
)
from cds_service.facts.dates import parse_day
from cds_service.outbound.typed_address import TypedAddress

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
HOOKS = ("patient-view", "order-select", "order-sign")
EXIT_STATUS: dict[type[Exception], int] = {
    ServerUnreachable: 3,
    TlsFailed: 4,
    NotFhir: 5,
    OtherFhirVersion: 6,
    AccessRefused: 7,
    FhirRefused: 8,
    UnusableFile: 9,
    IncompatibleDatabase: 12,
    TemporarilyUnavailable: 11,
    OutboundRefused: 2,  # an address or token that was mistyped, as any other wrong option
}
"""How a command ends, by what went wrong; 1 for all else. docs/for-integrators.md tells of them."""

EXPECTED = (B12Error, UnusableFile, UnsupportedTemplate, ServiceFailed)
_Command = TypeVar("_Command", bound=Callable[..., Any])


class Day(click.ParamType[date]):
    """A day on the command line."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day, or an error that shows how to write one."""
        if isinstance(value, date):
            return value
        try:
            return parse_day(value)
        except ValueError:
            self.fail(f"{value!r} is not a day; write it such as 2025-10-01", param, ctx)


def token_options(command: _Command) -> _Command:
    """The options for a token. It is never an argument, which other users of the machine could read."""
    return click.option(
        "--token-file",
        type=FILE,
        help="A file with the bearer token for the FHIR server; otherwise B12_FHIR_TOKEN, otherwise none.",
    )(command)


def fhir_token(token_file: Path | None) -> str:
    """The token to send, "" for none."""
    given = token_file.read_text(encoding="utf-8") if token_file is not None else os.environ.get("B12_FHIR_TOKEN", "")
    return given.strip()


def fhir_server(url: str, token: str) -> FhirServer:
    """The FHIR server at an address that was typed, checked to be one."""
    return FhirServer(TypedAddress(url.rstrip("/").removesuffix("/metadata"), token))


def exit_status(error: Exception) -> int:
    """The status with which a command that failed so ends."""
    return next((status for kind, status in EXIT_STATUS.items() if isinstance(error, kind)), 1)


def today() -> date:
    """B12_TODAY, as for the service itself; otherwise the clock's day."""
    return Settings.from_environment().today or datetime.now().astimezone().date()


def now() -> datetime:
    """The moment, for what is signed."""
    return datetime.now(UTC)
