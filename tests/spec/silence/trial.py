"""Trying one scene: every corruption of it, and what became of its cards."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import Any

from cds_service.composition import services
from cds_service.config import Settings
from cds_service.errors import InvalidHookRequest, PatientDataUnavailable
from cds_service.fhir.retrieve import Retriever
from cds_service.fhir.sieve import Sieve
from cds_service.knowledge.model import Knowledge
from cds_service.service import CdsService
from cds_service.web.edge import Edge
from cds_service.web.hook_answer import answer_hook
from tests.spec.silence.corruptions import Corruption, corruptions, spoiled
from tests.spec.silence.fetches import FhirServer, faults, holding, without_prefetch
from tests.spec.silence.scenes import Scene
from tests.spec.silence.verdict import Told, Verdict, judge

_EXPLAIN = {"org.b12-cds.explain": True}
_NOWHERE = FhirServer()


@dataclass(frozen=True, slots=True)
class Trial:
    """One corruption of one scene, and what came of it. `fault` is what the service failed with."""

    scene: Scene
    corruption: Corruption
    verdict: Verdict
    before: Told
    after: Told | None = None
    fault: str = ""

    @property
    def lost(self) -> list[str]:
        """The rules that no longer speak, or less loudly."""
        after = self.after.rules if self.after is not None else {}
        return [rule for rule, severity in self.before.rules.items() if after.get(rule, 0) < severity]


class Service:
    """The service as it is deployed, but for the network and the store, which are in memory."""

    def __init__(self, knowledge: Knowledge, offered: Sequence[CdsService] = ()) -> None:
        """`offered`: the services to ask, in place of those of production."""
        self._services = {service.hook: service for service in offered or services(knowledge)}
        self._by_id = {service.id: service for service in self._services.values()}
        self._knowledge = knowledge
        self._sieve = Sieve(knowledge)

    def queries(self, hook: str) -> Mapping[str, str]:
        """The prefetch templates of a hook's service."""
        return self._services[hook].prefetch

    def told(
        self, request: Mapping[str, Any], scene: Scene, server: FhirServer = _NOWHERE, *, asks_why: bool = True
    ) -> Told:
        """What the service of the scene's hook tells.

        Raises:
            Discrepancy: cards come only to those who ask for the assessment behind them.
        """
        service, settings = self._services[scene.hook], _settings(scene.today)
        retriever = Retriever(server, deadline_seconds=5, sieve=self._sieve)
        try:
            edge = Edge(settings, self._by_id, self._knowledge, _NOTHING_KEPT, retriever, self._sieve)
            content, _ = answer_hook(edge, edge.anyone(), service, _body(request, _EXPLAIN if asks_why else {}))
        finally:
            retriever.close()
        told = Told.of(json.loads(content))
        # Orders that do not concern us are answered before the record is read, unless the assessment is asked for.
        may_differ = asks_why and scene.hook != "patient-view" and told.concerns
        if may_differ and not self.told(request, scene, server, asks_why=False).concerns:
            raise Discrepancy("no cards unless the assessment is asked for")
        return told


class _NothingKept:
    """In the store's place: which cards were shown is kept by the service, and changes none."""

    def record_cards(self, shown: Iterable[Any], at: Any) -> None:
        """Keep nothing."""


_NOTHING_KEPT = _NothingKept()


@lru_cache
def _settings(today: date) -> Settings:
    return Settings(today=today, database_url="sqlite://")


class Discrepancy(Exception):
    """Two answers to one request differ."""


def _body(request: Mapping[str, Any], extension: Mapping[str, Any]) -> bytes:
    return json.dumps({**request, "extension": extension}).encode()


def trials(scene: Scene, service: Service, every: int = 1, first: int = 0) -> Iterator[Trial]:
    """The corruptions of a scene that yields a card, and the faults of its fetches; of both, each `every`th from the
    one numbered `first` on. Nothing where the scene yields no card."""
    chosen = islice(corruptions(scene.request), first, None, every)
    yield from _tried(scene, service, ((one, spoiled(scene.request, one), _NOWHERE) for one in chosen), _NOWHERE)
    bare, queries = without_prefetch(scene.request), service.queries(scene.hook)
    held = holding(scene.request, queries)
    failed = islice(faults(scene.request, held, queries), first, None, every)
    fetched = ((one, bare, server) for one, server in failed)
    yield from _tried(replace(scene, request=bare), service, fetched, FhirServer(held))


def _tried(
    scene: Scene,
    service: Service,
    attempts: Iterable[tuple[Corruption, Mapping[str, Any], FhirServer]],
    unspoiled: FhirServer,
) -> Iterator[Trial]:
    try:
        before = service.told(scene.request, scene, unspoiled)
    except PatientDataUnavailable:
        return
    if not before.concerns:
        return
    for corruption, request, server in attempts:
        try:
            after = service.told(request, scene, server)
        except (InvalidHookRequest, PatientDataUnavailable):
            yield Trial(scene, corruption, Verdict.ERROR, before)
        except Exception as fault:  # noqa: BLE001 - whatever else it raises is a fault of ours, to be counted
            yield Trial(scene, corruption, Verdict.CRASHED, before, fault=repr(fault))
        else:
            yield Trial(scene, corruption, judge(before, after), before, after)
