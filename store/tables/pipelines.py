"""Pipelines, their runs and steps, and what the steps made."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index
from sqlmodel import Field, SQLModel

from quarterdeck.store.tables.types import document, moment


class PipelineRow(SQLModel, table=True):
    """A pipeline as its manifest last read."""

    __tablename__ = "pipeline"
    name: str = Field(primary_key=True)
    task: str
    description: str
    owner: str
    digest: str
    synced_at: datetime = moment()
    # microseconds, of the monitor; NULL for one that was synced by a release before
    window: int | None = Field(default=None, sa_type=BigInteger)


class RunRow(SQLModel, table=True):
    __tablename__ = "run"
    __table_args__ = (Index("ix_run_pipeline_status", "pipeline", "status"), {"sqlite_autoincrement": True})
    id: int | None = Field(default=None, primary_key=True)
    pipeline: str = Field(foreign_key="pipeline.name")
    status: str = Field(index=True)
    requested_by: str
    requested_at: datetime = moment()
    cause: dict[str, Any] = document()
    attempt: int = 0
    worker_pid: int | None = None
    worker_started: float | None = None  # the process's own start time: a pid alone may have been given again
    worker_place: str | None = None  # machine, boot and container: where a pid means something
    worker_seen: float | None = None  # when the worker last said that it lives, on the store's clock
    started_at: datetime | None = moment(default=None)
    finished_at: datetime | None = moment(default=None)
    cancel_requested: bool = False
    progress: float = 0.0
    message: str = ""
    error: str | None = None
    provenance: dict[str, Any] = document()
    version: int | None = None


class StepRow(SQLModel, table=True):
    __tablename__ = "step"
    run_id: int = Field(primary_key=True, foreign_key="run.id")
    name: str = Field(primary_key=True)
    position: int
    uses: str
    inputs: list[str] = document()
    status: str
    attempt: int = 0
    started_at: datetime | None = moment(default=None)
    finished_at: datetime | None = moment(default=None)
    progress: float = 0.0
    message: str = ""
    error: str | None = None
    cache_key: str | None = None
    result: str | None = None


class ArtifactRow(SQLModel, table=True):
    __tablename__ = "artifact"
    sha256: str = Field(primary_key=True)
    kind: str
    size: int
    created_at: datetime = moment()


class LineageRow(SQLModel, table=True):
    """An artifact that a step read ("in") or made ("out")."""

    __tablename__ = "lineage"
    __table_args__ = (ForeignKeyConstraint(["run_id", "step"], ["step.run_id", "step.name"]),)
    run_id: int = Field(primary_key=True)
    step: str = Field(primary_key=True)
    direction: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    sha256: str = Field(index=True, foreign_key="artifact.sha256")


class MetricRow(SQLModel, table=True):
    __tablename__ = "metric"
    __table_args__ = (Index("ix_metric_name_value_run", "name", "value", "run_id"),)
    run_id: int = Field(primary_key=True, foreign_key="run.id")
    step: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    value: float


class CacheRow(SQLModel, table=True):
    """The result of a step with this key: same code, settings, inputs and packages."""

    __tablename__ = "cache"
    key: str = Field(primary_key=True)
    sha256: str = Field(foreign_key="artifact.sha256")
    created_at: datetime = moment()
