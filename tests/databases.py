"""A database of a test's own, and whoever else works in it beside the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, create_engine, make_url

from cds_service.storage.store import Store


@dataclass(frozen=True)
class Database:
    """A database of one test's own; `execute` stands for whoever else works in it."""

    url: str

    @property
    def is_postgresql(self) -> bool:
        return self.url.startswith("postgresql")

    def store(self) -> Store:
        return Store(self.url)

    def kill_connections(self) -> None:
        """As an administrator or a failing server does, whatever they are doing."""
        self.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    def execute(self, statement: str, *rows: Sequence[object]) -> list[tuple[Any, ...]]:
        return run(make_url(self.url), statement, *rows)


def run(url: URL, statement: str, *rows: Sequence[object]) -> list[tuple[Any, ...]]:
    """Run one statement, once for each of `rows` where there are any, and keep what it does."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            done = connection.exec_driver_sql(statement, list(map(tuple, rows)) or None)
            return [tuple(row) for row in done] if done.returns_rows else []
    finally:
        engine.dispose()
