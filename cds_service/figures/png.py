"""A drawing as PNG, for what cannot show SVG. Only the command line needs it: the service draws SVG."""

from __future__ import annotations

import resvg_py

from cds_service.errors import CannotDraw
from cds_service.figures.draw import stylesheet

_ZOOM = 2  # sharp on paper and on dense screens
_PROBE = (
    '<svg xmlns="http://www.w3.org/2000/svg" class="timeline" width="40" height="20"><style>{}</style>'
    '<text x="2" y="15">{}</text></svg>'
)


def png(svg: str) -> bytes:
    """The drawing in its light colours.

    Raises:
        CannotDraw: this machine has no font for it, and a picture without its words would be dangerous.
    """
    if _letters_drawn("B12") == _letters_drawn(""):
        raise CannotDraw(
            "A PNG cannot be drawn: this machine has none of the fonts it is set in, so its words would be missing. "
            "Install one (Debian: apt-get install fonts-dejavu-core), or write an .svg, which needs none."
        )
    return resvg_py.svg_to_bytes(svg_string=svg, zoom=_ZOOM)


def _letters_drawn(words: str) -> bytes:
    return resvg_py.svg_to_bytes(svg_string=_PROBE.format(stylesheet(), words))
