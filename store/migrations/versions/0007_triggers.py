"""Triggers: a revision for each change, how far each has looked, and the calls that webhooks have answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from quarterdeck.store.tables.types import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("trigger", sa.Column("revision", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_trigger_revision", "trigger", ["revision"])
    op.create_index("ix_firing_alert_id", "firing", ["alert_id"])
    op.create_index("ix_firing_run_id", "firing", ["run_id"])
    op.create_table(
        "trigger_cursor",
        sa.Column("trigger_id", sa.Integer(), sa.ForeignKey("trigger.id"), primary_key=True, autoincrement=False),
        sa.Column("place", sa.JSON(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
    )
    op.create_table(
        "webhook_call",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("trigger_id", sa.Integer(), sa.ForeignKey("trigger.id"), nullable=False),
        sa.Column("firing_id", sa.Integer(), sa.ForeignKey("firing.id"), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
    )
    op.create_index("ix_webhook_call_at", "webhook_call", ["at"])
