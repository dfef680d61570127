"""`b12-cds fire`: an EHR at a terminal. It opens a chart, shows the cards, applies a suggestion, reports back."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import click
from rich.text import Text

from cds_service.ehr import show
from cds_service.ehr.apply import MADE_UP_USER, Applier, chosen
from cds_service.ehr.chart import BundleChart, Chart, ServerChart
from cds_service.ehr.client_token import Client, ClientKey
from cds_service.ehr.feedback import feedback_item
from cds_service.ehr.moved_dates import moved
from cds_service.ehr.patient_bundle import Json, read_json, read_patient_bundle
from cds_service.ehr.post import CdsServer
from cds_service.ehr_commands.options import FILE, HOOKS, Day, fhir_server, fhir_token, now, today, token_options
from cds_service.terminal import Terminal


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the options say, as they are written there."""

    hook: str
    bundle: Path | None
    fhir: str
    url: str
    patient: str
    tag: str
    user: str
    order: tuple[str, ...]
    select: tuple[str, ...]
    prefetch: str
    written_for: date | None
    apply_: str
    sign: bool
    feedback: Literal["accepted", "overridden"] | None
    card: str
    reason: str
    comment: str
    key: Path | None
    key_id: str
    issuer: str
    jku: str
    tenant: str
    audience: str
    token_file: Path | None
    scope: str
    raw: bool


@click.command()
@click.argument("hook", type=click.Choice(HOOKS))
@click.option("--bundle", type=FILE, help="The patient's record as a file; its draft orders are those being written.")
@click.option("--fhir", default="", metavar="URL", help="The EHR's FHIR R4 server, in place of --bundle.")
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, help="The CDS service's base address.")
@click.option("--patient", default="", help="The patient's id; with --fhir also the name that `load` lists.")
@click.option("--tag", default="demo", show_default=True, help="The tag under which that name was loaded.")
@click.option("--user", default=MADE_UP_USER, show_default=True, metavar="TYPE/ID", help="Who opens the chart.")
@click.option(
    "--order",
    multiple=True,
    metavar="TEXT|FILE.json",
    help="An order being written: 'folic acid 5 mg, 1 tablet daily', or a file; without it, the drafts of the record.",
)
@click.option("--select", multiple=True, metavar="TYPE/ID", help="A selected draft; otherwise all of them are.")
@click.option(
    "--prefetch", default="all", show_default=True, help="all, none, half, or keys with commas (--fhir only)."
)
@click.option(
    "--today", "written_for", type=Day(), help="The day the Bundle was written for; its dates are moved to today."
)
@click.option("--apply", "apply_", default="", metavar="N[.M]", help="Apply suggestion M of card N on the FHIR server.")
@click.option("--sign", is_flag=True, help="With --apply: orders are active at once, as if signed right after.")
@click.option("--feedback", type=click.Choice(["accepted", "overridden"]), help="Report this outcome of a card.")
@click.option(
    "--card", default="", metavar="N[.M]", help="The card of --feedback; otherwise the applied, or the first."
)
@click.option("--reason", default="", metavar="CODE", help="With overridden: one of the card's override reasons.")
@click.option("--comment", default="", help="With overridden: why, in words.")
@click.option("--key", type=FILE, help="A private key (JWK or PEM): calls are signed, as B12_TRUST=required wants it.")
@click.option("--key-id", default="", help="The kid of the key; otherwise the JWK's own, otherwise its thumbprint.")
@click.option("--issuer", default="", help="With --key: the issuer that the service knows this client by.")
@click.option("--jku", default="", help="With --key: where the client's public keys are.")
@click.option("--tenant", default="", help="With --key: the tenant claim.")
@click.option("--audience", default="", help="With --key: the service's B12_EXTERNAL_URL, where it is not --url.")
@token_options
@click.option("--scope", default="patient/*.read", show_default=True, help="The scopes to say that the token has.")
@click.option("--raw", is_flag=True, help="The answer as it came, and nothing else.")
def fire(**options: Any) -> None:
    """Play the EHR: fire HOOK at a running service, for a patient of a Bundle or of a FHIR server; show its cards.

    With --fhir, prefetch is what the service's templates find there, and the service is told the server (and a token,
    if there is one) to read the rest itself.
    """
    wanted = _Wanted(**options)
    _check(wanted)
    service = CdsServer(wanted.url, _signer(wanted))
    chart = _chart(wanted)
    service_id, templates = service.discover(wanted.hook)
    request, notes = chart.request(wanted.hook, templates, instance=str(uuid4()), selected=wanted.select or None)
    status, answer = service.call(service_id, request)
    if wanted.raw:
        click.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        for note in notes:
            _say(note, style="dim")
        Terminal().print(show.cards(answer) if status == 200 else show.problem(status, answer))
    if status != 200:
        sys.exit(1)
    if wanted.apply_ and isinstance(chart, ServerChart):
        _apply(chart, answer, wanted)
    if wanted.feedback is not None:
        _report(service, service_id, answer, wanted)


def _check(wanted: _Wanted) -> None:
    if (wanted.bundle is None) == (not wanted.fhir):
        raise click.UsageError("say whose record: either --bundle FILE, or --fhir URL with --patient ID")
    if wanted.fhir and not wanted.patient:
        raise click.UsageError("--fhir needs --patient ID, or the name that `b12-cds load` lists")
    if not wanted.fhir and (wanted.apply_ or wanted.prefetch != "all"):
        raise click.UsageError("--apply and --prefetch need a server: give --fhir URL")
    if (wanted.key is None) != (not wanted.issuer):
        raise click.UsageError("--key and --issuer go together: a service knows its clients by their issuer")
    if wanted.feedback == "accepted" and not (wanted.apply_ or wanted.card):
        raise click.UsageError("--feedback accepted needs the suggestion: --apply N.M, or --card N.M")


def _chart(wanted: _Wanted) -> Chart:
    if wanted.bundle is not None:
        content = read_json(wanted.bundle)
        if wanted.written_for is not None:
            content = moved(content, today() - wanted.written_for)
        return BundleChart(read_patient_bundle(content, wanted.patient), wanted.user, wanted.order)
    token = fhir_token(wanted.token_file)
    server = fhir_server(wanted.fhir, token)
    return ServerChart(
        server, wanted.patient, wanted.tag, wanted.user, wanted.order, wanted.prefetch, token, wanted.scope
    )


def _signer(wanted: _Wanted) -> Callable[[str], str]:
    """Tokens for each address that is called, or none."""
    if wanted.key is None:
        return lambda _endpoint: ""
    client = Client(ClientKey.read(wanted.key, wanted.key_id), wanted.issuer, wanted.jku, wanted.tenant)
    base = wanted.url.rstrip("/").removesuffix("/cds-services").rstrip("/")
    audience = (wanted.audience or base).rstrip("/").removesuffix("/cds-services").rstrip("/")
    return lambda endpoint: client.token(audience + endpoint.removeprefix(base), now())


def _apply(chart: ServerChart, answer: Mapping[str, Any], wanted: _Wanted) -> None:
    _, suggestion = chosen(answer, wanted.apply_)
    done = Applier(chart.server, chart.patient, sign=wanted.sign).apply(suggestion)
    _say(f"Applied: {suggestion.get('label')}")
    for one in done:
        _say(f"  {one.action} {one.what}: {one.answered}")


def _report(service: CdsServer, service_id: str, answer: Mapping[str, Any], wanted: _Wanted) -> None:
    card, suggestion = chosen(answer, wanted.card or wanted.apply_ or "1")
    accepted = wanted.feedback == "accepted"
    item = feedback_item(card, suggestion if accepted else None, now(), reason=wanted.reason, comment=wanted.comment)
    status, said = service.feedback(service_id, [item])
    _say(f"Feedback ({wanted.feedback}): {status}{_plainly(said)}")
    if not 200 <= status < 300:
        sys.exit(1)


def _plainly(said: Json) -> str:
    return f" {json.dumps(said, ensure_ascii=False)[:500]}" if said else ""


def _say(line: str, style: str = "") -> None:
    Terminal(highlight=False).print(Text(line, style=style), soft_wrap=True)


@click.command(name="client-key")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--issuer", default="https://ehr.example.org/fhir", show_default=True)
def client_key(file: Path, issuer: str) -> None:
    """Make a key for --key of `fire`: the private half into FILE, and what the service's file of clients needs."""
    key = ClientKey.new()
    try:
        file.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        raise click.BadParameter(f"{file} is there already; a key is never written over", param_hint="FILE") from None
    except OSError as error:
        raise click.BadParameter(f"{file} cannot be written ({error.strerror})", param_hint="FILE") from None
    file.write_text(json.dumps(key.private_jwk(), indent=1) + "\n", encoding="utf-8")
    click.echo(
        f"# The private key is in {file}: keep it. For the file that B12_CLIENTS names:\n"
        "clients:\n"
        "  - id: my-ehr\n"
        f"    issuer: {json.dumps(issuer)}\n"
        f"    keys: [{json.dumps(key.public_jwk())}]\n"
        "    services: [b12-patient-view, b12-order-select, b12-order-sign]"
    )
