"""What every schema shares: strict keys with a suggestion, and fields whose messages say how to mend the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, validates_schema

from cds_service.knowledge.model import Citation, Review, ReviewStatus

MISSING = "is missing; add it"
NO_MAPPING = "must be keys and values; write `key: value` lines"
MESSAGES: dict[str, Any] = {"required": MISSING, "null": "is empty; write it, or leave the key out if it may be"}
NO_LIST = "must be a list; write [...], or a - before each line"
_SCHEMA_MESSAGES = {"type": NO_MAPPING}
_NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?$")


def read_text(value: object) -> str:
    """Text as it stands.

    Raises:
        ValidationError: it is empty, or a number or another thing that needs quotes to be text.
    """
    if not isinstance(value, str):
        raise ValidationError(f'must be text, not {shown(value)}; write it in quotes: "{shown(value)}"')
    if not value.strip():
        raise ValidationError("is empty; write it, or leave the key out if it may be left out")
    return value


def read_number(value: object) -> Decimal:
    """A number exactly as written, quoted or not.

    Raises:
        ValidationError: it is no finite decimal number.
    """
    if isinstance(value, Decimal) or (isinstance(value, int) and not isinstance(value, bool)):
        return Decimal(value)
    if isinstance(value, str) and _NUMBER.match(value.strip()):
        return Decimal(value.strip())
    raise ValidationError(f"must be a number, not {shown(value)}; write for example 180 or 0.28")


def read_flag(value: object) -> bool:
    """True or false.

    Raises:
        ValidationError: it is neither.
    """
    if isinstance(value, bool):
        return value
    raise ValidationError(f"must be true or false, not {shown(value)}; write true or false")


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """How to mend an unknown word: the known one that is close to it, otherwise all that are known."""
    names = list(known)
    close = get_close_matches(str(word), names, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"write one of {', '.join(names)}"


def shown(value: object) -> str:
    """A value for a message, cut short."""
    return "nothing" if value is None else str(value)[:40]


def read_day(value: object) -> date:
    """A day of the calendar.

    Raises:
        ValidationError: it is none.
    """
    try:
        return value if isinstance(value, date) else date.fromisoformat(str(value))
    except ValueError:
        raise ValidationError(f"must be a day, not {shown(value)}; write YYYY-MM-DD") from None


def read_choice(value: object, kind: type[StrEnum]) -> StrEnum:
    """The member of an enumeration.

    Raises:
        ValidationError: there is no such member.
    """
    names = [member.value for member in kind]
    if value not in names:
        raise ValidationError(f"{shown(value)!r} is not known; {did_you_mean(value, names)}")
    return kind(str(value))


def read_pattern(value: object) -> str:
    """A regular expression on lower-case text.

    Raises:
        ValidationError: it cannot be compiled.
    """
    text = read_text(value)
    try:
        re.compile(text, re.IGNORECASE)
    except re.error as error:
        raise ValidationError(f"is no regular expression: {error}; mend the pattern") from None
    return text


def read_with(read: Callable[[Any], Any], **options: Any) -> fields.Function:
    """A field that reads its value with a function."""
    return fields.Function(deserialize=read, error_messages=MESSAGES, **options)


def plain_text(**options: Any) -> fields.Function:
    """A field of text that is not empty."""
    return read_with(read_text, **options)


def number(above: int | None = None, **options: Any) -> fields.Function:
    """A field of an exact number, more than `above` where that is given."""
    return read_with(lambda value: _more_than(above, read_number(value)), **options)


def whole_number(above: int | None = None, **options: Any) -> fields.Function:
    """A field of a number without decimals, as an int."""
    return read_with(lambda value: _whole(_more_than(above, read_number(value))), **options)


def choice(kind: type[StrEnum], **options: Any) -> fields.Function:
    """A field of one of the values of an enumeration."""
    return read_with(lambda value: read_choice(value, kind), **options)


def list_of(inner: fields.Field[Any] | type[Schema], **options: Any) -> fields.List[Any]:
    """A field of a list."""
    item = inner if isinstance(inner, fields.Field) else fields.Nested(inner)
    return fields.List(item, error_messages={**MESSAGES, "invalid": NO_LIST}, **options)


def mapping_of(inner: fields.Field[Any] | type[Schema] | None = None, **options: Any) -> fields.Dict:
    """A field of keys and values."""
    value = inner if inner is None or isinstance(inner, fields.Field) else fields.Nested(inner)
    return fields.Dict(keys=plain_text(), values=value, error_messages={**MESSAGES, "invalid": NO_MAPPING}, **options)


def _more_than(least: int | None, amount: Decimal) -> Decimal:
    if least is not None and amount <= least:
        raise ValidationError(f"must be more than {least}, not {amount}; mend the number")
    return amount


def _whole(amount: Decimal) -> int:
    if amount != int(amount):
        raise ValidationError(f"must be a whole number, not {amount}; write for example {int(amount)}")
    return int(amount)


def _review_problems(data: Mapping[str, Any]) -> dict[str, list[str]]:
    """A review has a day and a name, and nothing is approved without one."""
    day, name = "reviewed" in data, "reviewed_by" in data
    if day != name:
        lacking, given = ("reviewed_by", "reviewed") if day else ("reviewed", "reviewed_by")
        mend = f"add it, or take {given} away while no clinician has reviewed this"
        return {lacking: [f"is missing beside {given}; {mend}"]}
    if data.get("status") is ReviewStatus.APPROVED and not day:
        what = "is missing, and status is approved; write reviewed and reviewed_by, or status: draft"
        return {"reviewed": [what]}
    return {}


class StrictSchema(Schema):
    """A schema that refuses keys it does not know, and says which one was probably meant."""

    class Meta:
        unknown = EXCLUDE  # refused below, with a suggestion

    error_messages = _SCHEMA_MESSAGES

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def _no_unknown_key(self, _data: Any, original: Any, **_kwargs: Any) -> None:
        if isinstance(original, Mapping):
            unknown = [key for key in original if key not in self.fields]
            if unknown:
                raise ValidationError({key: [f"is not known; {did_you_mean(key, self.fields)}"] for key in unknown})


class CitationSchema(StrictSchema):
    """`{id: nice-ng239, at: "1.3.4"}`."""

    id = plain_text(required=True)
    at = plain_text(required=True)

    @post_load
    def _made(self, data: dict[str, Any], **_kwargs: Any) -> Citation:
        return Citation(data["id"], data["at"])


class ReviewedSchema(StrictSchema):
    """A file with its id, its sources (`source` for one, `sources` for several) and its review."""

    id = plain_text(required=True)
    source = fields.Nested(CitationSchema)
    sources = list_of(CitationSchema)
    authored_by = plain_text(required=True)
    reviewed = read_with(read_day)
    reviewed_by = plain_text()
    next_review = read_with(read_day, required=True)
    status = choice(ReviewStatus, required=True)

    @validates_schema(skip_on_field_errors=False)
    def _has_a_source_and_a_review_to_come(self, data: dict[str, Any], **_kwargs: Any) -> None:
        problems: dict[str, list[str]] = {}
        if "source" in data and "sources" in data:
            problems["source"] = ["stands beside sources; keep one of the two"]
        if not data.get("source") and not data.get("sources"):
            problems["sources"] = ["are missing; add `sources: [{id: ..., at: ...}]`"]
        problems |= _review_problems(data)
        day, following = data.get("reviewed"), data.get("next_review")
        if day and following and following <= day:
            problems["next_review"] = [f"must come after reviewed ({day}), not {following}; mend one of the two"]
        if problems:
            raise ValidationError(problems)

    @staticmethod
    def review(data: dict[str, Any]) -> dict[str, Any]:
        """`data` with its sources and review in the shape of the model."""
        sources = tuple(data.pop("sources", None) or [data.pop("source")])
        told = ("authored_by", "reviewed", "reviewed_by", "next_review", "status")
        review = Review(**{name: data.pop(name) for name in told if name in data})
        return {**data, "sources": sources, "review": review}
