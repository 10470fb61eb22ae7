"""How far triggers have looked, and the calls that they have answered; the triggers themselves are in operations.py."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from quarterdeck.store.tables.types import document, moment


class TriggerCursorRow(SQLModel, table=True):
    """How far a trigger has looked: the files it knows, the commit, the labels it has counted."""

    __tablename__ = "trigger_cursor"
    trigger_id: int = Field(primary_key=True, foreign_key="trigger.id", sa_column_kwargs={"autoincrement": False})
    place: dict[str, Any] = document()
    changed_at: datetime = moment()


class WebhookCallRow(SQLModel, table=True):
    """A call that fired a trigger, by the id its sender gave it: sent again, it fires nothing again."""

    __tablename__ = "webhook_call"
    id: str = Field(primary_key=True)
    trigger_id: int = Field(foreign_key="trigger.id")
    firing_id: int = Field(foreign_key="firing.id")
    at: datetime = moment(index=True)
