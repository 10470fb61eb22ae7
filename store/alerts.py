"""Alerts: one row per cause, counted while it goes on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update

from quarterdeck.core.errors import ConflictError, NotFoundError
from quarterdeck.core.operations import Alert
from quarterdeck.core.values import AlertState
from quarterdeck.store.rows import table, value_of
from quarterdeck.store.tables import AlertRow

_alert = table(AlertRow)


def raise_alert(
    tx: Connection,
    *,
    model: str,
    kind: str,
    subject: str,
    message: str,
    evidence: dict[str, Any],
    now: datetime,
    event_at: datetime | None = None,
) -> Alert:
    """Open an alert, or count one more sighting of the open one with this model, kind and subject.

    The same evidence seen again, by its `event_at`, is not one more.
    """
    found = _unresolved(tx, model, kind, subject)
    if found is None:
        values = {
            "model": model,
            "kind": kind,
            "subject": subject,
            "state": AlertState.OPEN.value,
            "opened_at": now,
        }
        key = tx.execute(
            insert(_alert).values(**values, message=message, last_at=now, event_at=event_at, count=1, evidence=evidence)
        ).inserted_primary_key
        assert key is not None
        return get(tx, key[0])
    again = event_at is not None and event_at == found.event_at
    count = found.count if again else found.count + 1
    seen = {"last_at": now, "event_at": event_at, "message": message, "evidence": evidence, "count": count}
    tx.execute(update(_alert).where(_alert.c.id == found.id).values(**seen))
    return get(tx, found.id)


def resolve(tx: Connection, *, model: str, kind: str, subject: str, now: datetime) -> Alert | None:
    """The cause has gone: close its alert, if there is one."""
    found = _unresolved(tx, model, kind, subject)
    if found is None:
        return None
    tx.execute(update(_alert).where(_alert.c.id == found.id).values(state=AlertState.RESOLVED.value, last_at=now))
    return get(tx, found.id)


def acknowledge(tx: Connection, alert_id: int, *, by: str) -> Alert:
    """A person has seen it. ConflictError if it is not open any more."""
    alert = get(tx, alert_id)
    if alert.state is not AlertState.OPEN:
        raise ConflictError(f"alert {alert_id} is {alert.state}, not open")
    values = {"state": AlertState.ACKNOWLEDGED.value, "acknowledged_by": by}
    tx.execute(update(_alert).where(_alert.c.id == alert_id).values(**values))
    return get(tx, alert_id)


def get(tx: Connection, alert_id: int) -> Alert:
    row = tx.execute(select(_alert).where(_alert.c.id == alert_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no alert {alert_id}", hint="`quarterdeck monitor alerts` shows them")
    return _to_alert(row)


def page(
    tx: Connection, *, model: str | None = None, unresolved: bool = False, limit: int = 100, offset: int = 0
) -> list[Alert]:
    """The newest first."""
    query = select(_alert).order_by(_alert.c.id.desc()).limit(limit).offset(offset)
    if model is not None:
        query = query.where(_alert.c.model == model)
    if unresolved:
        query = query.where(_alert.c.state != AlertState.RESOLVED.value)
    return [_to_alert(row) for row in tx.execute(query)]


def _unresolved(tx: Connection, model: str, kind: str, subject: str) -> Alert | None:
    same = (_alert.c.model == model, _alert.c.kind == kind, _alert.c.subject == subject)
    query = select(_alert).where(*same, _alert.c.state != AlertState.RESOLVED.value).order_by(_alert.c.id.desc())
    row = tx.execute(query.limit(1)).one_or_none()
    return None if row is None else _to_alert(row)


def _to_alert(row: Any) -> Alert:
    return value_of(Alert, row, state=AlertState)
