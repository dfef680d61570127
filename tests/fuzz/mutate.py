"""JSON changed as JSON: most changes of its bytes only ever meet the parser."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    1e308,
    10**30,
    -0.0,
    0.1,
    "",
    " ",
    "\u0000",
    "\u202e",
    "<150",
    "1,234",
    "2025",
    "2025-02-30",
    "0000-00-00",
    "9999-12-31",
    "Patient/p2",
    "#x",
    "https://x.example",
    "entered-in-error",
    [],
    {},
    [[]],
    [None],
    {"a": 1},
)


def changed_json(body: bytes, seed: int, change_bytes: Callable[[bytes], bytes]) -> bytes:
    """The JSON with one to four of its values replaced, removed, doubled, moved or changed in their text.

    `change_bytes` changes a text; what is no JSON is changed by it as a whole.
    """
    rng = random.Random(seed)
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError):
        return change_bytes(body)
    if not isinstance(tree, dict | list) or rng.random() < 0.1:
        return change_bytes(body)
    for _ in range(rng.randint(1, 4)):
        places = list(_places(tree))
        if not places:
            break
        _change(rng, *rng.choice(places), places, change_bytes)
    return json.dumps(tree, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Each place of a tree as (holder, key)."""
    stack = [tree]
    while stack:
        holder = stack.pop()
        for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
            yield holder, key
            if isinstance(holder[key], dict | list):
                stack.append(holder[key])


def _change(
    rng: random.Random, holder: Any, key: Any, places: list[tuple[Any, Any]], change_bytes: Callable[[bytes], bytes]
) -> None:
    value = holder[key]
    match rng.randrange(6):
        case 0:
            holder[key] = copy.deepcopy(rng.choice(ODD))  # or one list would stand in many places, and in itself
        case 1:
            del holder[key]
        case 2:
            other, place = rng.choice(places)
            if place in other if isinstance(other, dict) else place < len(other):
                holder[key] = json.loads(json.dumps(other[place]))
        case 3 if isinstance(holder, list):
            holder.insert(key, json.loads(json.dumps(value)))
        case 4 if isinstance(value, int | float) and abs(value) < 1e300:
            holder[key] = rng.choice((-value, value * 1000.0, value / 1000, str(value), int(float(value) % 1000)))
        case _:
            text = value if isinstance(value, str) else json.dumps(value)
            holder[key] = change_bytes(text.encode("utf-8", "surrogatepass")).decode("utf-8", "replace")
