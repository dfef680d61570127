"""Forms that a browser posts without JavaScript: their fields as text. All other bodies of this service are JSON."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import TypeVar

from flask import current_app, request
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from cds_service.errors import InvalidHookRequest

_TYPES = ("multipart/form-data", "application/x-www-form-urlencoded")
_MARK = "takes_a_form"
_MOST_PARTS = 20
_View = TypeVar("_View", bound=Callable[..., object])


def takes_a_form(view: _View) -> _View:
    """Marks a view that may be sent a form; every other is sent JSON, or refuses."""
    setattr(view, _MARK, True)
    return view


def is_expected_form() -> bool:
    """Whether the request is a form, and goes to a view that takes one."""
    view = current_app.view_functions.get(request.endpoint or "")
    return request.mimetype in _TYPES and getattr(view, _MARK, False) is True


def form_fields(body: bytes) -> dict[str, str]:
    """The fields of the current request's form, files among them; `body` was read already.

    Raises:
        InvalidHookRequest: it is no form, too large a part of one, or a part is not UTF-8.
    """
    parser = FormDataParser(_in_memory, max_form_memory_size=len(body) + 1, max_form_parts=_MOST_PARTS, silent=False)
    try:
        _, fields, files = parser.parse(BytesIO(body), request.mimetype, len(body), request.mimetype_params)
        sent = {name: file.stream.read().decode("utf-8-sig") for name, file in files.items()}
    except (ValueError, RequestEntityTooLarge) as problem:
        raise InvalidHookRequest([("", "is no form that can be read: its parts must be UTF-8 text")]) from problem
    return {**fields.to_dict(), **{name: text for name, text in sent.items() if text}}


def _in_memory(*_sizes: object, **_named: object) -> BytesIO:
    """Where a file's content is held: by default it would be a file on disk, where a record does not belong."""
    return BytesIO()
