"""Which regimens a site offers: its own stand in for those that hold wherever no site has its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from cds_service.knowledge.model import Regimen
from cds_service.knowledge.schemas.base import did_you_mean


def site_problems(files: Mapping[str, Regimen]) -> Iterator[str]:
    """Every regimen, by path, that stands in for none, for one that another stands in for at the same site, or for one
    that stands in for it."""
    asked_for = _without_site(files.values())
    first: dict[tuple[str, str], str] = {}
    for path, regimen in files.items():
        if regimen.instead_of and (regimen.instead_of == regimen.id or regimen.instead_of not in asked_for):
            mend = did_you_mean(regimen.instead_of, sorted(asked_for.keys() - {regimen.id}))
            yield f"{path}: instead_of: {regimen.instead_of!r} is no other regimen; {mend}"
        for name in regimen.also:
            if asked_for[name] is not regimen:
                yield f"{path}: also: {name!r} stands in {asked_for[name].id}.yaml too; keep it in one of them"
        for site in regimen.sites:
            other = first.setdefault((regimen.instead_of, site), path)
            if other != path:
                yield f"{path}: sites: {other} stands in for {regimen.instead_of!r} at {site!r} too; keep one of them"
    yield from _circles(files, asked_for)


def _circles(files: Mapping[str, Regimen], asked_for: Mapping[str, Regimen]) -> Iterator[str]:
    """Regimens of a site that stand in for each other: which of them is meant, nobody could tell."""
    told: set[frozenset[str]] = set()
    for path, regimen in files.items():
        for site in regimen.sites:
            ids, at = [regimen.id], asked_for.get(regimen.instead_of)
            while at is not None and at.id not in ids:
                ids.append(at.id)
                at = asked_for.get(at.instead_of) if site in at.sites else None
            if at is regimen and len(ids) > 1 and frozenset(ids) not in told:
                told.add(frozenset(ids))
                circle = " -> ".join([*ids, regimen.id])
                yield f"{path}: instead_of: goes in a circle at {site!r} ({circle}); take it away from one of them"


def regimens_at(site: str, files: Mapping[str, Regimen]) -> dict[str, Regimen]:
    """The regimen that `site` offers under each id that the rules name."""
    own = {regimen.instead_of: regimen for regimen in files.values() if site in regimen.sites}
    return _without_site(files.values()) | own


def _without_site(regimens: Iterable[Regimen]) -> dict[str, Regimen]:
    found = list(regimens)
    return {name: one for one in found for name in one.also} | {one.id: one for one in found}
