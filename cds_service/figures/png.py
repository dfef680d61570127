"""A drawing as PNG, for what cannot show SVG. Only the command line needs it: the service draws SVG."""

from __future__ import annotations

import resvg_py

from cds_service.errors import CannotDraw

_ZOOM = 2  # sharp on paper and on dense screens
_LETTERS = '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><text x="2" y="15">{}</text></svg>'


def png(svg: str) -> bytes:
    """The drawing in its light colours.

    Raises:
        CannotDraw: this machine has no font, and a picture without its words would be dangerous.
    """
    with_words, without = (resvg_py.svg_to_bytes(svg_string=_LETTERS.format(words)) for words in ("B12", ""))
    if with_words == without:
        raise CannotDraw(
            "A PNG cannot be drawn: this machine has no font, so its words would be missing. "
            "Install one (Debian: apt-get install fonts-dejavu-core), or write an .svg, which needs none."
        )
    return resvg_py.svg_to_bytes(svg_string=svg, zoom=_ZOOM)
