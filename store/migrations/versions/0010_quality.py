"""What the monitor found in a window about the quality of its rows, and about all features together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # windows that were judged before have neither
    op.add_column("window", sa.Column("quality", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("window", sa.Column("dataset_drift", sa.JSON(), server_default="{}", nullable=False))
