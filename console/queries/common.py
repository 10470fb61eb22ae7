"""What several screens ask in the same way: aliases, the metric to show, the champion's windows, causes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from quarterdeck.console.queries.values import AlertRow, Aliases, Monitored
from quarterdeck.core.operations import Alert, Window
from quarterdeck.core.performance.finding import LABELLED_SHARE
from quarterdeck.core.registry import Version
from quarterdeck.core.values import Alias
from quarterdeck.store import registry, windows

TREND = 32  # windows of a trend


def aliases_of(tx: Connection, model: str, environment: str) -> Aliases:
    found = registry.aliases(tx, model, environment)
    return Aliases(
        champion=found.get(Alias.CHAMPION),
        challenger=found.get(Alias.CHALLENGER),
        previous=found.get(Alias.PREVIOUS),
    )


def main_metric(version: Version, available: Mapping[str, float] | None = None) -> str | None:
    """The metric that stands for a version: that of its first gate, else its first by name."""
    known = version.metrics if available is None else available
    names = [result.metric for result in version.verdicts] + sorted(version.metrics) + sorted(known)
    return next((name for name in names if name in known), None)


def monitored(tx: Connection, version: Version | None) -> tuple[Monitored, list[Window]]:
    """What the champion's windows say, and the windows themselves, oldest first."""
    if version is None:
        return Monitored(), []
    found = windows.last(tx, version.model, version=version.number, limit=TREND)
    if not found:
        return _from_training(version), []
    told = [window for window in found if window.metrics and window.labelled >= LABELLED_SHARE * window.rows]
    labelled = told[-1] if told else next((window for window in reversed(found) if window.metrics), None)
    metric = main_metric(version, labelled.metrics) if labelled else main_metric(version)
    judged = next((window for window in reversed(found) if window.drifted is not None), None)
    last = found[-1]
    value = labelled.metrics.get(metric) if labelled and metric else None
    return (
        Monitored(
            metric=metric,
            value=version.metrics.get(metric) if value is None and metric else value,
            trend=tuple(window.metrics.get(metric or "") if window in told else None for window in found),
            drifted=judged.drifted if judged else None,
            watched=len(judged.drift) if judged else 0,
            rows=last.rows,
            labelled=last.labelled,
            start=last.start,
        ),
        found,
    )


def _from_training(version: Version) -> Monitored:
    metric = main_metric(version)
    return Monitored(metric=metric, value=version.metrics.get(metric) if metric else None)


def alert_row(alert: Alert) -> AlertRow:
    return AlertRow(
        id=alert.id,
        model=alert.model,
        kind=alert.kind,
        subject=alert.subject,
        state=alert.state,
        message=alert.message,
        count=alert.count,
        opened_at=alert.opened_at,
        last_at=alert.last_at,
        event_at=alert.event_at,
        by=alert.acknowledged_by,
        severity=alert.severity,
        silenced_until=alert.silenced_until,
    )


def cause_in_words(cause: Mapping[str, Any]) -> str:
    """What asked for a run: "drift trigger 'drift' (alert 3)", "by hand: new weather feed"."""
    kind = str(cause.get("kind", "unknown"))
    words = "by hand" if kind == "manual" and not cause.get("trigger") else kind.replace("_", " ")
    if cause.get("trigger") and cause["trigger"] != kind:
        words += f" trigger {cause['trigger']}"
    if cause.get("by_hand"):
        words += ", by hand"
    if cause.get("alert") is not None:
        words += f" (alert {cause['alert']})"
    return f"{words}: {cause['reason']}" if cause.get("reason") else words


def first_line(text: str | None) -> str:
    return (text or "").strip().split("\n", 1)[0]


def last_line(text: str | None) -> str:
    """The line of a traceback that says what happened."""
    lines: Sequence[str] = (text or "").strip().splitlines()
    return lines[-1] if lines else ""
