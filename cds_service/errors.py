"""What can go wrong, in our own words and without HTTP: `web/` gives each its status in one table."""

from __future__ import annotations

from collections.abc import Sequence


class B12Error(Exception):
    """The base of every error that this service raises on purpose."""


class InvalidHookRequest(B12Error):
    """The request body cannot be used. `path` is the field at fault, such as `context.patientId`."""

    def __init__(self, problems: Sequence[tuple[str, str]]) -> None:
        """`problems` holds (field path, what is wrong and how to mend it), at least one."""
        super().__init__("; ".join(f"{path}: {problem}" for path, problem in problems))
        self.problems = tuple(problems)


class UnknownService(B12Error):
    """No service has this id."""


class UntrustedClient(B12Error):
    """The caller's token is missing or does not hold. The reason is for the log only, never for the caller.

    `client` is the registered client that the token says it is of, "" where there is none.
    """

    def __init__(self, reason: str = "", client: str = "") -> None:
        super().__init__(reason)
        self.reason = str(reason)
        self.client = client


class PatientDataUnavailable(B12Error):
    """Required data were neither given nor could be fetched (CDS Hooks 2.0.1: 412 Precondition Failed)."""

    def __init__(self, missing: Sequence[tuple[str, str]]) -> None:
        """`missing` holds (prefetch key, why it is not there), at least one."""
        super().__init__("; ".join(f"{key}: {why}" for key, why in missing))
        self.missing = tuple(missing)


class TemporarilyUnavailable(B12Error):
    """Overloaded, or a store that must not fail silently cannot be reached; the caller may try again later.

    `cause` is for the log: what the store said, without any data.
    """

    def __init__(self, message: str, retry_after_seconds: int = 5, cause: str = "") -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        self.cause = cause


class IncompatibleDatabase(TemporarilyUnavailable):
    """The database's tables are of another release: only whoever runs the service can mend that."""


class OutboundRefused(B12Error):
    """An outgoing request was not made, or its answer not used: the address is not one we may call."""


class FhirServerFailed(B12Error):
    """The FHIR server could not be reached in time, or answered with an error."""


class NotOnFhirServer(FhirServerFailed):
    """The FHIR server has no such resource, or has it no more (404, 410)."""


class ServerUnreachable(B12Error):
    """A server that somebody typed the address of does not answer, or not in time."""


class TlsFailed(B12Error):
    """No secure connection could be made: the certificate does not hold, or there is no TLS at that port."""


class NotFhir(B12Error):
    """What answers at an address is no FHIR server, or not as one."""


class OtherFhirVersion(B12Error):
    """It is a FHIR server, of a version that we do not read."""


class AccessRefused(B12Error):
    """The FHIR server wants a token, or another one (401, 403)."""


class FhirRefused(B12Error):
    """The FHIR server did not take, or not do, what it was asked; its own words are in the message."""


class InvalidKnowledge(B12Error):
    """Knowledge files cannot be used. Each problem names file, field, what is wrong and how to mend it."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class InvalidSettings(B12Error):
    """An environment setting is missing or cannot be used; the message names it and says how to mend it."""


class InvalidCard(B12Error):
    """A card breaks a limit of CDS Hooks; this is a fault of ours and never reaches an EHR as a card."""


class CannotDraw(B12Error):
    """A picture cannot be made here; the message says why, and how to mend it."""
