"""Why something in a resource cannot be used, on its way to becoming a DataIssue."""

from __future__ import annotations

_LONGEST_QUOTE = 20


class Unusable(Exception):
    """A resource, or a part of it, that is not used. `field` is its FHIR path, `why` a clause for a person."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


def quoted(text: str) -> str:
    """A short value of the record, safe to stand in a sentence: one line, no control characters, cut."""
    plain = "".join(sign if sign.isprintable() else " " for sign in text.strip()[: _LONGEST_QUOTE + 1]).strip()
    return f"'{plain}'" if len(plain) <= _LONGEST_QUOTE else f"'{plain[:_LONGEST_QUOTE]}…'"
