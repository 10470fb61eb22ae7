"""The pipelines that manifests describe, as the store last saw them. A pipeline that has gone keeps its history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select, update

from quarterdeck.core.values import Task
from quarterdeck.store.rows import table, value_of
from quarterdeck.store.tables import PipelineRow

_pipeline = table(PipelineRow)


@dataclass(frozen=True, kw_only=True, slots=True)
class Pipeline:
    """A pipeline's name and what it is for; `digest` is its manifest's hash."""

    name: str
    task: Task
    description: str
    owner: str
    digest: str
    synced_at: datetime
    window: timedelta | None = None  # of the monitor


def put(tx: Connection, pipeline: Pipeline) -> bool:
    """Add or update; True if anything changed."""
    values = {
        "name": pipeline.name,
        "task": pipeline.task.value,
        "description": pipeline.description,
        "owner": pipeline.owner,
        "digest": pipeline.digest,
        "synced_at": pipeline.synced_at,
        "window": None if pipeline.window is None else pipeline.window // timedelta(microseconds=1),
    }
    what = (_pipeline.c.digest, _pipeline.c.window)
    known = tx.execute(select(*what).where(_pipeline.c.name == pipeline.name)).one_or_none()
    if known is None:
        tx.execute(insert(_pipeline).values(**values))
        return True
    changed = tuple(known) != (pipeline.digest, values["window"])
    if changed:
        tx.execute(update(_pipeline).where(_pipeline.c.name == pipeline.name).values(**values))
    return changed


def every(tx: Connection) -> list[Pipeline]:
    """All pipelines, by name."""
    rows = tx.execute(select(_pipeline).order_by(_pipeline.c.name))
    return [value_of(Pipeline, row, task=Task, window=_width) for row in rows]


def _width(microseconds: int) -> timedelta:
    return timedelta(microseconds=microseconds)
