"""Talking to a CDS service as an EHR does. The address is the one its user typed, so no allow-list stands before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cds_service.ehr.patient_bundle import Json
from cds_service.errors import NotFhir
from cds_service.outbound.typed_address import Answer, TypedAddress, shown

_JSON = {"Accept": "application/json", "Content-Type": "application/json"}


class ServiceFailed(Exception):
    """A CDS service gave no JSON object, or has no service for a hook; the message says what to look at."""


def _no_token(_endpoint: str) -> str:
    return ""


class CdsServer:
    """The CDS services below one base address."""

    def __init__(self, url: str, sign: Callable[[str], str] = _no_token) -> None:
        """`url` may or may not end in /cds-services. `sign` makes the token for a call to an address ("": none).

        A token is for one call: each call asks for its own.
        """
        self.base = url.rstrip("/").removesuffix("/cds-services").rstrip("/")
        self._sign = sign

    def discover(self, hook: str) -> tuple[str, Mapping[str, str]]:
        """The id and the prefetch templates of the first service that answers `hook`.

        Raises:
            ServiceFailed: discovery fails, or has no service for this hook.
            ServerUnreachable, TlsFailed, OutboundRefused: there is no answer.
        """
        status, found = self._exchange("GET", "cds-services")
        offered = found.get("services")
        if status != 200 or not isinstance(offered, list):
            hint = " It wants signed calls: give --key and --issuer" if status == 401 else ""
            raise ServiceFailed(f"{self.base}/cds-services answered {status} and is no CDS Hooks discovery.{hint}")
        for service in offered:
            if isinstance(service, dict) and service.get("hook") == hook and isinstance(service.get("id"), str):
                templates = service.get("prefetch")
                return service["id"], templates if isinstance(templates, dict) else {}
        hooks = sorted({str(service.get("hook")) for service in offered if isinstance(service, dict)})
        raise ServiceFailed(f"{self.base} has no service for {hook!r}; it answers {', '.join(hooks) or 'no hook'}.")

    def call(self, service_id: str, request: Mapping[str, Any]) -> tuple[int, Json]:
        """Send a hook request; returns the status and the JSON object of the answer.

        Raises:
            As `discover`.
        """
        return self._exchange("POST", f"cds-services/{service_id}", request)

    def feedback(self, service_id: str, items: Sequence[Json]) -> tuple[int, Json]:
        """Report what became of cards; the answer may be empty.

        Raises:
            ServerUnreachable, TlsFailed, OutboundRefused: there is no answer.
        """
        answer = self._send("POST", f"cds-services/{service_id}/feedback", {"feedback": list(items)})
        return answer.status, answer.content if isinstance(answer.content, dict) else {}

    def _exchange(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> tuple[int, Json]:
        answer = self._send(method, path, body)
        if not isinstance(answer.content, dict):
            raise ServiceFailed(f"{self.base}/{path} answered {answer.status} with something that is no JSON object.")
        return answer.status, answer.content

    def _send(self, method: str, path: str, body: Any) -> Answer:
        endpoint = f"{self.base}/{path}"
        address = TypedAddress(self.base, self._sign(endpoint), tries=1)
        try:
            return address.send(method, endpoint, body, headers=_JSON)
        except NotFhir as led_on:  # what a redirect is called there
            raise ServiceFailed(shown(str(led_on))) from led_on
        finally:
            address.close()
