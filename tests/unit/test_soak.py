"""What `make soak` concludes from its samples and counts; the run itself is part of no test."""

from __future__ import annotations

import os

import pytest

from bench.soak import Sample, Tally, growth, rows_of_workers, sample


def samples(files: list[int]) -> list[Sample]:
    return [Sample(100.0, number, 8) for number in files]


def test_what_comes_and_goes_is_no_growth_and_what_stays_is() -> None:
    comes_and_goes = [20 + 30 * (number % 3) for number in range(40)]
    leaks = [20 + number + 30 * (number % 3) for number in range(40)]

    assert growth(samples(comes_and_goes), lambda one: one.files) == (20, 20, 80)
    early, late, most = growth(samples(leaks), lambda one: one.files)
    assert (late - early > 20, most) == (True, leaks[-2])


@pytest.mark.parametrize(("files", "holds"), [([20] * 40, True), (list(range(40)), False)])
def test_a_worker_that_leaks_breaks_its_bound(files: list[int], holds: bool) -> None:
    rows = {name: held for name, _, held in rows_of_workers({1: samples(files)})}

    assert rows == {"worker 1: memory, MB": True, "worker 1: file descriptors": holds, "worker 1: threads": True}


def test_a_refusal_without_a_time_to_try_again_is_counted() -> None:
    tally = Tally()
    tally.note("503", 0.1, True)
    tally.note("503", 0.2, False)
    tally.note("200", 0.3, False)

    assert (tally.counts, tally.untold) == ({"503": 2, "200": 1}, 1)
    assert tally.line() == "200: 1, 503: 2; p50 200 ms, p99 300 ms"


def test_a_process_is_sampled() -> None:
    seen = sample(os.getpid())

    assert seen.memory_mb > 10
    assert seen.files > 2
    assert seen.threads >= 1
