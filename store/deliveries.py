"""Deliveries: one event on its way to one receiver, until it was taken, or was given up.

A row says PENDING until the receiver has taken it, so that a daemon that dies in between sends it again: at least once.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.notices import Delivery, DeliveryState, Event, Outcome, Verdict, transition
from quarterdeck.store import notifications
from quarterdeck.store.rows import table, value_of
from quarterdeck.store.tables import DeliveryRow

_delivery = table(DeliveryRow)

LONGEST_SAID = 2_000  # characters


def add(tx: Connection, notification_id: int, receiver: str, *, now: datetime) -> int:
    """A delivery that is due at once."""
    values = {"notification_id": notification_id, "receiver": receiver, "state": DeliveryState.PENDING.value}
    done = tx.execute(insert(_delivery).values(**values, attempts=0, due_at=now, created_at=now, said=""))
    key = done.inserted_primary_key
    assert key is not None
    return int(key[0])


def due(tx: Connection, now: datetime, *, passing: Sequence[str] = (), limit: int = 100) -> list[Delivery]:
    """What is to be sent now, the oldest first for each receiver; not to those that are `passing`."""
    state = _delivery.c.state == DeliveryState.PENDING.value
    first = select(func.min(_delivery.c.id)).where(state, _delivery.c.due_at <= now)
    if passing:
        first = first.where(_delivery.c.receiver.not_in(passing))
    query = select(_delivery).where(_delivery.c.id.in_(first.group_by(_delivery.c.receiver)))
    return [_to_delivery(row) for row in tx.execute(query.order_by(_delivery.c.id).limit(limit))]


def waiting(tx: Connection) -> list[Delivery]:
    """Everything that is pending, due or not."""
    query = select(_delivery).where(_delivery.c.state == DeliveryState.PENDING.value).order_by(_delivery.c.id)
    return [_to_delivery(row) for row in tx.execute(query)]


def record(tx: Connection, delivery_id: int, outcome: Outcome, *, now: datetime, again: timedelta | None) -> Delivery:
    """Keep what came of sending it once: taken, dead, or tried `again` in so long. One that ended meanwhile stays."""
    found = get(tx, delivery_id)
    if found.state is not DeliveryState.PENDING:
        return found
    if outcome.verdict is Verdict.TAKEN:
        to = DeliveryState.SENT
    else:
        to = DeliveryState.PENDING if outcome.verdict is Verdict.AGAIN and again is not None else DeliveryState.DEAD
    values: dict[str, Any] = {
        "state": to.value,
        "attempts": found.attempts + 1,
        "tried_at": now,
        "status": outcome.status,
        "said": outcome.said[-LONGEST_SAID:],
    }
    if again is not None:
        values["due_at"] = now + again
    tx.execute(update(_delivery).where(_delivery.c.id == delivery_id).values(**values))
    return get(tx, delivery_id)


def retry(tx: Connection, delivery_id: int, *, now: datetime) -> Delivery:
    """Send it once more, with all its tries: also one that waits. ConflictError for what was taken."""
    found = get(tx, delivery_id)
    if found.state is not DeliveryState.PENDING:
        transition(found, DeliveryState.PENDING)
    values = {"state": DeliveryState.PENDING.value, "attempts": 0, "due_at": now}
    tx.execute(update(_delivery).where(_delivery.c.id == delivery_id).values(**values))
    return get(tx, delivery_id)


def discard(tx: Connection, delivery_id: int) -> Delivery:
    """Give it up for good."""
    found = get(tx, delivery_id)
    to = transition(found, DeliveryState.DISCARDED)
    tx.execute(update(_delivery).where(_delivery.c.id == delivery_id).values(state=to.value))
    return get(tx, delivery_id)


def get(tx: Connection, delivery_id: int) -> Delivery:
    row = tx.execute(select(_delivery).where(_delivery.c.id == delivery_id)).one_or_none()
    if row is None:
        hint = "`quarterdeck notification list --all` shows them"
        raise NotFoundError(f"there is no notification {delivery_id}", hint=hint)
    return _to_delivery(row)


def event_of(tx: Connection, delivery: Delivery) -> Event:
    return notifications.get(tx, delivery.notification_id)


def of_event(tx: Connection, notification_id: int) -> list[Delivery]:
    """One event's, to every receiver that wanted it."""
    query = select(_delivery).where(_delivery.c.notification_id == notification_id).order_by(_delivery.c.id)
    return [_to_delivery(row) for row in tx.execute(query)]


def page(
    tx: Connection,
    *,
    states: Sequence[DeliveryState] = (),
    receiver: str | None = None,
    limit: int = 100,
    offset: int = 0,
) -> list[Delivery]:
    """The newest first."""
    query = select(_delivery).order_by(_delivery.c.id.desc()).limit(limit).offset(offset)
    if states:
        query = query.where(_delivery.c.state.in_([state.value for state in states]))
    if receiver is not None:
        query = query.where(_delivery.c.receiver == receiver)
    return [_to_delivery(row) for row in tx.execute(query)]


def count(tx: Connection, state: DeliveryState) -> int:
    return int(tx.execute(select(func.count()).where(_delivery.c.state == state.value)).scalar_one())


def _to_delivery(row: Any) -> Delivery:
    return value_of(Delivery, row, state=DeliveryState)
