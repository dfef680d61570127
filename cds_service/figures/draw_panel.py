"""A panel of results on the sheet: bands, the laboratories' own limits, marks, and as many numbers as there is room."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree import ElementTree as ET

from cds_service.figures.axes import ValueAxis, value_axis
from cds_service.figures.model import Band, Mark, Panel, Shape
from cds_service.figures.sheet import LINE, SMALL, Sheet
from cds_service.figures.svg import add, path
from cds_service.figures.words import fitted, width

_HEIGHT = 112
_BEYOND = 14  # room above for the arrow of a mark beyond the axis
_FOOT = 15  # where marks without a value stand
_R = 4.0
_MANY = 60
_BIN = 8.0
_MOST_LABELS = 24
_MOST_AMONG_MANY = 8
_LEAST_BAND = 11

Box = tuple[float, float, float, float]


def draw_panel(sheet: Sheet, panel: Panel) -> None:
    """Draw it below what is there, and move the sheet's bottom."""
    drawn, left_out = _thinned(sheet, [m for m in panel.marks if m.when.latest >= sheet.axis.first])
    notes = list(panel.notes)
    if left_out:
        notes.append(f"{len(drawn)} of {len(drawn) + left_out} drawn: the extremes of those close together")
    _heading(sheet, panel, notes)
    top = sheet.bottom + (_BEYOND if any(_is_beyond(mark, value_axis(panel, 0, 1)) for mark in drawn) else 4)
    has_foot = any(mark.value is None for mark in drawn)
    foot = top + _HEIGHT
    axis = value_axis(panel, top, foot - 2)
    plot = add(sheet.root, "g", "panel")
    _frame(sheet, plot, panel, axis, foot)
    for mark in drawn:
        _own_range(sheet, plot, mark, axis)
    boxes: list[Box] = []
    for mark in drawn:
        boxes.append(_draw_mark(sheet, plot, mark, axis, foot + _FOOT / 2 + 2))
    _labels(sheet, plot, drawn, axis, boxes, top)
    sheet.bottom = foot + (_FOOT + 4 if has_foot else 0) + 12


def _heading(sheet: Sheet, panel: Panel, notes: Sequence[str]) -> None:
    sheet.bottom += LINE
    title = f"{panel.title}, {panel.unit}"
    sheet.text(sheet.axis.left, sheet.bottom, title, "title")
    if not notes:
        return
    told = " · ".join(notes)
    x = sheet.axis.left + width(title, 13, is_bold=True) + 14
    if x + width(told, SMALL) > sheet.width:
        sheet.bottom += LINE - 2
        x = sheet.axis.left
    sheet.text(x, sheet.bottom, fitted(told, SMALL, sheet.width - x), "note")


def _frame(sheet: Sheet, plot: ET.Element, panel: Panel, axis: ValueAxis, foot: float) -> None:
    left, right = sheet.axis.left, sheet.axis.right
    for band in panel.bands:
        _band(sheet, plot, band, axis)
    for y, text, is_limit in axis.ticks(panel, SMALL):
        if is_limit or not sheet.is_narrow:  # there, the bands' names stand in the plot
            add(plot, "line", "limit" if is_limit else "grid", x1=left, x2=right, y1=y, y2=y)
        add(plot, "text", "tick limit-text" if is_limit else "tick", text, x=left - 5, y=y + 4, text_anchor="end")
    add(plot, "line", "edge", x1=left, x2=right, y1=foot, y2=foot)


def _band(sheet: Sheet, plot: ET.Element, band: Band, axis: ValueAxis) -> None:
    top = axis.top if band.below is None else axis.y(band.below)
    bottom = axis.bottom + 2 if band.above is None else axis.y(band.above)
    left, right = sheet.axis.left, sheet.axis.right
    if bottom - top < 1:
        return
    add(plot, "rect", f"band {band.tone.value}", x=left, y=top, width=right - left, height=bottom - top)
    if bottom - top < _LEAST_BAND:
        return
    y = (top + bottom) / 2 + 4
    if sheet.is_narrow:
        add(plot, "text", "band-label", band.label, x=left + 4, y=y)
    else:
        add(plot, "text", "band-label", fitted(band.label, SMALL, sheet.width - right - 8), x=right + 8, y=y)


def _own_range(sheet: Sheet, plot: ET.Element, mark: Mark, axis: ValueAxis) -> None:
    x = sheet.axis.x(mark.when.latest)
    for limit in (mark.own_low, mark.own_high):
        if limit is not None and axis.low <= float(limit) <= axis.high:
            y = axis.y(limit)
            add(plot, "line", "own", x1=x - 8, x2=x + 8, y1=y, y2=y)


def _draw_mark(sheet: Sheet, plot: ET.Element, mark: Mark, axis: ValueAxis, foot: float) -> Box:
    tentative = " tentative" if mark.is_tentative else ""
    group = sheet.told(plot, mark.row, f"mark {mark.shape.value}{tentative}")
    x, y = sheet.axis.x(mark.when.latest), foot if mark.value is None else axis.y(mark.value)
    if not mark.when.is_exact:
        begins = sheet.axis.x(mark.when.earliest)
        add(group, "path", "span", d=f"M{begins:.1f} {y:.1f}H{x:.1f}M{begins:.1f} {y - 3:.1f}v6M{x:.1f} {y - 3:.1f}v6")
        x = (begins + x) / 2
    if mark.row.rules or mark.row.is_counted:
        add(group, "circle", "ring", cx=x, cy=y, r=_R + 4)
    draw_shape(group, mark.shape, x, y)
    if _is_beyond(mark, axis):
        add(group, "path", "beyond", d=path([(x - 3, y - 6), (x, y - 10), (x + 3, y - 6)], closed=False))
    return (x - _R, y - _R, x + _R, y + _R)


def draw_shape(group: ET.Element, shape: Shape, x: float, y: float) -> None:
    """The sign of a result around a point; a triangle points to where the true value lies."""
    r = _R
    match shape:
        case Shape.EXACT:
            add(group, "circle", cx=x, cy=y, r=r)
        case Shape.BELOW:
            add(group, "path", d=path([(x - r - 1, y), (x + r + 1, y), (x, y + 8)]))
        case Shape.ABOVE:
            add(group, "path", d=path([(x - r - 1, y), (x + r + 1, y), (x, y - 8)]))
        case Shape.IN_WORDS:
            add(group, "path", d=path([(x, y - r - 1), (x + r + 1, y), (x, y + r + 1), (x - r - 1, y)]))
        case Shape.NOT_USED:
            add(group, "path", d=f"M{x - r:.1f} {y - r:.1f}l{2 * r} {2 * r}m0 {-2 * r}l{-2 * r} {2 * r}")


def _labels(
    sheet: Sheet, plot: ET.Element, marks: Sequence[Mark], axis: ValueAxis, boxes: Sequence[Box], top: float
) -> None:
    """Numbers beside the marks: those that count first, then the newest; none over another, and none over a mark."""
    taken = list(boxes)
    labelled = [pair for pair in zip(marks, boxes, strict=True) if pair[0].shape is not Shape.NOT_USED]
    labelled.sort(key=lambda pair: (_weight(pair[0], axis), pair[0].when.order), reverse=True)
    left = _MOST_LABELS if len(marks) <= _MANY else _MOST_AMONG_MANY
    for mark, box in labelled:
        foot = axis.bottom if mark.value is not None else top + 2 * _HEIGHT
        room = _room(mark.label, box, sheet, (top, foot), [other for other in taken if other is not box])
        if room is None or left == 0:
            continue
        style = "value relied" if mark.row.rules or mark.row.is_counted else "value"
        add(plot, "text", style, mark.label, x=room[0], y=room[3] - 2)
        taken.append(room)
        left -= 1


def _weight(mark: Mark, axis: ValueAxis) -> int:
    return 2 if mark.row.rules or mark.row.is_counted else int(_is_beyond(mark, axis))


def _is_beyond(mark: Mark, axis: ValueAxis) -> bool:
    return mark.value is not None and axis.is_beyond(mark.value)


def _room(label: str, box: Box, sheet: Sheet, heights: tuple[float, float], taken: Iterable[Box]) -> Box | None:
    """A free place above, right, left or below of a mark, or further below."""
    wide = width(label, SMALL, is_bold=True)
    middle, gap = (box[0] + box[2]) / 2, 5
    centre = (box[1] + box[3]) / 2
    top, foot = heights
    places = (
        (middle - wide / 2, box[1] - gap - SMALL),
        (box[2] + gap, centre - SMALL / 2),
        (box[0] - gap - wide, centre - SMALL / 2),
        (middle - wide / 2, box[3] + gap),
        (middle - wide / 2, box[3] + gap + SMALL),
    )
    taken = list(taken)
    for x, y in places:
        place = (x, y, x + wide, y + SMALL)
        inside = sheet.axis.left <= x and x + wide <= sheet.axis.right and top <= y and y + SMALL <= foot
        if inside and not any(_overlap(place, other) for other in taken):
            return place
    return None


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _thinned(sheet: Sheet, marks: Sequence[Mark]) -> tuple[Sequence[Mark], int]:
    """Of marks that would lie on each other the lowest and the highest; what counts and the newest always stay."""
    if len(marks) <= _MANY:
        return marks, 0
    kept: dict[int, None] = {}
    extremes: dict[tuple[int, bool, Shape | None], int] = {}
    for index, mark in enumerate(marks):
        if mark.row.rules or mark.row.is_counted or index == len(marks) - 1:
            kept[index] = None
            continue
        place = int(sheet.axis.x(mark.when.latest) // _BIN)
        for is_lowest in (True, False):
            key = (place, is_lowest, mark.shape if mark.value is None else None)
            other = extremes.get(key)
            if other is None or _is_more(mark, marks[other], is_lowest):
                extremes[key] = index
    chosen = sorted({*kept, *extremes.values()})
    return [marks[index] for index in chosen], len(marks) - len(chosen)


def _is_more(mark: Mark, other: Mark, is_lowest: bool) -> bool:
    if mark.value is None or other.value is None:
        return False
    return mark.value < other.value if is_lowest else mark.value > other.value
