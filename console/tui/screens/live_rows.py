"""The rows of the live screen: endpoints, windows, features, alerts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from quarterdeck.console import formats
from quarterdeck.console.queries.values import AlertRow, EndpointRow, FeatureRow, WindowRow
from quarterdeck.console.tui.charts import bar, place, sparkline
from quarterdeck.console.tui.symbols import Symbols
from quarterdeck.console.tui.text import Line, line, span
from quarterdeck.console.tui.widgets.columns import Column, Row

PLACE = 12  # cells from the least value of the windows to the greatest

ENDPOINTS = (
    Column(key="model", title="ENDPOINT", width=20, least=10, flex=1),
    Column(key="champion", title="CHAMP", width=6, least=5, right=True),
    Column(key="shadow", title="SHADOW", width=6, least=6, right=True),
    Column(key="requests", title="REQ", width=7, least=5, right=True),
    Column(key="rate", title="RATE", width=7, least=6, right=True),
    Column(key="p50", title="P50", width=7, least=6, right=True),
    Column(key="p99", title="P99", width=7, least=6, right=True),
    Column(key="drift", title="DRIFT", width=6, least=5, right=True),
    Column(key="value", title="VALUE", width=7, least=7, right=True),
    Column(key="trend", title="TREND", width=32, least=8, flex=1, tail=True),
    Column(key="alerts", title="AL", width=3, least=2, right=True),
)
WINDOWS = (
    Column(key="start", title="WINDOW", width=16, least=10),
    Column(key="version", title="VER", width=4, least=3, right=True),
    Column(key="rows", title="ROWS", width=6, least=5, right=True),
    Column(key="labelled", title="LABEL", width=6, least=5, right=True),
    Column(key="drift", title="DRIFT", width=6, least=5, right=True),
    Column(key="value", title="VALUE", width=7, least=7, right=True),
    Column(key="p99", title="P99", width=7, least=6, right=True, drop=2),
    Column(key="bar", title="LOW .. HIGH", width=PLACE, least=PLACE, drop=1),
)
FEATURES = (
    Column(key="feature", title="FEATURE", width=16, least=10, flex=1),
    Column(key="value", title="VALUE", width=6, least=6, right=True),
    Column(key="bar", title="OF LIMIT", width=10, least=8),
    Column(key="trend", title="TREND", width=16, least=6, drop=1, tail=True),
)
ALERTS = (
    Column(key="state", title="STATE", width=14, least=14),
    Column(key="model", title="MODEL", width=14, least=8),
    Column(key="kind", title="KIND", width=10, least=6),
    Column(key="severity", title="SEVERITY", width=10, least=10, drop=2),
    Column(key="count", title="N", width=4, least=3, right=True),
    Column(key="age", title="AGE", width=4, least=4, right=True),
    Column(key="data", title="DATA OF", width=16, least=10, drop=1),
    Column(key="message", title="MESSAGE", width=30, least=20, flex=1),
)


def endpoint_row(row: EndpointRow, symbols: Symbols) -> Row:
    seen, traffic = row.monitored, row.traffic
    drift = "-" if seen.drifted is None else f"{seen.drifted}/{seen.watched}"
    cells: dict[str, Line] = {
        "model": line(span(row.model, "strong")),
        "champion": line(span(formats.count(row.aliases.champion), "accent" if row.aliases.champion else "dim")),
        "shadow": line(span(formats.count(row.aliases.challenger), "info" if row.aliases.challenger else "dim")),
        "requests": line(formats.count(traffic.requests)),
        "rate": line(span(formats.rate(traffic.rate), "" if traffic.rate else "dim")),
        "p50": line(formats.milliseconds(traffic.p50_ms)),
        "p99": line(formats.milliseconds(traffic.p99_ms)),
        "drift": line(span(drift, "warn" if seen.drifted else "")),
        "value": line(formats.number(seen.value)),
        "trend": line(span(sparkline(seen.trend, 32, symbols), "info")),
        "alerts": line(span(str(row.open_alerts), "bad" if row.open_alerts else "dim")),
        "metric": line(seen.metric or "-"),
    }
    values = {"requests": traffic.requests, "rate": traffic.rate, "p99": traffic.p99_ms, "value": seen.value}
    return Row(id=row.model, cells=cells, values=values)


def window_rows(windows: Sequence[WindowRow], symbols: Symbols) -> list[Row]:
    """Newest first, each with its value's place between the least and the greatest."""
    known = [window.value for window in windows if window.value is not None]
    least, most = min(known, default=0.0), max(known, default=0.0)
    return [_window(window, least, most, symbols) for window in windows]


def _window(row: WindowRow, least: float, most: float, symbols: Symbols) -> Row:
    drift = "-" if row.drifted is None else f"{row.drifted}/{row.watched}"
    filled = "" if row.value is None else place(row.value, least, most, PLACE, symbols)
    cells: dict[str, Line] = {
        "start": line(span(formats.minute(row.start), "" if row.closed else "info")),
        "version": line(str(row.version)),
        "rows": line(formats.count(row.rows)),
        "labelled": line(span(formats.count(row.labelled), "" if row.labelled else "dim")),
        "drift": line(span(drift, "warn" if row.drifted else "dim" if row.drifted is None else "")),
        "value": line(formats.number(row.value)),
        "p99": line(formats.milliseconds(row.p99_ms)),
        "bar": line(span(filled, "info")),
        "state": line("closed" if row.closed else "open: rows still come"),
    }
    values = {"rows": row.rows, "labelled": row.labelled, "drift": row.drifted, "value": row.value}
    return Row(id=window_id(row), cells=cells, values=values)


def window_id(row: WindowRow) -> str:
    return f"{row.version}/{row.start.isoformat()}"


def feature_row(row: FeatureRow, symbols: Symbols) -> Row:
    """The bar is full at the threshold."""
    tone = "warn" if row.drifted else "ok"
    share = row.value / row.threshold if row.value is not None and row.threshold else 0.0
    cells: dict[str, Line] = {
        "feature": line(span(f"{symbols.glyph('drifted' if row.drifted else 'stable')} ", tone), row.feature),
        "value": line(span("-" if row.value is None else f"{row.value:.3f}", tone if row.drifted else "")),
        "bar": line(span(bar(share, 8, symbols), tone)),
        "trend": line(span(sparkline(row.trend, 16, symbols, low=0.0, high=row.threshold), "dim")),
        "method": line(row.method),
        "threshold": line(formats.number(row.threshold)),
        "state": line("drifted" if row.drifted else "stable"),
    }
    return Row(id=row.feature, cells=cells, values={"value": row.value, "bar": share})


def alert_row(row: AlertRow, symbols: Symbols, now: datetime) -> Row:
    cells: dict[str, Line] = {
        "state": line(symbols.state(row.state.value)),
        "model": line(row.model),
        "kind": line(row.kind.replace("_", " ")),
        "severity": line(symbols.state(row.severity.value)),
        "count": line(formats.count(row.count)),
        "age": line(span(formats.age(now - row.opened_at), "dim")),
        "data": line(span(formats.minute(row.event_at), "dim")),
        "message": line(row.message),
        "subject": line(row.subject),
        "by": line(row.by or ""),
        "silenced_until": line(formats.minute(row.silenced_until) if row.silenced_until else ""),
    }
    return Row(
        id=str(row.id),
        cells=cells,
        values={"severity": row.severity.rank, "count": row.count, "age": -row.opened_at.timestamp()},
    )
