"""What is read of very many things: the smallest first, so that it depends on what was sent, never on its order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


def largest_read(sizes: Iterable[int], most: int) -> int | None:
    """The largest size of which things are read, so that all that is read has at most `most` (None: all are read).

    Of one size all are read, or none.
    """
    counted = Counter(sizes)
    if sum([size * how_many for size, how_many in counted.items()]) <= most:
        return None
    read = 0
    for size, how_many in sorted(counted.items()):
        read += size * how_many
        if read > most:
            return size - 1
    return None
