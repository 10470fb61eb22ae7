"""`quarterdeck trigger`: what starts runs by itself."""

from __future__ import annotations

from typing import Annotated

import typer

from quarterdeck.console import acts
from quarterdeck.console.cli.noun import noun
from quarterdeck.console.cli.output import print_json, print_table
from quarterdeck.console.cli.session import AsJson, Limit, Reason, opened
from quarterdeck.console.cli.waiting import say_queued
from quarterdeck.console.formats import trigger_condition
from quarterdeck.core.errors import UsageError
from quarterdeck.store import triggers

app = noun("What starts runs by itself: list, next, fire, pause, resume.")
Name = Annotated[str, typer.Argument(metavar="PIPELINE/NAME", help="As `trigger list` shows it.")]
Pipeline = Annotated[str | None, typer.Option("--pipeline", "-p", help="Only this one's.")]


@app.command("list")
def list_(ctx: typer.Context, pipeline: Pipeline = None, as_json: AsJson = False) -> None:
    """Triggers with their state and what came of their last condition."""
    with opened(ctx) as console, console.database.read() as tx:
        pairs = [(trigger, triggers.last_firing(tx, trigger.id)) for trigger in triggers.every(tx, pipeline)]
    if as_json:
        print_json([{"trigger": trigger, "last_firing": firing} for trigger, firing in pairs])
        return
    rows = [
        (f"{item.pipeline}/{item.name}", item.kind, "paused" if item.paused else "on", item.next_fire_at,
         item.last_fired_at, firing.run_id if firing else None, firing.reason if firing else None)
        for item, firing in pairs
    ]  # fmt: skip
    columns = ("trigger", "on", "state", "next", "last fired", "run", "last said")
    print_table(columns, rows, empty="No triggers are known: the daemon reads them from pipeline.toml.")


@app.command("next")
def next_(ctx: typer.Context, limit: Limit = 20, as_json: AsJson = False) -> None:
    """What the clock starts next, the soonest first."""
    with opened(ctx) as console, console.database.read() as tx:
        planned = [item for item in triggers.every(tx) if item.next_fire_at is not None and not item.paused]
    found = sorted(planned, key=lambda item: (item.next_fire_at, item.id))[:limit]
    if as_json:
        print_json([{"at": item.next_fire_at, "pipeline": item.pipeline, "name": item.name} for item in found])
        return
    rows = [
        (item.next_fire_at, f"{item.pipeline}/{item.name}", trigger_condition(item.kind, item.spec)) for item in found
    ]
    print_table(("at", "trigger", "schedule"), rows, empty="The clock starts nothing: no schedule, or no daemon.")


@app.command()
def history(ctx: typer.Context, pipeline: Pipeline = None, limit: Limit = 50, as_json: AsJson = False) -> None:
    """Each time a condition held: the run it started, or why it did not start one."""
    with opened(ctx) as console, console.database.read() as tx:
        names = {item.id: item.name for item in triggers.every(tx)}
        found = triggers.firings(tx, pipeline=pipeline, limit=limit)
    if as_json:
        print_json([{"trigger": names.get(item.trigger_id), "firing": item} for item in found])
        return
    rows = [
        (
            item.at,
            f"{item.pipeline}/{names.get(item.trigger_id, '(removed)')}",
            item.fired,
            item.run_id,
            item.alert_id,
            item.reason,
        )
        for item in found
    ]
    print_table(("at", "trigger", "fired", "run", "alert", "reason"), rows, empty="No condition has held yet.")


@app.command()
def fire(ctx: typer.Context, name: Name, reason: Reason = None, as_json: AsJson = False) -> None:
    """Start now what the trigger starts, whatever its condition, cooldown and limit say."""
    pipeline, trigger = _split(name)
    with opened(ctx) as console:
        say_queued(console, acts.fire_trigger(console, pipeline, trigger, reason=reason or ""), as_json=as_json)


@app.command()
def pause(ctx: typer.Context, name: Name, reason: Reason = None) -> None:
    """Keep a trigger from firing until it is resumed."""
    _set(ctx, name, reason, paused=True)


@app.command()
def resume(ctx: typer.Context, name: Name, reason: Reason = None) -> None:
    """Let a paused trigger fire again."""
    _set(ctx, name, reason, paused=False)


def _set(ctx: typer.Context, name: str, reason: str | None, *, paused: bool) -> None:
    pipeline, trigger = _split(name)
    with opened(ctx) as console:
        acts.set_trigger_paused(console, pipeline, trigger, paused=paused, reason=reason or "")
    print(f"{name} is {'paused' if paused else 'on'}")


def _split(text: str) -> tuple[str, str]:
    pipeline, slash, name = text.partition("/")
    if not (pipeline and slash and name):
        raise UsageError(
            f"{text!r} does not name a trigger", hint="write PIPELINE/NAME as `quarterdeck trigger list` does"
        )
    return pipeline, name
