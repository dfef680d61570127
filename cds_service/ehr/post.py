"""Talking to a CDS service as an EHR does. The address is the one its user typed, so no allow-list stands before it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

from cds_service.ehr.patient_bundle import Json

_HEADERS = {"Accept": "application/json", "Content-Type": "application/json"}
_TIMEOUT_SECONDS = 10.0


class ServiceFailed(Exception):
    """A CDS service could not be reached, or gave no JSON object; the message says what to look at."""


def discover(base: str, hook: str) -> tuple[str, Mapping[str, str]]:
    """The id and the prefetch templates of the first service at `base` that answers `hook`.

    Raises:
        ServiceFailed: discovery fails, or has no service for this hook.
    """
    status, found = exchange("GET", f"{base}/cds-services")
    offered = found.get("services")
    if status != 200 or not isinstance(offered, list):
        raise ServiceFailed(f"{base}/cds-services answered {status} and is no CDS Hooks discovery.")
    for service in offered:
        if isinstance(service, dict) and service.get("hook") == hook and isinstance(service.get("id"), str):
            return service["id"], service.get("prefetch") or {}
    hooks = sorted({str(service.get("hook")) for service in offered if isinstance(service, dict)})
    raise ServiceFailed(f"{base} has no service for {hook!r}; it answers {', '.join(hooks) or 'no hook at all'}.")


def exchange(method: str, url: str, body: Mapping[str, Any] | None = None) -> tuple[int, Json]:
    """Send one request; returns the status and the JSON object of the answer.

    Raises:
        ServiceFailed: nothing answers there, or not with a JSON object.
    """
    address = urlsplit(url)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise ServiceFailed(f"{url!r} is not an address; write it such as http://127.0.0.1:8000.")
    kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
    try:
        with closing(kind(address.hostname, address.port, timeout=_TIMEOUT_SECONDS)) as connection:
            connection.request(method, address.path or "/", json.dumps(body) if body else None, _HEADERS)
            answer = connection.getresponse()
            status, text = answer.status, answer.read()
    except (OSError, HTTPException) as error:
        raise ServiceFailed(f"{address.netloc} does not answer ({error}). Is the service running there?") from error
    try:
        content = json.loads(text)
    except ValueError as error:
        raise ServiceFailed(f"{url} answered {status} with something that is not JSON.") from error
    if not isinstance(content, dict):
        raise ServiceFailed(f"{url} answered {status} with JSON that is no object.")
    return status, content
