"""`python -m cds_service.conformance`: write docs/conformance.md, or check it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from cds_service.conformance.page import check, write
from cds_service.conformance.requirements import InvalidRequirements

_ROOT = Path(__file__).parent.parent.parent


@click.command()
@click.option("--check", "only_check", is_flag=True, help="Write nothing; fail where a page is stale or a point open.")
@click.option("--root", type=click.Path(path_type=Path, file_okay=False, exists=True), default=_ROOT)
def main(only_check: bool, root: Path) -> None:
    """Write the page of conformance, or check it."""
    problems: list[str] = []
    try:
        if only_check:
            problems = check(root)
        else:
            write(root)
    except InvalidRequirements as error:
        problems = [str(error)]
    for problem in problems:
        click.echo(problem, err=True)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
