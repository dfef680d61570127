"""Pages as HTML: templates that escape whatever is put into them, and the headers that every page is sent with."""

from __future__ import annotations

from pathlib import Path

from flask import Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from cds_service.cards.words import begun

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _breakable(reference: str) -> Markup:
    """A reference, or several, that may go on in a new line after each slash."""
    return Markup("/<wbr>").join(reference.split("/"))


_TEMPLATES.filters |= {"begun": begun, "breakable": _breakable}


def filled(template: str, **shown: object) -> str:
    """A template with values in it; every text among them is escaped."""
    return _TEMPLATES.get_template(template).render(**shown)


def html(text: str, status: int = 200) -> Response:
    """A page as an answer."""
    return Response(text, status, headers=HEADERS, content_type="text/html; charset=utf-8")
