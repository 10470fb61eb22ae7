"""Runs: asked for, claimed by a worker, ended. Every function works inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from quarterdeck.core.alerting_live import first_line
from quarterdeck.core.errors import ConflictError, LeaseLostError, NotFoundError
from quarterdeck.core.notices import EventType
from quarterdeck.core.runs import Run, transition
from quarterdeck.core.values import RunStatus, Severity
from quarterdeck.store.notifications import notify
from quarterdeck.store.rows import table, value_of
from quarterdeck.store.tables import RunRow

_run = table(RunRow)


def request(tx: Connection, pipeline: str, *, by: str, cause: dict[str, Any], now: datetime) -> Run:
    """A new queued run."""
    values = {
        "pipeline": pipeline,
        "status": RunStatus.QUEUED.value,
        "requested_by": by,
        "requested_at": now,
        "cause": cause,
        "provenance": {},
    }
    defaults = {"attempt": 0, "cancel_requested": False, "progress": 0.0, "message": ""}
    key = tx.execute(insert(_run).values(**values, **defaults)).inserted_primary_key
    assert key is not None
    return get(tx, key[0])


def request_all(tx: Connection, wanted: Sequence[tuple[str, str, dict[str, Any]]], *, now: datetime) -> list[int]:
    """Many queued runs at once, each a (pipeline, by, cause); gives their ids in that order."""
    if not wanted:
        return []
    plain = {"status": RunStatus.QUEUED.value, "requested_at": now, "provenance": {}}
    plain |= {"attempt": 0, "cancel_requested": False, "progress": 0.0, "message": ""}
    rows = [plain | {"pipeline": pipeline, "requested_by": by, "cause": cause} for pipeline, by, cause in wanted]
    return list(tx.execute(insert(_run).returning(_run.c.id, sort_by_parameter_order=True), rows).scalars())


def under_way(tx: Connection) -> dict[str, int]:
    """The oldest queued or running run of each pipeline that has one."""
    wanted = [RunStatus.QUEUED.value, RunStatus.RUNNING.value]
    query = select(_run.c.pipeline, func.min(_run.c.id)).where(_run.c.status.in_(wanted)).group_by(_run.c.pipeline)
    return {pipeline: int(number) for pipeline, number in tx.execute(query)}


def last_started(tx: Connection, pipeline: str) -> Run | None:
    """The newest run that began to train and was not failed or cancelled."""
    good = [RunStatus.RUNNING.value, RunStatus.SUCCEEDED.value]
    query = select(_run).where(_run.c.pipeline == pipeline, _run.c.status.in_(good)).order_by(_run.c.id.desc())
    row = tx.execute(query.limit(1)).one_or_none()
    return None if row is None else _to_run(row)


def get(tx: Connection, run_id: int) -> Run:
    row = tx.execute(select(_run).where(_run.c.id == run_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no run {run_id}", hint="`quarterdeck run list` shows them")
    return _to_run(row)


def page(
    tx: Connection,
    *,
    pipeline: str | None = None,
    status: RunStatus | None = None,
    limit: int = 100,
    offset: int = 0,
) -> list[Run]:
    """The newest runs first."""
    query = select(_run).order_by(_run.c.id.desc()).limit(limit).offset(offset)
    if pipeline is not None:
        query = query.where(_run.c.pipeline == pipeline)
    if status is not None:
        query = query.where(_run.c.status == status.value)
    return [_to_run(row) for row in tx.execute(query)]


def unfinished(tx: Connection, pipeline: str | None = None) -> list[Run]:
    """Queued and running runs, the oldest first."""
    wanted = [RunStatus.QUEUED.value, RunStatus.RUNNING.value]
    query = select(_run).where(_run.c.status.in_(wanted)).order_by(_run.c.id)
    if pipeline is not None:
        query = query.where(_run.c.pipeline == pipeline)
    return [_to_run(row) for row in tx.execute(query)]


def claim(
    tx: Connection,
    run_id: int,
    *,
    pid: int,
    process_started: float,
    now: datetime,
    place: str | None = None,
    seen: float | None = None,
) -> Run:
    """Give a queued run to a worker process; ConflictError if it is not queued any more."""
    run = get(tx, run_id)
    _set(
        tx,
        run,
        RunStatus.RUNNING,
        attempt=run.attempt + 1,
        worker_pid=pid,
        worker_started=process_started,
        worker_place=place,
        worker_seen=seen,
        started_at=run.started_at or now,
        error=None,
    )
    return get(tx, run_id)


def finish(
    tx: Connection,
    run_id: int,
    status: RunStatus,
    *,
    now: datetime,
    error: str | None = None,
    version: int | None = None,
    message: str = "",
) -> Run:
    """End a run: succeeded, failed or cancelled."""
    run = get(tx, run_id)
    done = 1.0 if status is RunStatus.SUCCEEDED else run.progress
    _set(tx, run, status, finished_at=now, error=error, version=version, progress=done, message=message)
    if status is RunStatus.FAILED:
        said = {"run": run_id, "requested_by": run.requested_by, "attempt": run.attempt, "error": first_line(error)}
        severity = Severity.WARNING
        notify(tx, EventType.RUN_FAILED, f"run {run_id}", said, now=now, model=run.pipeline, severity=severity)
    return get(tx, run_id)


def requeue(tx: Connection, run_id: int, *, reason: str) -> Run:
    """Back to the queue: finished steps are taken from the cache when it goes on."""
    run = get(tx, run_id)
    _set(
        tx,
        run,
        RunStatus.QUEUED,
        worker_pid=None,
        worker_started=None,
        worker_place=None,
        worker_seen=None,
        finished_at=None,
        cancel_requested=False,
        message=reason,
    )
    return get(tx, run_id)


def ask_cancel(tx: Connection, run_id: int, *, now: datetime) -> Run:
    """A queued run ends at once; a running one is stopped by whoever watches its worker."""
    run = get(tx, run_id)
    if run.status.finished:
        raise ConflictError(f"run {run_id} has already {run.status}")
    if run.status is RunStatus.QUEUED:
        return finish(tx, run_id, RunStatus.CANCELLED, now=now, message="cancelled before it began")
    tx.execute(update(_run).where(_run.c.id == run_id).values(cancel_requested=True))
    return get(tx, run_id)


def check_worker(tx: Connection, claimed: Run) -> Run:
    """Make sure, until this transaction ends, that a run is still with the worker that claimed it.

    Raises LeaseLostError where it was taken back, given to another, or has ended.
    """
    # locked where rows can be: steps that run side by side write one after the other
    row = tx.execute(select(_run).where(_run.c.id == claimed.id).with_for_update()).one()
    mine = (RunStatus.RUNNING.value, claimed.attempt, claimed.worker_pid, claimed.worker_started)
    if (row.status, row.attempt, row.worker_pid, row.worker_started) != mine:
        raise LeaseLostError(
            f"run {claimed.id} is not with this worker any more: it is {row.status}, attempt {row.attempt}",
            hint="what this worker did since is not kept",
        )
    return _to_run(row)


def set_seen(tx: Connection, run_id: int, at: float) -> None:
    """Its worker lives; `at` on the store's clock."""
    tx.execute(update(_run).where(_run.c.id == run_id).values(worker_seen=at))


def set_progress(tx: Connection, run_id: int, *, progress: float, message: str) -> None:
    tx.execute(update(_run).where(_run.c.id == run_id).values(progress=progress, message=message))


def set_provenance(tx: Connection, run_id: int, provenance: dict[str, Any]) -> None:
    tx.execute(update(_run).where(_run.c.id == run_id).values(provenance=provenance))


def count_by_status(tx: Connection) -> dict[RunStatus, int]:
    rows = tx.execute(select(_run.c.status, func.count()).group_by(_run.c.status))
    return {RunStatus(status): number for status, number in rows}


def _set(tx: Connection, run: Run, to: RunStatus, **values: Any) -> None:
    transition(run.id, run.status, to)
    tx.execute(update(_run).where(_run.c.id == run.id).values(status=to.value, **values))


def _to_run(row: Any) -> Run:
    return value_of(Run, row, status=RunStatus)
