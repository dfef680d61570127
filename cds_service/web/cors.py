"""Which browser pages may read our answers: listed origins, for every route, preflight and error."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from flask import Flask, Response, request
from flask_cors import CORS
from flask_cors.core import get_cors_headers, get_cors_options
from werkzeug.datastructures import Headers

from cds_service.config import Settings


def allow_origins(app: Flask, settings: Settings) -> None:
    """Answer the pages of the listed origins. Whoever sends no Origin is no page, and is not asked which it is."""
    CORS(app, **_options(settings))
    answer = app.after_request_funcs[None].pop()

    def only_pages(response: Response) -> Response:
        return cast("Response", answer(response)) if "Origin" in request.headers else response

    app.after_request(only_pages)


def _options(settings: Settings) -> dict[str, Any]:
    """Options of flask-cors."""
    return {
        "origins": list(settings.cors_origins),
        "methods": ["GET", "POST", "OPTIONS"],
        "allow_headers": ["Authorization", "Content-Type", "Accept"],
        "max_age": 600,
    }


def cors_headers(app: Flask, settings: Settings, origin: str) -> Iterable[tuple[str, str]]:
    """The headers of an answer that `app` does not give itself, to a page of this origin."""
    if not settings.cors_origins:
        return ()
    options = get_cors_options(app, _options(settings))
    headers = get_cors_headers(options, Headers({"Origin": origin}), "POST")
    return [(name, str(value)) for name, value in headers.items()]
