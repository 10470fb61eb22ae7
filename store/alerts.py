"""Alerts: one row per cause, counted while it goes on, and the same row where it comes back within a while.

How a state may change, and what of it is told, is core/alerting.py's; every change of state goes through it. What
receivers outside are to hear is written in the same transaction (notifications.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, update

from quarterdeck.core.alerting import REOPENS_WITHIN, comes_back, told_after, transition, worse
from quarterdeck.core.errors import ConflictError, NotFoundError
from quarterdeck.core.notices import EventType
from quarterdeck.core.operations import Alert, Silence
from quarterdeck.core.values import AlertState, Severity
from quarterdeck.store import notifications, silences
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
    severity: Severity = Severity.WARNING,
    reopens_within: timedelta = REOPENS_WITHIN,
) -> Alert:
    """Open an alert, or count one more sighting of the one with this model, kind and subject.

    The same evidence seen again, by its `event_at`, is not one more. One that was resolved less than
    `reopens_within` ago is opened again, and its flaps are counted. It may become worse, never better, while it lasts.
    """
    seen = {"last_at": now, "event_at": event_at, "message": message, "evidence": evidence}
    last = _newest(tx, model, kind, subject)
    if last is not None and last.state is not AlertState.RESOLVED:
        again = event_at is not None and event_at == last.event_at
        return _goes_on(tx, last, severity, seen | {"count": last.count if again else last.count + 1}, now)
    if last is not None and comes_back(last, now=now, event_at=event_at, within=reopens_within):
        changes = seen | {"count": last.count + 1, "flaps": last.flaps + 1, "severity": severity.value}
        return _open(tx, last, changes | {"resolved_at": None, "acknowledged_by": None}, now)
    values = {"model": model, "kind": kind, "subject": subject, "state": AlertState.RESOLVED.value, "opened_at": now}
    counted = {"count": 1, "flaps": 0, "severity": severity.value, "told": False}
    key = tx.execute(insert(_alert).values(**values, **seen, **counted)).inserted_primary_key
    assert key is not None
    return _open(tx, get(tx, key[0]), {}, now)


def resolve(tx: Connection, *, model: str, kind: str, subject: str, now: datetime) -> Alert | None:
    """The cause has gone: close its alert, if there is one."""
    found = _newest(tx, model, kind, subject)
    return None if found is None or found.state is AlertState.RESOLVED else _resolve(tx, found, now)


def resolve_by_hand(tx: Connection, alert_id: int, *, by: str, now: datetime) -> Alert:
    """A person says that the cause has gone; where it has not, the next look opens the alert again."""
    found = get(tx, alert_id)
    transition(found, AlertState.RESOLVED)
    return _resolve(tx, found, now, resolved_by=by)


def acknowledge(tx: Connection, alert_id: int, *, by: str, now: datetime | None = None) -> Alert:
    """A person has seen it. ConflictError if it is not open any more."""
    alert = get(tx, alert_id)
    if alert.state is not AlertState.OPEN:
        raise ConflictError(f"alert {alert_id} is {alert.state}, not open")
    after = _set(tx, alert, AlertState.ACKNOWLEDGED, acknowledged_by=by)
    if now is not None:
        notifications.notify_of_alert(tx, after, EventType.ALERT_ACKNOWLEDGED, now=now, acknowledged_by=by)
    return after


def silence(
    tx: Connection, alert_id: int, *, until: datetime | None, reason: str, by: str, now: datetime
) -> tuple[Alert, Silence]:
    """A person wants to hear no more of an alert until a time, or (None) until it is resolved."""
    alert = get(tx, alert_id)
    if alert.state is AlertState.RESOLVED:
        raise ConflictError(f"alert {alert_id} is resolved", hint="silence its cause: MODEL/KIND")
    cause = {"model": alert.model, "kind": alert.kind, "subject": alert.subject}
    made = silences.add(tx, **cause, alert_id=alert_id, until=until, reason=reason, by=by, now=now)
    return _silence(tx, alert, now), made


def silence_cause(
    tx: Connection, *, model: str, kind: str, subject: str | None, until: datetime, reason: str, by: str, now: datetime
) -> tuple[list[Alert], Silence]:
    """The same for a cause, whether or not it is there; gives the alerts that it silences now."""
    about = {"reason": reason, "by": by}
    made = silences.add(tx, model=model, kind=kind, subject=subject, alert_id=None, until=until, **about, now=now)
    return [alert for alert in keep_silences(tx, now) if alert.state is AlertState.SILENCED], made


def keep_silences(tx: Connection, now: datetime) -> list[Alert]:
    """Make every alert that goes on silenced or not, as the silences that hold now say; gives those that changed."""
    before = page(tx, unresolved=True, limit=10_000)
    after = [_silence(tx, alert, now) for alert in before]
    return [new for old, new in zip(before, after, strict=True) if new != old]


def get(tx: Connection, alert_id: int) -> Alert:
    row = tx.execute(select(_alert).where(_alert.c.id == alert_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no alert {alert_id}", hint="`quarterdeck monitor alerts` shows them")
    return _to_alert(row)


def page(
    tx: Connection,
    *,
    model: str | None = None,
    unresolved: bool = False,
    states: Sequence[AlertState] = (),
    limit: int = 100,
    offset: int = 0,
) -> list[Alert]:
    """The newest first."""
    query = select(_alert).order_by(_alert.c.id.desc()).limit(limit).offset(offset)
    if model is not None:
        query = query.where(_alert.c.model == model)
    if unresolved:
        query = query.where(_alert.c.state != AlertState.RESOLVED.value)
    if states:
        query = query.where(_alert.c.state.in_([state.value for state in states]))
    return [_to_alert(row) for row in tx.execute(query)]


def _goes_on(tx: Connection, alert: Alert, severity: Severity, seen: dict[str, Any], now: datetime) -> Alert:
    """Seen again while it is there: it may have become worse, and a silence may have ended meanwhile."""
    if not worse(severity, alert.severity):
        return _silence(tx, _set(tx, alert, alert.state, **seen), now)
    to = AlertState.OPEN if alert.state is AlertState.ACKNOWLEDGED else alert.state
    after = _set(tx, alert, to, **seen, severity=severity.value)
    if after.state is AlertState.OPEN:
        notifications.notify_of_alert(tx, after, EventType.ALERT_WORSE, now=now, was=alert.severity.value)
    return _silence(tx, after, now)


def _open(tx: Connection, alert: Alert, values: dict[str, Any], now: datetime) -> Alert:
    """Make it open, or silenced where a silence holds."""
    quiet = _silence_of(tx, alert, now)
    if quiet is not None:
        return _set(tx, alert, AlertState.SILENCED, **values, silenced_until=quiet.until)
    return _tell_open(tx, _set(tx, alert, AlertState.OPEN, **values), now)


def _tell_open(tx: Connection, alert: Alert, now: datetime) -> Alert:
    """Receivers hear of it, unless they hold it for open: that it was resolved had not gone out."""
    if notifications.take_back(tx, alert.id, EventType.ALERT_RESOLVED):
        return _set(tx, alert, alert.state, told=True)
    if alert.told:
        return alert
    notifications.notify_of_alert(tx, alert, EventType.ALERT_OPENED, now=now)
    return _set(tx, alert, alert.state, told=True)


def _resolve(tx: Connection, alert: Alert, now: datetime, **more: Any) -> Alert:
    silences.end_of_alert(tx, alert.id, now=now)
    changes = {"last_at": now, "resolved_at": now, "silenced_until": None, "told": False}
    after = _set(tx, alert, AlertState.RESOLVED, **changes)
    if alert.told:
        notifications.notify_of_alert(tx, after, EventType.ALERT_RESOLVED, now=now, after=told_after(after), **more)
    return after


def _silence(tx: Connection, alert: Alert, now: datetime) -> Alert:
    """The alert, silenced or open again, as the silences say."""
    quiet = _silence_of(tx, alert, now)
    if quiet is not None:
        if (alert.state, alert.silenced_until) == (AlertState.SILENCED, quiet.until):
            return alert
        return _set(tx, alert, AlertState.SILENCED, silenced_until=quiet.until)
    if alert.state is not AlertState.SILENCED:
        return alert
    return _tell_open(tx, _set(tx, alert, AlertState.OPEN, silenced_until=None), now)


def _silence_of(tx: Connection, alert: Alert, now: datetime) -> Silence | None:
    cause = {"model": alert.model, "kind": alert.kind, "subject": alert.subject}
    return silences.holding(tx, **cause, alert_id=alert.id, now=now)


def _set(tx: Connection, alert: Alert, to: AlertState, **values: Any) -> Alert:
    if to is not alert.state:
        transition(alert, to)
    tx.execute(update(_alert).where(_alert.c.id == alert.id).values(**values, state=to.value))
    return get(tx, alert.id)


def _newest(tx: Connection, model: str, kind: str, subject: str) -> Alert | None:
    same = (_alert.c.model == model, _alert.c.kind == kind, _alert.c.subject == subject)
    row = tx.execute(select(_alert).where(*same).order_by(_alert.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _to_alert(row)


def _to_alert(row: Any) -> Alert:
    return value_of(Alert, row, state=AlertState, severity=Severity)
