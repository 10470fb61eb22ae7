"""The rows of the pipelines screen: pipelines, runs, triggers, steps, and one run in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from quarterdeck.console import formats
from quarterdeck.console.queries.values import PipelineRow, RunRow, StepRow, TriggerRow
from quarterdeck.console.tui.charts import bar
from quarterdeck.console.tui.graph import lanes
from quarterdeck.console.tui.symbols import Symbols
from quarterdeck.console.tui.text import Line, line, span
from quarterdeck.console.tui.widgets.columns import Column, Row
from quarterdeck.core.values import RunStatus, StepStatus

PIPELINES = (
    Column(key="name", title="PIPELINE", width=18, least=10, flex=1),
    Column(key="task", title="TASK", width=10, least=10, drop=2),
    Column(key="last", title="LAST RUN", width=18, least=16),
    Column(key="age", title="AGE", width=4, least=4, right=True),
    Column(key="runs", title="NOW", width=4, least=3, right=True),
    Column(key="triggers", title="TRIGGERS", width=12, least=8),
    Column(key="next", title="NEXT", width=7, least=6),
    Column(key="owner", title="OWNER", width=18, least=10, drop=3),
)
RUNS = (
    Column(key="run", title="RUN", width=5, least=4, right=True),
    Column(key="status", title="STATUS", width=12, least=11),
    Column(key="progress", title="PROGRESS", width=13, least=10),
    Column(key="age", title="AGE", width=4, least=4, right=True),
    Column(key="took", title="TOOK", width=7, least=7, right=True),
    Column(key="version", title="VER", width=4, least=3, right=True),
    Column(key="cause", title="CAUSE", width=24, least=14, flex=1),
)
TRIGGERS = (
    Column(key="name", title="TRIGGER", width=14, least=10),
    Column(key="state", title="STATE", width=8, least=8),
    Column(key="condition", title="CONDITION", width=24, least=20, flex=2),
    Column(key="last", title="FIRED", width=5, least=5, right=True),
    Column(key="next", title="NEXT", width=7, least=6),
    Column(key="word", title="LAST TIME", width=16, least=8, flex=1),
)
STEPS = (
    Column(key="graph", title="STEP", width=30, least=22, flex=1),
    Column(key="status", title="STATUS", width=11, least=11),
    Column(key="progress", title="PROGRESS", width=10, least=10),
    Column(key="took", title="TOOK", width=7, least=7, right=True),
    Column(key="message", title="MESSAGE", width=20, least=18, flex=2),
)


def pipeline_row(row: PipelineRow, symbols: Symbols, now: datetime) -> Row:
    paused = f" {row.paused} paused" if row.paused else ""
    cells: dict[str, Line] = {
        "name": line(span(row.name, "strong")),
        "task": line(span(row.task.value, "dim")),
        "last": line(symbols.state(row.last_status.value), span(f" {row.last_run}", "dim"))
        if row.last_status
        else line(span("never", "dim")),
        "age": line(span(formats.age(now - row.last_at) if row.last_at else "-", "dim")),
        "runs": line(span(str(row.unfinished), "info" if row.unfinished else "dim")),
        "triggers": line(str(row.triggers), span(paused, "warn")),
        "next": line(formats.until(row.next_fire, now)),
        "owner": line(span(row.owner or "-", "dim")),
        "description": line(row.description),
    }
    values = {
        "runs": row.unfinished,
        "triggers": row.triggers,
        "age": -row.last_at.timestamp() if row.last_at else None,
    }
    return Row(id=row.name, cells=cells, values=values)


def run_row(row: RunRow, symbols: Symbols, now: datetime, *, named: bool = False) -> Row:
    """`named` puts the pipeline before the cause: the list is of every pipeline's runs."""
    word = "cancelling" if row.cancelling and not row.status.finished else row.status.value
    started = row.started_at
    took = formats.lasted((row.finished_at or now) - started) if started and row.status.finished else "-"
    cells: dict[str, Line] = {
        "run": line(str(row.id)),
        "status": line(symbols.state(word)),
        "progress": progress(row.progress, row.status is RunStatus.RUNNING, symbols),
        "age": line(span(formats.age(now - row.requested_at), "dim")),
        "took": line(took),
        "version": line(span(formats.count(row.version), "" if row.version else "dim")),
        "cause": line(span(f"{row.pipeline}: ", "strong"), row.cause) if named else line(row.cause),
        "pipeline": line(row.pipeline),
        "by": line(row.by),
        "message": line(row.message),
        "error": line(row.error or ""),
    }
    return Row(
        id=str(row.id),
        cells=cells,
        values={"run": row.id, "age": -row.requested_at.timestamp(), "progress": row.progress},
    )


def progress(fraction: float, running: bool, symbols: Symbols) -> Line:
    """A bar while it runs; the percentage alone where it stopped."""
    if running:
        return line(span(f"{bar(fraction, 5, symbols)} {fraction:4.0%}", "info"))
    return line(span(f"{fraction:.0%}", "dim"))


def trigger_row(row: TriggerRow, symbols: Symbols, now: datetime) -> Row:
    cells: dict[str, Line] = {
        "name": line(span(row.name, "strong")),
        "state": line(symbols.state("paused" if row.paused else "active")),
        "condition": line(
            span(row.condition if row.name == row.kind else f"{row.kind.replace('_', ' ')} {row.condition}")
        ),
        "last": line(span(formats.age(now - row.last_fired) if row.last_fired else "never", "dim")),
        "next": line(span("-", "dim") if row.paused else span(formats.until(row.next_fire, now))),
        "word": line(span(row.last_word, "dim")),
    }
    return Row(id=row.name, cells=cells, values={"next": row.next_fire.timestamp() if row.next_fire else None})


def step_rows(steps: Sequence[StepRow], symbols: Symbols, now: datetime) -> list[Row]:
    drawn = lanes([(step.name, step.inputs) for step in steps], symbols)
    width = max((len(picture) for picture, _ in drawn.values()), default=0)
    return [_step(step, *drawn[step.name], width, symbols, now) for step in steps]


def _step(step: StepRow, picture: str, lane: int, width: int, symbols: Symbols, now: datetime) -> Row:
    before, behind = picture[: 2 * lane], picture[2 * lane + 1 :]
    glyph = symbols.glyph(step.status.value)
    took = "-"
    if step.started_at is not None and step.finished_at is not None:
        took = formats.lasted(step.finished_at - step.started_at)
    message = step.error.strip().splitlines()[-1] if step.error else step.message
    cells: dict[str, Line] = {
        "graph": line(
            span(before, "dim"),
            span(glyph, symbols.tone(step.status.value)),
            span(behind.ljust(width - 2 * lane), "dim"),
            span(step.name, "strong"),
        ),
        "status": line(span(step.status.value, symbols.tone(step.status.value))),
        "progress": progress(step.progress, True, symbols) if step.status is StepStatus.RUNNING else line(),
        "took": line(took),
        "message": line(span(message, "bad" if step.error else "dim")),
        "uses": line(step.uses),
        "inputs": line(", ".join(step.inputs)),
        "attempt": line(str(step.attempt)),
        "error": line(step.error or ""),
    }
    return Row(id=step.name, cells=cells)


def run_lines(run: RunRow, steps: Sequence[StepRow], symbols: Symbols, now: datetime) -> list[Line]:
    """What asked for it, how far it is, and the whole error if it failed."""
    word = "cancelling" if run.cancelling and not run.status.finished else run.status.value
    lines = [
        line(
            span("status    ", "dim"),
            symbols.state(word),
            span(f"  attempt {run.attempt}" if run.attempt > 1 else "", "dim"),
        ),
        line(span("cause     ", "dim"), run.cause, span(f"  by {run.by}", "dim")),
        line(span("asked     ", "dim"), f"{formats.clock(run.requested_at, now)} UTC"),
    ]
    if run.started_at is not None:
        ended = f", ended {formats.clock(run.finished_at, now)}" if run.finished_at else ""
        lines.append(line(span("started   ", "dim"), f"{formats.clock(run.started_at, now)}{ended}"))
    if run.version is not None:
        lines.append(line(span("made      ", "dim"), span(f"{run.pipeline}@{run.version}", "accent")))
    if run.message:
        lines.append(line(span("message   ", "dim"), run.message))
    errors = [(step.name, step.error) for step in steps if step.error] or ([("run", run.error)] if run.error else [])
    for name, error in errors:
        lines += [line(""), line(span(f"{symbols.glyph('failed')} {name}", "bad"))]
        lines += [line(span(f"  {text}")) for text in error.strip().splitlines()]
    return lines
