"""How an alert's state may change, and what of it people are told. What raises one is in alerting_rules.py.

An alert is one cause: a model, a kind and a subject. Pure rules; loads without any library.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from quarterdeck.core.errors import ConflictError
from quarterdeck.core.operations import Alert
from quarterdeck.core.values import AlertState, Severity

TRANSITIONS: dict[AlertState, frozenset[AlertState]] = {
    AlertState.OPEN: frozenset({AlertState.ACKNOWLEDGED, AlertState.SILENCED, AlertState.RESOLVED}),
    # open again: it became worse than what the person saw
    AlertState.ACKNOWLEDGED: frozenset({AlertState.OPEN, AlertState.SILENCED, AlertState.RESOLVED}),
    AlertState.SILENCED: frozenset({AlertState.OPEN, AlertState.RESOLVED}),  # open again: the silence has ended
    # its cause came back within a while, in the open or under a silence
    AlertState.RESOLVED: frozenset({AlertState.OPEN, AlertState.SILENCED}),
}

WORKSPACE = "(workspace)"  # in place of a model, for what concerns all of them; no model can have this name
REOPENS_WITHIN = timedelta(hours=1)  # unless the cause says otherwise
CALM = timedelta(minutes=10)  # an alert that has come back before must stay resolved so long before that is told


def transition(alert: Alert, to: AlertState) -> AlertState:
    """The new state; ConflictError where the table does not allow it."""
    if to not in TRANSITIONS[alert.state]:
        raise ConflictError(
            f"alert {alert.id} is {alert.state}, and cannot become {to}",
            hint=f"see `quarterdeck monitor alert {alert.id}`",
        )
    return to


def comes_back(before: Alert, *, now: datetime, event_at: datetime | None, within: timedelta) -> bool:
    """Whether a cause that is seen again is the resolved alert come back, and no new one.

    By the time of the data where both have one, so that a replay of months in a minute is not one alert; else by the
    wall clock.
    """
    if event_at is not None and before.event_at is not None:
        return event_at - before.event_at <= within
    return now - (before.resolved_at or before.last_at) <= within


def worse(now: Severity, before: Severity) -> bool:
    return now.rank > before.rank


def told_after(alert: Alert) -> timedelta:
    """How long the message that it is resolved is kept back: an alert that flaps is one message, not a storm."""
    return CALM if alert.flaps else timedelta(0)
