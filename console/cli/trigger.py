"""`quarterdeck trigger`: what starts runs by itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated

import typer

from quarterdeck.console import acts
from quarterdeck.console.cli.noun import noun
from quarterdeck.console.cli.output import print_fields, print_json, print_table
from quarterdeck.console.cli.session import AsJson, Limit, Reason, opened
from quarterdeck.console.cli.waiting import say_queued
from quarterdeck.console.formats import lasted, trigger_condition
from quarterdeck.console.queries.evidence import in_words
from quarterdeck.console.queries.triggers import TriggerShown, next_times, shown
from quarterdeck.core.clock import utc_now
from quarterdeck.core.errors import UsageError
from quarterdeck.core.operations import Firing
from quarterdeck.core.values import TriggerKind
from quarterdeck.store import trigger_counts, triggers

app = noun("What starts runs by itself: list, show, next, firings, fire, pause, resume.")
SHOWN = 20  # of what comes next, unless more are asked for
OneName = Annotated[str | None, typer.Argument(metavar="PIPELINE/NAME", help="Only this one.")]
OnlyName = Annotated[str | None, typer.Option("--trigger", "-t", metavar="PIPELINE/NAME", help="Only this one's.")]
OnlyFired = Annotated[bool, typer.Option("--fired", help="Only those that started a run.")]
Count = Annotated[int, typer.Option("--count", "-n", min=1, max=1_000, help="Times of each schedule.")]
All = Annotated[bool, typer.Option("--all", "-a", help="Every schedule's, however many.")]
Name = Annotated[str, typer.Argument(metavar="PIPELINE/NAME", help="As `trigger list` shows it.")]
Pipeline = Annotated[str | None, typer.Option("--pipeline", "-p", help="Only this one's.")]


@app.command("list")
def list_(ctx: typer.Context, pipeline: Pipeline = None, as_json: AsJson = False) -> None:
    """Triggers with their state and what came of their last condition."""
    with opened(ctx) as console, console.database.read() as tx:
        found = triggers.every(tx, pipeline)
        last = trigger_counts.last_firings(tx, [trigger.id for trigger in found])
        pairs = [(trigger, last.get(trigger.id)) for trigger in found]
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


@app.command()
def show(ctx: typer.Context, name: Name, limit: Limit = 10, as_json: AsJson = False) -> None:
    """A trigger: its condition, what brakes it, how much of that is used, and its last firings."""
    pipeline, trigger = _split(name)
    now = utc_now()
    with opened(ctx) as console, console.database.read() as tx:
        found = shown(tx, pipeline, trigger, now, limit)
    if as_json:
        print_json(found)
        return
    item, spec = found.trigger, found.spec
    print_fields(
        (
            ("trigger", name),
            ("fires on", f"{item.kind}: {trigger_condition(item.kind, item.spec)}"),
            ("state", "paused" if item.paused else "on"),
            ("next", item.next_fire_at),
            ("last fired", item.last_fired_at),
            ("evidence up to", item.last_evidence_at),
            ("cooldown", spec.cooldown if spec.cooldown else None),
            ("fired today", f"{found.fired_today}" + (f" of {spec.limit_per_day}" if spec.limit_per_day else "")),
            ("trained", _spent(found)),
            ("missed times", spec.misfire.value if item.kind is TriggerKind.SCHEDULE else None),
            ("looked to", None if found.place is None else json.dumps(found.place)),
        )
    )
    print()
    _print_firings(found.firings, {item.id: item.name})


def _spent(found: TriggerShown) -> str:
    budget = found.spec.budget
    of = "" if budget is None else f" of {lasted(budget)}"
    return f"{lasted(found.spent)}{of} this {found.spec.budget_per}"


@app.command("next")
def next_(
    ctx: typer.Context, name: OneName = None, count: Count = 1, every: All = False, as_json: AsJson = False
) -> None:
    """What the clock starts next, the soonest first; of each schedule `--count` times."""
    now = utc_now()
    with opened(ctx) as console, console.database.read() as tx:
        wanted = triggers.every(tx) if name is None else [triggers.get(tx, *_split(name))]
    planned = [(at, item) for item in wanted for at in next_times(item, now, count)]
    planned.sort(key=lambda pair: (pair[0], pair[1].id))
    found = planned if every else planned[: max(count, SHOWN)]
    if as_json:
        print_json([{"at": at, "pipeline": item.pipeline, "name": item.name} for at, item in found])
        return
    rows = [(at, f"{item.pipeline}/{item.name}", trigger_condition(item.kind, item.spec)) for at, item in found]
    print_table(("at", "trigger", "schedule"), rows, empty="The clock starts nothing: no schedule, or no daemon.")
    if len(planned) > len(found):
        typer.echo(f"{len(planned) - len(found)} more: --all shows them", err=True)


@app.command()
def firings(
    ctx: typer.Context,
    pipeline: Pipeline = None,
    name: OnlyName = None,
    fired: OnlyFired = False,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Each time a condition held: the run it started, or why it did not start one."""
    with opened(ctx) as console, console.database.read() as tx:
        names = {item.id: item.name for item in triggers.every(tx)}
        only = None if name is None else triggers.get(tx, *_split(name)).id
        found = triggers.firings(tx, pipeline=pipeline, trigger_id=only, fired=True if fired else None, limit=limit)
    if as_json:
        print_json([{"trigger": names.get(item.trigger_id), "firing": item} for item in found])
        return
    _print_firings(found, names)


def _print_firings(found: Sequence[Firing], names: dict[int, str]) -> None:
    rows = [
        (
            item.at,
            f"{item.pipeline}/{names.get(item.trigger_id, '(removed)')}",
            item.fired,
            item.run_id,
            item.alert_id,
            in_words(item) if item.fired else item.reason,
        )
        for item in found
    ]
    print_table(("at", "trigger", "fired", "run", "alert", "why"), rows, empty="No condition has held yet.")


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
