"""Bars and columns as SVG, without a word in them: the numbers stand beside, in the table that they are part of.

They fill whatever width their place has, so that one drawing serves a desk, a telephone and paper.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree import ElementTree as ET

from cds_service.figures.svg import NAMESPACE, add

_HEIGHT = 10
_COLUMN = 10
_GAP = 1.5
_TALL = 100


def bar(parts: Iterable[tuple[str, int]], whole: int) -> str:
    """A bar of parts, each with its class and its number, on a scale from 0 to `whole`."""
    drawn = _drawing("parts", 100, _HEIGHT)
    drawn.set("aria-hidden", "true")
    x = 0.0
    for style, number in parts:
        width = 100 * number / max(1, whole)
        if number:
            add(drawn, "rect", style, x=x, y=0, width=width, height=_HEIGHT)
        x += width
    return _written(drawn)


def columns(numbers: Sequence[int], label: str) -> str:
    """A column for each number, the highest as high as the picture; `label` says it all in words."""
    drawn = _drawing("columns", _COLUMN * max(1, len(numbers)), _TALL)
    drawn.set("role", "img")
    drawn.set("aria-label", label)
    for place, number in enumerate(numbers):
        height = _TALL * number / max(1, *numbers)
        add(drawn, "rect", x=place * _COLUMN + _GAP / 2, y=_TALL - height, width=_COLUMN - _GAP, height=height)
    return _written(drawn)


def _drawing(style: str, width: float, height: float) -> ET.Element:
    box = {"class": style, "viewBox": f"0 0 {width:g} {height:g}", "preserveAspectRatio": "none", "xmlns": NAMESPACE}
    return ET.Element("svg", box)


def _written(drawn: ET.Element) -> str:
    return ET.tostring(drawn, encoding="unicode")
