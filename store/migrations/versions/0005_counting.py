"""How wide a pipeline's windows are: the prediction server counts into them."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # NULL until the manifest is read again: what is answered until then, the daemon counts
    op.execute('ALTER TABLE pipeline ADD COLUMN "window" BIGINT')
