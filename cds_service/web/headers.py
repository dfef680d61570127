"""Headers of every answer, whoever makes it: what a browser that gets it must not do with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication

SAFE: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
"""What holds unless an answer says otherwise: a page names what it may load, and what may be kept."""


def with_safe_headers(application: WSGIApplication) -> WSGIApplication:
    """The application, whose every answer carries SAFE where it does not name these headers itself."""

    def called(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None, /) -> Any:
            named = {name.lower() for name, _ in headers}
            return start_response(status, headers + [pair for name, pair in _LOWER if name not in named], exc_info)

        return application(environ, start)

    return called


_LOWER: Final = [(name.lower(), (name, value)) for name, value in SAFE.items()]
