"""Cards (CDS Hooks 2.0.1, "Card Attributes", "Source" and "Link")."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from cds_service.conformance.check import NotApplicable, check
from cds_service.conformance.shapes import is_absolute, objects, short, text
from cds_service.conformance.visit import Visit

_SUMMARY_LIMIT = 140
_INDICATORS = ("info", "warning", "critical")
_HTML = re.compile(r"<(?:/?[A-Za-z][^>]*|!--.*?--)>", re.DOTALL)
_AUTOLINK = re.compile(r"<(?:https?://|mailto:)[^\s>]*>")


@check("A summary has 1 to 139 characters", "66")
def summaries_are_short(visit: Visit) -> Iterator[str]:
    for name, card in _cards(visit):
        if not 0 < len(text(card.get("summary"))) < _SUMMARY_LIMIT:
            yield f"{name}: {len(text(card.get('summary')))} characters"


@check("An indicator is info, warning or critical", "69")
def indicators_are_known(visit: Visit) -> Iterator[str]:
    for name, card in _cards(visit):
        if card.get("indicator") not in _INDICATORS:
            yield f"{name}: {short(card.get('indicator'))}"


@check("A card names its source with a label", "70", "71")
def sources_are_named(visit: Visit) -> Iterator[str]:
    yield from (f"{name}: there is no source.label" for name, card in _cards(visit) if not text(_source(card, "label")))


@check("A source's topic is a Coding with code and system", "74", "127")
def topics_are_codings(visit: Visit) -> Iterator[str]:
    for name, card in _cards(visit):
        topic = _source(card, "topic")
        if topic is not None and not _is_coding(topic):
            yield f"{name}: topic is {short(topic)}"


@check("Detail is text", "67")
def details_are_text(visit: Visit) -> Iterator[str]:
    for name, card in _cards(visit):
        if "detail" in card and not text(card["detail"]):
            yield f"{name}: {short(card['detail'])}"


@check("Detail holds no HTML", "68")
def details_hold_no_html(visit: Visit) -> Iterator[str]:
    for name, card in _cards(visit):
        found = _HTML.search(_AUTOLINK.sub("", text(card.get("detail"))))
        if found:
            yield f"{name}: {short(found[0])}"


@check("Cards and suggestions have ids of their own, so that feedback can name them", "65", "80")
def ids_are_unique(visit: Visit) -> Iterator[str]:
    counts: Counter[str] = Counter()
    for name, thing in [*_cards(visit), *visit.suggestions()]:
        counts[text(thing.get("uuid"))] += 1
        if not text(thing.get("uuid")):
            yield f"{name}: there is no uuid"
    yield from (f"{uuid} stands {count} times" for uuid, count in counts.items() if uuid and count > 1)


@check("Each override reason is a Coding with code, system and display", "77", "127")
def override_reasons_are_codings(visit: Visit) -> Iterator[str]:
    for name, card in _cards(visit):
        yield from _not_a_list_of_objects(name, card, "overrideReasons")
        for reason in objects(card, "overrideReasons"):
            if not _is_coding(reason) or not text(reason.get("display")):
                yield f"{name}: {short(reason)}"


@check("A link has a label, an address and a type", "78", "90")
def links_are_whole(visit: Visit) -> Iterator[str]:
    for name, card in _cards(visit):
        yield from _not_a_list_of_objects(name, card, "links")
        for link in objects(card, "links"):
            if not text(link.get("label")) or not text(link.get("url")):
                yield f"{name}: a link has no label or no url"
            if link.get("type") not in ("absolute", "smart"):
                yield f"{name}: the type of a link is {short(link.get('type'))}"


@check("appContext is text, and goes with smart links only", "91")
def context_goes_with_smart_links(visit: Visit) -> Iterator[str]:
    for name, card in _cards(visit):
        for link in objects(card, "links"):
            if "appContext" in link and (link.get("type") != "smart" or not text(link["appContext"])):
                yield f"{name}: appContext {short(link['appContext'])} on a link of type {short(link.get('type'))}"


@check("Addresses of sources, icons and links are absolute", "72", "90")
def addresses_are_absolute(visit: Visit) -> Iterator[str]:
    for name, card in _cards(visit):
        given = [_source(card, "url"), _source(card, "icon"), *(link.get("url") for link in objects(card, "links"))]
        yield from (f"{name}: {short(url)}" for url in given if url is not None and not is_absolute(url))


def _source(card: dict[str, Any], member: str) -> Any:
    source = card.get("source")
    return source.get(member) if isinstance(source, dict) else None


def _is_coding(value: Any) -> bool:
    return isinstance(value, dict) and bool(text(value.get("code"))) and bool(text(value.get("system")))


def _not_a_list_of_objects(name: str, card: dict[str, Any], member: str) -> Iterator[str]:
    if member in card and not (isinstance(card[member], list) and len(objects(card, member)) == len(card[member])):
        yield f"{name}: {member} is no list of objects"


def _cards(visit: Visit) -> list[tuple[str, dict[str, Any]]]:
    found = list(visit.cards())
    if not found:
        raise NotApplicable("no card was given for the synthetic patient")
    return found
