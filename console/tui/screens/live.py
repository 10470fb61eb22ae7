"""4 Live: endpoints, windows of event time, drift by feature, alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from quarterdeck.console import formats
from quarterdeck.console.queries.questions import Answer, AskLive
from quarterdeck.console.queries.values import AlertRow, EndpointRow, Live
from quarterdeck.console.tui.curves import Curve, curves, scale_of
from quarterdeck.console.tui.screens import live_rows as rows
from quarterdeck.console.tui.subject import Kind, Subject
from quarterdeck.console.tui.text import line, span
from quarterdeck.console.tui.view import View
from quarterdeck.console.tui.widgets.columns import Row
from quarterdeck.console.tui.widgets.lines import Lines
from quarterdeck.console.tui.widgets.table import Table
from quarterdeck.core.values import AlertState


class LiveView(View):
    NAME = "live"
    HINTS: ClassVar[tuple[str, ...]] = (
        "alert.acknowledge",
        "alert.silence",
        "alert.resolve",
        "model.promote",
        "model.rollback",
        "run.start",
        "look.compare",
        "look.zoom",
        "move.pane",
        "look.describe",
        "find.filter",
        "find.command",
        "find.help",
    )

    def compose(self) -> ComposeResult:
        endpoints = Table(rows.ENDPOINTS, id="endpoints", empty="nothing to serve: promote a version (3, then P)")
        windows = Table(rows.WINDOWS, id="windows", empty="no windows yet: the daemon watches what is predicted")
        features = Table(rows.FEATURES, id="features", empty="no window is judged yet")
        alerts = Table(rows.ALERTS, id="alerts", empty="no alerts")
        picture = Lines(id="plot", wraps=False)
        picture.can_focus = False
        endpoints.add_class("pane")
        for pane in (windows, features, alerts, picture):
            pane.add_class("pane", "ruled")
        yield endpoints
        with Horizontal(id="live-middle", classes="pane"):
            with Vertical(id="live-windows", classes="pane"):
                yield picture
                yield windows
            yield features
        yield alerts

    def on_mount(self) -> None:
        self._answer: Live | None = None
        self._endpoints: dict[str, EndpointRow] = {}
        self._alerts: dict[str, AlertRow] = {}
        self._start: datetime | None = None  # of the window that is looked for

    def question(self) -> AskLive:
        return AskLive(model=self.table("endpoints").cursor_id)

    def fill(self, answer: Answer, now: datetime) -> None:
        if not isinstance(answer, Live):
            return
        self._answer = answer
        self._endpoints = {row.model: row for row in answer.endpoints}
        self._alerts = {str(row.id): row for row in answer.alerts}
        self.table("endpoints").set_rows([rows.endpoint_row(row, self.symbols) for row in answer.endpoints])
        self.table("windows").set_rows(rows.window_rows(answer.windows, self.symbols))
        self._find_window(answer)
        self.table("features").set_rows([rows.feature_row(row, self.symbols) for row in answer.features])
        self.table("alerts").set_rows([rows.alert_row(row, self.symbols, now) for row in answer.alerts])
        self._titles(answer)
        self._draw()

    def _find_window(self, answer: Live) -> None:
        """Put the window that an alert is about under the cursor, as soon as it is there."""
        found = next((row for row in answer.windows if row.start == self._start), None)
        if found is not None and answer.model == self.table("endpoints").cursor_id:
            self.table("windows").select(rows.window_id(found))
            self._start = None

    def _titles(self, answer: Live) -> None:
        chosen = self._endpoints.get(answer.model or "")
        metric = chosen.monitored.metric if chosen else None
        self.table("windows").set_title(f"windows of {answer.model or '-'}, event time UTC")
        self.table("features").set_title("drift by feature")
        opened = sum(row.state is AlertState.OPEN for row in answer.alerts)
        self.table("alerts").set_title(f"alerts, {opened} open{self._server_words(answer)}")
        self.lines("plot").set_title(f"{metric or 'metric'} by window{self._beside(answer)}")

    def _beside(self, answer: Live) -> str:
        """What else the picture shows."""
        estimated = any(window.estimate is not None for window in answer.windows)
        banded = any(window.low is not None for window in answer.windows)
        sign = ", o estimated" if self.symbols.ascii else ", dots estimated"
        return (sign if estimated else "") + (", lines: where it should lie" if banded else "")

    @staticmethod
    def _server_words(answer: Live) -> str:
        server = answer.server
        if server is None:
            return "   server: none, quarterdeck serve starts it"
        lost = f", {server.dropped} dropped" if server.dropped else ""
        return (
            f"   server {server.state} {server.address}: {formats.count(server.requests)} requests, "
            f"{formats.count(server.errors)} errors ({formats.count(server.failed)} its own){lost}"
        )

    def _draw(self) -> None:
        """The metric over the windows, measured and estimated, and where it should lie; only where there is room."""
        pane = self.lines("plot")
        if self._answer is None or pane.size.height < 3:
            return
        windows = self._answer.windows[::-1]
        measured = Curve(values=[window.value for window in windows], tone="info")
        estimated = Curve(values=[window.estimate for window in windows], tone="accent", mark="o", joined=False)
        newest = next((window for window in reversed(windows) if window.low is not None), None)
        band = (None, None) if newest is None else (newest.low, newest.high)
        scale = scale_of((measured, estimated), band)
        if scale is None:
            pane.set_lines([line(span("no labelled rows yet", "dim"))])
            return
        low, high = formats.number(scale.low), formats.number(scale.high)
        width = max(len(low), len(high))
        drawn = curves((measured, estimated), pane.size.width - width - 2, pane.size.height, self.symbols, band=band)
        marks = [high, *[""] * (len(drawn) - 2), low]
        pane.set_lines([(*line(span(f"{m:>{width}} ", "dim")), *d) for m, d in zip(marks, drawn, strict=True)])

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    def opened(self, table: Table, row: Row) -> None:
        if table.id == "endpoints":
            self.table("windows").focus()
        elif table.id == "alerts" and (alert := self._alerts[row.id]).event_at is not None:
            pane = "features" if alert.kind == "drift" else "windows"
            self.post_message(self.Visit("live", model=alert.model, start=alert.event_at, pane=pane))
        else:
            self.post_message(self.Describe())

    def show(self, **scope: Any) -> None:
        """`model`, `alert` and the window that begins at `start` are put under the cursor; `pane` gets the focus."""
        self.table("endpoints").select(scope.get("model"))
        self.table("alerts").select(scope.get("alert"))
        self._start = scope.get("start")
        if scope.get("pane"):
            self.table(scope["pane"]).focus()

    def scope(self) -> dict[str, Any]:
        return {"model": self.table("endpoints").cursor_id}

    def out(self) -> bool:
        if self.table("endpoints").has_focus:
            return False
        self.table("endpoints").focus()
        return True

    def subject(self) -> Subject | None:
        table = self.active_table
        if table.id == "alerts":
            row = self._alerts.get(table.cursor_id or "") if table.current else None
            return None if row is None else alert_subject(row)
        chosen = self._endpoints.get(self.table("endpoints").cursor_id or "")
        return None if chosen is None else endpoint_subject(chosen)


def endpoint_subject(row: EndpointRow) -> Subject:
    return Subject(kind=Kind.MODEL, key=row.model, label=row.model, model=row.model, aliases=row.aliases)


def alert_subject(row: AlertRow) -> Subject:
    return Subject(
        kind=Kind.ALERT,
        key=str(row.id),
        label=f"alert {row.id}",
        model=row.model,
        alert_id=row.id,
        alert_state=row.state,
    )
