"""Predictions that wait for a person, what people said of them, and each model's queue."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from quarterdeck.store.tables.types import document, moment


class ReviewQueueRow(SQLModel, table=True):
    """A model's queue: what the manifest said last, and how its predictions are drawn."""

    __tablename__ = "review_queue"
    environment: str = Field(primary_key=True)
    model: str = Field(primary_key=True)
    enabled: bool  # False: the manifest has no [review] any more; what waits can still be decided
    spec: dict[str, Any] = document()
    salt: str  # of the draws; never changes
    rate: float = 1.0  # of all probabilities, while the queue is too full
    thinned: int = 0  # items that gave way, ever


class ReviewRow(SQLModel, table=True):
    """One prediction with all that a person needs to judge it: the log may forget it."""

    __tablename__ = "review"
    __table_args__ = (
        Index("ix_review_turn", "environment", "model", "state", "turn_at", "id"),
        Index("ix_review_decided", "environment", "model", "decided_at"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = Field(default=None, primary_key=True)
    environment: str
    model: str
    version: int
    prediction_id: str = Field(unique=True)
    entity: str | None = None
    event_at: datetime = moment()
    answered_at: datetime = moment()
    inputs: str  # JSON, as the log has it
    answer: str  # JSON
    score: float
    probabilities: str | None = None  # JSON
    confidence: float | None = None
    stratum: str
    why: str
    draw: float
    weight: float
    probability: float  # with which it was chosen, thinning included
    needed: int  # people who must agree
    blind: bool
    state: str
    label: str | None = None  # JSON
    decided_at: datetime | None = moment(default=None)
    queued_at: datetime = moment()
    turn_at: datetime = moment()  # the earliest is next
    expires_at: datetime = moment()
    skips: int = 0
    claimed_by: str | None = None
    claimed_until: datetime | None = moment(default=None)
    closed_at: datetime | None = moment(default=None)


class DecisionRow(SQLModel, table=True):
    """What one person said. Never changed: one that was taken back says when."""

    __tablename__ = "review_decision"
    __table_args__ = (Index("ix_review_decision_person", "person", "id"), {"sqlite_autoincrement": True})
    id: int | None = Field(default=None, primary_key=True)
    review_id: int = Field(foreign_key="review.id", index=True)
    person: str
    label: str  # JSON
    because: str | None = None
    decided_at: datetime = moment()
    undone_at: datetime | None = moment(default=None)
    ledger_seq: int | None = Field(default=None, index=True)  # the entry that vouches for it, once it is used
