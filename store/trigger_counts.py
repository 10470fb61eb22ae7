"""What many triggers' firings say at once, so that a thousand that come due together cost a few statements."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from quarterdeck.core.operations import Firing
from quarterdeck.core.triggers import Training
from quarterdeck.core.values import Alias
from quarterdeck.store.rows import table, value_of
from quarterdeck.store.tables import AliasRow, FiringRow, LedgerRow, RunRow
from quarterdeck.store.triggers import chunks

_firing = table(FiringRow)
_run = table(RunRow)
_alias = table(AliasRow)
_ledger = table(LedgerRow)
_LOOKED_BACK = 200  # trainings: a row of them that is cut off is judged as a shorter one


def fired_since(tx: Connection, ids: Collection[int], since: datetime) -> dict[int, int]:
    """How often each started a run since then (wall clock); those that did not are left out."""
    found: dict[int, int] = {}
    for some in chunks(ids):
        mine = (_firing.c.trigger_id.in_(some), _firing.c.fired.is_(True), _firing.c.at >= since)
        query = select(_firing.c.trigger_id, func.count()).where(*mine).group_by(_firing.c.trigger_id)
        found |= {key: int(number) for key, number in tx.execute(query)}
    return found


def spent_since(tx: Connection, trigger_id: int, since: datetime, now: datetime) -> timedelta:
    """How long the runs that a trigger started worked since then; one that still works counts up to now."""
    query = (
        select(_run.c.started_at, _run.c.finished_at)
        .join(_firing, _firing.c.run_id == _run.c.id)
        .where(_firing.c.trigger_id == trigger_id, _run.c.started_at.is_not(None))
        .where(_run.c.finished_at.is_(None) | (_run.c.finished_at >= since))
    )
    worked = ((finished or now) - max(started, since) for started, finished in tx.execute(query))
    return sum((max(part, timedelta(0)) for part in worked), timedelta(0))


def last_firings(tx: Connection, ids: Collection[int]) -> dict[int, Firing]:
    """Each trigger's newest firing."""
    found: dict[int, Firing] = {}
    for some in chunks(ids):
        newest = select(func.max(_firing.c.id)).where(_firing.c.trigger_id.in_(some)).group_by(_firing.c.trigger_id)
        for row in tx.execute(select(_firing).where(_firing.c.id.in_(newest))):
            found[row.trigger_id] = value_of(Firing, row)
    return found


def challengers(tx: Connection, environment: str) -> dict[str, int]:
    """The challenger of each model that has one."""
    mine = (_alias.c.environment == environment, _alias.c.alias == Alias.CHALLENGER.value)
    return {model: number for model, number in tx.execute(select(_alias.c.model, _alias.c.version).where(*mine))}


def trainings(tx: Connection, trigger_id: int, pipeline: str) -> list[Training]:
    """The newest trainings that a trigger started for evidence of event time and that have ended."""
    query = (
        select(_firing.c.evidence_at, _firing.c.evidence, _run.c.version, _run.c.finished_at)
        .join(_run, _firing.c.run_id == _run.c.id)
        .where(_firing.c.trigger_id == trigger_id, _firing.c.fired.is_(True), _firing.c.evidence_at.is_not(None))
        .order_by(_firing.c.id.desc())
        .limit(_LOOKED_BACK)
    )
    rows = [row for row in tx.execute(query) if row.finished_at is not None]
    promoted = _promoted(tx, {f"{pipeline}@{row.version}" for row in rows if row.version is not None})
    return [
        Training(
            at=row.evidence_at,
            promoted=f"{pipeline}@{row.version}" in promoted,
            loss=(row.evidence or {}).get("loss") is True,
        )
        for row in rows
    ]


def _promoted(tx: Connection, references: set[str]) -> set[str]:
    """Those of these versions that have ever been promoted."""
    mine = (_ledger.c.subject.in_(references), _ledger.c.act == "promote")
    return set(tx.execute(select(_ledger.c.subject).where(*mine).distinct()).scalars())
