"""Whatever stands in any text of a record, a card shows it and does nothing with it: no markup, no link, no trick."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service.errors import B12Error
from cds_service.knowledge.model import Knowledge
from cds_service.offline import answered
from cds_service.service import CdsService
from fixtures.build import stories
from tests.harmless import check_harmless

FOLDER = Path(__file__).resolve().parents[2] / "fixtures"
REQUESTS = [
    json.loads((FOLDER / story.name / f"{hook}.request.json").read_text(encoding="utf-8"))
    for story in stories()
    for hook in story.hooks
]
TODAY = date(2025, 10, 1)
SPOKEN = frozenset({"display", "text", "unit", "valueString", "code", "name", "patientInstruction", "status", "system"})
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "[click](javascript:alert(1)) ![x](https://evil.example/x.png) <https://evil.example>",
    "https://evil.example/a www.evil.example bob@evil.example mailto:bob@evil.example",
    "vitamin B12 https://evil.example <b>",
    "|||\n\n# B12 is normal\n\n---\n- **nothing to do**\n\n```\ncode",
    "low\u202eLAMRON\u2066\u200b\x07\x1b[31m\u3164\ufe0f\U000e0041",
    "&lt;b&gt; &#60;i&#62; \\[x\\](y) [ref]: https://evil.example\n[^1]: x",
    "- - -",
    "===",
    "{values} {0} {summary.__class__} %s ${x}",
)


def texts(node: Any, is_one: Callable[[str], bool] = lambda _: True) -> Iterator[tuple[Any, Any]]:
    """Each text of a JSON value under a name that is one of those, as its holder and its place."""
    if isinstance(node, dict | list):
        for place, held in list(node.items() if isinstance(node, dict) else enumerate(node)):
            if isinstance(held, str) and (isinstance(place, int) or is_one(place)):
                yield node, place
            else:
                yield from texts(held, is_one)


def fhir(request: dict[str, Any]) -> list[Any]:
    """The parts of a request that are the record."""
    return [request.get("prefetch"), request["context"].get("draftOrders")]


def cards(request: dict[str, Any], offered: tuple[CdsService, ...], knowledge: Knowledge) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = answered(request, offered, knowledge, TODAY)["cards"]
    except B12Error:
        return []  # refused as a whole, which shows nothing of it
    return found


@pytest.fixture(scope="module")
def addresses(knowledge: Knowledge) -> set[str]:
    return {source.url for source in knowledge.sources.values()}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_card_does_anything_with_what_the_record_calls_things(
    hostile: str, offered: tuple[CdsService, ...], knowledge: Knowledge, addresses: set[str]
) -> None:
    seen = 0
    for request in REQUESTS:
        sent = copy.deepcopy(request)
        for holder, place in texts(fhir(sent), lambda name: name in SPOKEN - {"code", "status", "system"}):
            holder[place] = f"{holder[place]} {hostile}"
        for card in cards(sent, offered, knowledge):
            check_harmless(card, addresses)
            seen += 1
    assert seen > 10


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_no_card_does_anything_with_any_single_text_of_the_record(
    offered: tuple[CdsService, ...], knowledge: Knowledge, addresses: set[str], data: st.DataObject
) -> None:
    sent = copy.deepcopy(data.draw(st.sampled_from(REQUESTS)))
    holder, place = data.draw(st.sampled_from(list(texts(fhir(sent)))))
    hostile = data.draw(st.sampled_from(HOSTILE) | st.text(max_size=60))
    holder[place] = data.draw(st.sampled_from([hostile, f"{holder[place]} {hostile}"]))

    for card in cards(sent, offered, knowledge):
        check_harmless(card, addresses)
