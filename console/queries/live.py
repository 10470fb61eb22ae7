"""What is served now: endpoints, the windows of one of them, its drift by feature, and the alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from quarterdeck.console.queries.common import TREND, alert_row, aliases_of, monitored
from quarterdeck.console.queries.questions import AskLive
from quarterdeck.console.queries.status import service_state
from quarterdeck.console.queries.values import (
    EndpointRow,
    FeatureRow,
    Live,
    ServerFigures,
    Traffic,
    WindowRow,
)
from quarterdeck.core.drift.verdict import PSI_ACT, TEST
from quarterdeck.core.operations import Alert, Window
from quarterdeck.core.performance.finding import Kind, of_kind
from quarterdeck.core.values import AlertState, ServiceKind
from quarterdeck.store import alerts, registry, services, windows


def screen(
    tx: Connection,
    environment: str,
    asked: AskLive,
    traffic: Mapping[str, Traffic],
    now: datetime,
    patience: float,
) -> Live:
    """`patience` is how many seconds a service may be silent."""
    names = registry.models(tx)
    unresolved = alerts.page(tx, unresolved=True, limit=500)
    unresolved.sort(key=lambda alert: (alert.state is not AlertState.OPEN, -alert.severity.rank))
    endpoints = tuple(_endpoint(tx, name, environment, traffic.get(name, Traffic()), unresolved) for name in names)
    model = asked.model if asked.model in names else next(iter(names), None)
    chosen = next((row for row in endpoints if row.model == model), None)
    found = windows.last(tx, model, limit=2 * TREND) if model else []
    return Live(
        endpoints=endpoints,
        model=model,
        windows=tuple(_window(window, chosen.monitored.metric if chosen else None) for window in reversed(found)),
        features=_features(found),
        alerts=tuple(alert_row(alert) for alert in unresolved),
        server=_server(tx, now, patience),
    )


def _endpoint(tx: Connection, model: str, environment: str, traffic: Traffic, unresolved: list[Alert]) -> EndpointRow:
    aliases = aliases_of(tx, model, environment)
    champion = None if aliases.champion is None else registry.get(tx, model, aliases.champion)
    return EndpointRow(
        model=model,
        aliases=aliases,
        traffic=traffic,
        monitored=monitored(tx, champion)[0],
        open_alerts=sum(alert.model == model and alert.state is AlertState.OPEN for alert in unresolved),
    )


def _window(window: Window, metric: str | None) -> WindowRow:
    labelled = of_kind(window.performance, Kind.LABELLED).get(metric or "")
    estimated = of_kind(window.performance, Kind.ESTIMATED).get(metric or "")
    told = labelled if labelled is not None and labelled.threshold_low is not None else estimated
    return WindowRow(
        version=window.version,
        start=window.start,
        end=window.end,
        closed=window.closed,
        rows=window.rows,
        labelled=window.labelled,
        drifted=window.drifted,
        watched=len(window.drift),
        value=window.metrics.get(metric) if metric else None,
        p99_ms=window.p99_ms,
        estimate=estimated.value if estimated is not None and estimated.valid else None,
        low=None if told is None else told.threshold_low,
        high=None if told is None else told.threshold_high,
    )


def _features(found: list[Window]) -> tuple[FeatureRow, ...]:
    """Drift of the last judged window, the farthest first, with that version's windows before it."""
    judged = [window for window in found if window.drifted is not None]
    if not judged:
        return ()
    last = judged[-1]
    before = [{item["feature"]: _shown(item)[1] for item in w.drift} for w in judged if w.version == last.version]
    rows = [_feature(item, before) for item in last.drift]
    return tuple(sorted(rows, key=lambda row: (not row.drifted, -(row.value or 0.0), row.feature)))


def _feature(item: Mapping[str, Any], before: Sequence[Mapping[str, float | None]]) -> FeatureRow:
    method, value, threshold = _shown(item)
    return FeatureRow(
        feature=item["feature"],
        method=method,
        value=value,
        threshold=threshold,
        drifted=item["drifted"],
        trend=tuple(values.get(item["feature"]) for values in before),
    )


def _shown(item: Mapping[str, Any]) -> tuple[str, float | None, float]:
    """(method, distance, threshold): of a test the PSI beside it, for a p-value is no length of a bar."""
    if item.get("kind") == TEST:
        return f"psi ({item['method']})", item.get("psi"), PSI_ACT
    return item["method"], item["value"], item["threshold"]


def _server(tx: Connection, now: datetime, patience: float) -> ServerFigures | None:
    found = services.find(tx, ServiceKind.SERVER)
    if found is None:
        return None
    figures = {name: int(found.detail.get(name) or 0) for name in ("requests", "errors", "failed", "dropped")}
    state, _ = service_state(found, now, patience)
    return ServerFigures(state=state, address=(found.address or "?").removeprefix("http://"), **figures)
