"""Coverage: each statement of the source article, and what carries it."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, post_load, validates, validates_schema

from cds_service.knowledge.model import ArticleStatement, Told
from cds_service.knowledge.schemas.base import StrictSchema, list_of, plain_text, whole_number

_CARRIERS = ("rules", "regimens", "parameters", "limits", "tests", "conditions", "medicines", "told")


class ToldSchema(StrictSchema):
    """`{rule: B12-RX-01, words: "..."}`: the words stand in the rule's rationale or in a detail of its cards."""

    rule = plain_text(required=True)
    words = plain_text(required=True)

    @post_load
    def _made(self, data: dict[str, Any], **_kwargs: Any) -> Told:
        return Told(**data)


class ArticleStatementSchema(StrictSchema):
    """One entry of `coverage.yaml`."""

    lines = list_of(whole_number(above=0), required=True)
    says = plain_text(required=True)
    rules = list_of(plain_text(), load_default=list)
    regimens = list_of(plain_text(), load_default=list)
    parameters = list_of(plain_text(), load_default=list)
    limits = list_of(plain_text(), load_default=list)
    tests = list_of(plain_text(), load_default=list)
    conditions = list_of(plain_text(), load_default=list)
    medicines = list_of(plain_text(), load_default=list)
    told = list_of(ToldSchema, load_default=list)
    left_out = plain_text(load_default="")

    @validates("lines")
    def _are_there(self, value: list[int], **_kwargs: Any) -> None:
        if not value:
            raise ValidationError("are empty; write the lines of the article, such as [20]")

    @validates_schema
    def _is_carried_or_left_out(self, data: dict[str, Any], **_kwargs: Any) -> None:
        is_carried = any(data[name] for name in _CARRIERS)
        if is_carried and data["left_out"]:
            raise ValidationError({"left_out": ["stands beside what carries the statement; keep one of the two"]})
        if not is_carried and not data["left_out"]:
            what = f"is missing: nothing carries the statement; name one of {', '.join(_CARRIERS)}, or say why not"
            raise ValidationError({"left_out": [what]})

    @post_load
    def _made(self, data: dict[str, Any], **_kwargs: Any) -> dict[str, Any]:
        return {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}


def made_statement(name: str, told: dict[str, Any]) -> ArticleStatement:
    """The statement of an entry that the schema has read."""
    return ArticleStatement(id=name, **told)
