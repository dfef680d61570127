"""Where a client's keys come from: written down by the operator, or fetched from the client and kept for a while."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import structlog

from cds_service.errors import FhirServerFailed, OutboundRefused
from cds_service.outbound.deadline import Deadline
from cds_service.outbound.session import GuardedSession
from cds_service.web.trust.public_keys import UnusableKey, VerificationKey, read_key_set

MAX_JWKS_BYTES: Final = 256 * 1024
FRESH_SECONDS: Final = 600  # after which a key that the client has withdrawn is withdrawn here
STALE_SECONDS: Final = 24 * 3600  # how long keys go on working while the client's endpoint is down
REFRESH_SECONDS: Final = 60  # between two calls, whatever tokens come in: strangers can make up any kid
FIRST_RETRY_SECONDS: Final = 10  # while there are no keys at all

_log = structlog.get_logger()


class KeySource(Protocol):
    """Finds a client's key."""

    def find(self, kid: str, now: datetime, /) -> VerificationKey | None:
        """The key of this id; None where the client has none, or it cannot be had."""

    def state(self) -> KeyState:
        """What there is at this moment, without waiting for a call that is under way."""


@dataclass(frozen=True, slots=True)
class KeyState:
    """A client's keys for whoever runs the service: how many there are, and for fetched ones how old they are.

    `problem` is the kind of error of the last call, "" where it succeeded or there was none.
    """

    number: int
    is_fetched: bool = False
    fetched_at: datetime | None = None
    asked_at: datetime | None = None
    problem: str = ""


class ListedKeys:
    """Keys that the operator agreed with the client (CDS Hooks 2.0.1: without `jku`, keys are shared out of band)."""

    def __init__(self, keys: Mapping[str, VerificationKey]) -> None:
        self._keys = dict(keys)

    def find(self, kid: str, _now: datetime, /) -> VerificationKey | None:
        """The key of this id."""
        return self._keys.get(kid)

    def state(self) -> KeyState:
        """How many keys are listed."""
        return KeyState(len(self._keys))


class FetchedKeys:
    """The keys at a client's registered address, which is the only address that is ever asked for them."""

    def __init__(self, client: str, url: str, session: GuardedSession, deadline_seconds: float) -> None:
        self._client = client
        self._url = url
        self._session = session
        self._deadline_seconds = deadline_seconds
        self._lock = threading.Lock()
        self._keys: dict[str, VerificationKey] = {}
        self._fetched_at: datetime | None = None
        self._asked_at: datetime | None = None
        self._problem = ""

    def find(self, kid: str, now: datetime, /) -> VerificationKey | None:
        """The key of this id; an unknown id, or old keys, lead to one call at most, and not more often than allowed.

        A key that is known waits for no call that somebody else's unknown id, or the age of the keys, has led to: the
        endpoint may be slow. One that is unknown does, as that call may bring it.
        """
        known = self._keys.get(kid) if _within(self._fetched_at, STALE_SECONDS, now) else None
        if known is not None and (_within(self._fetched_at, FRESH_SECONDS, now) or self._lock.locked()):
            return known
        with self._lock:
            is_fresh = _within(self._fetched_at, FRESH_SECONDS, now)
            if not (is_fresh and kid in self._keys) and self._may_ask(now):
                self._fetch(now)
            return self._keys.get(kid) if _within(self._fetched_at, STALE_SECONDS, now) else None

    def state(self) -> KeyState:
        """What was last known: each value is replaced as a whole, so none is half read without the lock."""
        return KeyState(len(self._keys), True, self._fetched_at, self._asked_at, self._problem)

    def _may_ask(self, now: datetime) -> bool:
        pause = FIRST_RETRY_SECONDS if self._fetched_at is None else REFRESH_SECONDS
        return not _within(self._asked_at, pause, now)

    def _fetch(self, now: datetime) -> None:
        self._asked_at = now
        try:
            body = self._session.get(self._url, token="", deadline=Deadline(self._deadline_seconds))
            self._keys = read_key_set(body)
        except (FhirServerFailed, OutboundRefused, UnusableKey) as error:
            # The keys that are there go on working for a while; the operator is told of it.
            self._problem = type(error).__name__
            _log.warning("client keys not fetched", client=self._client, error=self._problem)
            return
        self._fetched_at, self._problem = now, ""


def _within(since: datetime | None, seconds: float, now: datetime) -> bool:
    """Whether `since` is at most so long ago; not so for a moment to come, as where the clock was set back."""
    return since is not None and 0 <= (now - since).total_seconds() < seconds
