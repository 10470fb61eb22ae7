"""Model versions, the aliases that point at them, their gates, and live comparisons."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, ForeignKeyConstraint, Index
from sqlmodel import Field, SQLModel

from quarterdeck.store.tables.types import document, moment


class VersionRow(SQLModel, table=True):
    __tablename__ = "version"
    # each way of paging through versions has its index
    __table_args__ = (
        Index("ix_version_created", "created"),
        Index("ix_version_model_state", "model", "state", "number"),
    )
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
    kind: str = Field(default="scikit-learn", sa_column_kwargs={"server_default": "scikit-learn"})
    gate_set: int | None = None
    evaluation: str | None = Field(default=None, foreign_key="artifact.sha256")
    expected: str | None = Field(default=None, foreign_key="artifact.sha256")
    performance: str | None = Field(default=None, foreign_key="artifact.sha256")
    origin: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True), nullable=True))


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


class SplitRow(SQLModel, table=True):
    """The share of an endpoint's requests that its challenger answers; written with a ledger entry alone."""

    __tablename__ = "split"
    __table_args__ = (ForeignKeyConstraint(["model", "version"], ["version.model", "version.number"]),)
    environment: str = Field(primary_key=True)
    model: str = Field(primary_key=True)
    version: int
    weight: float  # percent
    shadow: bool
    changed_at: datetime = moment()
    ledger_seq: int


class GateSetRow(SQLModel, table=True):
    """One version of a model's gates: from its manifest, or edited by a person."""

    __tablename__ = "gate_set"
    model: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    created: datetime = moment()
    author: str
    source: str  # manifest | edit
    manifest_digest: str  # of the manifest's gates that it follows or was edited from
    manifest_gates: list[dict[str, Any]] = document()
    gates: list[dict[str, Any]] = document()
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
