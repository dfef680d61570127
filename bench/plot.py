"""The plot of docs/performance.svg: CPU time of a request against the resources in it, both on logarithmic axes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from xml.etree import ElementTree as ET

from cds_service.figures.svg import NAMESPACE, add, path

_WIDTH, _HEIGHT = 720.0, 420.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 64.0, 520.0, 24.0, 372.0
_STYLE = """
text { font: 13px system-ui, sans-serif; fill: #333 }
.grid { stroke: #ddd } .line { fill: none; stroke-width: 2 }
.s0 { --c: #777 } .s1 { --c: #777; stroke-dasharray: 4 3 } .s2 { --c: #0b5cad } .s3 { --c: #3a8fd8 }
.s4 { --c: #7a4fb5 } .s5 { --c: #b34700 } .s6 { --c: #22755a }
.line { stroke: var(--c) } .dot, .name { fill: var(--c) }
@media (prefers-color-scheme: dark) {
  text { fill: #ddd } .grid { stroke: #444 }
  .s0, .s1 { --c: #aaa } .s2 { --c: #7db9f5 } .s3 { --c: #a8d2ff } .s4 { --c: #c9aaf2 }
  .s5 { --c: #ffab70 } .s6 { --c: #7fd6b4 }
}
"""


def plot(cost: Mapping[tuple[str, int], float]) -> str:
    """An SVG; `cost` is the CPU time in milliseconds by contender and size."""
    names = list(dict.fromkeys(name for name, _ in cost))
    sizes = sorted({size for _, size in cost})
    low, high = math.floor(math.log10(min(cost.values()))), math.ceil(math.log10(max(cost.values())))

    def x(size: float) -> float:
        first, last = math.log10(sizes[0]), math.log10(sizes[-1])
        return _LEFT + (math.log10(size) - first) / ((last - first) or 1) * (_RIGHT - _LEFT)

    def y(milliseconds: float) -> float:
        return _BOTTOM - (math.log10(milliseconds) - low) / (high - low) * (_BOTTOM - _TOP)

    ET.register_namespace("", NAMESPACE)
    said = "CPU time of a request in milliseconds, by the resources in it"
    root = ET.Element("svg", xmlns=NAMESPACE, viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}", role="img")
    add(root, "title", text=said)
    add(root, "style", text=_STYLE)
    for power in range(low, high + 1):
        add(root, "line", "grid", x1=_LEFT, x2=_RIGHT, y1=y(10**power), y2=y(10**power))
        add(root, "text", text=f"{10.0**power:g}", x=_LEFT - 8, y=y(10**power) + 4, text_anchor="end")
    for size in sizes:
        add(root, "line", "grid", x1=x(size), x2=x(size), y1=_TOP, y2=_BOTTOM)
        add(root, "text", text=str(size), x=x(size), y=_BOTTOM + 18, text_anchor="middle")
    add(root, "text", text=said, x=_LEFT, y=_HEIGHT - 10)
    ends = sorted((y(cost[name, sizes[-1]]), name) for name in names)
    placed = -math.inf
    for at, name in ends:
        number = names.index(name)
        points = [(x(size), y(cost[name, size])) for size in sizes]
        group = add(root, "g", f"s{number}")
        add(group, "path", "line", d=path(points, closed=False))
        for px, py in points:
            add(group, "circle", "dot", cx=px, cy=py, r=3.5)
        placed = max(at + 4, placed + 16)
        add(group, "text", "name", text=name, x=_RIGHT + 10, y=placed)
    return ET.tostring(root, encoding="unicode") + "\n"
