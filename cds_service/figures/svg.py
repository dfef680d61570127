"""SVG elements. Everything is written by ElementTree, which escapes every text and attribute."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree as ET

NAMESPACE = "http://www.w3.org/2000/svg"


def add(parent: ET.Element, tag: str, style: str = "", text: str = "", **attributes: float | str) -> ET.Element:
    """A child of `parent`. `style` are classes of the stylesheet; `_` in an attribute's name stands for `-`."""
    written = {name.rstrip("_").replace("_", "-"): _written(value) for name, value in attributes.items()}
    made = ET.SubElement(parent, tag, ({"class": style} if style else {}) | written)
    made.text = text or None
    return made


def path(points: Iterable[tuple[float, float]], closed: bool = True) -> str:
    """The `d` of a path along these points."""
    return "M" + "L".join(f"{_written(x)} {_written(y)}" for x, y in points) + ("Z" if closed else "")


def _written(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.1f}".removesuffix(".0")
