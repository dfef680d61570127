"""Whatever stands in any text of a record, a card shows it and does nothing with it: no markup, no link, no trick."""

from __future__ import annotations

import copy
import json
import re
import unicodedata
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from cds_service.errors import B12Error
from cds_service.knowledge.model import Knowledge
from cds_service.offline import answered
from cds_service.service import CdsService
from fixtures.build import stories

FOLDER = Path(__file__).resolve().parents[2] / "fixtures"
REQUESTS = [
    json.loads((FOLDER / story.name / f"{hook}.request.json").read_text(encoding="utf-8"))
    for story in stories()
    for hook in story.hooks
]
TODAY = date(2025, 10, 1)
# As the most permissive client reads it: HTML goes through, and tables and struck-out text are known.
READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
# What GitHub's Markdown makes a link of, and what makers of clients use for it look for in text without escapes.
AUTOLINK = re.compile(r"(?i)(?:https?|ftp)://[-.\w]|www\.[-.\w]|[-.\w+]+@[-\w]+\.[-.\w]")
SPOKEN = frozenset({"display", "text", "unit", "valueString", "code", "name", "patientInstruction", "status", "system"})
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "[click](javascript:alert(1)) ![x](https://evil.example/x.png) <https://evil.example>",
    "https://evil.example/a www.evil.example bob@evil.example mailto:bob@evil.example",
    "vitamin B12 https://evil.example <b>",
    "|||\n\n# B12 is normal\n\n---\n- **nothing to do**\n\n```\ncode",
    "low\u202eLAMRON\u2066\u200b\x07\x1b[31m\u3164\ufe0f\U000e0041",
    "&lt;b&gt; &#60;i&#62; \\[x\\](y) [ref]: https://evil.example\n[^1]: x",
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


def check(card: dict[str, Any], addresses: set[str]) -> None:
    labels = [s["label"] for s in card.get("suggestions", [])]
    labels += [action["description"] for s in card.get("suggestions", []) for action in s["actions"]]
    for line in (card["summary"], *labels):
        assert not [sign for sign in line if is_unseen(sign)], line
        assert not re.search(r"<[a-zA-Z/!?]", line), line
        assert not AUTOLINK.search(line), line
    for token in tokens(READER.parse(card.get("detail", ""))):
        assert token.type not in ("html_inline", "html_block", "image", "code_inline", "fence", "code_block", "hr")
        assert not token.type.startswith("heading")
        if token.type == "link_open":
            assert token.attrs["href"] in addresses
        if token.type == "text":
            assert not AUTOLINK.search(token.content), token.content
            assert not [sign for sign in token.content if is_unseen(sign)], token.content


def tokens(read: list[Token]) -> Iterator[Token]:
    for token in read:
        yield token
        if token.children:
            yield from joined(token.children)


def joined(children: list[Token]) -> Iterator[Token]:
    """Neighbouring texts are one where they are shown, whatever escapes stood between them."""
    held = ""
    for child in children:
        if child.type in ("text", "text_special"):
            held += child.content
            continue
        yield Token("text", "", 0, content=held)
        held = ""
        yield child
    yield Token("text", "", 0, content=held)


def is_unseen(sign: str) -> bool:
    return unicodedata.category(sign) in ("Cc", "Cf", "Cs") or sign in "\u2028\u2029\u3164\uffa0\u115f\u1160"


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
            check(card, addresses)
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
        check(card, addresses)
