"""`quarterdeck pipeline`: what the workspace's manifests say, and running one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from quarterdeck.console.acts.runs import request_run
from quarterdeck.console.cli import pipeline_rows
from quarterdeck.console.cli.follow import follower, print_outcome, refuse_rejected
from quarterdeck.console.cli.noun import noun
from quarterdeck.console.cli.output import print_fields, print_json, print_table
from quarterdeck.console.cli.session import AsJson, opened
from quarterdeck.console.cli.waiting import say_queued
from quarterdeck.console.context import Console
from quarterdeck.console.formats import trigger_condition
from quarterdeck.core.durations import format_duration
from quarterdeck.core.errors import NotFoundError, QuarterdeckError
from quarterdeck.core.gate_sets import in_words
from quarterdeck.core.manifest import Manifest, manifest_digest, manifest_json
from quarterdeck.core.manifest_reader import read_manifest
from quarterdeck.core.runs import Run
from quarterdeck.core.values import RunStatus
from quarterdeck.store import runs
from quarterdeck.store.workspace import Workspace, load_manifest, pipelines

app = noun("Pipelines: list, show, check, run, rows.")
Name = Annotated[str, typer.Argument(help="The pipeline's name, which is its folder's.")]


@app.command("list")
def list_(ctx: typer.Context, as_json: AsJson = False) -> None:
    """All pipelines of the workspace, with their last run."""
    with opened(ctx) as console:
        found = [_summary(console, name, path) for name, path in pipelines(console.workspace)]
    if as_json:
        print_json(found)
        return
    rows = [
        (
            row["name"],
            row["task"],
            row["owner"],
            row["steps"],
            _last(row["last_run"]),
            row["problem"] or row["description"],
        )
        for row in found
    ]
    columns = ("pipeline", "task", "owner", "steps", "last run", "about")
    print_table(columns, rows, empty="No pipelines: put one into pipelines/NAME/pipeline.toml.")


def _summary(console: Console, name: str, path: Path) -> dict[str, Any]:
    with console.database.read() as tx:
        last = next(iter(runs.page(tx, pipeline=name, limit=1)), None)
    row: dict[str, Any] = {
        "name": name, "task": None, "owner": None, "steps": None, "description": None, "problem": None,
        "file": path, "last_run": None if last is None else {"id": last.id, "status": last.status},
    }  # fmt: skip
    try:
        manifest = read_manifest(path)
    except QuarterdeckError as error:
        return row | {"problem": str(error)}
    about = {"task": manifest.task, "owner": manifest.owner, "description": manifest.description}
    return row | about | {"steps": len(manifest.steps)}


def _last(run: dict[str, Any] | None) -> str | None:
    return None if run is None else f"{run['id']} {run['status']}"


@app.command()
def show(ctx: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """What a pipeline's manifest means: steps, gates, triggers, monitoring, rollout."""
    with opened(ctx) as console:
        manifest = load_manifest(console.workspace, name)
    if as_json:
        print_json(
            manifest_json(manifest) | {"file": manifest.folder / "pipeline.toml", "digest": manifest_digest(manifest)}
        )
        return
    print_fields(_about(manifest))
    print()
    steps = [
        (
            step.name,
            step.uses,
            _settings(step.settings),
            step.retries,
            format_duration(step.timeout) if step.timeout else None,
        )
        for step in manifest.steps
    ]
    print_table(("step", "uses", "with", "retries", "timeout"), steps, empty="No steps.")
    print()
    gates = [(gate.metric, in_words(gate), gate.owner) for gate in manifest.gates]
    print_table(("gate", "asks", "owner"), gates, empty="No gates: every version is accepted.")
    print()
    specs = {spec["name"]: spec for spec in manifest_json(manifest)["triggers"]}
    triggers = [
        (
            item.name,
            item.kind,
            trigger_condition(item.kind, specs[item.name]),
            format_duration(item.cooldown) if item.cooldown else None,
            item.limit_per_day,
        )
        for item in manifest.triggers
    ]
    print_table(
        ("trigger", "on", "when", "cooldown", "a day"),
        triggers,
        empty="No triggers: only a person starts runs.",
    )


def _about(manifest: Manifest) -> list[tuple[str, Any]]:
    monitoring, rollout = manifest.monitoring, manifest.rollout
    return [
        ("pipeline", manifest.name),
        ("about", manifest.description),
        ("owner", manifest.owner),
        ("task", f"{manifest.task} of {manifest.target}"),
        ("entity", manifest.entity),
        ("time", manifest.time),
        (
            "monitoring",
            f"windows of {format_duration(monitoring.window)}, from {monitoring.minimum_rows} rows",
        ),
        ("rollout", f"{rollout.strategy}, promote {rollout.promote}"),
        ("file", str(manifest.folder / "pipeline.toml")),
    ]


def _settings(settings: Any) -> str:
    return ", ".join(f"{key}={value}" for key, value in settings.items())


@app.command()
def check(
    ctx: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Which; else all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Read manifests and build their graphs without running anything; exit 1 where one cannot run."""
    with opened(ctx) as console:
        wanted = names or [name for name, _ in pipelines(console.workspace)]
        found = [_check(console.workspace, name) for name in wanted]
    if as_json:
        print_json(found)
    else:
        rows = [
            (row["name"], "OK" if row["ok"] else "FAIL", row["problem"] or " -> ".join(row["order"])) for row in found
        ]
        print_table(("pipeline", "check", "steps or problem"), rows, empty="No pipelines to check.")
    if not all(row["ok"] for row in found):
        raise typer.Exit(1)


def _check(workspace: Workspace, name: str) -> dict[str, Any]:
    # start-up time, and the user's code loads what it likes: only this command imports it
    from quarterdeck.core.pipeline.graph import build_graph
    from quarterdeck.core.pipeline.kpis import load_kpis
    from quarterdeck.core.pipeline.loading import load_functions

    row: dict[str, Any] = {"name": name, "ok": False, "order": [], "problem": None}
    try:
        manifest = load_manifest(workspace, name)
        order = build_graph(manifest.steps, load_functions(manifest)).order
        load_kpis(manifest)
    except NotFoundError:
        raise
    except QuarterdeckError as error:
        return row | {"problem": str(error)}
    return row | {"ok": True, "order": list(order)}


@app.command("run")
def run_(
    ctx: typer.Context,
    name: Name,
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Queue it for the daemon and return.")] = False,
    reason: Annotated[str, typer.Option("--reason", "-m", help="Why; kept with the run.")] = "",
    as_json: AsJson = False,
) -> None:
    """Run a pipeline and follow it to its end; exit 1 if it fails, or if its gates reject the version it made."""
    with opened(ctx) as console:
        run = request_run(console, name, reason=reason)
        if detach:
            say_queued(console, run, as_json=as_json)
            return
        ended = _follow(console, run, as_json=as_json)
        if ended.status is not RunStatus.SUCCEEDED:
            raise typer.Exit(1)
        refuse_rejected(console, ended)


def _follow(console: Console, run: Run, *, as_json: bool) -> Run:
    from quarterdeck.scheduler.foreground import follow_in_worker

    with follower(quiet=as_json) as show_change:
        ended = follow_in_worker(console.workspace, console.database, run, show_change)
    print_outcome(console, ended, as_json=as_json)
    return ended


for command_name, act in pipeline_rows.COMMANDS.items():
    app.command(command_name)(act)
