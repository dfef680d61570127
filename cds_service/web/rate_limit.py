"""How often one caller may call: by its identity once that is known, else by the address it calls from.

Each process counts for itself, in memory: a limit of all processes together would need a call elsewhere for each call.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from flask import g, request
from werkzeug.exceptions import TooManyRequests

from cds_service.web.current import current

_MOST_CALLERS: Final = 10_000
_MINUTE: Final = 60.0


@dataclass(slots=True)
class RateLimit:
    """A store of calls for each caller: it holds a minute's worth, and fills up steadily."""

    per_minute: int
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def seconds_to_wait(self, caller: str, now: float) -> float:
        """0 where the caller may call at this moment, which is then counted; else how long until it may."""
        with self._lock:
            calls, since = self._left.pop(caller, (float(self.per_minute), now))
            calls = min(self.per_minute, calls + (now - since) * self.per_minute / _MINUTE)
            is_allowed = calls >= 1
            self._left[caller] = (calls - is_allowed, now)
            if len(self._left) > _MOST_CALLERS:  # forget who has not called for longest
                del self._left[next(iter(self._left))]
            return 0.0 if is_allowed else (1 - calls) * _MINUTE / self.per_minute


def limiting(per_minute: int, blueprint: str) -> Callable[[], None]:
    """A function to run before each request, after it is known who calls: those of `blueprint` are counted.

    A browser's preflight is not: it brings no data, and the call after it is. 0: no limit.
    """
    limit = RateLimit(per_minute)

    def check() -> None:
        if not per_minute:
            return
        sent = current(request)
        if sent.blueprint != blueprint or sent.method == "OPTIONS":
            return
        client = g.caller.client
        caller = f"client {client}" if client else f"address {sent.remote_addr}"
        wait = limit.seconds_to_wait(caller, time.monotonic())
        if wait:
            raise TooManyRequests(retry_after=math.ceil(wait))

    return check
