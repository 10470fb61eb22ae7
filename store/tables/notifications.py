"""What people do not want to hear, what receivers outside are told, and how that goes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from quarterdeck.store.tables.types import document, moment


class SilenceRow(SQLModel, table=True):
    """A cause, or one alert, that is silenced."""

    __tablename__ = "silence"
    __table_args__ = (Index("ix_silence_model", "model", "ended_at"), {"sqlite_autoincrement": True})
    id: int | None = Field(default=None, primary_key=True)
    model: str
    kind: str
    subject: str | None = None
    alert_id: int | None = Field(default=None, foreign_key="alert.id")
    until: datetime | None = moment(default=None)
    reason: str
    created_by: str
    created_at: datetime = moment()
    ended_at: datetime | None = moment(default=None)
    ended_by: str | None = None


class NotificationRow(SQLModel, table=True):
    """An event: written with what it tells of, and handed to the receivers by the daemon."""

    __tablename__ = "notification"
    __table_args__ = (Index("ix_notification_planned", "planned", "id"), {"sqlite_autoincrement": True})
    id: int | None = Field(default=None, primary_key=True)
    event_id: str = Field(unique=True)
    type: str
    subject: str
    at: datetime = moment()
    not_before: datetime = moment()  # when it may go out: one that may soon be untrue is kept back
    model: str | None = None
    kind: str | None = None
    severity: str
    alert_id: int | None = Field(default=None, index=True)
    data: dict[str, Any] = document()
    planned: bool = False  # it has its deliveries


class DeliveryRow(SQLModel, table=True):
    """One event on its way to one receiver."""

    __tablename__ = "delivery"
    __table_args__ = (Index("ix_delivery_state_due", "state", "due_at"), {"sqlite_autoincrement": True})
    id: int | None = Field(default=None, primary_key=True)
    notification_id: int = Field(foreign_key="notification.id", index=True)
    receiver: str
    state: str
    attempts: int = 0
    due_at: datetime = moment()
    created_at: datetime = moment()
    tried_at: datetime | None = moment(default=None)
    status: int | None = None
    said: str = ""
