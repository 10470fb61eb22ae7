"""2 Pipelines: the pipelines, the runs and triggers of one, and the steps of one run as a graph."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from quarterdeck.console.queries.questions import PAGE, Answer, AskPipelines
from quarterdeck.console.queries.values import PipelineRow, Pipelines, RunRow, TriggerRow
from quarterdeck.console.tui.screens import pipeline_rows as rows
from quarterdeck.console.tui.subject import Kind, Subject
from quarterdeck.console.tui.text import Line
from quarterdeck.console.tui.view import View
from quarterdeck.console.tui.widgets.columns import Row
from quarterdeck.console.tui.widgets.lines import Lines
from quarterdeck.console.tui.widgets.table import Table
from quarterdeck.core.values import RunStatus


class PipelinesView(View):
    NAME = "pipelines"
    HINTS: ClassVar[tuple[str, ...]] = (
        "trigger.pause",
        "run.cancel",
        "run.start",
        "look.logs",
        "move.enter",
        "go.out",
        "pipeline.edit",
        "look.describe",
        "find.filter",
        "find.command",
        "find.help",
    )

    def compose(self) -> ComposeResult:
        pipelines = Table(rows.PIPELINES, id="pipelines", empty="no pipelines: add pipelines/NAME/pipeline.toml")
        runs = Table(rows.RUNS, id="runs", empty="no runs yet: T starts one")
        triggers = Table(rows.TRIGGERS, id="triggers", empty="no triggers: [[triggers]] in pipeline.toml, e to edit")
        steps = Table(rows.STEPS, id="steps", empty="no steps yet: they are planned when a worker takes the run")
        about = Lines(id="run", indent=10)
        pipelines.add_class("pane")
        for pane in (runs, triggers, about):
            pane.add_class("pane", "ruled")
        steps.add_class("pane", "ruled")
        with Horizontal(id="pipeline-columns", classes="pane"):
            with Vertical(id="pipeline-lists", classes="pane"):
                yield pipelines
                yield runs
                yield triggers
            with Vertical(id="pipeline-run", classes="pane"):
                yield steps
                yield about

    def on_mount(self) -> None:
        self._status: RunStatus | None = None
        self._everywhere = False
        self._limit = PAGE
        self._wanted_run: int | None = None
        self._shown: str | None = None
        self._pipelines: dict[str, PipelineRow] = {}
        self._runs: dict[str, RunRow] = {}
        self._triggers: dict[str, TriggerRow] = {}
        self._answer: Pipelines | None = None

    def question(self) -> AskPipelines:
        run = self._wanted_run
        if run is None and self.table("runs").cursor_id:
            run = int(self.table("runs").cursor_id or 0)
        return AskPipelines(
            pipeline=self.table("pipelines").cursor_id if self._wanted_run is None else None,
            run_id=run,
            status=self._status,
            everywhere=self._everywhere,
            limit=self._limit,
        )

    def fill(self, answer: Answer, now: datetime) -> None:
        if not isinstance(answer, Pipelines):
            return
        self._answer = answer
        self._pipelines = {row.name: row for row in answer.pipelines}
        self._runs = {str(row.id): row for row in answer.runs}
        self._triggers = {row.name: row for row in answer.triggers}
        if self._wanted_run is not None and answer.run is not None and answer.run.id == self._wanted_run:
            self.table("pipelines").select(answer.pipeline)
            self.table("runs").select(str(answer.run.id))
            self._wanted_run = None
        self._fill_lists(answer, now)
        self._fill_run(answer, now)

    def _fill_lists(self, answer: Pipelines, now: datetime) -> None:
        if answer.pipeline != self._shown:  # another pipeline's runs begin at the top
            self._shown, self._limit = answer.pipeline, PAGE
            if answer.run is None or self.table("runs").cursor_id != str(answer.run.id):
                self.table("runs").cursor_id = None
        self.table("pipelines").set_rows([rows.pipeline_row(row, self.symbols, now) for row in answer.pipelines])
        self.table("runs").set_rows(
            [rows.run_row(row, self.symbols, now, named=self._everywhere) for row in answer.runs]
        )
        self.table("triggers").set_rows([rows.trigger_row(row, self.symbols, now) for row in answer.triggers])
        only = f"{self._status.value} " if self._status else ""
        where = "every pipeline, esc: of one" if self._everywhere else answer.pipeline or "no pipeline"
        self.table("runs").set_title(f"{only}runs of {where}")
        self.table("runs").set_empty(f"no {only}runs" if only else "no runs yet: T starts one")
        self.table("triggers").set_title("triggers")

    def _fill_run(self, answer: Pipelines, now: datetime) -> None:
        self.table("steps").set_rows(rows.step_rows(answer.steps, self.symbols, now))
        title = "steps" if answer.run is None else f"run {answer.run.id} of {answer.run.pipeline}"
        self.table("steps").set_title(title)
        self.lines("run").set_title("about the run")
        self.lines("run").set_lines(
            [] if answer.run is None else rows.run_lines(answer.run, answer.steps, self.symbols, now)
        )

    def selected(self, table: Table) -> None:
        if table.id == "runs" and len(table.rows) == self._limit and table.current is table.rows[-1]:
            self._limit += PAGE

    def opened(self, table: Table, row: Row) -> None:
        if table.id == "pipelines":
            self.table("runs").focus()
        elif table.id == "runs":
            self.add_class("drilled")
            self.table("steps").focus()
        else:
            self.post_message(self.Describe())

    def show(self, **scope: Any) -> None:
        """`model` is a pipeline, `run` a number to look into; `status` and `everywhere` say which runs."""
        self._status = scope.get("status")
        self._everywhere = bool(scope.get("everywhere"))
        if scope.get("run") is not None:
            self._wanted_run = int(scope["run"])
            self.add_class("drilled")
            self.table("steps").focus()
        else:
            self.remove_class("drilled")
            self.table("pipelines").select(scope.get("model"))

    def scope(self) -> dict[str, Any]:
        run = self.table("runs").cursor_id if self.has_class("drilled") else None
        shown = {"status": self._status, "everywhere": self._everywhere}
        return {"model": self.table("pipelines").cursor_id, "run": run} | shown

    def out(self) -> bool:
        if self.has_class("drilled"):
            self.remove_class("drilled")
            self.table("runs").focus()
            return True
        if self._status is not None or self._everywhere:
            self._status, self._everywhere = None, False
            return True
        if not self.table("pipelines").has_focus:
            self.table("pipelines").focus()
            return True
        return False

    def subject(self) -> Subject | None:
        table = self.active_table
        if self.active_pane.id == "run":
            return self._run_subject(Kind.RUN)
        if table.id == "steps":
            return self._run_subject(Kind.STEP)
        if table.current is None or table.cursor_id is None:
            return None
        if table.id == "runs":
            return run_subject(self._runs[table.cursor_id])
        if table.id == "triggers":
            return trigger_subject(self._triggers[table.cursor_id])
        return pipeline_subject(self._pipelines[table.cursor_id], self._answer)

    def _run_subject(self, kind: Kind) -> Subject | None:
        run = self._answer.run if self._answer else None
        return None if run is None else run_subject(run, kind)

    def describe(self) -> tuple[str, list[Line]]:
        if self.active_pane.id == "run":
            return self.table("steps").border_title or "run", list(self.lines("run").source)
        return super().describe()


def run_subject(run: RunRow, kind: Kind = Kind.RUN) -> Subject:
    return Subject(
        kind=kind,
        key=str(run.id),
        label=f"run {run.id}",
        model=run.pipeline,
        run_id=run.id,
        run_status=run.status,
    )


def trigger_subject(row: TriggerRow) -> Subject:
    key = f"{row.pipeline}/{row.name}"
    return Subject(kind=Kind.TRIGGER, key=key, label=key, model=row.pipeline, trigger=row.name, paused=row.paused)


def pipeline_subject(row: PipelineRow, answer: Pipelines | None) -> Subject:
    """With its newest run under way, if there is one."""
    runs = answer.runs if answer is not None and answer.pipeline == row.name else ()
    at_work = next((run for run in runs if not run.status.finished), None)
    return Subject(
        kind=Kind.PIPELINE,
        key=row.name,
        label=row.name,
        model=row.name,
        run_id=at_work.id if at_work else row.last_run,
        run_status=at_work.status if at_work else row.last_status,
    )
