"""Free text of clinicians, which may hold patient data, moves into a table of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, move the comments into it, and drop their column."""
    op.create_table(
        "feedback_comments",
        sa.Column("feedback", sa.Integer, sa.ForeignKey("feedback.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("comment", sa.Text, nullable=False),
    )
    op.execute("INSERT INTO feedback_comments (feedback, comment) SELECT id, comment FROM feedback WHERE comment <> ''")
    op.drop_column("feedback", "comment")


def downgrade() -> None:
    """Move the comments back."""
    op.add_column("feedback", sa.Column("comment", sa.Text, nullable=False, server_default=""))
    op.execute(
        "UPDATE feedback SET comment = coalesce("
        "(SELECT c.comment FROM feedback_comments AS c WHERE c.feedback = feedback.id), '')"
    )
    op.drop_table("feedback_comments")
