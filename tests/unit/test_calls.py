from __future__ import annotations

import gc

import pytest

from tests.calls import calls_of


class Left:
    """What another test left in a circle, with something to do at its end."""

    def __init__(self) -> None:
        self.own = self

    def __del__(self) -> None:
        len("")


def lists() -> None:
    """Makes as many containers as have the collector come, and calls nothing."""
    kept: list[list[int]] = [[] for _ in range(20_000)]
    kept[:] = []


@pytest.fixture
def garbage() -> None:
    gc.collect()
    gc.disable()
    for _ in range(100):
        Left()
    gc.enable()


@pytest.mark.usefixtures("garbage")
def test_what_the_collector_ends_meanwhile_is_not_counted() -> None:
    assert calls_of(lists) == calls_of(lists)
    assert gc.isenabled()
