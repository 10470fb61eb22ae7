"""How far each trigger has looked, and which calls of webhooks have been answered."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from quarterdeck.store.rows import table
from quarterdeck.store.tables import TriggerCursorRow, WebhookCallRow

_cursor = table(TriggerCursorRow)
_call = table(WebhookCallRow)
KEPT = timedelta(days=7)  # senders give up on a call within days


def place_of(tx: Connection, trigger_id: int) -> dict[str, Any] | None:
    """Where a trigger has come to; None before its first look."""
    query = select(_cursor.c.place).where(_cursor.c.trigger_id == trigger_id)
    found: dict[str, Any] | None = tx.execute(query).scalar()
    return found


def set_place(tx: Connection, trigger_id: int, place: dict[str, Any], now: datetime) -> None:
    forget(tx, trigger_id)
    tx.execute(insert(_cursor).values(trigger_id=trigger_id, place=place, changed_at=now))


def forget(tx: Connection, trigger_id: int) -> None:
    """The next look is the first."""
    tx.execute(delete(_cursor).where(_cursor.c.trigger_id == trigger_id))


def answered(tx: Connection, call: str) -> int | None:
    """The firing that a call with this id was answered by."""
    return tx.execute(select(_call.c.firing_id).where(_call.c.id == call)).scalar()


def keep_call(tx: Connection, call: str, *, trigger_id: int, firing_id: int, now: datetime) -> None:
    """Keep that a call was answered, and forget those that no sender sends again."""
    tx.execute(delete(_call).where(_call.c.at < now - KEPT))
    tx.execute(insert(_call).values(id=call, trigger_id=trigger_id, firing_id=firing_id, at=now))
