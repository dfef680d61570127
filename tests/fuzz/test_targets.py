"""What is true of the seeds of each target, and of every input that once broke something."""

from __future__ import annotations

import json
import random

import pytest

from tests.fuzz.mutate import changed_json
from tests.fuzz.targets import TARGETS

SEEDS = [
    pytest.param(target.check, seed, id=f"{name}-{number}")
    for name, target in TARGETS.items()
    for number, seed in enumerate(target.seeds())
]
FOUND = [
    pytest.param(target.check, path.read_bytes(), id=f"{name}-{path.name}")
    for name, target in TARGETS.items()
    for path in target.found(name)
]


@pytest.mark.parametrize(("check", "data"), [*SEEDS, *FOUND])
def test_what_must_hold_of_any_input_holds_of_the_seeds_and_of_what_was_found(check, data) -> None:  # type: ignore[no-untyped-def]
    check(data)


@pytest.mark.parametrize("name", TARGETS)
def test_no_target_minds_bytes_of_no_meaning(name: str) -> None:
    numbers = random.Random(name)
    for length in (0, 1, 7, 60, 400):
        TARGETS[name].check(numbers.randbytes(length))


@pytest.mark.parametrize("name", [name for name, target in TARGETS.items() if target.is_json])
def test_json_is_changed_as_json_and_still_holds(name: str) -> None:
    target = TARGETS[name]
    changed = [changed_json(seed, number, lambda text: text[::-1]) for seed in target.seeds() for number in range(20)]
    for one in changed:
        target.check(one)

    still_json = [one for one in changed if one.startswith((b"{", b"["))]
    assert len(still_json) > len(changed) / 2
    assert all(isinstance(json.loads(one), dict | list) for one in still_json)
