"""FHIR resources as files hold them: Bundles, single resources and NDJSON, in folders of any depth."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from cds_service.ehr.moved_dates import moved
from cds_service.ehr.patient_bundle import Json, UnusableFile, read_json
from cds_service.facts.dates import parse_day

_LINES = (".ndjson", ".jsonl")
_STORY = "story.yaml"


@dataclass(frozen=True, slots=True)
class FiledResource:
    """A resource, the `fullUrl` that a Bundle gives it ("" for none), and its place in the file, for a person."""

    resource: Json
    full_url: str
    where: str


@dataclass(frozen=True, slots=True)
class ResourceFile:
    """One source of resources. `space` is where its ids are unique: a Bundle alone, or all NDJSON of one folder.

    `is_whole`: whether it belongs together, as a Bundle does. `day`: the day its dates were moved to, if they were.
    """

    space: str
    resources: tuple[FiledResource, ...]
    is_whole: bool
    day: date | None = None


def read_files(paths: Iterable[Path], today: date, written_for: date | None = None) -> tuple[list[ResourceFile], int]:
    """All resources in files and folders, and how many JSON files hold something else than FHIR and were passed over.

    The dates of a patient story move with today; so do those of all other files if they were `written_for` a day.

    Raises:
        UnusableFile: a file cannot be read, or there is no resource at all.
    """
    found: list[ResourceFile] = []
    others = 0
    for root in paths:
        base = root if root.is_dir() else root.parent
        for path in _files(root):
            read = _read_lines(path, base) if path.suffix in _LINES else _read_one(path, base)
            if read is None:
                others += 1
            elif read.resources:
                found.append(_moved(read, path, today, written_for))
    if not found:
        named = ", ".join(map(str, paths)) or "what was given"
        raise UnusableFile(f"{named}: there is no FHIR resource in it. Bundles (.json) and .ndjson files are read.")
    return found, others


def _files(root: Path) -> list[Path]:
    if root.is_file():
        return [root]
    return sorted(path for path in root.rglob("*") if path.suffix in (".json", *_LINES) and path.is_file())


def _read_one(path: Path, base: Path) -> ResourceFile | None:
    content = read_json(path)
    if not isinstance(content.get("resourceType"), str):
        return None
    if content["resourceType"] != "Bundle":
        return ResourceFile(_space(path.parent, base), (FiledResource(content, "", str(path)),), is_whole=False)
    entries = content.get("entry") or []
    if not isinstance(entries, list):
        raise UnusableFile(f"{path}: Bundle.entry must be a list.")
    return ResourceFile(_space(path, base), tuple(_entries(path, entries)), is_whole=True)


def _entries(path: Path, entries: list[Any]) -> Iterator[FiledResource]:
    for index, entry in enumerate(entries):
        where = f"{path}: entry[{index}]"
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if resource is not None:  # an entry may tell to delete something, which has no place here
            full_url = entry.get("fullUrl")
            yield FiledResource(_checked(resource, where), full_url if isinstance(full_url, str) else "", where)


def _read_lines(path: Path, base: Path) -> ResourceFile:
    resources = []
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    where = f"{path}: line {number}"
                    resources.append(FiledResource(_checked(_decoded(line, where), where), "", where))
    except (OSError, UnicodeDecodeError) as error:
        raise UnusableFile(f"{path}: cannot be read ({error}).") from error
    return ResourceFile(_space(path.parent, base), tuple(resources), is_whole=False)


def _decoded(line: str, where: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UnusableFile(f"{where}: is not JSON ({error}). NDJSON holds one whole resource a line.") from error


def _checked(resource: Any, where: str) -> Json:
    if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
        raise UnusableFile(f"{where}: holds no FHIR resource: an object with a resourceType is needed.")
    return resource


def _space(path: Path, base: Path) -> str:
    """A name for the place, of the parts that tell it apart from others: `folder` for `folder/bundle.json`."""
    parts = path.relative_to(base).with_suffix("").parts if path != base else ()
    return "/".join(part for part in parts if part != "bundle") or base.name or "files"


def _moved(read: ResourceFile, path: Path, today: date, written_for: date | None) -> ResourceFile:
    told = _day_of_story(path.with_name(_STORY)) or written_for
    if told is None:
        return read
    by: timedelta = today - told
    kept = tuple(FiledResource(moved(one.resource, by), one.full_url, one.where) for one in read.resources)
    return ResourceFile(read.space, kept, read.is_whole, today)


def _day_of_story(path: Path) -> date | None:
    if not path.is_file():
        return None
    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
        day = told["today"]
        return day if isinstance(day, date) else parse_day(day)
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise UnusableFile(f"{path}: does not say, as `today: 2025-10-01`, for which day it was written.") from error
