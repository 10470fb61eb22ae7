"""Silences: of one alert, or of a cause before it opens. alerts.py asks which hold."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, and_, insert, or_, select, update

from quarterdeck.core.errors import ConflictError, NotFoundError
from quarterdeck.core.operations import Silence
from quarterdeck.store.rows import table, value_of
from quarterdeck.store.tables import SilenceRow

_silence = table(SilenceRow)

ANY = "*"  # every kind


def add(
    tx: Connection,
    *,
    model: str,
    kind: str,
    subject: str | None,
    alert_id: int | None,
    until: datetime | None,
    reason: str,
    by: str,
    now: datetime,
) -> Silence:
    values = {"model": model, "kind": kind, "subject": subject, "alert_id": alert_id, "until": until}
    done = tx.execute(insert(_silence).values(**values, reason=reason, created_by=by, created_at=now))
    key = done.inserted_primary_key
    assert key is not None
    return get(tx, int(key[0]))


def get(tx: Connection, silence_id: int) -> Silence:
    row = tx.execute(select(_silence).where(_silence.c.id == silence_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no silence {silence_id}", hint="`quarterdeck monitor silences` shows them")
    return value_of(Silence, row)


def end(tx: Connection, silence_id: int, *, by: str, now: datetime) -> Silence:
    """It holds no more. ConflictError where that is so already."""
    found = get(tx, silence_id)
    if not found.holds(now):
        raise ConflictError(f"silence {silence_id} has ended already")
    tx.execute(update(_silence).where(_silence.c.id == silence_id).values(ended_at=now, ended_by=by))
    return get(tx, silence_id)


def end_of_alert(tx: Connection, alert_id: int, *, now: datetime) -> None:
    """The alert is resolved: what silenced it until then holds no more."""
    mine = (_silence.c.alert_id == alert_id, _silence.c.ended_at.is_(None), _silence.c.until.is_(None))
    tx.execute(update(_silence).where(*mine).values(ended_at=now, ended_by="resolved"))


def holding(
    tx: Connection, *, model: str, kind: str, subject: str, alert_id: int | None, now: datetime
) -> Silence | None:
    """The silence of a cause that lasts longest; None where it is not silenced."""
    cause = (
        _silence.c.alert_id.is_(None),
        _silence.c.kind.in_((kind, ANY)),
        or_(_silence.c.subject.is_(None), _silence.c.subject == subject),
    )
    matches = or_(_silence.c.alert_id == alert_id, and_(*cause)) if alert_id is not None else and_(*cause)
    query = select(_silence).where(_silence.c.model == model, _silence.c.ended_at.is_(None), matches)
    found = [value_of(Silence, row) for row in tx.execute(query)]
    held = [silence for silence in found if silence.holds(now)]
    endless = [silence for silence in held if silence.until is None]
    return endless[0] if endless else max(held, key=lambda silence: silence.until or now, default=None)


def page(tx: Connection, *, now: datetime | None = None, limit: int = 100, offset: int = 0) -> list[Silence]:
    """The newest first; with `now` those that hold."""
    query = select(_silence).order_by(_silence.c.id.desc()).limit(limit).offset(offset)
    if now is not None:
        query = query.where(_silence.c.ended_at.is_(None), or_(_silence.c.until.is_(None), _silence.c.until > now))
    return [value_of(Silence, row) for row in tx.execute(query)]
