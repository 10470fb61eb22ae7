"""Acts on notifications: send a dead one again, give one up, try a receiver."""

from __future__ import annotations

from quarterdeck.console.acts.guard import audit_of, check_right, permitted
from quarterdeck.console.context import Console
from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import NotFoundError
from quarterdeck.core.ids import new_id
from quarterdeck.core.notices import Delivery, DeliveryState, Event, EventType, Outcome, cloud_event
from quarterdeck.core.receivers import Receiver
from quarterdeck.core.rights import Right
from quarterdeck.core.toml_table import expected_names
from quarterdeck.core.values import Severity
from quarterdeck.store import deliveries, ledger


def retry_notification(console: Console, delivery_id: int, *, reason: str = "") -> Delivery:
    """Send it once more, with all its tries; the daemon does it."""
    return _change(console, "retry_notification", delivery_id, reason)


def discard_notification(console: Console, delivery_id: int, *, reason: str = "") -> Delivery:
    """Give it up for good."""
    return _change(console, "discard_notification", delivery_id, reason)


def retry_dead(console: Console, *, receiver: str | None = None, reason: str = "") -> list[Delivery]:
    """The same as retry_notification() for everything that was given up."""
    with permitted(console, Right.OPERATE, act="retry_notification", subject="every dead notification") as tx:
        found = deliveries.page(tx, states=[DeliveryState.DEAD], receiver=receiver, limit=100_000)
        audit = audit_of(console, reason)
        again = [deliveries.retry(tx, item.id, now=audit.at) for item in found]
        if again:
            after = {"notifications": [item.id for item in again]}
            ledger.append(tx, audit, act="retry_notification", subject="every dead notification", after=after)
        return again


def try_receiver(console: Console, name: str, *, reason: str = "") -> tuple[Receiver, Outcome]:
    """Send an event of the type "test", here and now, once; whatever the receiver's filters say."""
    # start-up time: no other act needs the HTTP client
    from quarterdeck.scheduler.notifying import send_once, source_of

    receiver = find_receiver(console, name)
    check_right(console, Right.OPERATE, act="test_notification", subject=name)
    data = {"message": f"{console.actor} asks whether {name} can be reached"}
    event = Event(
        id=0, event_id=new_id(), type=EventType.TEST, subject=name, at=utc_now(), model=None, kind=None,
        severity=Severity.INFO, data=data,
    )  # fmt: skip
    told = cloud_event(event, source=source_of(console.workspace.root, console.environment))
    outcome = send_once(receiver, told, root=console.workspace.root, receivers=console.settings.notifications)
    with permitted(console, Right.OPERATE, act="test_notification", subject=name) as tx:
        after = {"verdict": outcome.verdict.value, "status": outcome.status}
        ledger.append(tx, audit_of(console, reason), act="test_notification", subject=name, after=after)
    return receiver, outcome


def find_receiver(console: Console, name: str) -> Receiver:
    """The receiver of this name in quarterdeck.toml."""
    known = {receiver.name: receiver for receiver in console.settings.notifications}
    if name not in known:
        hint = expected_names(name, known) if known else "name one in quarterdeck.toml, under [[notifications]]"
        raise NotFoundError(f"there is no receiver {name!r}", hint=hint)
    return known[name]


def _change(console: Console, act: str, delivery_id: int, reason: str) -> Delivery:
    with permitted(console, Right.OPERATE, act=act, subject=f"notification {delivery_id}") as tx:
        audit = audit_of(console, reason)
        before = deliveries.get(tx, delivery_id)
        if act == "retry_notification":
            after = deliveries.retry(tx, delivery_id, now=audit.at)
        else:
            after = deliveries.discard(tx, delivery_id)
        states = {"before": {"state": before.state.value}, "after": {"state": after.state.value}}
        ledger.append(tx, audit, act=act, subject=f"notification {delivery_id}", **states)
        return after
