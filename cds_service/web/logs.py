"""Logs: one line of JSON an event, and only with fields from a list; nothing of a patient, a user or a token."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, Final

import structlog

# A field that is not named here is dropped, whoever logs it: what can identify a patient must not depend on care.
ALLOWED: Final = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "request",
        "client",
        "service",
        "status",
        "milliseconds",
        "cards",
        "rules",
        "outcome",
        "knowledge",
        "items",
        "error",
        "where",
        "setting",
        "address",
    }
)
# Libraries that write addresses with patient ids into their log lines.
_SILENCED = ("urllib3", "requests", "werkzeug", "sqlalchemy", "alembic")


def only_allowed(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor that drops every field that is not on the list."""
    return {name: value for name, value in event.items() if name in ALLOWED}


_ENCODER: Final = json.JSONEncoder(sort_keys=True, default=repr)  # made once, unlike that of json.dumps


def _as_json(event: Mapping[str, Any], **_options: Any) -> str:
    return _ENCODER.encode(event)


def set_up_logs(level: str) -> None:
    """Write our events to standard output as JSON lines, and keep libraries from writing patient data to theirs."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            only_allowed,
            structlog.processors.JSONRenderer(serializer=_as_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
        # A line and its end are written at once: unbuffered, other workers' lines would come between the two.
        logger_factory=structlog.WriteLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    for name in _SILENCED:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def where_raised(error: BaseException) -> str:
    """`file.py:line function` of the innermost frame, without its source line or values."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno} {frames[-1].name}" if frames else ""
