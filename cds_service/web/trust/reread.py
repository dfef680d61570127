"""A file that is read again when it changes, so that no restart is needed.

Every worker process looks for itself, when it is asked and at most every few seconds: no signal has to reach all of
them, and a file that is replaced by way of a link (as Kubernetes does) is noticed like any other.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, NamedTuple, TypeVar

import structlog

from cds_service.errors import InvalidSettings

LOOKED_AT_SECONDS: Final = 2.0
_T = TypeVar("_T")
_log = structlog.get_logger()


class _Stamp(NamedTuple):
    """What changes with a file; `changed` is when, in seconds since 1970, whatever time the file was given."""

    changed: float
    modified: int
    size: int
    inode: int


class Reread(Generic[_T]):
    """What a file means, at any time.

    A change that cannot be used is told in the log and by `trouble`, and what held before holds on.
    """

    def __init__(
        self,
        path: Path,
        setting: str,
        read: Callable[[], _T],
        elapsed: Callable[[], float] = time.monotonic,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Read the file for the first time; `setting` is the variable that names it.

        `elapsed` counts seconds from anywhere, and `clock` is that of files: seconds since 1970.

        Raises:
            InvalidSettings: it cannot be used.
        """
        self._path = path
        self._setting = setting
        self._read = read
        self._elapsed = elapsed
        self._clock = clock
        self._lock = threading.Lock()
        self._seen = self._tried = _stamp(path)
        self._value = read()
        self._next_look = elapsed() + LOOKED_AT_SECONDS
        self.trouble = ""

    def current(self) -> _T:
        """What holds now. While one thread reads the file, the others go on with what held before."""
        if self._elapsed() >= self._next_look and self._lock.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._lock.release()
        return self._value

    def _look(self) -> None:
        self._next_look = self._elapsed() + LOOKED_AT_SECONDS
        stamp = _stamp(self._path)
        if stamp == self._tried:
            return
        is_settled = stamp == self._seen or (stamp is not None and self._clock() - stamp.changed > LOOKED_AT_SECONDS)
        self._seen = stamp
        if not is_settled:  # it may still be written: the first half of a list can allow more than the whole
            return
        try:
            value = self._read()
        except InvalidSettings as error:
            self.trouble = str(error)
            _log.error("file cannot be used; what held before holds on", setting=self._setting, error=self.trouble)
        else:
            if _stamp(self._path) != stamp:
                return
            self._value, self.trouble = value, ""
            _log.info("file read again", setting=self._setting)
        self._tried = stamp


def _stamp(path: Path) -> _Stamp | None:
    """The stamp of the file; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return _Stamp(found.st_ctime, found.st_mtime_ns, found.st_size, found.st_ino)
