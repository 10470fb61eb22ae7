"""What is known of a window's performance, and what a version's held-out rows taught about its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # windows of before have no findings until they are judged again
    op.add_column("window", sa.Column("performance", sa.JSON(), server_default="[]", nullable=False))
    # a plain statement: SQLite adds a column with a reference, Alembic would rebuild the table for it
    op.execute("ALTER TABLE version ADD COLUMN performance VARCHAR REFERENCES artifact (sha256)")
