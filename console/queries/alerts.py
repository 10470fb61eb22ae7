"""One alert with its history: what people did about it, and what receivers outside were told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from quarterdeck.core.ledger import Entry
from quarterdeck.core.notices import DeliveryState
from quarterdeck.core.operations import Alert
from quarterdeck.store import alerts, deliveries, ledger, notifications

MOST = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One message to one receiver, or to none."""

    at: datetime
    event: str
    notification: int | None
    receiver: str | None
    state: DeliveryState | None
    attempts: int


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertStory:
    """`history` is the newest first, `told` the oldest first."""

    alert: Alert
    history: tuple[Entry, ...]
    told: tuple[Told, ...]


def alert_story(tx: Connection, alert_id: int) -> AlertStory:
    found = alerts.get(tx, alert_id)
    history = ledger.entries(tx, subject=f"alert {alert_id}", limit=MOST)
    told = []
    for event in notifications.of_alert(tx, alert_id):
        sent = deliveries.of_event(tx, event.id)
        told += [
            Told(at=event.at, event=event.type, notification=item.id, receiver=item.receiver, state=item.state,
                 attempts=item.attempts)
            for item in sent
        ]  # fmt: skip
        if not sent:
            told.append(Told(at=event.at, event=event.type, notification=None, receiver=None, state=None, attempts=0))
    return AlertStory(alert=found, history=tuple(history), told=tuple(told))
