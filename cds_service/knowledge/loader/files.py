"""Which files make up the knowledge: ours, and a site's own laid over them path by path."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from cds_service.config import DEFAULT_SITE, ENGLISH
from cds_service.errors import InvalidKnowledge
from cds_service.knowledge.schemas import SCHEMAS

SOURCES = "sources.yaml"
OVERRIDE_REASONS = "override-reasons.yaml"
VERSION = "version.yaml"
SENTENCES = "sentences.yaml"
COVERAGE = "coverage.yaml"
PATIENT_PAGE = "patient-page.yaml"
SINGLE_FILES = (SOURCES, OVERRIDE_REASONS, VERSION, SENTENCES, COVERAGE, PATIENT_PAGE)
_HASH_LENGTH = 8


def effective_files(folder: Path, overlay: Path | None) -> dict[str, bytes]:
    """The content of each file by its path within the folder; a file of the overlay takes the place of ours.

    Raises:
        InvalidKnowledge: a folder does not exist, or holds a file that would not be read.
    """
    files: dict[str, bytes] = {}
    problems: list[str] = []
    for place in (folder, overlay):
        if place is None:
            continue
        if not place.is_dir():
            problems.append(f"{place}: is no folder; name the folder that holds the knowledge files")
            continue
        for path in sorted([*place.rglob("*.yaml"), *place.rglob("*.yml")]):
            name = path.relative_to(place).as_posix()
            problem = _misplaced(name)
            if problem:
                problems.append(f"{name}: {problem}")
            else:
                files[name] = path.read_bytes()
    if problems:
        raise InvalidKnowledge(problems)
    return dict(sorted(files.items()))


def _misplaced(name: str) -> str:
    if name.startswith("languages/"):
        language, _, within = name.removeprefix("languages/").partition("/")
        return _misplaced(within) if within else f"is not a file that we read; put it in languages/{language}/<folder>"
    if name.endswith(".yml"):
        return "would not be read; rename it to end in .yaml"
    kind, _, rest = name.partition("/")
    if name in SINGLE_FILES or (kind in SCHEMAS and rest and "/" not in rest):
        return ""
    return f"is not a file that we read; put it in one of {', '.join(SCHEMAS)}"


def version_of(semantic: str, files: Mapping[str, bytes], site: str = DEFAULT_SITE, language: str = ENGLISH) -> str:
    """The version of the knowledge: its own number, a hash over the path and content of every file, site and language.

    The default site and English go without saying.
    """
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        for part in (name.encode(), content.replace(b"\r\n", b"\n")):
            digest.update(len(part).to_bytes(8))  # so that no two sets of files run into one
            digest.update(part)
    at_site = "" if site == DEFAULT_SITE else f".{site}"
    in_language = "" if language == ENGLISH else f".{language}"
    return f"{semantic}+{digest.hexdigest()[:_HASH_LENGTH]}{at_site}{in_language}"
