"""The first tables: feedback and cards shown."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "feedback",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("digest", sa.String(64), nullable=False, unique=True),
        sa.Column("service", sa.String(100), nullable=False, index=True),
        sa.Column("card", sa.String(200), nullable=False, index=True),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("outcome_timestamp", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_suggestions", sa.Text, nullable=False),
        sa.Column("reason_system", sa.String(500), nullable=False),
        sa.Column("reason_code", sa.String(200), nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "cards_shown",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("card", sa.String(36), nullable=False, unique=True),
        sa.Column("service", sa.String(100), nullable=False, index=True),
        sa.Column("rules", sa.String(500), nullable=False),
        sa.Column("indicator", sa.String(20), nullable=False),
        sa.Column("knowledge_version", sa.String(100), nullable=False),
        sa.Column("suggestions", sa.Text, nullable=False),
        sa.Column("shown_at", sa.DateTime(timezone=True), nullable=False, index=True),
    )


def downgrade() -> None:
    """Drop both tables."""
    op.drop_table("cards_shown")
    op.drop_table("feedback")
