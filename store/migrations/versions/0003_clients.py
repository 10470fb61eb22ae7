"""Clients: a token's endpoints and rates, the secret before its last rotation; a server's scheme and certificate."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("environment", sa.String(), nullable=True),
        sa.Column("endpoints", sa.JSON(), nullable=True),
        sa.Column("rates", sa.JSON(), nullable=True),
        sa.Column("old_sha256", sa.String(), nullable=True),
        sa.Column("old_until", sa.DateTime(), nullable=True),
    ):
        op.add_column("token", column)
    op.add_column("service", sa.Column("scheme", sa.String(), server_default="http", nullable=False))
    op.add_column("service", sa.Column("certificate", sa.String(), nullable=True))
