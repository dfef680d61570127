"""Rules: what is said, on which hook, from which source, and the examples that hold it in place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Formatter
from typing import Any

from marshmallow import ValidationError, fields, post_load, validates, validates_schema

from cds_service.knowledge.model import CardText, Example, Indicator, RuleKnowledge
from cds_service.knowledge.schemas.base import (
    MESSAGES,
    ReviewedSchema,
    StrictSchema,
    choice,
    did_you_mean,
    list_of,
    mapping_of,
    plain_text,
    shown,
)

HOOKS = ("patient-view", "order-select", "order-sign")
SUMMARY_AT_MOST = 139  # CDS Hooks 2.0.1, card.summary: fewer than 140 characters
_OUTCOMES = ("fires", "does_not_fire")
_FUNCTION = re.compile(r"[a-z][a-z0-9_]*$")


class CardTextSchema(StrictSchema):
    """The words of one variant of a card; {braces} are filled with what the rule found."""

    indicator = choice(Indicator, required=True)
    summary = plain_text(required=True)
    detail = plain_text(required=True)
    patient = plain_text(load_default="")

    @validates_schema
    def _can_be_filled_and_shown(self, data: dict[str, Any], **_kwargs: Any) -> None:
        length = len(data["summary"])
        if length > SUMMARY_AT_MOST:
            raise ValidationError({"summary": [f"has {length} characters; shorten it to {SUMMARY_AT_MOST} or fewer"]})
        for name in ("summary", "detail", "patient"):
            try:
                blanks = [blank for _, blank, _, _ in Formatter().parse(data[name]) if blank is not None]
            except ValueError as error:
                raise ValidationError({name: [f"has braces that do not fit: {error}; mend them"]}) from None
            odd = [blank for blank in blanks if not re.fullmatch(r"[a-z][a-z0-9_]*", blank)]
            if odd:
                raise ValidationError({name: [f"{{{odd[0]}}} is no name to fill in; write a word, such as {{b12}}"]})

    @post_load
    def _made(self, data: dict[str, Any], **_kwargs: Any) -> CardText:
        return CardText(**data)


class ExampleSchema(StrictSchema):
    """One example: the facts given, and what the rule then does."""

    name = plain_text(required=True)
    given = mapping_of(required=True)
    then = fields.Raw(required=True, error_messages=MESSAGES)
    variant = plain_text(load_default="")
    edge = list_of(plain_text(), load_default=list)

    @validates("then")
    def _is_an_outcome(self, value: object, **_kwargs: Any) -> None:
        if value in _OUTCOMES:
            return
        if isinstance(value, Mapping) and list(value) == ["cannot_tell"] and _missing(value):
            return
        raise ValidationError(
            f"{shown(value)!r} is not known; write fires, does_not_fire, or {{cannot_tell: [what is missing]}}"
        )

    @post_load
    def _made(self, data: dict[str, Any], **_kwargs: Any) -> Example:
        then = data["then"]
        if isinstance(then, str):
            return Example(data["name"], data["given"], then, variant=data["variant"], edge=tuple(data["edge"]))
        return Example(
            data["name"], data["given"], "cannot_tell", tuple(_missing(then)), data["variant"], tuple(data["edge"])
        )


def _missing(then: Mapping[str, object]) -> list[str]:
    told = then["cannot_tell"]
    things = told if isinstance(told, list) else [told]
    return [thing for thing in things if isinstance(thing, str)] if all(isinstance(t, str) for t in things) else []


class RuleSchema(ReviewedSchema):
    """`rules/<id>-<slug>.yaml`."""

    rule = plain_text(required=True)
    concern = plain_text(required=True)
    title = plain_text(required=True)
    statement = plain_text(required=True)
    rationale = plain_text(required=True)
    shown_on = list_of(plain_text(), required=True)
    cards = mapping_of(CardTextSchema, required=True)
    overrides = list_of(plain_text(), load_default=list)
    examples = list_of(ExampleSchema, required=True)

    @validates("rule")
    def _is_a_function(self, value: str, **_kwargs: Any) -> None:
        if not _FUNCTION.match(value):
            raise ValidationError(f"{value!r} is no function name; write the function of assessment/rules")

    @validates("shown_on")
    def _are_hooks(self, value: list[str], **_kwargs: Any) -> None:
        unknown = [hook for hook in value if hook not in HOOKS]
        if unknown:
            raise ValidationError(f"{unknown[0]!r} is no hook of ours; {did_you_mean(unknown[0], HOOKS)}")
        if not value:
            raise ValidationError("is empty; name at least one hook")

    @validates_schema
    def _examples_use_the_cards(self, data: dict[str, Any], **_kwargs: Any) -> None:
        if not data["cards"]:
            raise ValidationError({"cards": ["are empty; write the words of at least one variant"]})
        for index, example in enumerate(data["examples"]):
            if example.variant and example.variant not in data["cards"]:
                what = f"{example.variant!r} is no card of this rule; {did_you_mean(example.variant, data['cards'])}"
                raise ValidationError({"examples": {index: {"variant": [what]}}})

    @post_load
    def _made(self, data: dict[str, Any], **_kwargs: Any) -> RuleKnowledge:
        reviewed = self.review(data)
        for name in ("shown_on", "overrides", "examples"):
            reviewed[name] = tuple(reviewed[name])
        return RuleKnowledge(function=reviewed.pop("rule"), **reviewed)
