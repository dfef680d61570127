"""Answering a hook request without a server, and as the server would: for the command line and for kept promises."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from cds_service.config import Settings
from cds_service.errors import UnknownService
from cds_service.fhir.retrieve import Retriever
from cds_service.fhir.sieve import Sieve
from cds_service.knowledge.model import Knowledge
from cds_service.outbound.addresses import AddressRules
from cds_service.outbound.session import GuardedSession
from cds_service.service import CdsService
from cds_service.storage.store import Store
from cds_service.web.edge import Edge
from cds_service.web.hook_answer import answer_hook
from cds_service.web.hook_request import EXPLAIN


def answered(
    request: Mapping[str, Any], offered: Sequence[CdsService], knowledge: Knowledge, today: date
) -> dict[str, Any]:
    """The answer to a hook request, with the assessment, as the service of its hook gives it on `today`.

    Nothing is fetched and nothing is kept: what the request does not hold is not known.

    Raises:
        InvalidHookRequest: the request cannot be used.
        PatientDataUnavailable: data that this service cannot do without are not in the request.
        UnknownService: no service answers this hook.
    """
    service = next((service for service in offered if service.hook == request.get("hook")), None)
    if service is None:
        hooks = ", ".join(service.hook for service in offered)
        raise UnknownService(f"No service answers the hook {str(request.get('hook'))[:40]!r}; these are: {hooks}.")
    explained = {**request, "extension": {EXPLAIN: True}}
    edge = offline_edge(offered, knowledge, today)
    body, _ = answer_hook(edge, edge.anyone(), service, json.dumps(explained).encode())
    answer: dict[str, Any] = json.loads(body)
    return answer


def offline_edge(offered: Sequence[CdsService], knowledge: Knowledge, today: date) -> Edge:
    """What answers hooks without reaching anything: a store in memory, and no server that may be called."""
    settings = Settings(today=today, database_url="sqlite://")  # in memory
    nowhere = GuardedSession(AddressRules.of((), allow_http_localhost=False, private_networks=()))
    return Edge(
        settings,
        {service.id: service for service in offered},
        knowledge,
        Store(settings.database_url),
        Retriever(nowhere, settings.deadline_seconds),
        Sieve(knowledge),
    )
