"""Triggers and their firings. The rows are the truth; the daemon's timetable is made from them.

What changes a trigger from outside (its manifest, a person's pause) gives its row the next revision, so that a daemon
with ten thousand of them reads only those that changed. trigger_counts.py asks about many firings at once,
trigger_places.py keeps how far each has looked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.operations import Firing, Trigger
from quarterdeck.core.values import TriggerKind
from quarterdeck.store.rows import table, value_of
from quarterdeck.store.tables import FiringRow, TriggerRow

_trigger = table(TriggerRow)
_firing = table(FiringRow)

# Made once: a statement takes longer to build than to run.
_NEWEST = select(func.max(_trigger.c.revision))
_NEXT = update(_trigger).where(_trigger.c.id == bindparam("which")).values(next_fire_at=bindparam("at"))
_FIRED = (
    update(_trigger)
    .where(_trigger.c.id == bindparam("which"))
    .values(last_fired_at=bindparam("at"), last_evidence_at=func.coalesce(bindparam("of"), _trigger.c.last_evidence_at))
)
_KEEP = insert(_firing).returning(_firing.c.id, sort_by_parameter_order=True)
_LINK = update(_firing).where(_firing.c.id == bindparam("which")).values(run_id=bindparam("run"))
_CHUNK = 500  # ids in one statement


def sync(tx: Connection, pipeline: str, specs: Sequence[tuple[str, TriggerKind, dict[str, Any]]]) -> None:
    """Make a pipeline's triggers what its manifest says: (name, kind, spec). Their state is kept."""
    rows = tx.execute(select(_trigger).where(_trigger.c.pipeline == pipeline))
    known = {row.name: row for row in rows}
    revision, fresh = newest_revision(tx) + 1, []
    for name, kind, spec in specs:
        values: dict[str, Any] = {"kind": kind.value, "spec": spec, "removed": False}
        row = known.pop(name, None)
        if row is None:
            fresh.append({"pipeline": pipeline, "name": name, "paused": False, "revision": revision, **values})
        elif (row.kind, row.spec, row.removed) != (kind.value, spec, False):
            _change(tx, row.id, revision, **values, next_fire_at=None)
    for row in known.values():
        if not row.removed:
            _change(tx, row.id, revision, removed=True, next_fire_at=None)
    if fresh:
        tx.execute(insert(_trigger), fresh)


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


def newest_revision(tx: Connection) -> int:
    return int(tx.execute(_NEWEST).scalar() or 0)


def changed_after(tx: Connection, revision: int) -> list[tuple[Trigger, bool]]:
    """The triggers that changed since, each with whether a manifest still has it."""
    query = select(_trigger).where(_trigger.c.revision > revision).order_by(_trigger.c.id)
    return [(_to_trigger(row), not row.removed) for row in tx.execute(query)]


def by_id(tx: Connection, ids: Collection[int]) -> dict[int, Trigger]:
    """Those of these triggers that a manifest still has."""
    found: dict[int, Trigger] = {}
    for some in chunks(ids):
        query = select(_trigger).where(_trigger.c.id.in_(some), _trigger.c.removed.is_(False))
        found |= {row.id: _to_trigger(row) for row in tx.execute(query)}
    return found


def set_paused(tx: Connection, trigger_id: int, paused: bool) -> None:
    """A pause forgets the next due time: what comes due meanwhile was not missed."""
    _change(tx, trigger_id, newest_revision(tx) + 1, paused=paused, next_fire_at=None)


def set_next_fire(tx: Connection, trigger_id: int, at: datetime | None) -> None:
    set_next_fires(tx, {trigger_id: at})


def set_next_fires(tx: Connection, times: Mapping[int, datetime | None]) -> None:
    """The daemon's own: it gives no new revision."""
    if times:
        tx.execute(_NEXT, [{"which": key, "at": at} for key, at in times.items()])


def _change(tx: Connection, trigger_id: int, revision: int, **values: Any) -> None:
    tx.execute(update(_trigger).where(_trigger.c.id == trigger_id).values(revision=revision, **values))


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
    draft = FiringDraft(
        trigger=trigger, fired=fired, reason=reason, evidence=evidence, evidence_at=evidence_at, alert_id=alert_id
    )
    (key,) = record_firings(tx, [draft], now=now)
    if run_id is not None:
        link_run(tx, key, run_id)
    return key


@dataclass(frozen=True, kw_only=True, slots=True)
class FiringDraft:
    """A firing that is to be kept."""

    trigger: Trigger
    fired: bool
    reason: str
    evidence: dict[str, Any]
    evidence_at: datetime | None = None
    alert_id: int | None = None


def record_firings(tx: Connection, drafts: Sequence[FiringDraft], *, now: datetime) -> list[int]:
    """Many at once; the ids in the order of the drafts. Of a trigger's drafts the last one that fired counts."""
    if not drafts:
        return []
    rows = [
        {
            "trigger_id": draft.trigger.id,
            "pipeline": draft.trigger.pipeline,
            "at": now,
            "evidence_at": draft.evidence_at,
            "alert_id": draft.alert_id,
            "run_id": None,
            "fired": draft.fired,
            "reason": draft.reason,
            "evidence": draft.evidence,
        }
        for draft in drafts
    ]
    keys = list(tx.execute(_KEEP, rows).scalars())
    seen = {
        draft.trigger.id: {"which": draft.trigger.id, "at": now, "of": draft.evidence_at}
        for draft in drafts
        if draft.fired
    }
    if seen:
        tx.execute(_FIRED, list(seen.values()))
    return keys


def link_run(tx: Connection, firing_id: int, run_id: int) -> None:
    link_runs(tx, {firing_id: run_id})


def link_runs(tx: Connection, pairs: Mapping[int, int]) -> None:
    """Say which run each firing started."""
    if pairs:
        tx.execute(_LINK, [{"which": firing, "run": run} for firing, run in pairs.items()])


def fired_since(tx: Connection, trigger_id: int, since: datetime) -> int:
    """How often it started a run since then (wall clock)."""
    mine = (_firing.c.trigger_id == trigger_id, _firing.c.fired.is_(True), _firing.c.at >= since)
    return int(tx.execute(select(func.count()).where(*mine)).scalar_one())


def firing(tx: Connection, firing_id: int) -> Firing | None:
    row = tx.execute(select(_firing).where(_firing.c.id == firing_id)).one_or_none()
    return None if row is None else value_of(Firing, row)


def firings(
    tx: Connection,
    *,
    pipeline: str | None = None,
    trigger_id: int | None = None,
    run_id: int | None = None,
    alert_id: int | None = None,
    fired: bool | None = None,
    limit: int = 100,
) -> list[Firing]:
    """The newest first; `fired`: only those that started a run, or only those that did not."""
    query = select(_firing).order_by(_firing.c.id.desc()).limit(limit)
    if pipeline is not None:
        query = query.where(_firing.c.pipeline == pipeline)
    for column, value in (
        (_firing.c.trigger_id, trigger_id),
        (_firing.c.run_id, run_id),
        (_firing.c.alert_id, alert_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if fired is not None:
        query = query.where(_firing.c.fired.is_(fired))
    return [value_of(Firing, row) for row in tx.execute(query)]


def last_firing(tx: Connection, trigger_id: int) -> Firing | None:
    query = select(_firing).where(_firing.c.trigger_id == trigger_id).order_by(_firing.c.id.desc()).limit(1)
    row = tx.execute(query).one_or_none()
    return None if row is None else value_of(Firing, row)


def _to_trigger(row: Any) -> Trigger:
    return value_of(Trigger, row, kind=TriggerKind)


def chunks(ids: Collection[int]) -> Iterator[list[int]]:
    """A few hundred at a time: databases bound how many values a statement may name."""
    ordered = sorted(ids)
    for start in range(0, len(ordered), _CHUNK):
        yield ordered[start : start + _CHUNK]
