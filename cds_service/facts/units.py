"""Units as people write them, made comparable: one spelling for each, and nothing guessed."""

from __future__ import annotations

import re
from functools import lru_cache

from cds_service.knowledge.model import Property

_SAME_SIGN = str.maketrans({"µ": "u", "μ": "u", "²": "2", " ": "", "\u00a0": "", "[": "", "]": "", "{": "", "}": ""})
_IN_WORDS = re.compile(
    r"(?P<prefix>pico|nano|micro|milli|)(?P<thing>gram|mole?)s?(?:per|/)(?P<part>deci|milli|micro|)lit(?:er|re)s?"
)
_PREFIXES = {"pico": "p", "nano": "n", "micro": "u", "milli": "m", "deci": "d", "": ""}
_LONGEST_KEPT = 40
_MASS = re.compile(r"(?:^|[^a-z])(?:[kdcmunpf]|mc)?g(?:/|$)")


def normalised(unit: str) -> str:
    """The spelling that the knowledge files list: lower case, `u` for either micro sign, no blanks or brackets.

    `µmol/L` (U+00B5), `μmol/L` (U+03BC) and `umol/l` all become `umol/l`. Look-alike letters of other alphabets are
    left as they are, so that they match nothing and are reported instead of read. UCUM's display names, such as
    "picogram per milliliter", become the symbols they name.
    """
    return _kept(unit) if len(unit) <= _LONGEST_KEPT else _spelled(unit)


def _spelled(unit: str) -> str:
    plain = unit.translate(_SAME_SIGN).lower()
    words = _IN_WORDS.fullmatch(plain) if "lit" in plain else None
    if words is None:
        return plain
    thing = "g" if words["thing"] == "gram" else "mol"
    return f"{_PREFIXES[words['prefix']]}{thing}/{_PREFIXES[words['part']]}l"


_kept = lru_cache(maxsize=1024)(_spelled)


def measures(unit: str) -> Property:
    """What kind of quantity a unit is for: an amount of substance (pmol/L), a mass (pg/mL), or something else."""
    plain = normalised(unit)
    if "mol" in plain:
        return Property.SUBSTANCE
    return Property.MASS if _MASS.search(plain) else Property.OTHER
