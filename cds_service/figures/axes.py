"""Where a day or a value lies on the paper, and which of them are written beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from cds_service.figures.model import Panel, Tone

_STEPS_IN_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240)
_STEPS = (1, 2, 5, 10)
# A level on treatment may be ten times the limit, and the limits must stay readable: beyond so many times the highest
# limit a value is drawn at the edge, with its number. How far above it lies tells less where above is well.
_MOST_TIMES_A_LIMIT = 4
_MOST_TIMES_WHERE_ABOVE_IS_WELL = 2
_HEADROOM = 1.12
_ABOVE_LIMITS = 1.3


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """Days from `left` to `right`."""

    first: date
    last: date
    left: float
    right: float

    def x(self, day: date) -> float:
        """Where a day lies; a day outside of the window at its edge."""
        share = (day - self.first).days / max(1, (self.last - self.first).days)
        return self.left + min(1.0, max(0.0, share)) * (self.right - self.left)

    def holds(self, day: date) -> bool:
        return self.first <= day <= self.last

    def ticks(self, least_apart: float) -> Iterator[tuple[float, str]]:
        """The beginnings of years or months, as many as can be read side by side."""
        months = (self.last - self.first).days / 30.44
        room = (self.right - self.left) / least_apart
        step = next((s for s in _STEPS_IN_MONTHS if months / s <= room), _STEPS_IN_MONTHS[-1])
        index = math.ceil((self.first.year * 12 + self.first.month - 1) / step) * step
        while (day := date(index // 12, index % 12 + 1, 1)) <= self.last:
            if day >= self.first:
                yield self.x(day), f"{day:%Y}" if step >= 12 else f"{day:%Y-%m}"
            index += step


@dataclass(frozen=True, slots=True)
class ValueAxis:
    """Values from `low`, at `bottom`, to `high`, at `top`."""

    low: float
    high: float
    top: float
    bottom: float

    def y(self, value: Decimal | float) -> float:
        """Where a value lies; one beyond the axis at its end."""
        share = (float(value) - self.low) / (self.high - self.low)
        return self.bottom - min(1.0, max(0.0, share)) * (self.bottom - self.top)

    def is_beyond(self, value: Decimal) -> bool:
        return float(value) > self.high

    def ticks(self, panel: Panel, least_apart: float) -> Iterator[tuple[float, str, bool]]:
        """The limits of the bands first, then round numbers where there is room: y, text, whether it is a limit."""
        used: list[float] = []
        for value, is_limit in [
            *((limit, True) for limit in reversed(panel.limits)),
            *((n, False) for n in self._round_numbers()),
        ]:
            y = self.y(value)
            if self.low <= float(value) <= self.high and all(abs(y - other) >= least_apart for other in used):
                used.append(y)
                yield y, f"{value.normalize():f}", is_limit

    def _round_numbers(self) -> Iterator[Decimal]:
        raw = (self.high - self.low) / 4
        size = 10 ** math.floor(math.log10(raw))
        step = Decimal(str(next(s * size for s in _STEPS if s * size >= raw)))
        count = math.ceil(self.low / float(step))
        while count * step <= self.high:
            yield count * step
            count += 1


def value_axis(panel: Panel, top: float, bottom: float) -> ValueAxis:
    """From zero, or from a little below the lowest, to above limits and values; far outliers are drawn at the edge."""
    limits = [float(edge) for edge in panel.limits]
    told = [(mark.value, mark.own_low, mark.own_high) for mark in panel.marks]
    numbers = limits + [float(value) for values in told for value in values if value is not None] or [0.0, 1.0]
    if panel.starts_at_zero:
        most = max(numbers)
        is_well = any(band.tone is Tone.CLEAR for band in panel.bands)
        times = _MOST_TIMES_WHERE_ABOVE_IS_WELL if is_well else _MOST_TIMES_A_LIMIT
        cap = times * max(limits) if limits else most
        least = _ABOVE_LIMITS * max(limits, default=0.0)
        return ValueAxis(0.0, max(min(most, cap) * _HEADROOM, least) or 1.0, top, bottom)
    low, high = min(numbers), max(numbers)
    room = (high - low or abs(high) or 1.0) * 0.2
    return ValueAxis(low - room, high + room, top, bottom)
