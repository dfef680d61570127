"""Which browser pages may read our answers: listed origins, for every route, preflight and error."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Flask
from flask_cors.core import get_cors_headers, get_cors_options
from werkzeug.datastructures import Headers

from cds_service.config import Settings


def cors_options(settings: Settings) -> dict[str, Any]:
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
    options = get_cors_options(app, cors_options(settings))
    headers = get_cors_headers(options, Headers({"Origin": origin}), "POST")
    return [(name, str(value)) for name, value in headers.items()]
