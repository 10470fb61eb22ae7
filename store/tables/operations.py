"""Triggers and what they fired, alerts, monitored windows, and the processes that run."""

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
    alert_id: int | None = Field(default=None, foreign_key="alert.id")
    run_id: int | None = Field(default=None, foreign_key="run.id")
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
