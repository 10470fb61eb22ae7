"""Triggers and their firings. The rows are the truth; the daemon's timetable is made from them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.operations import Firing, Trigger
from quarterdeck.core.values import TriggerKind
from quarterdeck.store.rows import table, value_of
from quarterdeck.store.tables import FiringRow, TriggerRow

_trigger = table(TriggerRow)
_firing = table(FiringRow)


def sync(tx: Connection, pipeline: str, specs: Sequence[tuple[str, TriggerKind, dict[str, Any]]]) -> None:
    """Make a pipeline's triggers what its manifest says: (name, kind, spec). Their state is kept."""
    rows = tx.execute(select(_trigger).where(_trigger.c.pipeline == pipeline))
    known = {row.name: row for row in rows}
    for name, kind, spec in specs:
        values: dict[str, Any] = {"kind": kind.value, "spec": spec, "removed": False}
        row = known.pop(name, None)
        if row is None:
            tx.execute(insert(_trigger).values(pipeline=pipeline, name=name, paused=False, **values))
        elif (row.kind, row.spec, row.removed) != (kind.value, spec, False):
            tx.execute(update(_trigger).where(_trigger.c.id == row.id).values(**values, next_fire_at=None))
    for row in known.values():
        tx.execute(update(_trigger).where(_trigger.c.id == row.id).values(removed=True, next_fire_at=None))


def every(tx: Connection, pipeline: str | None = None) -> list[Trigger]:
    """All triggers that a manifest still has, by pipeline and name."""
    query = select(_trigger).where(_trigger.c.removed.is_(False)).order_by(_trigger.c.pipeline, _trigger.c.id)
    if pipeline is not None:
        query = query.where(_trigger.c.pipeline == pipeline)
    return [_to_trigger(row) for row in tx.execute(query)]


def get(tx: Connection, pipeline: str, name: str) -> Trigger:
    same = (_trigger.c.pipeline == pipeline, _trigger.c.name == name, _trigger.c.removed.is_(False))
    row = tx.execute(select(_trigger).where(*same)).one_or_none()
    if row is None:
        raise NotFoundError(
            f"pipeline {pipeline} has no trigger {name!r}", hint="`quarterdeck trigger list` shows them"
        )
    return _to_trigger(row)


def set_paused(tx: Connection, trigger_id: int, paused: bool) -> None:
    tx.execute(update(_trigger).where(_trigger.c.id == trigger_id).values(paused=paused))


def set_next_fire(tx: Connection, trigger_id: int, at: datetime | None) -> None:
    tx.execute(update(_trigger).where(_trigger.c.id == trigger_id).values(next_fire_at=at))


def record_firing(
    tx: Connection,
    trigger: Trigger,
    *,
    now: datetime,
    fired: bool,
    reason: str,
    evidence: dict[str, Any],
    evidence_at: datetime | None = None,
    alert_id: int | None = None,
    run_id: int | None = None,
) -> int:
    """Keep that the condition held and what came of it; gives the firing's id."""
    values = {"trigger_id": trigger.id, "pipeline": trigger.pipeline, "at": now, "evidence_at": evidence_at}
    key = tx.execute(
        insert(_firing).values(
            **values, alert_id=alert_id, run_id=run_id, fired=fired, reason=reason, evidence=evidence
        )
    ).inserted_primary_key
    assert key is not None
    if fired:
        seen = {"last_fired_at": now, "last_evidence_at": evidence_at}
        tx.execute(update(_trigger).where(_trigger.c.id == trigger.id).values(**seen))
    return int(key[0])


def link_run(tx: Connection, firing_id: int, run_id: int) -> None:
    tx.execute(update(_firing).where(_firing.c.id == firing_id).values(run_id=run_id))


def fired_since(tx: Connection, trigger_id: int, since: datetime) -> int:
    """How often it started a run since then (wall clock)."""
    mine = (_firing.c.trigger_id == trigger_id, _firing.c.fired.is_(True), _firing.c.at >= since)
    return int(tx.execute(select(func.count()).where(*mine)).scalar_one())


def firings(
    tx: Connection,
    *,
    pipeline: str | None = None,
    run_id: int | None = None,
    trigger_id: int | None = None,
    limit: int = 100,
) -> list[Firing]:
    """The newest first."""
    query = select(_firing).order_by(_firing.c.id.desc()).limit(limit)
    if pipeline is not None:
        query = query.where(_firing.c.pipeline == pipeline)
    if run_id is not None:
        query = query.where(_firing.c.run_id == run_id)
    if trigger_id is not None:
        query = query.where(_firing.c.trigger_id == trigger_id)
    return [value_of(Firing, row) for row in tx.execute(query)]


def last_firing(tx: Connection, trigger_id: int) -> Firing | None:
    query = select(_firing).where(_firing.c.trigger_id == trigger_id).order_by(_firing.c.id.desc()).limit(1)
    row = tx.execute(query).one_or_none()
    return None if row is None else value_of(Firing, row)


def _to_trigger(row: Any) -> Trigger:
    return value_of(Trigger, row, kind=TriggerKind)
