"""Medicines and events on the sheet."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from cds_service.figures.model import Bar, Event, Lane
from cds_service.figures.sheet import LINE, SMALL, Sheet
from cds_service.figures.svg import add, path
from cds_service.figures.words import fitted, width

_BAR = 12
_EVENT = 18
_MOST_EVENT_LINES = 7
_LEAST_BAR = 2


def draw_lane(sheet: Sheet, lane: Lane) -> None:
    """Draw it below what is there, and move the sheet's bottom."""
    sheet.bottom += LINE
    left = sheet.axis.left
    sheet.text(left, sheet.bottom - 1, lane.title, "lane-title")
    beside = left + width(lane.title, 12, is_bold=True) + 12
    sheet.text(beside, sheet.bottom - 1, fitted(lane.names, SMALL, sheet.width - beside), "note")
    top = sheet.bottom + 4
    line = add(sheet.root, "g", "lane")
    middle = top + _BAR / 2
    add(line, "line", "grid", x1=sheet.axis.left, x2=sheet.axis.right, y1=middle, y2=middle)
    for bar in sorted(lane.bars, key=lambda each: each.is_certain):
        _bar(sheet, line, bar, top)
    drawn: set[int] = set()
    for day, row in reversed(lane.doses):
        x = sheet.axis.x(day)
        if sheet.axis.holds(day) and round(x) not in drawn:
            drawn.add(round(x))
            group = sheet.told(line, row, "dose")
            add(group, "line", x1=x, x2=x, y1=top - 2, y2=top + _BAR + 2)
    sheet.bottom = top + _BAR + 6


def _bar(sheet: Sheet, line: ET.Element, bar: Bar, top: float) -> None:
    axis = sheet.axis
    if bar.end is not None and bar.end < axis.first:
        return
    begins = axis.left if bar.start is None else axis.x(bar.start)
    ends = axis.x(bar.end) if bar.end is not None else sheet.today_x
    group = sheet.told(line, bar.row, "bar certain" if bar.is_certain else "bar possible")
    wide = max(_LEAST_BAR, ends - begins)
    middle = top + _BAR / 2
    shape = add(group, "rect", x=begins, y=top, width=wide, height=_BAR)
    if not bar.is_certain:
        shape.set("fill", f"url(#{sheet.name}-hatch)")
    if bar.start is None or bar.start < axis.first:
        tip = [(begins, top), (begins - 6, middle), (begins, top + _BAR)]
        add(group, "path", "open", d=path(tip))
    if bar.end is None:
        end = begins + wide
        add(group, "path", "open", d=path([(end, top), (end + 6, middle), (end, top + _BAR)]))


def draw_events(sheet: Sheet, events: tuple[Event, ...]) -> int:
    """Draw them below what is there, the newest first where they are too many; how many were left out."""
    lines: list[list[tuple[float, float]]] = []
    left_out = 0
    top = sheet.bottom + LINE + 4
    sheet.text(sheet.axis.left, sheet.bottom + LINE - 1, "Events", "lane-title")
    group = add(sheet.root, "g", "events")
    by_weight = sorted(events, key=lambda e: (bool(e.row.rules), e.when.order), reverse=True)
    for event in by_weight:
        place = _place(sheet, event, lines)
        if place is None:
            left_out += 1
            continue
        line, x, text_x, label = place
        _event(sheet, group, event, label, x, text_x, top + line * _EVENT + _EVENT / 2)
    sheet.bottom = top + max(1, len(lines)) * _EVENT + 4
    return left_out


def _place(sheet: Sheet, event: Event, lines: list[list[tuple[float, float]]]) -> tuple[int, float, float, str] | None:
    """On which line there is room for a mark and its words: line, the mark's x, where the words begin, the words."""
    axis = sheet.axis
    x = axis.x(event.when.latest)
    label = event.label if event.when.latest >= axis.first else f"{event.label}, {event.row.when}"
    label = fitted(label, SMALL, (axis.right - axis.left) * 0.7)
    wide = width(label, SMALL, is_bold=True) + 12
    is_left = x + wide > sheet.width - 4
    from_, to = (x - wide - 6, x + 8) if is_left else (min(axis.x(event.when.earliest), x) - 8, x + wide + 6)
    if from_ < 0:
        from_, to, is_left = x - 8, sheet.width, False
        label = fitted(label, SMALL, sheet.width - x - 14)
    for index in range(_MOST_EVENT_LINES):
        if index == len(lines):
            lines.append([])
        if all(to <= begins or from_ >= ends for begins, ends in lines[index]):
            lines[index].append((from_, to))
            return index, x, (x - wide if is_left else x + 10), label
    return None


def _event(sheet: Sheet, parent: ET.Element, event: Event, label: str, x: float, text_x: float, y: float) -> None:
    group = sheet.told(parent, event.row, "event ahead" if event.is_ahead else "event")
    begins = sheet.axis.x(event.when.earliest)
    if x - begins > 1:
        add(group, "path", "span", d=f"M{begins:.1f} {y:.1f}H{x:.1f}M{begins:.1f} {y - 3:.1f}v6")
    if event.when.latest < sheet.axis.first:
        add(group, "path", "dot", d=path([(x + 4, y - 4), (x - 4, y), (x + 4, y + 4)]))
    else:
        add(group, "path", "dot", d=path([(x, y - 5), (x + 4, y), (x, y + 5), (x - 4, y)]))
    add(group, "text", "event-label", label, x=text_x, y=y + 4)
