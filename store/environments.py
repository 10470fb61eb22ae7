"""The environments that are in use: where a name points at a version, a rollout went, or somebody has a role."""

from __future__ import annotations

from sqlalchemy import Connection, select

from quarterdeck.store.rows import table
from quarterdeck.store.tables import AliasRow, RoleRow, RolloutRow


def seen(tx: Connection) -> set[str]:
    """Their names; "*", where a role counts everywhere, is among them."""
    tables = [table(kind) for kind in (AliasRow, RolloutRow, RoleRow)]
    return {name for each in tables for name in tx.execute(select(each.c.environment).distinct()).scalars()}
