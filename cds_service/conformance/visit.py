"""One visit to a service: discovery, and a whole request to each of its services, made once for all checks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cds_service.conformance.client import Answer, Client
from cds_service.conformance.shapes import objects, text
from cds_service.conformance.synthetic import HOOKS, Json, hook_request

SANDBOX = "http://localhost:8080"
FEEDBACK = "feedback"


@dataclass(frozen=True, slots=True)
class Call:
    """A request to one service and what it answered."""

    service: Mapping[str, Any]
    request: Json
    answer: Answer

    @property
    def name(self) -> str:
        """How a problem names the service."""
        return text(self.service.get("id")) or "a service without id"

    @property
    def cards(self) -> list[Json]:
        """The cards that are objects."""
        return objects(self.answer.json, "cards")


@dataclass(frozen=True, slots=True)
class Visit:
    """What every check may look at; `origin` is where a client in a browser would come from."""

    client: Client
    discovery: Answer
    calls: tuple[Call, ...]
    origin: str = SANDBOX

    @property
    def services(self) -> list[Json]:
        """The entries of discovery that are objects."""
        return objects(self.discovery.json, "services")

    def call(self, service: Mapping[str, Any], request: Any, method: str = "POST", **headers: str) -> Answer:
        """Call a service; `request` is JSON, or bytes."""
        return self.client.send(method, path_of(service), request, headers)

    def feedback(self, service: Mapping[str, Any], *items: Any) -> Answer:
        """Send feedback to a service."""
        return self.client.send("POST", f"{path_of(service)}/feedback", {FEEDBACK: list(items)})

    def cards(self) -> Iterator[tuple[str, Json]]:
        """Each card with the name by which a problem tells of it."""
        for call in self.calls:
            for place, card in enumerate(call.cards):
                yield f"{call.name} card {place + 1}", card

    def suggestions(self) -> Iterator[tuple[str, Json]]:
        """Each suggestion, named."""
        for name, card in self.cards():
            for place, suggestion in enumerate(objects(card, "suggestions")):
                yield f"{name} suggestion {place + 1}", suggestion

    def actions(self) -> Iterator[tuple[str, Json]]:
        """Each action of a suggestion, named."""
        for name, suggestion in self.suggestions():
            for place, action in enumerate(objects(suggestion, "actions")):
                yield f"{name} action {place + 1}", action


def path_of(service: Mapping[str, Any]) -> str:
    """The path of a service."""
    return f"/cds-services/{quote(text(service.get('id')), safe='')}"


def visit(client: Client, origin: str = SANDBOX) -> Visit:
    """Ask for discovery, and fire each hook that we know how to fire.

    Raises:
        ServiceUnreachable: nothing answers there.
    """
    discovery = client.send("GET", "/cds-services")
    asked = Visit(client, discovery, (), origin)
    callable_ones = [one for one in asked.services if one.get("hook") in HOOKS and text(one.get("id"))]
    return Visit(client, discovery, tuple(_fired(asked, service) for service in callable_ones), origin)


def _fired(asked: Visit, service: Json) -> Call:
    request = hook_request(service)
    return Call(service, request, asked.call(service, request))
