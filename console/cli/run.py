"""`quarterdeck run`: the runs of pipelines."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from quarterdeck.console import acts
from quarterdeck.console.cli.noun import noun
from quarterdeck.console.cli.output import print_fields, print_json, print_table
from quarterdeck.console.cli.session import AsJson, Limit, Offset, opened
from quarterdeck.console.cli.waiting import say_queued
from quarterdeck.console.queries.common import cause_in_words, first_line
from quarterdeck.core.clock import utc_now
from quarterdeck.core.runs import Run, StepRun
from quarterdeck.core.values import RunStatus
from quarterdeck.store import runs, steps, triggers

app = noun("Runs of pipelines: list, show, logs, cancel, resume.")
Id = Annotated[int, typer.Argument(metavar="ID", min=1, help="The run's number.")]


@app.command("list")
def list_(
    ctx: typer.Context,
    pipeline: Annotated[str | None, typer.Option("--pipeline", "-p", help="Only this one's.")] = None,
    status: Annotated[RunStatus | None, typer.Option("--status", help="Only these.")] = None,
    limit: Limit = 50,
    offset: Offset = 0,
    as_json: AsJson = False,
) -> None:
    """Runs, the newest first."""
    with opened(ctx) as console, console.database.read() as tx:
        found = runs.page(tx, pipeline=pipeline, status=status, limit=limit, offset=offset)
    if as_json:
        print_json(found)
        return
    rows = [
        (run.id, run.pipeline, run.status, f"{run.progress:.0%}", _took(run), run.requested_by,
         cause_in_words(run.cause), run.version, run.requested_at, first_line(run.error or run.message))
        for run in found
    ]  # fmt: skip
    columns = ("run", "pipeline", "status", "done", "took", "by", "cause", "version", "asked", "message")
    print_table(columns, rows, empty="No runs: `quarterdeck pipeline run NAME` makes one.")


@app.command()
def show(ctx: typer.Context, run_id: Id, as_json: AsJson = False) -> None:
    """One run: its steps, metrics, what asked for it, what it used and made."""
    with opened(ctx) as console, console.database.read() as tx:
        run = runs.get(tx, run_id)
        found = steps.of_run(tx, run_id)
        metrics = steps.metrics_of(tx, run_id)
        firings = triggers.firings(tx, run_id=run_id)
        lineage = steps.lineage_of(tx, run_id)
    if as_json:
        made = [dict(zip(("step", "direction", "name", "sha256"), row, strict=True)) for row in lineage]
        print_json({"run": run, "steps": found, "metrics": metrics, "firings": firings, "lineage": made})
        return
    print_fields(_about(run))
    print()
    rows = [
        (step.name, step.uses, step.status, step.attempt, _took(step), first_line(step.error or step.message))
        for step in found
    ]
    print_table(("step", "uses", "status", "attempt", "took", "message"), rows, empty="Its steps are not planned yet.")
    if metrics:
        print()
        print_table(("metric", "value"), sorted(metrics.items()), empty="")


def _about(run: Run) -> list[tuple[str, Any]]:
    return [
        ("run", run.id),
        ("pipeline", run.pipeline),
        ("status", f"{run.status}, cancel asked for" if run.cancel_requested else run.status),
        ("asked", f"by {run.requested_by}"),
        ("at", run.requested_at),
        ("cause", cause_in_words(run.cause)),
        ("attempt", run.attempt),
        ("took", _took(run)),
        ("version", None if run.version is None else f"{run.pipeline}@{run.version}"),
        ("message", run.message),
        ("error", run.error),
        *((f"used {key}", value) for key, value in run.provenance.items() if not isinstance(value, dict | list)),
    ]


def _took(item: Run | StepRun) -> Any:
    if item.started_at is None:
        return None
    return (item.finished_at or utc_now()) - item.started_at


@app.command()
def logs(
    ctx: typer.Context,
    run_id: Id,
    tail: Annotated[int | None, typer.Option("--tail", "-n", min=1, help="Only the last so many lines.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run has ended.")] = False,
) -> None:
    """What a run printed and logged."""
    from quarterdeck.console.cli.logfile import print_log

    with opened(ctx) as console:
        with console.database.read() as tx:
            runs.get(tx, run_id)

        def ended() -> bool:
            with console.database.read() as tx:
                return runs.get(tx, run_id).status.finished

        path = console.workspace.logs / f"run-{run_id}.log"
        print_log(path, tail=tail, until=ended if follow else None, empty=f"run {run_id} has logged nothing yet")


@app.command()
def cancel(ctx: typer.Context, run_id: Id, as_json: AsJson = False) -> None:
    """Stop a run; a queued one ends at once, a running one's worker is stopped."""
    with opened(ctx) as console:
        run = acts.cancel_run(console, run_id)
    if as_json:
        print_json(run)
    else:
        print(f"run {run_id} is {run.status}" if run.status.finished else f"run {run_id} is being stopped")


@app.command()
def resume(ctx: typer.Context, run_id: Id, as_json: AsJson = False) -> None:
    """Queue a failed or cancelled run again; finished steps are taken from the cache."""
    with opened(ctx) as console:
        say_queued(console, acts.resume_run(console, run_id), as_json=as_json)
