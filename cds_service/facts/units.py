"""Units as people write them, made comparable: one spelling for each, and nothing guessed."""

from __future__ import annotations

import re

from cds_service.knowledge.model import Property

_SAME_SIGN = str.maketrans({"µ": "u", "μ": "u", "²": "2", " ": "", "\u00a0": "", "[": "", "]": "", "{": "", "}": ""})
_MASS = re.compile(r"(?:^|[^a-z])(?:[kdcmunpf]|mc)?g(?:/|$)")


def normalised(unit: str) -> str:
    """The spelling that the knowledge files list: lower case, `u` for either micro sign, no blanks or brackets.

    `µmol/L` (U+00B5), `μmol/L` (U+03BC) and `umol/l` all become `umol/l`. Look-alike letters of other alphabets are
    left as they are, so that they match nothing and are reported instead of read.
    """
    return unit.translate(_SAME_SIGN).lower()


def measures(unit: str) -> Property:
    """What kind of quantity a unit is for: an amount of substance (pmol/L), a mass (pg/mL), or something else."""
    plain = normalised(unit)
    if "mol" in plain:
        return Property.SUBSTANCE
    return Property.MASS if _MASS.search(plain) else Property.OTHER
