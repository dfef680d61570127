"""What every route needs, made once and passed in: settings, services, knowledge, store, and FHIR access."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from cds_service.config import Settings
from cds_service.errors import UnknownService
from cds_service.fhir.retrieve import Retriever
from cds_service.fhir.sieve import Sieve
from cds_service.knowledge.model import Knowledge
from cds_service.service import CdsService
from cds_service.storage.store import Store
from cds_service.web.recent_errors import RecentErrors


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and what holds for them: `client` is "" where nobody has to say who they are.

    `retriever` reaches the FHIR servers of this caller and no other; `never_sent` are prefetch keys that it cannot
    send, and `one_action` says that it takes one action per suggestion.
    """

    services: frozenset[str]
    retriever: Retriever
    never_sent: tuple[str, ...] = ()
    one_action: bool = False
    client: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """The parts of one running service.

    `counts` tells of what went wrong without being an error to a caller, `errors` of what was one; both are this
    process's, since `started`.
    """

    settings: Settings
    services: Mapping[str, CdsService]
    knowledge: Knowledge
    store: Store
    retriever: Retriever
    sieve: Sieve
    counts: Counter[str] = field(default_factory=Counter)
    errors: RecentErrors = field(default_factory=RecentErrors)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def service(self, service_id: str) -> CdsService:
        """The service of this id.

        Raises:
            UnknownService: there is none.
        """
        if service_id not in self.services:
            raise UnknownService("There is no service of this id.")
        return self.services[service_id]

    def anyone(self) -> Caller:
        """A caller who is not asked who they are: the settings hold for all of them."""
        settings = self.settings
        return Caller(frozenset(self.services), self.retriever, settings.never_sent, settings.one_action)

    def today(self) -> date:
        """The day that counts: the fixed one of the settings, or the clock's where this service runs."""
        return self.settings.today or self.now().astimezone().date()

    @staticmethod
    def now() -> datetime:
        """This moment."""
        return datetime.now(UTC)
