"""Every card that a folder of patients gets, on one page, for whoever wants to read what the rules say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

from cds_service.cards.words import in_markdown
from cds_service.ehr.hook_request import hook_request
from cds_service.ehr.patient_bundle import UnusableFile, is_hook_request, read_json, read_patient_bundle
from cds_service.ehr.prefetch import everything
from cds_service.errors import InvalidHookRequest, PatientDataUnavailable, UnknownService
from cds_service.knowledge.model import Knowledge
from cds_service.offline import answered
from cds_service.rule_book.markdown import page
from cds_service.service import CdsService

_PATIENT_VIEW = "patient-view"
_TRACE = "org.b12-cds.trace"
_NOT_ANSWERED = (InvalidHookRequest, PatientDataUnavailable, UnknownService, UnusableFile)
_OPENING = """\
Assessed on {today} with knowledge {version}. {requests} requests got {cards} cards, {different} of them different.
Equal cards stand once, under the rule that speaks first; the other rules of a card stand at its end.

This page holds what the cards hold: results, dates and medicines of patients. Keep it as you keep the record."""


@dataclass(slots=True)
class _Read:
    """What the files of a folder got. `cards` are by what a reader sees of them, each with the names of its files."""

    cards: dict[tuple[int, str], list[str]] = field(default_factory=dict)
    without: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    passed_over: int = 0

    @property
    def answers(self) -> int:
        """How many files were answered."""
        return len({name for names in self.cards.values() for name in names} | set(self.without))


def cards_page(folders: Sequence[Path], offered: Sequence[CdsService], knowledge: Knowledge, today: date) -> str:
    """The page, as Markdown: each different card of all hook requests and Bundles (as patient-view) in `folders`.

    Files that hold neither are passed over and counted; those that get no answer are named with the reason.

    Raises:
        UnusableFile: there is no hook request and no Bundle in the folders.
    """
    read = _Read()
    for folder in folders:
        for path in sorted(folder.rglob("*.json")):
            _read_file(path, str(path.relative_to(folder).with_suffix("")), read, offered, knowledge, today)
    if not read.answers and not read.refused:
        raise UnusableFile(
            f"{', '.join(map(str, folders))}: no .json file here holds a hook request or a FHIR Bundle; "
            "name a folder of requests as an EHR sends them, or of Bundles with one patient each."
        )
    return page(_parts(read, knowledge, today))


def _read_file(
    path: Path, name: str, read: _Read, offered: Sequence[CdsService], knowledge: Knowledge, today: date
) -> None:
    try:
        content = read_json(path)
        if not is_hook_request(content) and content.get("resourceType") != "Bundle":
            read.passed_over += 1
            return
        cards = answered(_request(content, offered), offered, knowledge, today)["cards"]
    except _NOT_ANSWERED as error:
        read.refused.append(f"{in_markdown(name)}: {in_markdown(str(error))}")
        return
    order = list(knowledge.rules)
    for card in cards:
        rules = card["extension"][_TRACE]["rules"]
        read.cards.setdefault((order.index(rules[0]), _card(card, rules)), []).append(name)
    if not cards:
        read.without.append(name)


def _request(content: dict[str, Any], offered: Sequence[CdsService]) -> dict[str, Any]:
    if is_hook_request(content):
        return content
    templates = everything(next(service.prefetch for service in offered if service.hook == _PATIENT_VIEW))
    return hook_request(_PATIENT_VIEW, read_patient_bundle(content), templates, instance=str(uuid4()))


def _card(card: Mapping[str, Any], rules: Sequence[str]) -> str:
    """A card as its reader sees it; what differs from call to call, its ids and the resources, is left out."""
    lines = [f"### {card['indicator']}: {in_markdown(card['summary'])}", "", card.get("detail", ""), ""]
    for suggestion in card.get("suggestions", ()):
        star = " (recommended)" if suggestion.get("isRecommended") else ""
        lines.append(f"- **{in_markdown(suggestion['label'])}**{star}")
    reasons = " / ".join(reason["display"] for reason in card.get("overrideReasons", ()))
    if reasons:
        lines.append(f"- Set aside because: {in_markdown(reasons)}")
    source = card["source"]
    lines.append(f"- Source: {in_markdown(source['label'])}; rules {', '.join(rules)}")
    return "\n".join(lines)


def _parts(read: _Read, knowledge: Knowledge, today: date) -> Iterator[str]:
    counts = {
        "requests": read.answers,
        "cards": sum(map(len, read.cards.values())),
        "different": len(read.cards),
    }
    yield "# Cards"
    yield _OPENING.format(today=today, version=knowledge.version, **counts)
    rules = list(knowledge.rules.values())
    last = -1
    for (place, card), names in sorted(read.cards.items()):
        if place != last:
            yield f"## {rules[place].id}: {rules[place].title}"
        last = place
        yield f"{card}\n- Seen in {len(names)}: {_listed(names)}"
    if read.without:
        yield f"## No card\n\n{len(read.without)}: {_listed(read.without)}"
    if read.refused:
        yield "## Not answered\n\n" + "\n".join(f"- {line}" for line in read.refused)
    if read.passed_over:
        yield f"{read.passed_over} files hold neither a hook request nor a FHIR Bundle and were passed over."


def _listed(names: Iterable[str]) -> str:
    return ", ".join(in_markdown(name) for name in names)
