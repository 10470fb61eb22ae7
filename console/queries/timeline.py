"""What happened lately, from the ledger, the firings, the alerts and the failed runs, on one line of time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from quarterdeck.console.queries.common import alert_row, last_line
from quarterdeck.console.queries.values import EventRow
from quarterdeck.core.ledger import Entry
from quarterdeck.core.operations import Alert, Firing
from quarterdeck.core.runs import Run
from quarterdeck.core.values import AlertState, RunStatus
from quarterdeck.store import alerts, ledger, runs, triggers

SHOWN = 60
# the others are "info"
_TONES = {
    "promote": "ok",
    "rollback": "warn",
    "demote": "warn",
    "withdraw": "warn",
    "undo": "warn",
    "refused": "bad",
}


def latest(tx: Connection, environment: str, limit: int = SHOWN) -> tuple[EventRow, ...]:
    """The newest first."""
    names = {trigger.id: trigger.name for trigger in triggers.every(tx)}
    events = [from_entry(entry) for entry in ledger.entries(tx, limit=limit) if _here(entry, environment)]
    events += [_from_firing(firing, names) for firing in triggers.firings(tx, limit=limit)]
    events += [_from_alert(alert) for alert in alerts.page(tx, limit=limit)]
    events += [_from_run(run) for run in runs.page(tx, status=RunStatus.FAILED, limit=20)]
    events.sort(key=lambda event: (event.at, event.id), reverse=True)
    return tuple(events[:limit])


def _here(entry: Entry, environment: str) -> bool:
    return entry.environment is None or entry.environment == environment


def from_entry(entry: Entry) -> EventRow:
    """A ledger entry as an event: who, what moved, and why."""
    words = [movement(entry.before, entry.after), f"by {entry.actor}"]
    text = " ".join(word for word in words if word)
    return EventRow(
        id=f"ledger-{entry.seq}",
        at=entry.at,
        kind=entry.act.replace("_", " "),
        subject=entry.subject,
        text=f"{text}: {entry.reason}" if entry.reason else text,
        tone=_TONES.get(entry.act, "info"),
    )


def movement(before: Any, after: Any) -> str:
    """ "champion 41 -> 43" for the first alias that moved, "role none -> operator"; "" where none did."""
    before, after = before or {}, after or {}
    if not isinstance(before, dict) or not isinstance(after, dict):
        return ""
    for alias in ("champion", "challenger", "role"):
        if before.get(alias) != after.get(alias):
            return f"{alias} {before.get(alias, 'none')} -> {after.get(alias, 'none')}"
    return ""


def _from_firing(firing: Firing, names: dict[int, str]) -> EventRow:
    name = names.get(firing.trigger_id, f"trigger {firing.trigger_id}")
    came = f"{name} fired: run {firing.run_id}" if firing.fired else f"{name} held back: {firing.reason}"
    return EventRow(
        id=f"firing-{firing.id}",
        at=firing.at,
        kind="trigger",
        subject=firing.pipeline,
        text=came,
        tone="info" if firing.fired else "dim",
        event_at=firing.evidence_at,
        run_id=firing.run_id,
    )


def _from_alert(alert: Alert) -> EventRow:
    open_ = alert.state is AlertState.OPEN
    more = f" (seen {alert.count} times)" if alert.count > 1 else ""
    state = "" if open_ else f" [{alert.state.value}]"
    return EventRow(
        id=f"alert-{alert.id}",
        at=alert.opened_at,
        kind=alert.kind.replace("_", " "),
        subject=alert.model,
        text=f"{alert.message}{more}{state}",
        tone="bad" if open_ else "dim",
        event_at=alert.event_at,
        alert=alert_row(alert),
    )


def _from_run(run: Run) -> EventRow:
    return EventRow(
        id=f"run-{run.id}",
        at=run.finished_at or run.requested_at,
        kind="run failed",
        subject=run.pipeline,
        text=f"run {run.id}: {last_line(run.error)}",
        tone="bad",
        run_id=run.id,
    )
