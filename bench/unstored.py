"""The service without its record of the cards shown: what reading, assessing and answering cost alone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from cds_service.application import Start, make_app
from cds_service.storage.store import CardShown, Store
from cds_service.web import create_front


class _Forgetful(Store):
    def record_cards(self, cards: Iterable[CardShown], shown_at: datetime) -> None:
        """Keep nothing."""


_start = Start.from_environment()
app = create_front(_start.settings, make_app(_start, _Forgetful(_start.settings.database_url)))
