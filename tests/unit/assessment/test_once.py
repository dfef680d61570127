"""An attribute that is worked out once, when it is first asked for."""

from __future__ import annotations

from cds_service.assessment.once import once


class _Asked:
    def __init__(self, answer: int) -> None:
        self.answer = answer
        self.times = 0

    @once
    def doubled(self) -> int:
        """Twice the answer."""
        self.times += 1
        return 2 * self.answer


def test_it_is_worked_out_once_for_each_object_and_not_before_it_is_asked_for() -> None:
    first, second = _Asked(1), _Asked(2)
    assert first.times == 0
    assert [first.doubled, first.doubled, second.doubled] == [2, 2, 4]
    assert [first.times, second.times] == [1, 1]


def test_the_class_tells_what_it_is() -> None:
    assert _Asked.doubled.__doc__ == "Twice the answer."
