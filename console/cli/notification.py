"""`quarterdeck notification`: what receivers outside are told, and what did not reach them."""

from __future__ import annotations

from typing import Annotated

import typer

from quarterdeck.console import acts
from quarterdeck.console.cli.noun import noun
from quarterdeck.console.cli.output import print_fields, print_json, print_table
from quarterdeck.console.cli.session import AsJson, Limit, Offset, Reason, opened
from quarterdeck.core.errors import RefusedError, UnavailableError, UsageError
from quarterdeck.core.notices import Delivery, DeliveryState, Outcome, Verdict, cloud_event
from quarterdeck.core.receivers import Receiver
from quarterdeck.store import deliveries

app = noun("What receivers outside are told: list, show, retry, discard, test, receivers.")
Id = Annotated[int, typer.Argument(metavar="ID", min=1, help="As `notification list` shows it.")]
To = Annotated[str | None, typer.Option("--receiver", "-r", metavar="NAME", help="Only this one's.")]
WAITING = (DeliveryState.PENDING, DeliveryState.DEAD)


@app.command("list")
def list_(
    ctx: typer.Context,
    state: Annotated[list[DeliveryState] | None, typer.Option("--state", help="Only these; several times.")] = None,
    every: Annotated[bool, typer.Option("--all", "-a", help="Also what was taken or discarded.")] = False,
    receiver: To = None,
    limit: Limit = 50,
    offset: Offset = 0,
    as_json: AsJson = False,
) -> None:
    """What waits to be sent and what was given up (dead), the newest first."""
    states = tuple(state) if state else () if every else WAITING
    with opened(ctx) as console, console.database.read() as tx:
        found = deliveries.page(tx, states=states, receiver=receiver, limit=limit, offset=offset)
        pairs = [(item, deliveries.event_of(tx, item)) for item in found]
    if as_json:
        print_json([{"notification": item, "event": event} for item, event in pairs])
        return
    rows = [
        (item.id, item.state, item.receiver, event.type, event.subject, event.at, item.attempts,
         item.due_at if item.state is DeliveryState.PENDING else None, item.status, _first(item))
        for item, event in pairs
    ]  # fmt: skip
    columns = ("id", "state", "receiver", "event", "about", "at", "tries", "next try", "status", "said")
    print_table(columns, rows, empty="Nothing waits, and nothing was given up.")


def _first(item: Delivery) -> str:
    return item.said.split("\n", 1)[0]


@app.command()
def show(ctx: typer.Context, delivery_id: Id, as_json: AsJson = False) -> None:
    """One message: how its sending went, what the receiver said, and the event as it is sent."""
    # start-up time: no other command here needs it
    from quarterdeck.scheduler.notifying import source_of

    with opened(ctx) as console, console.database.read() as tx:
        found = deliveries.get(tx, delivery_id)
        source = source_of(console.workspace.root, console.environment)
        told = cloud_event(deliveries.event_of(tx, found), source=source)
    if as_json:
        print_json({"notification": found, "event": told})
        return
    print_fields(
        [
            ("notification", found.id),
            ("receiver", found.receiver),
            ("state", found.state.value),
            ("tries", found.attempts),
            ("last try", found.tried_at),
            ("next try", found.due_at if found.state is DeliveryState.PENDING else None),
            ("status", found.status),
            ("said", found.said),
            ("event", told),
        ]
    )


@app.command()
def retry(
    ctx: typer.Context,
    delivery_id: Annotated[int | None, typer.Argument(metavar="[ID]", min=1, help="Which; or --dead.")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Everything that was given up.")] = False,
    receiver: To = None,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """Send a message again, with all its tries; the daemon does it."""
    if (delivery_id is None) is not dead:
        raise UsageError("say what to send again", hint="an ID, or --dead for all that was given up")
    with opened(ctx) as console:
        if delivery_id is None:
            found = acts.retry_dead(console, receiver=receiver, reason=reason or "")
        else:
            found = [acts.retry_notification(console, delivery_id, reason=reason or "")]
    if as_json:
        print_json(found)
    elif not found:
        print("Nothing was given up.")
    for item in found if not as_json else ():
        print(f"notification {item.id} to {item.receiver} is {item.state}")


@app.command()
def discard(ctx: typer.Context, delivery_id: Id, reason: Reason = None, as_json: AsJson = False) -> None:
    """Give a message up: it is not sent any more."""
    with opened(ctx) as console:
        found = acts.discard_notification(console, delivery_id, reason=reason or "")
    if as_json:
        print_json(found)
    else:
        print(f"notification {found.id} to {found.receiver} is {found.state}")


@app.command()
def test(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The receiver's name in quarterdeck.toml.")],
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """Send a test event to a receiver, here and once; exit 7 where it cannot be reached, 1 where it says no."""
    with opened(ctx) as console:
        receiver, outcome = acts.try_receiver(console, name, reason=reason or "")
    if as_json:
        print_json({"receiver": receiver.name, "outcome": outcome})
    if outcome.verdict is not Verdict.TAKEN:
        raise _refused(receiver, outcome)
    if not as_json:
        print(f"{receiver.name} took it: {receiver.place}, status {outcome.status}")


def _refused(receiver: Receiver, outcome: Outcome) -> RefusedError | UnavailableError:
    said = outcome.said or f"it answered with status {outcome.status}"
    where = f"{receiver.name}, {receiver.place}"
    if outcome.verdict is Verdict.NEVER:
        return RefusedError(f"the receiver said no: {said}", where=where)
    return UnavailableError(f"the receiver did not take it: {said}", where=where, hint="the daemon would try again")


@app.command()
def receivers(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Who is told, and of what: the receivers of quarterdeck.toml."""
    with opened(ctx) as console, console.database.read() as tx:
        found = console.settings.notifications
        dead = {item.name: len(deliveries.page(tx, states=[DeliveryState.DEAD], receiver=item.name, limit=10_000))
                for item in found}  # fmt: skip
    if as_json:
        print_json([{"receiver": item, "dead": dead[item.name]} for item in found])
        return
    rows = [
        (item.name, item.place, _signed(item), ", ".join(item.events), item.severity, ", ".join(item.kinds),
         ", ".join(item.models), item.tries, dead[item.name])
        for item in found
    ]  # fmt: skip
    columns = ("receiver", "where", "signed", "events", "from severity", "kinds", "models", "tries", "dead")
    print_table(columns, rows, empty="Nobody is told: name receivers in quarterdeck.toml, under [[notifications]].")


def _signed(receiver: Receiver) -> str:
    if receiver.command:
        return "no need"
    return "yes" if receiver.secret_env or receiver.secret_file else "NO"
