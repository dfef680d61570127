"""Spoil every piece of every scene's input, one at a time, and say whether the cards ever fall silent.

    python -m tests.spec.silence --page              all of it (`make silence`), and docs/never-silent.md anew
    python -m tests.spec.silence --every 50          each fiftieth trial
    python -m tests.spec.silence --only V-U-57       the trials of one scene; may be given more than once

Prints how many were tried and lists the faults by place and kind; exit code 1 where there is any.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterable

import click

from tests.spec.silence.page import PAGE, page
from tests.spec.silence.tally import Fault, Tally, tally_of

_MOST_SCENES = 5


@click.command(help=__doc__)
@click.option("--every", default=1, type=click.IntRange(min=1), show_default=True, help="Take each Nth trial only.")
@click.option("--jobs", default=1, type=click.IntRange(min=1), show_default=True, help="Processes at work.")
@click.option("--only", "names", multiple=True, help="A scene, such as V-U-57 or child/patient-view.")
@click.option("--page", "writes_page", is_flag=True, help="Write docs/never-silent.md.")
def main(every: int, jobs: int, names: tuple[str, ...], writes_page: bool) -> None:
    """The command."""
    whole, began = Tally(), time.monotonic()
    for tally in tally_of(every, jobs, names):
        whole.add(tally)
        if sys.stderr.isatty():
            click.echo(f"\r{whole.tried.total():,} tried, {len(whole.faults):,} faults", nl=False, err=True)
    seconds = time.monotonic() - began
    click.echo(f"{whole.tried.total():,} tried in {whole.scenes.total()} scenes with a card ({seconds:.0f} s)")
    for verdict, count in whole.verdicts.most_common():
        click.echo(f"{count:>9,}  {verdict}")
    click.echo(f"{whole.exceptions.total():>9,}  of these are exceptions, {len(whole.faults):,} are faults")
    for line in _listed(whole.faults):
        click.echo(line)
    if writes_page and not names:
        PAGE.write_text(page(whole, every), encoding="utf-8")
    sys.exit(bool(whole.faults))


def _listed(faults: Iterable[Fault]) -> Iterable[str]:
    """The faults by place and kind, with the first scenes of each and the rules that were lost."""
    alike: dict[tuple[str, str, str], list[Fault]] = defaultdict(list)
    for fault in sorted(faults):
        alike[fault.field, fault.kind, fault.verdict].append(fault)
    for (place, kind, verdict), found in alike.items():
        scenes = ", ".join(f"{fault.scene} ({fault.lost})" for fault in found[:_MOST_SCENES])
        more = f" and {len(found) - _MOST_SCENES} more" if len(found) > _MOST_SCENES else ""
        yield f"{len(found):>6}  {place}: {kind}: {verdict}: {scenes}{more}"


if __name__ == "__main__":
    main()
