"""`b12-cds database`: which tables there are, and bringing them up or down, for whoever runs the service."""

from __future__ import annotations

import contextlib

import click

from cds_service.config import Settings
from cds_service.storage.migration import NOTHING, known_revisions
from cds_service.storage.store import Store


@click.group(invoke_without_command=True)
@click.pass_context
def database(context: click.Context) -> None:
    """Say which revision the database has; fails where it is not the one that this release works with."""
    if context.invoked_subcommand is not None:
        return
    newest = known_revisions()[-1]
    with contextlib.closing(_store()) as store:
        current = store.revision()
        if current == newest:
            store.check()
    click.echo(f"The database has {_named(current)}; this release works with revision {newest}.")
    if current not in known_revisions():
        raise click.ClickException(f"A newer release made it. Run that one, or let it go back to {newest}.")
    if current != newest:
        raise click.ClickException("A start of the service, or b12-cds database migrate, brings it there.")


@database.command()
@click.option("--to", "wanted", metavar="REVISION", help="Such as 0002, or base for no tables; else the newest.")
@click.option("--yes", is_flag=True, help="Going down deletes what the older tables cannot hold: do it.")
def migrate(wanted: str | None, yes: bool) -> None:
    """Bring the database to a revision, up or down, wholly or not at all. Stop the service before going down."""
    known = known_revisions()
    revision = wanted or known[-1]
    if revision not in known:
        raise click.BadParameter(f"{revision!r} is none; write one of {', '.join(known)}", param_hint="--to")
    with contextlib.closing(_store()) as store:
        current = store.revision()
        if current in known and known.index(revision) < known.index(current) and not yes:
            raise click.ClickException(
                f"Going down from {current} to {revision} deletes what its tables cannot hold. Make a copy of the "
                "database, stop the service, and say --yes."
            )
        store.migrate(revision)
    click.echo(f"The database has {_named(revision)}.")


def _store() -> Store:
    return Store(Settings.from_environment().database_url)


def _named(revision: str) -> str:
    return "no tables of ours" if revision == NOTHING else f"revision {revision}"
