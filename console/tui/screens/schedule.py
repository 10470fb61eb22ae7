"""7 Schedule: what happens by itself, when it happens next, and the processes that do it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical

from quarterdeck.console.queries.questions import PAGE, Answer, AskSchedule
from quarterdeck.console.queries.values import TriggerRow
from quarterdeck.console.queries.values_schedule import RolloutRow, Schedule, ServiceLine
from quarterdeck.console.tui.screens import schedule_rows as rows
from quarterdeck.console.tui.screens.pipelines import trigger_subject
from quarterdeck.console.tui.subject import Kind, Subject
from quarterdeck.console.tui.text import Line, line, span
from quarterdeck.console.tui.view import View
from quarterdeck.console.tui.widgets.columns import Row
from quarterdeck.console.tui.widgets.lines import Lines
from quarterdeck.console.tui.widgets.table import Table


class ScheduleView(View):
    NAME = "schedule"
    HINTS: ClassVar[tuple[str, ...]] = (
        "trigger.pause",
        "run.start",
        "run.cancel",
        "look.describe",
        "move.pane",
        "look.zoom",
        "find.filter",
        "find.sort",
        "find.command",
        "find.help",
    )

    def compose(self) -> ComposeResult:
        timers = Table(rows.TIMERS, id="timers", empty="no triggers: [[triggers]] in a pipeline.toml makes one")
        rollouts = Table(rows.ROLLOUTS, id="rollouts", empty="no rollouts: a version that passes its gates starts one")
        services = Table(rows.SERVICES, id="services", empty="no process has run yet: quarterdeck daemon start")
        about = Lines(id="schedule-about", indent=4)
        timers.add_class("pane")
        for pane in (rollouts, services, about):
            pane.add_class("pane", "ruled")
        with Vertical(id="schedule-lists", classes="pane"):
            yield timers
            yield rollouts
            yield services
        yield about

    def on_mount(self) -> None:
        self._answer: Schedule | None = None
        self._triggers: dict[str, TriggerRow] = {}
        self._rollouts: dict[str, RolloutRow] = {}
        self._services: dict[str, ServiceLine] = {}
        self._limit = PAGE
        self._now: datetime | None = None

    def question(self) -> AskSchedule:
        number = self.table("rollouts").cursor_id
        return AskSchedule(
            trigger=self.table("timers").cursor_id,
            rollout=None if number is None else int(number),
            limit=self._limit,
        )

    def fill(self, answer: Answer, now: datetime) -> None:
        if not isinstance(answer, Schedule):
            return
        self._answer, self._now = answer, now
        self._triggers = {rows.trigger_id(row): row for row in answer.triggers}
        self._rollouts = {str(row.id): row for row in answer.rollouts}
        self._services = {row.id: row for row in answer.services}
        self.table("timers").set_rows([rows.timer_row(row, self.symbols, now) for row in answer.triggers])
        self.table("rollouts").set_rows([rows.rollout_row(row, self.symbols, now) for row in answer.rollouts])
        self.table("services").set_rows([rows.service_row(row, self.symbols, now) for row in answer.services])
        going = sum(row.open for row in answer.rollouts)
        self.table("rollouts").set_title(f"rollouts, {going} under way")
        self.table("services").set_title("processes")
        self._show_about()

    def _show_about(self) -> None:
        title, lines = self._about()
        self.lines("schedule-about").set_title(title)
        self.lines("schedule-about").set_lines(lines)

    def _about(self) -> tuple[str, list[Line]]:
        """The selected row of the pane in use, in words."""
        found, now = self._answer, self._now
        key = self.active_table.cursor_id
        if found is None or now is None or key is None:
            return "", [line(span("nothing is selected", "dim"))]
        match self.active_table.id:
            case "timers" if key in self._triggers:
                mine = found.firings if self._asked(key) else ()
                return key, rows.trigger_lines(self._triggers[key], mine, now)
            case "rollouts" if found.story is not None and str(found.story.row.id) == key:
                return f"rollout {key}", rows.rollout_lines(found.story, self.symbols, now)
            case "services" if key in self._services:
                return key, rows.service_lines(self._services[key], now)
        return "", []

    def _asked(self, key: str) -> bool:
        return self.table("timers").cursor_id == key

    def selected(self, table: Table) -> None:
        if table.id == "rollouts" and len(table.rows) == self._limit and table.current is table.rows[-1]:
            self._limit += PAGE
        self._show_about()

    def on_descendant_focus(self) -> None:
        self._show_about()

    def opened(self, table: Table, row: Row) -> None:
        self.post_message(self.Describe())

    def describe(self) -> tuple[str, list[Line]]:
        title, lines = self._about()
        return (title, lines) if lines else super().describe()

    def show(self, **scope: Any) -> None:
        """`trigger` is put under the cursor; `pane` gets the focus."""
        self.table("timers").select(scope.get("trigger"))
        if scope.get("pane"):
            self.table(scope["pane"]).focus()

    def out(self) -> bool:
        if self.table("timers").has_focus:
            return False
        self.table("timers").focus()
        return True

    def subject(self) -> Subject | None:
        table = self.active_table
        key = table.cursor_id
        if key is None or table.current is None:
            return None
        if table.id == "timers" and key in self._triggers:
            return trigger_subject(self._triggers[key])
        if table.id == "rollouts" and key in self._rollouts:
            return rollout_subject(self._rollouts[key])
        return Subject(kind=Kind.SERVICE, key=key, label=key)


def rollout_subject(row: RolloutRow) -> Subject:
    return Subject(
        kind=Kind.ROLLOUT,
        key=str(row.id),
        label=f"rollout {row.id}",
        model=row.model,
        version=row.version,
        paused=row.state.value == "paused",
        rollout_id=row.id,
        rollout_open=row.open,
    )
