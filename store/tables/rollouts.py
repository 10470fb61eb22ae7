"""Rollouts: how a version reaches the traffic step by step, and what each analysis saw."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Index
from sqlmodel import Field, SQLModel

from quarterdeck.store.tables.types import document, moment


class RolloutRow(SQLModel, table=True):
    """One version on its way to the traffic of one environment."""

    __tablename__ = "rollout"
    __table_args__ = (
        ForeignKeyConstraint(["model", "version"], ["version.model", "version.number"]),
        Index("ix_rollout_state", "environment", "state", "model"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True)
    environment: str
    model: str
    version: int
    champion: int | None = None  # that it is measured against; None: the first
    spec: dict[str, Any] = document()  # the manifest's [rollout] as it was when the rollout began
    state: str
    step: int
    step_since: datetime = moment()
    progress: dict[str, Any] = document()  # the counters of this step's analysis
    reason: str
    started_by: str
    started_at: datetime = moment()
    updated_at: datetime = moment()
    ended_at: datetime | None = moment(default=None)


class AnalysisRow(SQLModel, table=True):
    """One look of a rollout's analysis."""

    __tablename__ = "analysis"
    rollout_id: int = Field(primary_key=True, foreign_key="rollout.id")
    number: int = Field(primary_key=True)
    step: int
    at: datetime = moment()
    since: datetime = moment()
    outcome: str
    reason: str
    measures: list[dict[str, Any]] = document()
