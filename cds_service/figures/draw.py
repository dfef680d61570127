"""A timeline as SVG: the same drawing for the page, at two widths, and as a file of its own."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

from cds_service.figures.axes import TimeAxis
from cds_service.figures.draw_lanes import draw_events, draw_lane
from cds_service.figures.draw_panel import draw_panel, draw_shape
from cds_service.figures.model import Mark, Row, Shape, Timeline
from cds_service.figures.sheet import LINE, SMALL, Sheet
from cds_service.figures.svg import NAMESPACE, add
from cds_service.figures.words import broken, width

WIDE, NARROW = 940, 366  # a desk or a sheet of paper, and a telephone
_STYLESHEET = Path(__file__).with_name("timeline.css")
_AXIS = 20
_WORDS = {
    "exact": "result",
    "below": "true value lies below",
    "above": "true value lies above",
    "in-words": "result in words",
    "not-used": "not used: rest on it for the reason",
    "tentative": "preliminary, or known by its name only",
    "relied": "the assessment rests on it (medicines outlined, events bold)",
    "own": "laboratory’s own limit",
    "certain": "taken",
    "possible": "may have been taken, or counts as treatment",
}


def stylesheet() -> str:
    """The colours and types of a timeline, for a page that shows one."""
    return _STYLESHEET.read_text(encoding="utf-8")


def drawn_for_page(figure: Timeline, name: str, paper: int, anchors: Mapping[Row, str]) -> str:
    """An element for a page with the stylesheet; `name` begins its ids, `anchors` are those of the table's lines."""
    sheet = _sheet(figure, name, paper, anchors)
    sheet.root.set("role", "group")
    _parts(sheet, figure)
    return _finished(sheet)


def drawn_alone(figure: Timeline) -> str:
    """A file of its own: with headline, notes, and the stylesheet in it."""
    sheet = _sheet(figure, "timeline", WIDE, {})
    sheet.root.set("role", "img")
    add(sheet.root, "style", text=stylesheet())
    paper = add(sheet.root, "rect", "paper", x=0, y=0, width="100%", height="100%")
    paper.set("fill", "#ffffff")
    sheet.bottom = 30
    sheet.text(sheet.axis.left, sheet.bottom, figure.headline, "headline")
    sheet.bottom += LINE + 4
    told = f"{figure.patient} · assessed for {figure.today} · knowledge {figure.knowledge_version}"
    sheet.text(sheet.axis.left, sheet.bottom, told, "note")
    sheet.bottom += 8
    _parts(sheet, figure)
    for note in figure.notes:
        for line in textwrap.wrap(note, 130):
            sheet.bottom += LINE
            sheet.text(sheet.axis.left, sheet.bottom, line, "note")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{_finished(sheet)}\n'


def _sheet(figure: Timeline, name: str, paper: int, anchors: Mapping[Row, str]) -> Sheet:
    is_narrow = paper < WIDE
    root = ET.Element("svg", {"class": "timeline", "xmlns": NAMESPACE, "aria-labelledby": f"{name}-title {name}-desc"})
    add(root, "title", text=f"Timeline. {figure.headline}", id=f"{name}-title")
    add(root, "desc", text=_description(figure), id=f"{name}-desc")
    hatch = add(add(root, "defs"), "pattern", id=f"{name}-hatch", width=5, height=5, patternUnits="userSpaceOnUse")
    hatch.set("patternTransform", "rotate(45)")
    add(hatch, "rect", "hatch-paper", width=5, height=5)
    add(hatch, "rect", "hatch", width=1.6, height=5)
    left, right = (38.0, paper - 12.0) if is_narrow else (52.0, paper - 126.0)
    axis = TimeAxis(figure.first, figure.last, left, right)
    return Sheet(root, name, paper, axis, axis.x(figure.today), is_narrow, anchors)


def _description(figure: Timeline) -> str:
    counts = [f"{panel.title}: {len(panel.marks)} results" for panel in figure.panels]
    counts += [f"{lane.title}: {len(lane.bars)} stretches of use" for lane in figure.lanes]
    counts.append(f"{len(figure.events)} events")
    return f"From {figure.first} to {figure.last}. {'; '.join(counts)}. Every fact is in the table."


def _parts(sheet: Sheet, figure: Timeline) -> None:
    times = add(sheet.root, "g", "times")
    above = sheet.bottom + _AXIS
    sheet.bottom = above
    for panel in figure.panels:
        draw_panel(sheet, panel)
    for lane in figure.lanes:
        draw_lane(sheet, lane)
    left_out = draw_events(sheet, figure.events) if figure.events else 0
    if left_out:
        sheet.bottom += LINE - 2
        sheet.text(sheet.axis.left, sheet.bottom, f"and {left_out} more events, in the table", "note")
    below = sheet.bottom + 4
    _times(sheet, times, above, below)
    sheet.bottom = below + _AXIS
    _legend(sheet, figure)


def _times(sheet: Sheet, times: ET.Element, above: float, below: float) -> None:
    today, label = sheet.today_x, "today"
    clear = width(label, SMALL) / 2 + 4
    for x, text in sheet.axis.ticks(58 if sheet.is_narrow else 72):
        add(times, "line", "grid", x1=x, x2=x, y1=above, y2=below)
        half = width(text, SMALL) / 2
        if x - half < 0 or x + half > sheet.width or abs(x - today) < half + clear:
            continue
        for y in (above - 6, below + 14):
            add(times, "text", "tick", text, x=x, y=y, text_anchor="middle")
    add(sheet.root, "line", "today", x1=today, x2=today, y1=above - 3, y2=below + 3)
    for y in (above - 6, below + 14):
        add(times, "text", "tick today-text", label, x=today, y=y, text_anchor="middle")


def _legend(sheet: Sheet, figure: Timeline) -> None:
    """What the signs mean that occur in this picture."""
    x, y = sheet.axis.left, sheet.bottom + LINE
    legend = add(sheet.root, "g", "legend")
    for kind in _kinds(figure):
        first, *more = broken(_WORDS[kind], SMALL, sheet.width - sheet.axis.left - 22)
        wide = 22 + width(first, SMALL) + 16
        if x > sheet.axis.left and (more or x + wide > sheet.width):
            x, y = sheet.axis.left, y + LINE + 2
        _sign(sheet, legend, kind, x + 8, y - 4)
        add(legend, "text", "note", first, x=x + 22, y=y)
        for line in more:
            y += LINE - 2
            add(legend, "text", "note", line, x=sheet.axis.left + 22, y=y)
        x = sheet.width if more else x + wide
    sheet.bottom = y + 8


def _kinds(figure: Timeline) -> Iterator[str]:
    marks = [mark for panel in figure.panels for mark in panel.marks]
    bars = [bar for lane in figure.lanes for bar in lane.bars]
    rows = [mark.row for mark in marks] + [bar.row for bar in bars] + [event.row for event in figure.events]
    shapes = {mark.shape for mark in marks}
    yield from (shape.value for shape in Shape if shape in shapes)
    if any(mark.is_tentative for mark in marks):
        yield "tentative"
    if any(row.rules or row.is_counted for row in rows):
        yield "relied"
    if any(_has_own_range(mark) for mark in marks):
        yield "own"
    if any(bar.is_certain for bar in bars):
        yield "certain"
    if not all(bar.is_certain for bar in bars):
        yield "possible"


def _has_own_range(mark: Mark) -> bool:
    return mark.own_low is not None or mark.own_high is not None


def _sign(sheet: Sheet, legend: ET.Element, kind: str, x: float, y: float) -> None:
    match kind:
        case "own":
            add(legend, "line", "own", x1=x - 8, x2=x + 8, y1=y, y2=y)
        case "certain" | "possible":
            group = add(legend, "g", f"bar {kind}")
            bar = add(group, "rect", x=x - 8, y=y - 5, width=16, height=10)
            if kind == "possible":
                bar.set("fill", f"url(#{sheet.name}-hatch)")
        case "relied":
            group = add(legend, "g", "mark exact relied")
            add(group, "circle", "ring", cx=x, cy=y, r=8)
            draw_shape(group, Shape.EXACT, x, y)
        case "tentative":
            draw_shape(add(legend, "g", "mark exact tentative"), Shape.EXACT, x, y)
        case _:
            draw_shape(add(legend, "g", f"mark {kind}"), Shape(kind), x, y)


def _finished(sheet: Sheet) -> str:
    height = round(sheet.bottom + 12)
    sheet.root.set("viewBox", f"0 0 {sheet.width:.0f} {height}")
    sheet.root.set("width", f"{sheet.width:.0f}")
    sheet.root.set("height", str(height))
    return ET.tostring(sheet.root, encoding="unicode")
