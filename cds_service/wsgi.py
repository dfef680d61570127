"""The application for any WSGI server that receives bodies itself. `b12-cds serve` puts a front before it: asgi.py.

Settings, knowledge and services are read and checked once, here, and a fault in any of them stops the start.
"""

from __future__ import annotations

import gc

import structlog
from flask import Flask

from cds_service.composition import services
from cds_service.config import Settings
from cds_service.errors import IncompatibleDatabase, TemporarilyUnavailable
from cds_service.fhir.draft_resources import make_templates
from cds_service.knowledge.loader import load
from cds_service.playground import FhirServers, StoryEhr
from cds_service.storage.store import Store
from cds_service.web.app import create_app
from cds_service.web.logs import set_up_logs


def make_app(settings: Settings, store: Store | None = None) -> Flask:
    """The application for these settings; the store is made from them where none is given.

    Raises:
        InvalidSettings: a setting cannot be used.
        InvalidKnowledge: a knowledge file cannot be used.
        IncompatibleDatabase: the database is of a newer release.
    """
    set_up_logs(settings.log_level)
    knowledge = load(
        overlay=settings.knowledge_dir,
        with_snomed_affiliate=settings.snomed_affiliate,
        site=settings.site,
        language=settings.language,
    )
    store = store or Store(settings.database_url)
    offered = services(knowledge)
    playground = StoryEhr(offered, FhirServers(settings, offered)) if settings.playground else None
    app = create_app(settings, offered, knowledge, store, playground=playground)
    _open_database(store)
    make_templates(knowledge)
    _calm_collector()
    return app


def _open_database(store: Store) -> None:
    """Discovery and hooks work without the database; /ready and feedback say so while it is away."""
    try:
        store.check()
    except IncompatibleDatabase:
        raise
    except TemporarilyUnavailable as away:
        structlog.get_logger().warning("database cannot be reached", setting="B12_DATABASE_URL", error=away.cause)


def _calm_collector() -> None:
    """What is loaded now stays: the collector need not walk it at every request."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)


settings = Settings.from_environment()
app = make_app(settings)
