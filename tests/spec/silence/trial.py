"""Trying one scene: every corruption of it, and what became of its cards."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from cds_service.composition import services
from cds_service.config import Settings
from cds_service.errors import InvalidHookRequest, PatientDataUnavailable
from cds_service.fhir.retrieve import Retriever
from cds_service.knowledge.model import Knowledge
from cds_service.outbound.addresses import AddressRules
from cds_service.outbound.session import GuardedSession
from cds_service.storage.store import Store
from cds_service.web.edge import Edge
from cds_service.web.hook_answer import answer_hook
from tests.spec.silence.corruptions import Corruption, spoiled
from tests.spec.silence.scenes import Scene
from tests.spec.silence.verdict import Told, Verdict, judge

_EXPLAIN = {"org.b12-cds.explain": True}


@dataclass(frozen=True, slots=True)
class Trial:
    """One corruption of one scene, and what came of it. `fault` is what the service failed with."""

    scene: Scene
    corruption: Corruption
    verdict: Verdict
    before: Told
    after: Told | None = None
    fault: str = ""


class Service:
    """The service as it is deployed, but for the network: nothing is fetched, and the store is in memory."""

    def __init__(self, knowledge: Knowledge) -> None:
        self._services = {service.hook: service for service in services(knowledge)}
        self._knowledge = knowledge
        self._store = Store("sqlite://")
        nowhere = GuardedSession(AddressRules.of((), allow_http_localhost=False, private_networks=()))
        self._retriever = Retriever(nowhere, deadline_seconds=1)

    def told(self, request: Mapping[str, Any], hook: str, today: date) -> Told:
        """What the service of this hook tells."""
        settings = Settings(today=today, database_url="sqlite://")
        offered = {service.id: service for service in self._services.values()}
        edge = Edge(settings, offered, self._knowledge, self._store, self._retriever)
        body = json.dumps({**request, "extension": _EXPLAIN}).encode()
        content, _ = answer_hook(edge, edge.anyone(), self._services[hook], body)
        return Told.of(json.loads(content))


def trials(
    scene: Scene, service: Service, corruptions: Callable[[Mapping[str, Any]], Iterable[Corruption]]
) -> Iterator[Trial]:
    """Each corruption of a scene that yields a card; nothing where it yields none."""
    hook = scene.request["hook"]
    try:
        before = service.told(scene.request, hook, scene.today)
    except PatientDataUnavailable:
        return
    if not before.concerns:
        return
    for corruption in corruptions(scene.request):
        try:
            after = service.told(spoiled(scene.request, corruption), hook, scene.today)
        except (InvalidHookRequest, PatientDataUnavailable):
            yield Trial(scene, corruption, Verdict.ERROR, before)
        except Exception as fault:  # noqa: BLE001 - whatever else it raises is a fault of ours, to be counted
            yield Trial(scene, corruption, Verdict.CRASHED, before, fault=repr(fault))
        else:
            yield Trial(scene, corruption, judge(before, after), before, after)
