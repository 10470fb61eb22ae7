"""Plans for alerts: seen, silenced for a time, resolved by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from quarterdeck.console.tui.plan import Plan, Refusal
from quarterdeck.console.tui.subject import Kind, Subject
from quarterdeck.core.durations import parse_duration
from quarterdeck.core.rights import Right
from quarterdeck.core.values import AlertState

if TYPE_CHECKING:
    from quarterdeck.console.context import Console

SELECT = Refusal(why="select an alert (4, then tab)", fits=False)
UNTIL_RESOLVED = "resolved"
LENGTHS = (
    ("1h", "1h", "an hour"),
    ("4h", "4h", "four hours"),
    ("12h", "12h", "half a day"),
    ("1d", "1d", "a day"),
    ("1w", "1w", "a week"),
    (UNTIL_RESOLVED, "-", "until it is resolved"),
)


def acknowledge(subject: Subject) -> Plan | Refusal:
    if subject.kind is not Kind.ALERT or subject.alert_id is None:
        return SELECT
    if subject.alert_state is not AlertState.OPEN:
        return Refusal(why=f"alert {subject.alert_id} is not open")
    alert_id = subject.alert_id

    def do(console: Console, reason: str) -> Any:
        from quarterdeck.console import acts  # start-up time

        return acts.acknowledge(console, alert_id, reason=reason)

    return Plan(
        action="acknowledge",
        verb="Acknowledge",
        title=f"Acknowledge alert {alert_id}",
        changes=((f"alert {alert_id}", "open", "acknowledged"),),
        do=do,
        done=f"alert {alert_id} is acknowledged",
        model=subject.model or "",
        right=Right.OPERATE,
        subject=f"alert {alert_id}",
        confirmed=False,
        undo=lambda _: "an acknowledgement cannot be taken back",
    )


def silence(subject: Subject) -> Plan | Refusal:
    """Asks for how long; on an alert that is silenced it ends that."""
    if subject.kind is not Kind.ALERT or subject.alert_id is None or subject.alert_state is None:
        return SELECT
    if subject.alert_state is AlertState.RESOLVED:
        return Refusal(why=f"alert {subject.alert_id} is resolved")
    if subject.alert_state is AlertState.SILENCED:
        return unsilencing(subject.alert_id, subject.model or "")
    return silencing(subject.alert_id, subject.model or "", subject.alert_state)


def silencing(alert_id: int, model: str, state: AlertState, length: str = UNTIL_RESOLVED) -> Plan:
    """Hear no more of an alert."""
    lasting: timedelta | None = None if length == UNTIL_RESOLVED else parse_duration(length)
    words = "until it is resolved" if lasting is None else f"for {length}"

    def do(console: Console, reason: str) -> Any:
        from quarterdeck.console import acts  # start-up time

        return acts.silence_alert(console, alert_id, lasting=lasting, reason=reason)

    def chosen(picked: str) -> Plan:
        return replace(silencing(alert_id, model, state, picked), choices=(), choose=None)

    return Plan(
        action="silence",
        verb="Silence",
        title=f"Silence alert {alert_id}",
        changes=((f"alert {alert_id}", state.value, f"silenced {words}"),),
        notes=(("Triggers go on; what is silenced is told to nobody.", ""),),
        do=do,
        done=f"alert {alert_id} is silenced {words}",
        model=model,
        right=Right.OPERATE,
        subject=f"alert {alert_id}",
        choices=LENGTHS,
        choose=chosen,
        undo=lambda _: unsilencing(alert_id, model),
    )


def unsilencing(alert_id: int, model: str) -> Plan:
    """Hear of it again."""

    def do(console: Console, reason: str) -> Any:
        from quarterdeck.console import acts  # start-up time

        return acts.unsilence_alert(console, alert_id, reason=reason)

    return Plan(
        action="silence",
        verb="End silence",
        title=f"End the silence of alert {alert_id}",
        changes=((f"alert {alert_id}", "silenced", "open"),),
        notes=(("A silence of its whole cause ends too.", ""),),
        do=do,
        done=f"alert {alert_id} is open again",
        model=model,
        right=Right.OPERATE,
        subject=f"alert {alert_id}",
    )


def resolve(subject: Subject) -> Plan | Refusal:
    if subject.kind is not Kind.ALERT or subject.alert_id is None or subject.alert_state is None:
        return SELECT
    if subject.alert_state is AlertState.RESOLVED:
        return Refusal(why=f"alert {subject.alert_id} is resolved")
    alert_id, state = subject.alert_id, subject.alert_state

    def do(console: Console, reason: str) -> Any:
        from quarterdeck.console import acts  # start-up time

        return acts.resolve_alert(console, alert_id, reason=reason)

    return Plan(
        action="resolve",
        verb="Resolve",
        title=f"Resolve alert {alert_id}",
        changes=((f"alert {alert_id}", state.value, "resolved"),),
        notes=(("Where its cause is still there, it opens again: silence it instead.", ""),),
        do=do,
        done=f"alert {alert_id} is resolved",
        model=subject.model or "",
        right=Right.OPERATE,
        subject=f"alert {alert_id}",
        undo=lambda _: "it opens again by itself, if its cause is still there",
    )
