"""Unknown is a value: it never becomes a no."""

from __future__ import annotations

import pytest

from cds_service.facts.presence import Presence

YES, NO, NOT_KNOWN = Presence.YES, Presence.NO, Presence.NOT_KNOWN


@pytest.mark.parametrize(
    ("answers", "any_of_them"),
    [
        ([], NO),
        ([NO, NO], NO),
        ([NO, NOT_KNOWN], NOT_KNOWN),
        ([NOT_KNOWN, NO], NOT_KNOWN),
        ([NO, NOT_KNOWN, YES], YES),
        ([YES, NO], YES),
    ],
)
def test_one_yes_is_enough_and_one_unknown_keeps_a_no_away(answers: list[Presence], any_of_them: Presence) -> None:
    assert Presence.any_of(iter(answers)) is any_of_them
