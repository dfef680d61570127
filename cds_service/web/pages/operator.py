"""Who may read the operations page: whoever has its password (HTTP Basic, RFC 7617), or this machine's own user."""

from __future__ import annotations

import hmac
import math
import time
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from flask import request

from cds_service.web.rate_limit import RateLimit

TRIES_PER_MINUTE: Final = 30


@dataclass(frozen=True, slots=True)
class Refused:
    """Why the page is not shown, and what HTTP says of it."""

    status: int
    why: str
    headers: dict[str, str]


@dataclass(frozen=True, slots=True)
class OperatorGate:
    """Asks for the password; "" lets everybody in. Any user name will do."""

    password: str = field(repr=False)
    _tries: RateLimit = field(default_factory=lambda: RateLimit(TRIES_PER_MINUTE))

    def refusal(self) -> Refused | None:
        """None where the current request may see the page."""
        if not self.password:
            return None
        given = request.authorization
        if given is None or given.type != "basic":
            return _asking("This page is for whoever runs the service, and asks for its password.")
        wait = self._tries.seconds_to_wait(f"address {request.remote_addr}", time.monotonic())
        if wait:
            seconds = math.ceil(wait)
            return Refused(429, f"Too many tries. Wait {seconds} seconds.", {"Retry-After": str(seconds)})
        if not _is_same(given.password or "", self.password):
            return _asking("That is not the password of this page (B12_OPERATIONS_PASSWORD).")
        return None


def _asking(why: str) -> Refused:
    return Refused(401, why, {"WWW-Authenticate": 'Basic realm="operations", charset="UTF-8"'})


def _is_same(given: str, wanted: str) -> bool:
    """Compared in a time that tells neither how much of it is right nor how long it should be."""
    return hmac.compare_digest(*(sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (given, wanted)))
