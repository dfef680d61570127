"""One order for whatever was sent, however it was sent."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from cds_service.fhir.ordering import in_order

PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)))


@given(PAIRS, st.randoms(use_true_random=False))
def test_the_order_of_arrival_never_shows(pairs: list[tuple[int, int]], chance: Random) -> None:
    shuffled = list(pairs)
    chance.shuffle(shuffled)
    assert in_order(shuffled, lambda pair: (pair[0],)) == in_order(pairs, lambda pair: (pair[0],))


@given(PAIRS)
def test_each_stands_once_by_place_and_then_by_the_whole(pairs: list[tuple[int, int]]) -> None:
    assert in_order(pairs, lambda pair: (pair[0],), lambda pair: -pair[1]) == sorted(
        set(pairs), key=lambda pair: (pair[0], -pair[1])
    )


def test_the_whole_of_a_thing_is_looked_at_only_where_its_place_is_shared() -> None:
    looked_at: list[str] = []

    def whole(thing: str) -> str:
        looked_at.append(thing)
        return thing

    in_order(["b", "a", "c2", "c1"], lambda thing: (thing[0],), whole)
    assert looked_at == ["c2", "c1"]
