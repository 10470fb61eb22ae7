"""Tells the receivers outside what happened: plans a delivery for each that wants an event, and sends what is due.

Each delivery is sent by a thread of its own, one at a time for each receiver, so that nothing that a receiver does
holds up the daemon's tick or another receiver. The row of a delivery says PENDING until the receiver has taken it: a
daemon that is killed in between sends it again, with the same id.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import QuarterdeckError
from quarterdeck.core.notices import Delivery, Event, EventType, Outcome, Verdict, cloud_event, wait_before
from quarterdeck.core.receivers import Receiver
from quarterdeck.core.values import Severity
from quarterdeck.scheduler.notifying import send_once, source_of
from quarterdeck.scheduler.state import State
from quarterdeck.store import deliveries, notifications

log = logging.getLogger(__name__)

MOST_ALERTS = 5  # of one tick and receiver; more are one message
CLEAN_EVERY = timedelta(hours=1)
PATIENCE_S = 2.0  # for what is being sent when the daemon stops
LONGEST_OVER = timedelta(seconds=30)  # beyond its time-out; then a sending is given up, whatever its thread does

Send = Callable[[Receiver, Event], Outcome]


@dataclass(eq=False, slots=True)
class _Sending:
    delivery: Delivery
    since: datetime
    thread: threading.Thread | None = None
    ended: bool = False


class Notifier:
    """One object a daemon. What must outlive it is in the store."""

    def __init__(self, state: State, send: Send | None = None) -> None:
        self._state = state
        self._send = send or _sender(state)
        self._receivers = {receiver.name: receiver for receiver in state.settings.notifications}
        self._sending: dict[str, _Sending] = {}
        self._lock = threading.Lock()
        self._chance = random.Random()  # noqa: S311 - spreads retries
        self._cleaned_at: datetime | None = None
        self._retired = False

    def tick(self, now: datetime) -> None:
        """Plan and start; never waits for a receiver."""
        if not self._retired:
            self._retire_unknown(now)
        self._plan(now)
        self._give_up_stuck(now)
        self._start_due(now)
        if self._cleaned_at is None or now - self._cleaned_at >= CLEAN_EVERY:
            self._cleaned_at = now
            with self._state.database.write() as tx:
                notifications.remove_old(tx, now - notifications.KEPT)

    def busy(self) -> bool:
        return bool(self._sending)

    def close(self) -> None:
        """Wait a moment for what is being sent; the rest is pending, and the next daemon's."""
        for sending in list(self._sending.values()):
            if sending.thread is not None:
                sending.thread.join(PATIENCE_S)

    def _plan(self, now: datetime) -> None:
        with self._state.database.read() as tx:
            if not notifications.unplanned(tx, now):
                return
        with self._state.database.write() as tx:
            found = notifications.unplanned(tx, now)
            for receiver in self._receivers.values():
                self._hand_out(tx, receiver, [event for event in found if receiver.wants(event)], now)
            notifications.set_planned(tx, [event.id for event in found])

    def _hand_out(self, tx: Connection, receiver: Receiver, wanted: Sequence[Event], now: datetime) -> None:
        """A delivery for each event; many alerts at once are one."""
        about_alerts = [event for event in wanted if event.type.startswith("alert.")]
        grouped = about_alerts if len(about_alerts) > MOST_ALERTS else []
        if grouped:
            together = _together(tx, grouped, _source(self._state), now)
            deliveries.add(tx, together, receiver.name, now=now)
        for event in wanted:
            if event not in grouped:
                deliveries.add(tx, event.id, receiver.name, now=now)

    def _start_due(self, now: datetime) -> None:
        with self._lock:
            passing = list(self._sending)
        with self._state.database.read() as tx:
            found = [(item, deliveries.event_of(tx, item)) for item in deliveries.due(tx, now, passing=passing)]
        for delivery, event in found:
            receiver = self._receivers.get(delivery.receiver)
            if receiver is None:
                continue
            sending = _Sending(delivery=delivery, since=now)
            sending.thread = threading.Thread(
                target=self._deliver, args=(receiver, sending, event), name=f"notify-{receiver.name}", daemon=True
            )
            with self._lock:
                self._sending[receiver.name] = sending
            sending.thread.start()

    def _deliver(self, receiver: Receiver, sending: _Sending, event: Event) -> None:
        """The thread of one sending."""
        try:
            outcome = self._send(receiver, event)
        except Exception as error:  # a boundary: a sending that fails in a new way must not stay pending for ever
            log.exception("notification %s to %s", sending.delivery.id, receiver.name)
            outcome = Outcome(verdict=Verdict.AGAIN, said=f"{type(error).__name__}: {error}")
        self._end(receiver, sending, outcome, utc_now())

    def _end(self, receiver: Receiver, sending: _Sending, outcome: Outcome, now: datetime) -> None:
        """Keep what came of it, once, and let the receiver's next one go."""
        with self._lock:
            if sending.ended:
                return  # it was given up meanwhile
            sending.ended = True
        try:
            self._keep(receiver, sending.delivery, outcome, now)
        except QuarterdeckError as error:
            log.error("notification %s to %s: %s", sending.delivery.id, receiver.name, error)
        finally:
            with self._lock:
                del self._sending[receiver.name]

    def _keep(self, receiver: Receiver, delivery: Delivery, outcome: Outcome, now: datetime) -> None:
        attempts = delivery.attempts + 1
        again = None
        if outcome.verdict is Verdict.AGAIN and attempts < receiver.tries:
            again = wait_before(attempts, asked=outcome.wait, chance=self._chance.random())
        with self._state.database.write() as tx:
            after = deliveries.record(tx, delivery.id, outcome, now=now, again=again)
        if outcome.verdict is Verdict.TAKEN:
            log.info("notification %s: %s took it", delivery.id, receiver.name)
        else:
            said = (outcome.said or f"status {outcome.status}").split("\n", 1)[0]
            log.warning("notification %s to %s is %s: %s", delivery.id, receiver.name, after.state, said)

    def _give_up_stuck(self, now: datetime) -> None:
        """A receiver that sends its answer byte by byte keeps within every time-out, and is not waited for."""
        for name, sending in list(self._sending.items()):
            receiver = self._receivers[name]
            if now - sending.since > receiver.timeout + LONGEST_OVER:
                self._end(receiver, sending, Outcome(verdict=Verdict.AGAIN, said="it took too long"), now)

    def _retire_unknown(self, now: datetime) -> None:
        """What waits for a receiver that the settings do not name any more is dead: a person sees it."""
        with self._state.database.read() as tx:
            waiting = [item for item in deliveries.waiting(tx) if item.receiver not in self._receivers]
        if waiting:
            gone = Outcome(verdict=Verdict.NEVER, said="quarterdeck.toml names no such receiver")
            with self._state.database.write() as tx:
                for item in waiting:
                    deliveries.record(tx, item.id, gone, now=now, again=None)
        self._retired = True


def _sender(state: State) -> Send:
    root, receivers = state.workspace.root, state.settings.notifications

    def send(receiver: Receiver, event: Event) -> Outcome:
        return send_once(receiver, cloud_event(event, source=_source(state)), root=root, receivers=receivers)

    return send


def _source(state: State) -> str:
    return source_of(state.workspace.root, state.environment)


def _together(tx: Connection, events: Sequence[Event], source: str, now: datetime) -> int:
    """One event that holds the others whole; as bad as the worst of them."""
    worst = max((event.severity for event in events), key=lambda severity: severity.rank, default=Severity.INFO)
    data = {"events": [cloud_event(event, source=source) for event in events]}
    subject = f"{len(events)} messages about alerts"
    return notifications.notify(tx, EventType.ALERTS, subject, data, now=now, severity=worst, planned=True)
