"""Of very many things the smallest are read, all of a size or none, whatever their order."""

from __future__ import annotations

import pytest

from cds_service.fhir.smallest_first import largest_read


@pytest.mark.parametrize(
    ("sizes", "most", "largest"),
    [
        ([], 0, None),
        ([5], 5, None),
        ([5], 4, 4),
        ([1, 2, 3], 6, None),
        ([1, 2, 3], 5, 2),
        ([3, 1, 2], 5, 2),
        ([1, 2, 2], 4, 1),
        ([1, 2, 2], 5, None),
        ([2, 2, 2], 5, 1),
        ([0, 1, 9], 1, 8),
    ],
)
def test_all_of_a_size_are_read_or_none(sizes: list[int], most: int, largest: int | None) -> None:
    assert largest_read(sizes, most) == largest
    assert largest_read(reversed(sizes), most) == largest
