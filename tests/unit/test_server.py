"""The loop of the process that starts the workers: it hears every signal, whatever it is about just then."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType, SimpleNamespace
from typing import Any

import pytest

from cds_service import server

# The loop is granian's, and what it waits on ours; what they call has no signals to lose.
_WATCHED = ("granian/server/common.py", "cds_service/server.py", "threading.py")
_SECONDS = 10


class NoWorker:
    """In the place of a worker: it has ended."""

    def start(self) -> None: ...
    def terminate(self) -> None: ...
    def join(self, _: float | None = None) -> None: ...
    def is_alive(self) -> bool:
        return False


class Starter(server._CarefulServer):
    """One whose workers are none."""

    def __init__(self) -> None:
        super().__init__("b12-cds", workers=2, respawn_failed_workers=True, respawn_interval=0)
        self.pid = os.getpid()
        self.wrks = [NoWorker(), NoWorker()]
        self.application: Any = SimpleNamespace(renew=lambda: None)

    def _spawn_worker(self, *_: Any, **__: Any) -> Any:
        return NoWorker()


class Loop(threading.Thread):
    """The starter's loop; at this moment of it (counted in instructions) it is interrupted as by a signal."""

    def __init__(self, starter: Starter, moment: int, signal: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self.starter, self.moment, self.signal = starter, moment, signal
        self.passed = 0

    def run(self) -> None:
        sys.settrace(self._called)
        self.starter._serve_loop(None, None)

    def _called(self, frame: FrameType, _: str, __: Any) -> Any:
        if not frame.f_code.co_filename.endswith(_WATCHED):
            return None
        frame.f_trace_opcodes = True
        return self._passed

    def _passed(self, _: FrameType, event: str, __: Any) -> Any:
        if event == "opcode":
            self.passed += 1
            if self.passed == self.moment:
                self.signal()
        return self._passed


def a_worker_died(starter: Starter) -> None:
    starter.interrupt_children.append(0)
    starter.main_loop_interrupt.set()


def told_to_reload(starter: Starter) -> None:
    starter.signal_handler_reload()


def moments(happening: Callable[[Starter], None]) -> range:
    """Those until the loop waits again."""
    starter = Starter()
    happening(starter)
    loop = Loop(starter, 0, lambda: None)
    loop.start()
    passed = -1
    while passed < loop.passed:
        passed = loop.passed
        time.sleep(0.5)
    starter.signal_handler_interrupt()
    loop.join(_SECONDS)
    assert passed > 50
    return range(1, passed + 1)


@pytest.mark.parametrize("happening", [a_worker_died, told_to_reload])
def test_a_stop_is_heard_at_any_moment(happening: Callable[[Starter], None]) -> None:
    for moment in moments(happening):
        starter = Starter()
        happening(starter)
        loop = Loop(starter, moment, starter.signal_handler_interrupt)
        loop.start()
        loop.join(_SECONDS)

        assert not loop.is_alive(), f"not heard at instruction {moment}"


def test_a_reload_is_heard_at_any_moment() -> None:
    for moment in moments(a_worker_died):
        starter, is_read = Starter(), threading.Event()
        starter.application.renew = is_read.set
        a_worker_died(starter)
        loop = Loop(starter, moment, starter.signal_handler_reload)
        loop.start()

        assert is_read.wait(_SECONDS), f"not heard at instruction {moment}"
        threading.Thread(target=starter.signal_handler_interrupt, daemon=True).start()
        loop.join(_SECONDS)

        assert not loop.is_alive(), f"it hung at instruction {moment}"
