"""An attribute that is worked out once, when it is first asked for."""

from __future__ import annotations

from typing import Any

from cds_service.assessment.once import once


def _asked() -> type[Any]:
    """Made in each test, so that mutation testing sees what makes it."""

    class Asked:
        def __init__(self, answer: int) -> None:
            self.answer = answer
            self.times = 0

        @once
        def doubled(self) -> int:
            """Twice the answer."""
            self.times += 1
            return 2 * self.answer

    return Asked


def test_it_is_worked_out_once_for_each_object_and_not_before_it_is_asked_for() -> None:
    asked = _asked()
    first, second = asked(1), asked(2)
    assert first.times == 0
    assert [first.doubled, first.doubled, second.doubled] == [2, 2, 4]
    assert [first.times, second.times] == [1, 1]


def test_the_class_tells_what_it_is() -> None:
    assert _asked().doubled.__doc__ == "Twice the answer."
