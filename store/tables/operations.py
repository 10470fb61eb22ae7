"""Triggers and what they fired, alerts, monitored windows, the processes that run, and who of them may act."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from quarterdeck.store.tables.types import document, moment


class TriggerRow(SQLModel, table=True):
    """A trigger of a manifest and its state; the daemon's timetable is rebuilt from these rows."""

    __tablename__ = "trigger"
    __table_args__ = (UniqueConstraint("pipeline", "name"),)
    id: int | None = Field(default=None, primary_key=True)
    # grows with each change of what a manifest or a person says, so that a daemon reads no row twice
    revision: int = Field(default=0, index=True, sa_column_kwargs={"server_default": "0"})
    pipeline: str = Field(foreign_key="pipeline.name")
    name: str
    kind: str
    spec: dict[str, Any] = document()
    paused: bool = False
    removed: bool = False  # no longer in the manifest; kept because firings point here
    last_fired_at: datetime | None = moment(default=None)
    last_evidence_at: datetime | None = moment(default=None)
    next_fire_at: datetime | None = moment(default=None)


class FiringRow(SQLModel, table=True):
    """One time a trigger's condition held: the run it started, or why it did not start one."""

    __tablename__ = "firing"
    __table_args__ = (Index("ix_firing_trigger_at", "trigger_id", "at"), {"sqlite_autoincrement": True})
    id: int | None = Field(default=None, primary_key=True)
    trigger_id: int = Field(foreign_key="trigger.id")
    pipeline: str = Field(index=True)
    at: datetime = moment()
    evidence_at: datetime | None = moment(default=None)
    alert_id: int | None = Field(default=None, foreign_key="alert.id", index=True)
    run_id: int | None = Field(default=None, foreign_key="run.id", index=True)
    fired: bool
    reason: str
    evidence: dict[str, Any] = document()


class AlertRow(SQLModel, table=True):
    """One cause, however often it is seen: a count, not a row, per sighting."""

    __tablename__ = "alert"
    __table_args__ = (
        Index("ix_alert_cause", "model", "kind", "subject", "state"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True)
    model: str
    kind: str
    subject: str
    state: str
    message: str
    opened_at: datetime = moment()
    last_at: datetime = moment()
    event_at: datetime | None = moment(default=None)
    count: int = 1
    evidence: dict[str, Any] = document()
    acknowledged_by: str | None = None
    severity: str = "warning"
    flaps: int = 0  # how often it came back within a while after it was resolved
    resolved_at: datetime | None = moment(default=None)
    silenced_until: datetime | None = moment(default=None)
    told: bool = False  # receivers of notifications hold it for open


class WindowRow(SQLModel, table=True):
    """What the monitor found in one window of event time of one version."""

    __tablename__ = "window"
    __table_args__ = (ForeignKeyConstraint(["model", "version"], ["version.model", "version.number"]),)
    model: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    start: datetime = moment(primary_key=True)
    end: datetime = moment()
    closed: bool
    rows: int
    labelled: int
    drifted: int | None = None
    drift: list[dict[str, Any]] = document()
    quality: list[dict[str, Any]] = document()
    dataset_drift: dict[str, Any] = document()
    metrics: dict[str, float] = document()
    p50_ms: float | None = None
    p99_ms: float | None = None
    updated_at: datetime = moment()
    performance: list[dict[str, Any]] = document()


class ServiceRow(SQLModel, table=True):
    """A daemon or server that says it is alive."""

    __tablename__ = "service"
    kind: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    pid: int
    process_started: float
    host: str | None = None
    port: int | None = None
    scheme: str = "http"
    certificate: str | None = None
    started_at: datetime = moment()
    heartbeat_at: datetime = moment()
    stopped_at: datetime | None = moment(default=None)
    detail: dict[str, Any] = document()


class LeaseRow(SQLModel, table=True):
    """Who acts for the store. `token` grows with every change of hands; times are on the store's clock."""

    __tablename__ = "lease"
    name: str = Field(primary_key=True)
    token: int = 0
    holder: str | None = None  # None: free
    pid: int | None = None
    process_started: float | None = None
    place: str | None = None  # machine, boot and container: where the pid means something
    expires: float = 0.0
