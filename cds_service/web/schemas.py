"""What requests and answers look like: marshmallow schemas that validate the former and document both.

A client's odd but harmless ways are tolerated (unknown members, `null` for an optional one, any UUID version); what
would make us guess is refused, with the path of the field and how to mend it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema

ORDER_HOOKS = ("order-select", "order-sign")
# The end of a text, in Python and in JSON Schema alike: in Python, `$` alone would let a line break follow.
_END = r"$(?!\n)"
_UUID = rf"^[0-9a-fA-F]{{8}}(-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}}{_END}"
_ID = r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}"  # FHIR's id, and the underscore that some servers use
_REQUIRED = "is required"
_MOST_LISTED = 1000


def _text(problem: str, **more: Any) -> Any:
    messages: dict[str, Any] = {"required": _REQUIRED, "null": problem, "invalid": problem, "invalid_utf8": problem}
    return fields.String(error_messages=messages, **more)


def _is_a_moment_in_utc(moment: datetime) -> None:
    """The first and last hours of the calendar lie outside of it in another zone."""
    try:
        moment.astimezone(UTC)
    except OverflowError as error:
        raise ValidationError("must be a time that exists in UTC too") from error


def _object(schema: type[Schema], **more: Any) -> Any:
    messages: dict[str, Any] = {"required": _REQUIRED, "null": "must be an object", "type": "must be an object"}
    return fields.Nested(schema, error_messages=messages, **more)


class _ShortList(fields.List[Any]):
    """A list that is refused as a whole where it is longer than any client has use for."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any) -> list[Any]:
        if isinstance(value, list) and len(value) > _MOST_LISTED:
            raise ValidationError(f"must hold at most {_MOST_LISTED} items")
        return super()._deserialize(value, attr, data, **more)


class _Lenient(Schema):
    class Meta:
        unknown = EXCLUDE

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.error_messages["type"] = "must be an object"


class FhirAuthorizationSchema(_Lenient):
    """`fhirAuthorization`: what is needed to use the token; scopes are not parsed, as some vendors' are no scopes."""

    access_token = _text(
        "must be the token as text",
        required=True,
        validate=validate.Regexp(rf"^[\x21-\x7e]{{1,8192}}{_END}", error="must be a bearer token without blanks"),
    )
    token_type = _text(
        "must be Bearer",
        load_default="Bearer",
        allow_none=True,
        validate=validate.Regexp(rf"^[Bb][Ee][Aa][Rr][Ee][Rr]{_END}", error="must be Bearer"),
    )


class ContextSchema(_Lenient):
    """`context` of patient-view, order-select and order-sign."""

    userId = _text(
        "must be a reference such as Practitioner/123",
        required=True,
        validate=validate.Regexp(
            rf"^[A-Z][A-Za-z]{{1,63}}/{_ID}{_END}", error="must be a reference to the user, such as Practitioner/123"
        ),
    )
    patientId = _text(
        "must be the id of the Patient as text",
        required=True,
        validate=validate.Regexp(
            rf"^{_ID}{_END}", error="must be the bare id of the Patient: 123, not Patient/123 and not a URL"
        ),
    )
    encounterId = _text(
        "must be the id of the Encounter as text",
        load_default=None,
        allow_none=True,
        validate=validate.Regexp(
            rf"^{_ID}{_END}", error="must be the bare id of the Encounter: 123, not Encounter/123"
        ),
    )
    selections = _ShortList(
        _text("must be a reference such as MedicationRequest/123"),
        load_default=None,
        allow_none=True,
        error_messages={"invalid": "must be a list of references to draft orders"},
    )


class HookRequestSchema(_Lenient):
    """The envelope of a hook request; `prefetch` and `context.draftOrders` are read on their own."""

    hook = _text("must be the name of the hook", required=True)
    hookInstance = _text(
        "must be a UUID as text",
        required=True,
        validate=validate.Regexp(_UUID, error="must be a UUID, such as d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"),
    )
    fhirServer = _text(
        "must be the base URL of the FHIR server as text",
        load_default=None,
        allow_none=True,
        validate=validate.Regexp(
            rf"^[Hh][Tt][Tt][Pp][Ss]?://[^\s\\]{{1,2000}}{_END}",
            error="must be an absolute http or https URL without blanks",
        ),
    )
    fhirAuthorization = _object(FhirAuthorizationSchema, load_default=None, allow_none=True)
    context = _object(ContextSchema, required=True)
    extension = fields.Raw(load_default=None, allow_none=True)

    @validates_schema
    def needs_a_server_for_its_token(self, data: Mapping[str, Any], **_: Any) -> None:
        """CDS Hooks 2.0.1, "FHIR Resource Access": a token is of use only with the server it is for."""
        if data.get("fhirAuthorization") and not data.get("fhirServer"):
            raise ValidationError("is required where fhirAuthorization is given", "fhirServer")


class DocumentedContextSchema(ContextSchema):
    """`context` as it is documented: the draft orders are read on their own, by the FHIR reader."""

    draftOrders = fields.Dict(metadata={"description": "order-select, order-sign: a Bundle of the draft orders"})


class DocumentedHookRequestSchema(HookRequestSchema):
    """A hook request as it is documented: the prefetch is read on its own, by the FHIR reader."""

    context = fields.Nested(DocumentedContextSchema, required=True)
    prefetch = fields.Dict(
        keys=fields.String(),
        values=fields.Dict(allow_none=True),
        metadata={"description": "FHIR R4 resources under the keys of discovery; null: there is nothing"},
    )


class CodingSchema(_Lenient):
    """A Coding."""

    system = _text("must be text", load_default="", allow_none=True, validate=validate.Length(max=500))
    code = _text("must be text", required=True, validate=validate.Length(min=1, max=200))
    display = _text("must be text", load_default="", allow_none=True)


class OverrideReasonSchema(_Lenient):
    """`overrideReason`: a coded reason, the clinician's own words, or both."""

    reason = _object(CodingSchema, load_default=None, allow_none=True)
    userComment = _text("must be text", load_default="", allow_none=True, validate=validate.Length(max=10000))


class AcceptedSuggestionSchema(_Lenient):
    """One of `acceptedSuggestions`."""

    id = _text("must be the uuid of a suggestion", required=True, validate=validate.Length(min=1, max=200))


class FeedbackItemSchema(_Lenient):
    """One item of feedback. A card that we do not know is accepted: the client may be late with it."""

    card = _text(
        "must be the uuid of a card as text",
        required=True,
        validate=validate.Length(min=1, max=200, error="must be the uuid of a card"),
    )
    outcome = _text(
        "must be accepted or overridden",
        required=True,
        validate=validate.OneOf(["accepted", "overridden"], error="must be accepted or overridden"),
    )
    acceptedSuggestions = fields.List(
        _object(AcceptedSuggestionSchema),
        load_default=list,
        allow_none=True,
        error_messages={"invalid": "must be a list of objects that hold a suggestion's id"},
    )
    overrideReason = _object(OverrideReasonSchema, load_default=None, allow_none=True)
    # Epic's name for the same object.
    overrideReasons = _object(OverrideReasonSchema, load_default=None, allow_none=True)
    outcomeTimestamp = fields.AwareDateTime(
        required=True,
        format="iso",
        validate=_is_a_moment_in_utc,
        error_messages={
            "required": _REQUIRED,
            "null": "must be a time with a zone, such as 2025-10-01T09:30:00Z",
            "invalid": "must be a time with a zone, such as 2025-10-01T09:30:00Z",
            "invalid_awareness": "must be a time with a zone, such as 2025-10-01T09:30:00Z",
        },
    )

    @validates_schema
    def names_what_was_accepted(self, data: Mapping[str, Any], **_: Any) -> None:
        """CDS Hooks 2.0.1, "Feedback": acceptedSuggestions is required for an accepted outcome."""
        if data.get("outcome") == "accepted" and not data.get("acceptedSuggestions"):
            raise ValidationError("is required where the outcome is accepted", "acceptedSuggestions")


class FeedbackSchema(_Lenient):
    """The body of a feedback request, for the documentation; its items are validated one by one."""

    feedback = fields.List(fields.Nested(FeedbackItemSchema), required=True)


class ServiceSchema(Schema):
    """One entry of discovery."""

    id = fields.String(required=True)
    hook = fields.String(required=True)
    title = fields.String()
    description = fields.String(required=True)
    usageRequirements = fields.String()
    version = fields.String()
    hookVersion = fields.String()
    prefetch = fields.Dict(keys=fields.String(), values=fields.String())


class DiscoverySchema(Schema):
    """The answer of discovery."""

    services = fields.List(fields.Nested(ServiceSchema), required=True)


class CardsSchema(Schema):
    """The answer to a hook."""

    cards = fields.List(fields.Dict(), required=True)
    extension = fields.Dict()


class StoredSchema(Schema):
    """The answer to feedback: how many items are stored, and how many accepted suggestions of them are not, if any."""

    stored = fields.Integer(required=True)
    suggestionsLeftOut = fields.Integer()


class HealthSchema(Schema):
    """The answer to a question for health."""

    status = fields.String(required=True)


class ReadySchema(HealthSchema):
    """The answer to a question for readiness."""

    knowledgeVersion = fields.String(required=True)
    database = fields.String(required=True)
    clients = fields.String()


class OutcomeIssueSchema(Schema):
    """OperationOutcome.issue."""

    severity = fields.String(required=True)
    code = fields.String(required=True)
    details = fields.Dict(keys=fields.String(), values=fields.String())
    expression = fields.List(fields.String())


class OperationOutcomeSchema(Schema):
    """The body of every error."""

    resourceType = fields.String(required=True)
    issue = fields.List(fields.Nested(OutcomeIssueSchema), required=True)


def problems_of(error: ValidationError, under: str = "") -> Iterator[tuple[str, str]]:
    """Each problem with the path of its field, such as `context.patientId` or `feedback[0].outcome`."""
    yield from _problems(error.messages, under)


def _problems(messages: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(messages, dict):
        for name, inner in messages.items():
            if name == "_schema":
                yield from _problems(inner, path)
            elif isinstance(name, int):
                yield from _problems(inner, f"{path}[{name}]")
            else:
                yield from _problems(inner, f"{path}.{name}" if path else str(name))
    else:
        for message in messages:
            yield path, str(message)
