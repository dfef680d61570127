"""How alembic runs our migrations: on the connection that the store hands over, within its transaction."""

from __future__ import annotations

from alembic import context

from cds_service.storage.models import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
