"""What is told to receivers outside: events, deliveries of them, and when a delivery is tried again.

An event is written in the transaction of what it tells of. Each receiver that wants it gets a delivery of it, at least
once; the event's id stays the same however often it is sent, so that a receiver can tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from quarterdeck.core.errors import ConflictError
from quarterdeck.core.values import Severity

PREFIX = "quarterdeck."


class EventType(StrEnum):
    """What an event tells; the type of its CloudEvent has PREFIX before it."""

    ALERT_OPENED = "alert.opened"
    ALERT_WORSE = "alert.severity_raised"
    ALERT_ACKNOWLEDGED = "alert.acknowledged"
    ALERT_RESOLVED = "alert.resolved"
    ALERTS = "alert.group"  # many of the above at once
    RUN_FAILED = "run.failed"
    PROMOTED = "model.promoted"
    ROLLED_BACK = "model.rolled_back"
    DEMOTED = "model.demoted"
    ROLLOUT_PAUSED = "rollout.paused"
    ROLLOUT_ROLLED_BACK = "rollout.rolled_back"
    ROLLOUT_ABORTED = "rollout.aborted"
    TEST = "test"  # a person asked whether a receiver can be reached


class DeliveryState(StrEnum):
    """Where the delivery of an event to one receiver stands."""

    PENDING = "pending"  # not sent yet, or to be tried again
    SENT = "sent"  # the receiver took it
    DEAD = "dead"  # given up; a person retries or discards it
    DISCARDED = "discarded"  # a person gave it up


TRANSITIONS: dict[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.PENDING: frozenset({DeliveryState.SENT, DeliveryState.DEAD, DeliveryState.DISCARDED}),
    DeliveryState.DEAD: frozenset({DeliveryState.PENDING, DeliveryState.DISCARDED}),
    DeliveryState.DISCARDED: frozenset({DeliveryState.PENDING}),
    DeliveryState.SENT: frozenset(),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One thing that happened, as it was when it happened."""

    id: int
    event_id: str  # stays the same however often it is sent
    type: str  # without PREFIX
    subject: str  # "flights/drift/features", "flights@3", "run 12"
    at: datetime
    model: str | None
    kind: str | None  # of an alert
    severity: Severity
    data: dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """One event on its way to one receiver."""

    id: int
    notification_id: int
    receiver: str
    state: DeliveryState
    attempts: int
    due_at: datetime
    created_at: datetime
    tried_at: datetime | None
    status: int | None  # of the last answer, or the exit code of the command
    said: str  # what went wrong, or the last lines of the command


class Verdict(StrEnum):
    TAKEN = "taken"
    AGAIN = "again"  # try it later
    NEVER = "never"  # it would be refused again


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What came of sending an event once. `wait` is what the receiver asked for."""

    verdict: Verdict
    said: str = ""
    status: int | None = None
    wait: timedelta | None = None


FIRST_WAIT = timedelta(seconds=5)
GROWTH = 3.0
LONGEST_WAIT = timedelta(hours=6)
LONGEST_ASKED = timedelta(hours=24)  # of what a receiver may ask for


def transition(delivery: Delivery, to: DeliveryState) -> DeliveryState:
    """The new state; ConflictError where the table does not allow it."""
    if to not in TRANSITIONS[delivery.state]:
        raise ConflictError(f"notification {delivery.id} is {delivery.state}, and cannot become {to}")
    return to


def wait_before(attempt: int, *, asked: timedelta | None, chance: float) -> timedelta:
    """How long after the `attempt`-th failure (from 1 on) it is tried again: longer each time, and not all at once.

    `chance` in [0, 1) spreads it over the upper half of the wait. What the receiver asked for is kept, up to a day.
    """
    longest = min(LONGEST_WAIT, FIRST_WAIT * GROWTH ** min(attempt - 1, 20))
    waits = longest * (0.5 + 0.5 * chance)
    return max(waits, min(asked, LONGEST_ASKED)) if asked is not None else waits


def cloud_event(event: Event, *, source: str) -> dict[str, Any]:
    """The event as CloudEvents 1.0 writes it in JSON."""
    return {
        "specversion": "1.0",
        "id": event.event_id,
        "source": source,
        "type": PREFIX + event.type,
        "subject": event.subject,
        "time": event.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "datacontenttype": "application/json",
        "data": {"severity": event.severity.value, **_known(model=event.model, kind=event.kind), **event.data},
    }


def _known(**values: Any) -> Mapping[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
