"""The service without its record of the cards shown: what reading, assessing and answering cost alone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from cds_service.config import Settings
from cds_service.storage.store import CardShown, Store
from cds_service.web import create_front
from cds_service.wsgi import make_app


class _Forgetful(Store):
    def record_cards(self, cards: Iterable[CardShown], shown_at: datetime) -> None:
        """Keep nothing."""


_settings = Settings.from_environment()
app = create_front(_settings, make_app(_settings, _Forgetful(_settings.database_url)))
