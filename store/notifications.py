"""Events for receivers outside: an outbox. An event is written in the transaction of what it tells of.

deliveries.py hands them out. Nothing is sent here, and no secret is kept here.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.ids import new_id
from quarterdeck.core.ledger import plain
from quarterdeck.core.notices import Event
from quarterdeck.core.operations import Alert
from quarterdeck.core.values import Severity
from quarterdeck.store.rows import table, value_of
from quarterdeck.store.tables import DeliveryRow, NotificationRow

_event = table(NotificationRow)
_delivery = table(DeliveryRow)
_INSERT = insert(_event)

KEPT = timedelta(days=30)  # an event whose deliveries have all ended
_NEAR = 1_000  # rows that one look at the outbox takes


def notify(
    tx: Connection,
    type: str,
    subject: str,
    data: dict[str, Any],
    *,
    now: datetime,
    model: str | None = None,
    kind: str | None = None,
    severity: Severity = Severity.INFO,
    alert_id: int | None = None,
    after: timedelta = timedelta(0),
    planned: bool = False,
) -> int:
    """Keep an event for whoever wants it; gives its id. `after`: it goes out no sooner than so long from now."""
    done = tx.execute(
        _INSERT,
        {
            "event_id": new_id(),
            "type": type,
            "subject": subject,
            "at": now,
            "not_before": now + after,
            "model": model,
            "kind": kind,
            "severity": severity.value,
            "alert_id": alert_id,
            "data": plain(data),
            "planned": planned,
        },
    )
    key = done.inserted_primary_key
    assert key is not None
    return int(key[0])


def notify_of_alert(
    tx: Connection, alert: Alert, type: str, *, now: datetime, after: timedelta = timedelta(0), **more: Any
) -> None:
    """The same, of an alert as it is now."""
    data = {
        "alert": alert.id,
        "about": alert.subject,
        "state": alert.state.value,
        "message": alert.message,
        "count": alert.count,
        "flaps": alert.flaps,
        "opened_at": alert.opened_at,
        "last_at": alert.last_at,
        "event_at": alert.event_at,
        "evidence": finite(alert.evidence),
        **more,
    }
    notify(
        tx, type, f"{alert.model}/{alert.kind}/{alert.subject}", data,
        now=now, model=alert.model, kind=alert.kind, severity=alert.severity, alert_id=alert.id, after=after,
    )  # fmt: skip


def take_back(tx: Connection, alert_id: int, type: str) -> bool:
    """Forget an event of an alert that has not gone out; whether there was one."""
    mine = (_event.c.alert_id == alert_id, _event.c.type == type, _event.c.planned.is_(False))
    return tx.execute(delete(_event).where(*mine)).rowcount > 0


def unplanned(tx: Connection, now: datetime) -> list[Event]:
    """Events without deliveries that may go out now, the oldest first."""
    query = select(_event).where(_event.c.planned.is_(False), _event.c.not_before <= now).order_by(_event.c.id)
    return [_to_event(row) for row in tx.execute(query.limit(_NEAR))]


def set_planned(tx: Connection, ids: list[int]) -> None:
    tx.execute(update(_event).where(_event.c.id.in_(ids)).values(planned=True))


def get(tx: Connection, event_id: int) -> Event:
    row = tx.execute(select(_event).where(_event.c.id == event_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no event {event_id}")
    return _to_event(row)


def of_alert(tx: Connection, alert_id: int) -> list[Event]:
    """What was told of an alert, the oldest first."""
    return [_to_event(row) for row in tx.execute(select(_event).where(_event.c.alert_id == alert_id))]


def remove_old(tx: Connection, before: datetime) -> int:
    """Take out events of before a time whose deliveries have all ended well; gives how many.

    What is pending or dead stays: it is a person's to retry or discard.
    """
    waiting = select(_delivery.c.notification_id).where(_delivery.c.state.in_(("pending", "dead")))
    old = select(_event.c.id).where(_event.c.planned.is_(True), _event.c.at < before, _event.c.id.not_in(waiting))
    ids = list(tx.execute(old.limit(_NEAR)).scalars())
    tx.execute(delete(_delivery).where(_delivery.c.notification_id.in_(ids)))
    tx.execute(delete(_event).where(_event.c.id.in_(ids)))
    return len(ids)


def finite(value: Any) -> Any:
    """The value with null for numbers that JSON has no word for."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


def _to_event(row: Any) -> Event:
    return value_of(Event, row, severity=Severity)
