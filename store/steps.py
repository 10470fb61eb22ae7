"""The steps of a run: their states, results, lineage, metrics, and the cache of results."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from quarterdeck.core.runs import StepRun
from quarterdeck.core.values import StepStatus
from quarterdeck.store.rows import table, value_of
from quarterdeck.store.tables import ArtifactRow, CacheRow, LineageRow, MetricRow, StepRow

_step = table(StepRow)
_artifact = table(ArtifactRow)
_lineage = table(LineageRow)
_metric = table(MetricRow)
_cache = table(CacheRow)


def plan(
    tx: Connection,
    run_id: int,
    steps: Sequence[tuple[str, str, tuple[str, ...]]],
    *,
    keep: Collection[str] = (),
) -> None:
    """The steps of a run as pending, in order: (name, uses, inputs).

    What an earlier attempt left is forgotten, but for the steps in `keep`: they stand as taken from there.
    """
    for table_, column in ((_metric, _metric.c.step), (_lineage, _lineage.c.step), (_step, _step.c.name)):
        tx.execute(delete(table_).where(table_.c.run_id == run_id, column.not_in(keep)))
    for position, (name, uses, inputs) in enumerate(steps):
        values = {"run_id": run_id, "name": name, "position": position, "uses": uses, "inputs": list(inputs)}
        if name in keep:
            change(tx, run_id, name, status=StepStatus.CACHED, message="done in an earlier attempt")
        else:
            blank = {"status": StepStatus.PENDING.value, "attempt": 0, "progress": 0.0, "message": ""}
            tx.execute(insert(_step).values(**values, **blank))


def done(tx: Connection, run_id: int) -> dict[str, str]:
    """The results of the steps that an earlier attempt at a run has finished."""
    finished = (StepStatus.SUCCEEDED, StepStatus.CACHED)
    return {step.name: step.result for step in of_run(tx, run_id) if step.status in finished and step.result}


def change(tx: Connection, run_id: int, name: str, **values: Any) -> None:
    """Set columns of a step; `status` may be a StepStatus."""
    if isinstance(values.get("status"), StepStatus):
        values["status"] = values["status"].value
    tx.execute(update(_step).where(_step.c.run_id == run_id, _step.c.name == name).values(**values))


def of_run(tx: Connection, run_id: int) -> list[StepRun]:
    rows = tx.execute(select(_step).where(_step.c.run_id == run_id).order_by(_step.c.position))
    return [value_of(StepRun, row, status=StepStatus, inputs=tuple) for row in rows]


def record_artifact(tx: Connection, sha256: str, *, kind: str, size: int, now: datetime) -> None:
    """Know an artifact; the same content twice is one row."""
    if tx.execute(select(_artifact.c.sha256).where(_artifact.c.sha256 == sha256)).scalar() is None:
        tx.execute(insert(_artifact).values(sha256=sha256, kind=kind, size=size, created_at=now))


def record_lineage(tx: Connection, run_id: int, step: str, *, inputs: Mapping[str, str], output: str) -> None:
    """Which artifacts a step read, by input name, and which it made."""
    for name, sha256 in inputs.items():
        tx.execute(insert(_lineage).values(run_id=run_id, step=step, direction="in", name=name, sha256=sha256))
    tx.execute(insert(_lineage).values(run_id=run_id, step=step, direction="out", name=step, sha256=output))


def record_metrics(tx: Connection, run_id: int, step: str, metrics: Mapping[str, float]) -> None:
    rows = [{"run_id": run_id, "step": step, "name": name, "value": value} for name, value in metrics.items()]
    if rows:
        tx.execute(insert(_metric), rows)


def metrics_of(tx: Connection, run_id: int) -> dict[str, float]:
    rows = tx.execute(select(_metric.c.name, _metric.c.value).where(_metric.c.run_id == run_id))
    return {name: value for name, value in rows}


def cached(tx: Connection, key: str) -> str | None:
    """The artifact that a step with this key made before."""
    return tx.execute(select(_cache.c.sha256).where(_cache.c.key == key)).scalar()


def remember(tx: Connection, key: str, sha256: str, *, now: datetime) -> None:
    if cached(tx, key) is None:
        tx.execute(insert(_cache).values(key=key, sha256=sha256, created_at=now))


def lineage_of(tx: Connection, run_id: int) -> list[tuple[str, str, str, str]]:
    """(step, direction, name, sha256) of a run."""
    columns = (_lineage.c.step, _lineage.c.direction, _lineage.c.name, _lineage.c.sha256)
    return [tuple(row) for row in tx.execute(select(*columns).where(_lineage.c.run_id == run_id))]
