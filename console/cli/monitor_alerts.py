"""Alerts of `quarterdeck monitor`: what is wrong, who looks after it, and what is silenced."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from quarterdeck.console import acts
from quarterdeck.console.cli.output import print_fields, print_json, print_table, text_of
from quarterdeck.console.cli.session import AsJson, Limit, Offset, Reason, opened
from quarterdeck.console.queries.alerts import AlertStory, alert_story
from quarterdeck.core.clock import utc_now
from quarterdeck.core.durations import parse_duration
from quarterdeck.core.errors import UsageError
from quarterdeck.core.operations import Silence
from quarterdeck.core.values import AlertState
from quarterdeck.store import alerts as store
from quarterdeck.store import silences as kept

Id = Annotated[int, typer.Argument(metavar="ID", min=1, help="As `monitor alerts` shows it.")]


def alerts(
    ctx: typer.Context,
    model: Annotated[str | None, typer.Option("--model", help="Only this one's.")] = None,
    state: Annotated[list[AlertState] | None, typer.Option("--state", help="Only these; several times.")] = None,
    every: Annotated[bool, typer.Option("--all", "-a", help="Also those whose cause has gone.")] = False,
    limit: Limit = 50,
    offset: Offset = 0,
    as_json: AsJson = False,
) -> None:
    """Alerts, the newest first; exit 0 whether there are any or not."""
    unresolved = not every and not state
    with opened(ctx) as console, console.database.read() as tx:
        found = store.page(tx, model=model, unresolved=unresolved, states=state or (), limit=limit, offset=offset)
    if as_json:
        print_json(found)
        return
    rows = [
        (item.id, item.severity, item.state, item.model, item.kind, item.subject, item.count, item.opened_at,
         item.last_at, item.message)
        for item in found
    ]  # fmt: skip
    columns = ("alert", "severity", "state", "model", "kind", "about", "seen", "since", "last", "message")
    print_table(columns, rows, empty="No alerts.")


def alert(ctx: typer.Context, alert_id: Id, as_json: AsJson = False) -> None:
    """One alert: what it says, who did what about it and why, and what receivers were told."""
    with opened(ctx) as console, console.database.read() as tx:
        found = alert_story(tx, alert_id)
    if as_json:
        print_json(found)
    else:
        _print_story(found)


def _print_story(found: AlertStory) -> None:
    item = found.alert
    quiet = None
    if item.state is AlertState.SILENCED:
        quiet = "it is resolved" if item.silenced_until is None else item.silenced_until
    print_fields(
        [
            ("alert", item.id),
            ("severity", item.severity.value),
            ("state", item.state.value),
            ("cause", f"{item.model}/{item.kind}/{item.subject}"),
            ("message", item.message),
            ("since", item.opened_at),
            ("last seen", item.last_at),
            ("time of the data", item.event_at),
            ("seen", item.count),
            ("came back", item.flaps),
            ("acknowledged by", item.acknowledged_by),
            ("silenced until", quiet),
            ("resolved", item.resolved_at),
            ("evidence", item.evidence),
        ]
    )
    print()
    rows = [(entry.at, entry.actor, entry.act, entry.reason) for entry in found.history]
    print_table(("at", "by", "did", "why"), rows, empty="Nobody has done anything about it.")
    print()
    told = [(told.at, told.event, told.receiver, told.state, told.attempts) for told in found.told]
    print_table(("at", "told", "receiver", "state", "tries"), told, empty="No receiver was told of it.")


def ack(ctx: typer.Context, alert_id: Id, reason: Reason = None, as_json: AsJson = False) -> None:
    """Say that a person has seen an alert."""
    with opened(ctx) as console:
        found = acts.acknowledge(console, alert_id, reason=reason or "")
    if as_json:
        print_json(found)
    else:
        print(f"alert {found.id} is {found.state} by {found.acknowledged_by}")


def resolve(ctx: typer.Context, alert_id: Id, reason: Reason = None, as_json: AsJson = False) -> None:
    """Say that the cause of an alert has gone; where it has not, it opens again when it is next seen."""
    with opened(ctx) as console:
        found = acts.resolve_alert(console, alert_id, reason=reason or "")
    if as_json:
        print_json(found)
    else:
        print(f"alert {found.id} is {found.state}")


def silence(
    ctx: typer.Context,
    target: Annotated[
        str, typer.Argument(metavar="ID|MODEL/KIND", help="An alert, or a cause: flights/drift, flights/*.")
    ],
    lasting: Annotated[
        str | None, typer.Option("--for", help='How long: "4h", "2d"; an alert without it until it is resolved.')
    ] = None,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """Hear no more of an alert, or nothing of a cause, also before it is there."""
    length = None if lasting is None else parse_duration(lasting)
    with opened(ctx) as console:
        if target.isdecimal():
            made = acts.silence_alert(console, int(target[:18]), lasting=length, reason=reason or "")
            quiet = 1
        else:
            made, silenced = acts.silence_cause(console, target, lasting=_needed(length), reason=reason or "")
            quiet = len(silenced)
    if as_json:
        print_json(made)
    else:
        until = "until it is resolved" if made.until is None else f"until {text_of(made.until)}"
        print(f"silence {made.id}: {made.target} {until}, {quiet} alert{'' if quiet == 1 else 's'} silenced now")


def _needed(lasting: timedelta | None) -> timedelta:
    if lasting is None:
        hint = 'say how long: --for "4h"'
        raise UsageError("a cause is silenced for a time, or nobody would hear of it ever again", hint=hint)
    return lasting


def silences(
    ctx: typer.Context,
    every: Annotated[bool, typer.Option("--all", "-a", help="Also those that have ended.")] = False,
    limit: Limit = 50,
    offset: Offset = 0,
    as_json: AsJson = False,
) -> None:
    """Silences that hold, the newest first."""
    now = utc_now()
    with opened(ctx) as console, console.database.read() as tx:
        found = kept.page(tx, now=None if every else now, limit=limit, offset=offset)
    if as_json:
        print_json(found)
        return
    rows = [
        (item.id, item.target, _state(item, now), item.until, item.created_by, item.created_at, item.reason)
        for item in found
    ]
    columns = ("silence", "of", "state", "until", "by", "since", "reason")
    print_table(columns, rows, empty="Nothing is silenced.")


def _state(item: Silence, now: datetime) -> str:
    return "holds" if item.holds(now) else "ended"


def unsilence(
    ctx: typer.Context,
    silence_id: Annotated[int, typer.Argument(metavar="SILENCE", min=1, help="As `monitor silences` shows it.")],
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """End a silence: what it silenced and still goes on is open again."""
    with opened(ctx) as console:
        ended = acts.end_silence(console, silence_id, reason=reason or "")
    if as_json:
        print_json(ended)
    else:
        print(f"silence {ended.id} of {ended.target} has ended")


COMMANDS: dict[str, Callable[..., Any]] = {
    "alerts": alerts,
    "alert": alert,
    "ack": ack,
    "silence": silence,
    "resolve": resolve,
    "silences": silences,
    "unsilence": unsilence,
}
