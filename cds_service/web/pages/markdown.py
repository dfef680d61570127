"""Markdown of cards, as a tree for the page to build elements from: no HTML is written, so none can be smuggled in."""

from __future__ import annotations

from typing import Any

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

# `html: False` shows tags as text; links with javascript:, data: or file: stay text too. An image would be fetched
# from another server, which would learn that this card is being read.
_READER = MarkdownIt("commonmark", {"html": False, "maxNesting": 20}).enable("table").disable("image")
_CODE = ("code_inline", "code_block", "fence")
_BREAKS = {"softbreak": "\n", "hardbreak": "\n"}


def markdown_tree(text: str) -> list[Any]:
    """The text as nested `[tag, address, children]`, where a child may be a text; links alone have an address."""
    return _children(SyntaxTreeNode(_READER.parse(text)))


def _children(node: SyntaxTreeNode) -> list[Any]:
    drawn: list[Any] = []
    for child in node.children:
        if child.type == "inline":
            drawn.extend(_children(child))
        else:
            drawn.append(_drawn(child))
    return drawn


def _drawn(node: SyntaxTreeNode) -> Any:
    if node.type in _BREAKS:
        return _BREAKS[node.type]
    if node.type in _CODE:
        return ["code", "", [node.content]]
    if not node.tag:
        return node.content
    address = node.attrs.get("href", "") if node.type == "link" else ""
    return [node.tag, str(address), _children(node)]
