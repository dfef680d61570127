"""Which regimens a site offers: its own stand in for those that hold wherever no site has its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cds_service.knowledge.model import Regimen
from cds_service.knowledge.schemas.base import did_you_mean


def site_problems(files: Mapping[str, Regimen]) -> Iterator[str]:
    """Every regimen, by path, that stands in for none, or for one that another stands in for at the same site."""
    replaceable = sorted(regimen.id for regimen in files.values() if not regimen.instead_of)
    first: dict[tuple[str, str], str] = {}
    for path, regimen in files.items():
        if not regimen.instead_of:
            continue
        if regimen.instead_of not in replaceable:
            mend = did_you_mean(regimen.instead_of, replaceable)
            yield f"{path}: instead_of: {regimen.instead_of!r} is no regimen that can be stood in for; {mend}"
        for site in regimen.sites:
            other = first.setdefault((regimen.instead_of, site), path)
            if other != path:
                yield f"{path}: sites: {other} stands in for {regimen.instead_of!r} at {site!r} too; keep one of them"


def regimens_at(site: str, files: Mapping[str, Regimen]) -> dict[str, Regimen]:
    """The regimen that `site` offers under each id that the rules name."""
    offered = {name: regimen for name, regimen in files.items() if not regimen.instead_of}
    return offered | {regimen.instead_of: regimen for regimen in files.values() if site in regimen.sites}
