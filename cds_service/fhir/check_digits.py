"""Whether a code can be one of its system at all: LOINC and SNOMED CT codes carry a check digit.

A code with a slip in it is none of theirs, and must not pass for a code that says "something else".
"""

from __future__ import annotations

import re

_LOINC = re.compile(r"([0-9]{1,7})-([0-9])")
_LOINC_PART = re.compile(r"L[A-Z][0-9]+-[0-9]")
_SNOMED = re.compile(r"[1-9][0-9]{5,17}")
_TURNS = ((0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 5, 7, 6, 2, 8, 3, 0, 9, 4))


def _permutations() -> tuple[tuple[int, ...], ...]:
    """Verhoeff's permutations: the second row, applied once more for each place."""
    rows: list[tuple[int, ...]] = [_TURNS[0]]
    for _ in range(7):
        rows.append(tuple(_TURNS[1][digit] for digit in rows[-1]))
    return tuple(rows)


_PERMUTED = _permutations()


def is_loinc(code: str) -> bool:
    """Whether this may be a LOINC code of a term (LOINC Users' Guide, "Mod 10 check digit")."""
    found = _LOINC.fullmatch(code)
    if found is None:
        return False
    doubled = str(int(found[1][::-1][::2][::-1]) * 2)
    rest = found[1][::-1][1::2]
    return -sum(map(int, doubled + rest)) % 10 == int(found[2])


def is_loinc_part(code: str) -> bool:
    """Whether this looks like one of LOINC's parts, answers or groups ("LP7790-1")."""
    return _LOINC_PART.fullmatch(code) is not None


def is_snomed(code: str) -> bool:
    """Whether this may be a SNOMED CT identifier (Release File Specification, "Check-digit", Verhoeff)."""
    if _SNOMED.fullmatch(code) is None:
        return False
    check = 0
    for place, digit in enumerate(reversed(code)):
        check = _multiplied(check, _PERMUTED[place % 8][int(digit)])
    return check == 0


def _multiplied(one: int, other: int) -> int:
    """The product in the dihedral group of a pentagon: turns are 0 to 4, flips 5 to 9."""
    turn = (one % 5 + (other % 5 if one < 5 else -(other % 5))) % 5
    return turn + 5 * ((one < 5) is not (other < 5))
