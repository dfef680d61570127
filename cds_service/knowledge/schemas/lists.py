"""The files that hold a list of small things: sources, override reasons, and the version of the knowledge."""

from __future__ import annotations

import re
from typing import Any

from marshmallow import ValidationError, fields, post_load, validates

from cds_service.knowledge.model import Code
from cds_service.knowledge.schemas.base import MISSING, StrictSchema, plain_text, whole_number

_ABSOLUTE = re.compile(r"https?://[^\s/]+(?:/\S*)?$")


class SourceSchema(StrictSchema):
    """One entry of `sources.yaml`. `url: ""` says that there is none to give."""

    title = plain_text(required=True)
    url = fields.String(required=True, error_messages={"required": f'{MISSING}, or write "" where there is none'})
    publisher = plain_text(load_default="")
    year = whole_number(load_default=None)

    @validates("url")
    def _is_absolute(self, value: str, **_kwargs: Any) -> None:
        if value and not _ABSOLUTE.match(value):
            raise ValidationError(f'must be an absolute link, not {value[:40]!r}; write https://... or ""')


class OverrideReasonSchema(StrictSchema):
    """One entry of `override-reasons.yaml`; `system` is the full URI of the code system."""

    system = plain_text(required=True)
    code = plain_text(required=True)
    display = plain_text(required=True)

    @post_load
    def _made(self, data: dict[str, Any], **_kwargs: Any) -> Code:
        return Code(**data)


class PatientPageSchema(StrictSchema):
    """`patient-page.yaml`: what the page for patients tells everybody; `ask`, `keep_taking` and `red_flags` by line."""

    nothing_to_do = plain_text(required=True)
    no_result = plain_text(required=True)
    unlikely = plain_text(required=True)
    not_checked = plain_text(required=True)
    not_for_children = plain_text(required=True)
    ask = plain_text(required=True)
    keep_taking = plain_text(required=True)
    red_flags = plain_text(required=True)
    about = plain_text(required=True)


class VersionSchema(StrictSchema):
    """`version.yaml`: the semantic version of the knowledge, without a date."""

    version = plain_text(required=True)

    @validates("version")
    def _is_semantic(self, value: str, **_kwargs: Any) -> None:
        if not re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", value):
            raise ValidationError(f'must be a version, not {value!r}; write for example "1.0.0" in quotes')
