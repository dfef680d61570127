"""What a change of the knowledge does: the values and rules that differ, and each story's cards before and after."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from cds_service.composition import services
from cds_service.errors import PatientDataUnavailable
from cds_service.knowledge.loader import PACKAGED, load
from cds_service.knowledge.loader.documents import parse
from cds_service.knowledge.loader.files import effective_files
from cds_service.knowledge.model import Knowledge
from cds_service.offline import answered
from cds_service.rule_book.changes import Change, changes
from cds_service.service import CdsService

_ASSESSMENT, _TRACE = "org.b12-cds.assessment", "org.b12-cds.trace"
_REQUEST = ".request.json"


@dataclass(frozen=True, slots=True)
class ShownCard:
    """What a clinician would notice of a card."""

    summary: str
    indicator: str
    rules: tuple[str, ...]
    recommendations: tuple[str, ...]
    suggestions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answered:
    """The status and cards that a story gets; status "" where there was no answer."""

    status: str
    cards: tuple[ShownCard, ...]

    def as_text(self) -> str:
        """A line for the status, and a few for each card."""
        lines = [f"status {self.status or 'none, for lack of data'}", *([] if self.cards else ["    no cards"])]
        for card in self.cards:
            lines.append(f"    {card.indicator}: {card.summary}")
            lines.append(f"      {', '.join(card.rules)}: {', '.join(card.recommendations) or 'recommends nothing'}")
            lines += [f"      offers: {label}" for label in card.suggestions]
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class ChangedStory:
    """A story and hook whose answer differs."""

    story: str
    hook: str
    before: Answered
    after: Answered


@dataclass(frozen=True, slots=True)
class KnowledgeDiff:
    """All that differs between two sets of knowledge. `rules` are those whose own file differs."""

    versions: tuple[str, str]
    values: tuple[Change, ...]
    rules: tuple[str, ...]
    stories: tuple[ChangedStory, ...]
    stories_asked: int

    def as_json(self) -> str:
        """The same as JSON."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False)

    def as_text(self) -> str:
        """The same for a person to read."""
        lines = [f"Knowledge {self.versions[0]} → {self.versions[1]}", "", f"Values that differ: {len(self.values)}"]
        lines += [f"  {v.file}: {v.at}: {v.old or '–'} → {v.new or '–'}" for v in self.values]
        lines += [f"Rules whose file differs: {', '.join(self.rules) or 'none'}"]
        lines += [f"Answers that differ: {len(self.stories)} of {self.stories_asked}"]
        for story in self.stories:
            before, after = story.before.as_text(), story.after.as_text()
            lines += ["", f"{story.story}, {story.hook}", f"  before: {before}", f"  after:  {after}"]
        return "\n".join(lines)


def knowledge_diff(old: Path | None, new: Path | None, stories: Path) -> KnowledgeDiff:
    """The difference between the packaged knowledge with `old` and with `new` laid over it (None: nothing).

    `stories` holds a folder a story, each with `<hook>.request.json` files and a `story.yaml` that names the day.

    Raises:
        InvalidKnowledge: one of the two cannot be used.
    """
    before, after = load(overlay=old), load(overlay=new)
    asked = list(_requests(stories))
    offered_before, offered_after = services(before), services(after)
    found = []
    for story, request, today in asked:
        pair = [
            _answered(request, offered, knowledge, today)
            for offered, knowledge in ((offered_before, before), (offered_after, after))
        ]
        if pair[0] != pair[1]:
            found.append(ChangedStory(story, str(request.get("hook")), *pair))
    values = changes(effective_files(PACKAGED, old), effective_files(PACKAGED, new))
    rules = {_rule_id(change.file) for change in values if change.file.startswith("rules/")}
    versions = (before.version, after.version)
    return KnowledgeDiff(versions, tuple(values), tuple(sorted(rules)), tuple(found), len(asked))


def _rule_id(file: str) -> str:
    return "-".join(file.removeprefix("rules/").split("-")[:3])


def _requests(stories: Path) -> Iterator[tuple[str, dict[str, Any], date]]:
    for path in sorted(stories.glob(f"*/*{_REQUEST}")):
        told = parse((path.parent / "story.yaml").read_text(encoding="utf-8"))
        today = told.get("today") if isinstance(told, Mapping) else None
        if isinstance(today, date):
            yield path.parent.name, json.loads(path.read_text(encoding="utf-8")), today


def _answered(request: Mapping[str, Any], offered: Sequence[CdsService], knowledge: Knowledge, today: date) -> Answered:
    try:
        answer = answered(request, offered, knowledge, today)
    except PatientDataUnavailable:
        return Answered("", ())
    return Answered(answer["extension"][_ASSESSMENT]["status"], tuple(_shown(card) for card in answer["cards"]))


def _shown(card: Mapping[str, Any]) -> ShownCard:
    trace = card["extension"][_TRACE]
    return ShownCard(
        card["summary"],
        card["indicator"],
        tuple(trace["rules"]),
        tuple(trace.get("recommendations", ())),
        tuple(suggestion["label"] for suggestion in card.get("suggestions", ())),
    )
