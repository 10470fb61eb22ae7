"""Model versions, the aliases that point at them, and live comparisons."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKeyConstraint
from sqlmodel import Field, SQLModel

from quarterdeck.store.tables.types import document, moment


class VersionRow(SQLModel, table=True):
    __tablename__ = "version"
    model: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    run_id: int | None = Field(default=None, foreign_key="run.id")
    state: str = Field(index=True)
    created: datetime = moment()
    artifact: str = Field(foreign_key="artifact.sha256")
    onnx: str | None = Field(default=None, foreign_key="artifact.sha256")
    profile: str | None = Field(default=None, foreign_key="artifact.sha256")
    engine: str
    engine_reason: str
    max_difference: float | None = None
    signature: dict[str, Any] = document()
    metrics: dict[str, float] = document()
    verdicts: list[dict[str, Any]] = document()
    trained_from: datetime | None = moment(default=None)
    trained_to: datetime | None = moment(default=None)
    rows: int
    size_bytes: int


class AliasRow(SQLModel, table=True):
    """Which version an alias means in an environment; moved only by compare-and-set with a ledger entry."""

    __tablename__ = "alias"
    __table_args__ = (ForeignKeyConstraint(["model", "version"], ["version.model", "version.number"]),)
    environment: str = Field(primary_key=True)
    model: str = Field(primary_key=True)
    alias: str = Field(primary_key=True)
    version: int
    changed_at: datetime = moment()
    ledger_seq: int


class DuelRow(SQLModel, table=True):
    """Champion against challenger on live traffic: the evidence so far, and its path."""

    __tablename__ = "duel"
    environment: str = Field(primary_key=True)
    model: str = Field(primary_key=True)
    champion: int = Field(primary_key=True)
    challenger: int = Field(primary_key=True)
    started_at: datetime = moment()
    updated_at: datetime = moment()
    decision: str
    verdict: dict[str, Any] = document()
    path: list[list[float]] = document()
