"""A version's expected inputs: rows, and what the training engine answers to them."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # a plain statement: SQLite adds a column with a reference, Alembic would rebuild the table for it
    op.execute("ALTER TABLE version ADD COLUMN expected VARCHAR REFERENCES artifact (sha256)")
