"""1 Overview: every model on one line, and what happened lately."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal

from quarterdeck.console import formats
from quarterdeck.console.queries.questions import Answer, AskOverview
from quarterdeck.console.queries.values import EventRow, ModelRow, Overview
from quarterdeck.console.tui.charts import bar, sparkline
from quarterdeck.console.tui.screens.live import alert_subject
from quarterdeck.console.tui.subject import Kind, Subject
from quarterdeck.console.tui.symbols import Symbols
from quarterdeck.console.tui.text import Line, line, span
from quarterdeck.console.tui.view import View
from quarterdeck.console.tui.widgets.columns import Column, Row
from quarterdeck.console.tui.widgets.lines import Lines
from quarterdeck.console.tui.widgets.table import Table
from quarterdeck.core.values import RunStatus

MODELS = (
    Column(key="model", title="MODEL", width=24, least=9, flex=1),
    Column(key="health", title="HEALTH", width=8, least=8),
    Column(key="champion", title="CHAMP", width=6, least=5, right=True),
    Column(key="challenger", title="CHAL", width=5, least=4, right=True),
    Column(key="requests", title="REQ", width=7, least=5, right=True),
    Column(key="rate", title="RATE", width=7, least=6, right=True),
    Column(key="p99", title="P99", width=7, least=6, right=True),
    Column(key="drift", title="DRIFT", width=6, least=5, right=True),
    Column(key="metric", title="METRIC", width=18, least=12, drop=2),
    Column(key="value", title="VALUE", width=7, least=7, right=True),
    Column(key="trend", title="TREND", width=24, least=6, flex=1, tail=True),
    Column(key="alerts", title="AL", width=3, least=2, right=True),
    Column(key="work", title="WORK", width=26, least=5, flex=1),
)
EVENTS = (
    Column(key="at", title="TIME UTC", width=11, least=8),
    Column(key="kind", title="EVENT", width=11, least=10),
    Column(key="subject", title="MODEL", width=12, least=10),
    Column(key="text", title="WHAT HAPPENED", width=30, least=20, flex=1),
)
_TREND = 24


def model_row(row: ModelRow, symbols: Symbols) -> Row:
    seen, traffic = row.monitored, row.traffic
    drift = "-" if seen.drifted is None else f"{seen.drifted}/{seen.watched}"
    cells: dict[str, Line] = {
        "model": line(span(row.model, "strong")),
        "health": line(symbols.state(row.health.value)),
        "champion": line(formats.count(row.aliases.champion)),
        "challenger": line(span(formats.count(row.aliases.challenger), "info" if row.aliases.challenger else "dim")),
        "requests": line(formats.count(traffic.requests)),
        "rate": line(span(formats.rate(traffic.rate), "" if traffic.rate else "dim")),
        "p99": line(formats.milliseconds(traffic.p99_ms)),
        "drift": line(span(drift, "warn" if seen.drifted else "dim" if seen.drifted is None else "")),
        "metric": line(span(seen.metric or "-", "dim")),
        "value": line(formats.number(seen.value)),
        "trend": line(span(sparkline(seen.trend, _TREND, symbols), "info")),
        "alerts": line(span(str(row.open_alerts), "bad" if row.open_alerts else "dim")),
        "work": _work(row, symbols),
        "why": line(row.why),
    }
    values = {
        "champion": row.aliases.champion,
        "requests": traffic.requests,
        "rate": traffic.rate,
        "p99": traffic.p99_ms,
        "drift": seen.drifted,
        "value": seen.value,
        "alerts": row.open_alerts,
        "work": row.progress,
    }
    return Row(id=row.model, cells=cells, values=values)


def _work(row: ModelRow, symbols: Symbols) -> Line:
    if not row.work:
        return line(span("-", "dim"))
    if row.progress is None:
        return line(span(f"{symbols.glyph('queued')} {row.work}", "dim"))
    return line(
        span(f"{row.progress:.0%} ".ljust(5), "info"),
        span(bar(row.progress, 6, symbols) + " ", "info"),
        span(row.work, "dim"),
    )


def event_row(row: EventRow, now: datetime) -> Row:
    when = f" (data of {formats.minute(row.event_at)})" if row.event_at is not None else ""
    cells = {
        "at": line(span(formats.clock(row.at, now), "dim")),
        "kind": line(span(row.kind, row.tone)),
        "subject": line(row.subject),
        "text": line(span(row.text, "dim" if row.tone == "dim" else ""), span(when, "dim")),
    }
    return Row(id=row.id, cells=cells, values={"at": row.at.timestamp()})


def about(row: ModelRow, symbols: Symbols) -> list[Line]:
    """The selected model in words."""

    def named(name: str, *parts: Line) -> Line:
        return (span(f"{name:<12}", "dim"), *(part for one in parts for part in one))

    aliases, seen = row.aliases, row.monitored
    lines = [
        line(symbols.state(row.health.value), span("  "), row.why),
        line(""),
        named("champion", line(span(_number(aliases.champion), "accent"))),
        named("challenger", line(_number(aliases.challenger))),
        named("previous", line(_number(aliases.previous))),
        named("versions", line(str(row.versions))),
        named(
            "latency",
            line(f"p50 {formats.milliseconds(row.traffic.p50_ms)}, p99 "),
            line(formats.milliseconds(row.traffic.p99_ms)),
        ),
    ]
    if seen.start is not None:
        lines.append(
            named(
                "last window",
                line(f"{formats.minute(seen.start)}, {formats.count(seen.rows)} rows, "),
                line(f"{formats.count(seen.labelled)} labelled"),
            )
        )
    if seen.metric:
        lines.append(named("metric", line(f"{seen.metric} {formats.number(seen.value)}")))
        lines.append(named("trend", line(span(sparkline(seen.trend, 32, symbols), "info"))))
    if row.work:
        lines.append(named("work", line(row.work)))
    return lines


def _number(number: int | None) -> str:
    return "none" if number is None else str(number)


class OverviewView(View):
    NAME = "overview"
    HINTS: ClassVar[tuple[str, ...]] = (
        "model.promote",
        "model.rollback",
        "run.start",
        "run.cancel",
        "alert.acknowledge",
        "look.compare",
        "look.describe",
        "find.filter",
        "find.command",
        "find.help",
    )

    def compose(self) -> ComposeResult:
        models = Table(MODELS, id="models", empty="no pipelines yet: quarterdeck init DIR makes a workspace that works")
        models.add_class("pane")
        events = Table(EVENTS, id="events", empty="nothing has happened yet: T starts a run", follows_top=True)
        events.add_class("pane", "ruled")
        text = Lines(id="about", indent=12)
        text.add_class("pane", "ruled", "aside")
        yield models
        with Horizontal(classes="pane"):
            yield events
            yield text

    def on_mount(self) -> None:
        self._rows: dict[str, ModelRow] = {}
        self._events: dict[str, EventRow] = {}
        self.table("events").set_title("events")

    def question(self) -> AskOverview:
        return AskOverview()

    def fill(self, answer: Answer, now: datetime) -> None:
        if not isinstance(answer, Overview):
            return
        self._rows = {row.model: row for row in answer.models}
        self._events = {row.id: row for row in answer.events}
        self.table("models").set_rows([model_row(row, self.symbols) for row in answer.models])
        self.table("events").set_rows([event_row(row, now) for row in answer.events])
        self._show_about()

    def selected(self, table: Table) -> None:
        if table.id == "models":
            self._show_about()

    def _show_about(self) -> None:
        row = self._rows.get(self.table("models").cursor_id or "")
        if row is not None:
            self.lines("about").set_title(row.model)
            self.lines("about").set_lines(about(row, self.symbols))

    def opened(self, table: Table, row: Row) -> None:
        if table.id == "models":
            self.post_message(self.Visit("registry", model=row.id))
        else:
            self.post_message(leads_to(self._events[row.id]))

    def subject(self) -> Subject | None:
        table = self.active_table
        if table.cursor_id is None or table.current is None:
            return None
        if table.id == "events":
            event = self._events[table.cursor_id]
            if event.alert is not None:
                return alert_subject(event.alert)
            return Subject(kind=Kind.EVENT, key=event.id, label=event.subject)
        return model_subject(self._rows[table.cursor_id])


def leads_to(event: EventRow) -> View.Visit | View.Describe:
    """To what happened: the alert, the run, the entry of the ledger; where there is none, its description."""
    kind, _, number = event.id.partition("-")
    match kind:
        case "alert":
            return View.Visit("live", model=event.subject, alert=number, pane="alerts")
        case "ledger":
            return View.Visit("audit", entry=number)
        case _ if event.run_id is not None:
            return View.Visit("pipelines", run=event.run_id)
    return View.Describe()


def model_subject(row: ModelRow) -> Subject:
    at_work = RunStatus.RUNNING if row.progress is not None else RunStatus.QUEUED
    return Subject(
        kind=Kind.MODEL,
        key=row.model,
        label=row.model,
        model=row.model,
        aliases=row.aliases,
        run_id=row.run_id,
        run_status=at_work if row.work else None,
    )
