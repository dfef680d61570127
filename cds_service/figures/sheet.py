"""The paper that parts of a timeline are drawn on, one below the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

from cds_service.figures.axes import TimeAxis
from cds_service.figures.model import Row
from cds_service.figures.svg import add

SMALL = 11
LINE = 16


@dataclass(slots=True)
class Sheet:
    """`bottom` is where the next part begins. `anchors` are the ids of the table's lines, where there is a table."""

    root: ET.Element
    name: str
    width: float
    axis: TimeAxis
    today_x: float
    is_narrow: bool
    anchors: Mapping[Row, str] = field(default_factory=dict)
    bottom: float = 0

    def told(self, parent: ET.Element, row: Row, style: str) -> ET.Element:
        """A group that tells of a row where the mouse rests on it, and leads to its line of the table."""
        relied = " relied" if row.rules or row.is_counted else ""
        anchor = self.anchors.get(row)
        if anchor is None:
            group = add(parent, "g", style + relied)
        else:
            group = add(parent, "a", style + relied, href=f"#{anchor}")
        add(group, "title", text=row.told)
        return group

    def text(self, x: float, y: float, text: str, style: str = "", parent: ET.Element | None = None) -> ET.Element:
        return add(self.root if parent is None else parent, "text", style, text, x=x, y=y)
