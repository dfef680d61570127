"""What a worker process runs, made of settings and knowledge that whoever starts the workers has read and checked.

All that can be wrong is found here, before the first request, and stops the start (or the change, at SIGHUP).
"""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from multiprocessing import Pipe, Process, current_process
from multiprocessing.connection import Connection

import structlog
from flask import Flask

from cds_service.composition import services
from cds_service.config import Settings
from cds_service.errors import IncompatibleDatabase, InvalidKnowledge, TemporarilyUnavailable
from cds_service.fhir.draft_resources import Template, problems_of, templates
from cds_service.knowledge.loader import load
from cds_service.knowledge.model import Knowledge
from cds_service.playground import FhirServers, StoryEhr
from cds_service.storage.store import Store
from cds_service.web.app import create_app
from cds_service.web.logs import set_up_logs
from cds_service.web.trust.client_file import read_clients

_M_MMAP_THRESHOLD = -3  # as malloc.h of glibc numbers it
_LARGE = 1024 * 1024
_JUDGE_SECONDS = 30  # it takes a fifth of one; a start never waits for ever


@dataclass(frozen=True, slots=True)
class Start:
    """What every worker starts with. Forked workers share its memory; for spawned ones it can be pickled."""

    settings: Settings
    knowledge: Knowledge

    @classmethod
    def from_environment(cls) -> Start:
        """As `read`, with the settings of the environment, when the process starts.

        What is imported by then stays: the collector would walk it again and again while the knowledge is read, which
        takes half as long again.
        """
        gc.freeze()
        return cls.read(Settings.from_environment())

    @classmethod
    def read(cls, settings: Settings) -> Start:
        """Read the knowledge of these settings as the files are now, and check all that can be checked.

        Raises:
            InvalidKnowledge: a knowledge file cannot be used.
            InvalidSettings: a setting, or the file of clients, cannot be used.
            IncompatibleDatabase: the database is of a newer release.
        """
        knowledge = checked_knowledge(settings, _judged_apart)
        if settings.clients is not None:
            read_clients(settings, services(knowledge))
        _refuse_newer_database(settings)
        return cls(settings, knowledge)


Judge = Callable[[list[Template]], list[str]]
"""Tells what is not valid FHIR of what can be proposed."""


def checked_knowledge(settings: Settings, judge: Judge = problems_of) -> Knowledge:
    """The knowledge that these settings choose; it fits the code, and all that it can propose is valid.

    Raises:
        InvalidKnowledge: a file cannot be used, does not fit the code, or leads to a resource that is not valid FHIR.
    """
    knowledge = load(
        overlay=settings.knowledge_dir,
        with_snomed_affiliate=settings.snomed_affiliate,
        site=settings.site,
        language=settings.language,
    )
    services(knowledge)
    problems = judge(templates(knowledge))
    if problems:
        raise InvalidKnowledge(problems)
    return knowledge


def _judged_apart(made: list[Template]) -> list[str]:
    """The judge comes into the memory of a process that ends with it, and not into that of every worker."""
    if not current_process().daemon:  # which may have no children
        with suppress(OSError, RuntimeError, EOFError):  # there is no process to be had, or it died
            ours, theirs = Pipe(duplex=False)
            judge = Process(target=_judge, args=(theirs, made))
            judge.start()
            theirs.close()
            try:
                if ours.poll(_JUDGE_SECONDS):
                    told: list[str] = ours.recv()
                    return told
            finally:
                judge.kill()
                judge.join()
    return problems_of(made)


def _judge(told: Connection, made: list[Template]) -> None:
    told.send(problems_of(made))


def make_app(start: Start, store: Store | None = None) -> Flask:
    """The application; the store is made from the settings where none is given.

    Raises:
        InvalidSettings: a setting cannot be used.
        IncompatibleDatabase: the database is of a newer release.
    """
    settings, knowledge = start.settings, start.knowledge
    set_up_logs(settings.log_level)
    store = store or Store(settings.database_url)
    offered = services(knowledge)
    playground = StoryEhr(offered, FhirServers(settings, offered)) if settings.playground else None
    app = create_app(settings, offered, knowledge, store, playground=playground)
    _open_database(store)
    templates(knowledge)  # where the process was forked, they are there already
    _calm_collector()
    _give_large_memory_back()
    return app


def _refuse_newer_database(settings: Settings) -> None:
    """Stop a start that can come to nothing; a database that is merely away stops none, as hooks work without it."""
    with closing(Store(settings.database_url)) as store:
        try:
            store.prepare()
        except IncompatibleDatabase:
            raise
        except TemporarilyUnavailable:
            pass  # each worker says so in its log


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


def _give_large_memory_back() -> None:
    """Keep glibc from raising the size from which it maps memory apart, as it does when a large block is freed.

    The next large bodies would come from the heap, between small things that stay, and never go back: 25 MB a worker.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:  # musl has none
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
