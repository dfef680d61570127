"""One way to reach a CDS service: plain HTTP, nothing followed, nothing taken for granted about what comes back."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 15.0
_MOST_BYTES = 20 * 1024 * 1024


class ServiceUnreachable(Exception):
    """There is no HTTP service at this address; the message says what to look at."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Names of headers are in lower case; `seconds` is how long it took."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    seconds: float = 0.0

    @property
    def json(self) -> Any:
        """The body as JSON, or None where it is none: a check says so where that matters."""
        try:
            return json.loads(self.body.decode("utf-8"))
        except (ValueError, RecursionError):
            return None


@dataclass(frozen=True, slots=True)
class Client:
    """Sends requests to the service at `base`, with a bearer token where one is given."""

    base: str
    token: str = ""

    def send(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Send one request; `body` is sent as it is where it is bytes, and otherwise as JSON.

        Raises:
            ServiceUnreachable: nothing answers there, or not in HTTP.
        """
        secure, host, port, root = _parts(self.base)
        kind = HTTPSConnection if secure else HTTPConnection
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        began = time.perf_counter()
        try:
            with closing(kind(host, port, timeout=_TIMEOUT_SECONDS)) as connection:
                connection.request(method, root + path, content, self._headers(content, headers or {}))
                answer = connection.getresponse()
                text = answer.read(_MOST_BYTES)
        except (OSError, HTTPException) as error:
            raise ServiceUnreachable(f"{self.base} does not answer ({error}). Is it running there?") from error
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, named, text, time.perf_counter() - began)

    def _headers(self, content: bytes | None, more: Mapping[str, str]) -> dict[str, str]:
        headers = {"Accept": "application/json", **({"Content-Type": "application/json"} if content else {})}
        return headers | ({"Authorization": f"Bearer {self.token}"} if self.token else {}) | dict(more)


def _parts(base: str) -> tuple[bool, str, int | None, str]:
    try:
        address = urlsplit(base)
        if address.scheme in ("http", "https") and address.hostname:
            return address.scheme == "https", address.hostname, address.port, address.path
    except ValueError:
        pass
    raise ServiceUnreachable(f"{base!r} is not an address; write it such as http://127.0.0.1:8000.")


def base_of(url: str) -> str:
    """The base address, whether or not it was given with the path of discovery."""
    return url.rstrip("/").removesuffix("/cds-services").rstrip("/")
