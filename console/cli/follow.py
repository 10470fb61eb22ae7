"""A run shown while it goes on: bars in a terminal, otherwise a line for each step that changes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from quarterdeck.console.cli.output import clean, print_fields, print_json, text_of
from quarterdeck.console.context import Console
from quarterdeck.console.formats import lasted
from quarterdeck.core.errors import RefusedError
from quarterdeck.core.registry import Version
from quarterdeck.core.runs import Run, StepRun
from quarterdeck.core.values import Outcome, RunStatus, StepStatus, VersionState
from quarterdeck.store import registry, steps

OnChange = Callable[[Run, list[StepRun]], None]


@contextmanager
def follower(*, quiet: bool) -> Iterator[OnChange]:
    """What to call with a run and its steps whenever they change; `quiet` shows nothing."""
    if quiet:
        yield lambda run, found: None
    elif sys.stdout.isatty():
        with _bars() as show:
            yield show
    else:
        yield _Lines().show


class _Lines:
    """One line for each new status of a step."""

    def __init__(self) -> None:
        self._seen: dict[str, StepStatus] = {}

    def show(self, run: Run, found: list[StepRun]) -> None:
        for step in found:
            if self._seen.get(step.name) != step.status and step.status is not StepStatus.PENDING:
                self._seen[step.name] = step.status
                print(f"run {run.id}  {step.name}  {step.status}{_took(step)}", flush=True)


@contextmanager
def _bars() -> Iterator[OnChange]:
    # start-up time: only a terminal needs it
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=24),
               TextColumn("{task.fields[state]}", markup=False), TimeElapsedColumn())  # fmt: skip
    tasks: dict[str, TaskID] = {}
    with Progress(*columns) as progress:

        def show(run: Run, found: list[StepRun]) -> None:
            for step in found:
                if step.name not in tasks:
                    tasks[step.name] = progress.add_task(clean(step.name), total=1.0, start=False, state="")
                task = tasks[step.name]
                if step.status is not StepStatus.PENDING and not progress.tasks[task].started:
                    progress.start_task(task)
                progress.update(task, completed=_fraction(step), state=clean(f"{step.status} {step.message}".strip()))
                if step.finished_at is not None:
                    progress.stop_task(task)

        yield show


def _fraction(step: StepRun) -> float:
    return 1.0 if step.status in (StepStatus.SUCCEEDED, StepStatus.CACHED) else step.progress


def _took(step: StepRun) -> str:
    if step.started_at is None or step.finished_at is None:
        return ""
    return f" in {lasted(step.finished_at - step.started_at)}"


def print_outcome(console: Console, run: Run, *, as_json: bool) -> None:
    """How a run ended, its metrics, and the version it made with its gates."""
    with console.database.read() as tx:
        metrics = steps.metrics_of(tx, run.id)
        version = None if run.version is None else registry.get(tx, run.pipeline, run.version)
    if as_json:
        print_json({"run": run, "metrics": metrics, "version": version})
        return
    took = (
        "" if run.started_at is None or run.finished_at is None else f" in {lasted(run.finished_at - run.started_at)}"
    )
    print(f"run {run.id} of {run.pipeline} {run.status}{took}")
    fields: list[tuple[str, Any]] = [(name, text_of(value)) for name, value in sorted(metrics.items())]
    if version is not None:
        fields.append(("version", f"{version.reference}, {version.state}, served by {version.engine}"))
        fields += [(result.outcome.upper(), f"{result.gate}: {result.reason}") for result in version.verdicts]
    print_fields(fields)
    if version is not None:
        print(f"next:  {_next_step(version)}")
    if run.status is not RunStatus.SUCCEEDED:
        print(f"error: {clean(run.error or run.message, lines=True)}", file=sys.stderr)
        print(f"do:    quarterdeck run logs {run.id}", file=sys.stderr)


def refuse_rejected(console: Console, run: Run) -> None:
    """RefusedError where a run made a version that its gates rejected."""
    if run.version is None:
        return
    with console.database.read() as tx:
        version = registry.get(tx, run.pipeline, run.version)
    if version.state is VersionState.REJECTED:
        failed = [result.gate for result in version.verdicts if result.outcome is Outcome.FAIL]
        hint = f"`quarterdeck model show {version.reference}` says what they found; the champion stays"
        raise RefusedError(f"{version.reference} is rejected by its gates: {'; '.join(failed)}", hint=hint)


def _next_step(version: Version) -> str:
    """What an operator would do with a version in this state."""
    if version.state is VersionState.ACCEPTED:
        return f'quarterdeck model promote {version.reference} --reason "..."'
    if version.state is VersionState.CHALLENGER:
        return f"it answers beside the champion; `quarterdeck` and 5 show how they compare, in {version.model}"
    if version.state is VersionState.CHAMPION:
        return "quarterdeck daemon start, and it answers"
    return f"quarterdeck model show {version.reference} says what its gates found; the champion stays"
