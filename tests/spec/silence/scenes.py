"""The requests that are spoiled: of the stories, of the vignettes, and of the shared cases where there are any."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from fixtures.build import stories
from tests.spec.vignettes.build import hook_request
from tests.spec.vignettes.resources import TODAY

_HERE = Path(__file__).resolve()
_FIXTURES = _HERE.parents[3] / "fixtures"
_VIGNETTES = _HERE.parents[1] / "vignettes"


@dataclass(frozen=True, slots=True)
class Scene:
    """A hook request and the day it is assessed on. `source`: which collection it is from."""

    source: str
    name: str
    request: Mapping[str, Any]
    today: date

    @property
    def hook(self) -> str:
        """The hook that is called, whatever becomes of the request."""
        return str(self.request["hook"])


def scenes() -> Iterator[Scene]:
    """All of them, always in the same order."""
    for story in stories():
        for hook in story.hooks:
            sent = _json(_FIXTURES / story.name / f"{hook}.request.json")
            yield Scene("stories", f"{story.name}/{hook}", sent, story.today)
    for path in sorted(_VIGNETTES.glob("*.yaml")):
        if path.name != "words.yaml":
            for told in yaml.safe_load(path.read_text(encoding="utf-8")):
                yield Scene("vignettes", told["id"], hook_request(told), TODAY)
    folder = os.environ.get("B12_SHARED_DIR")
    for path in sorted(Path(folder, "cases").glob("*/request.json")) if folder else ():
        as_of = _json(path.with_name("expected.json"))["asOf"]
        yield Scene("shared cases", path.parent.name, _json(path), date.fromisoformat(as_of))


def _json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content
