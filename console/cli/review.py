"""`quarterdeck review`: predictions that wait for a person."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from quarterdeck.console import acts
from quarterdeck.console.cli.noun import noun
from quarterdeck.console.cli.output import print_json, print_table
from quarterdeck.console.cli.review_figures import print_stats, stats_json
from quarterdeck.console.cli.review_rows import item_json, item_lines
from quarterdeck.console.cli.session import AsJson, Limit, Offset, opened
from quarterdeck.console.cli.traffic_rows import time_or_ago
from quarterdeck.console.context import Console
from quarterdeck.console.queries.profiles import Profiles
from quarterdeck.console.queries.review import detail, plain_label
from quarterdeck.console.queries.review_stats import stats
from quarterdeck.core.clock import utc_now
from quarterdeck.core.review import OPEN, State
from quarterdeck.core.review_item import Item
from quarterdeck.store import reviews

app = noun("Predictions that wait for a person: list, next, accept, correct, skip, undo, show, stats, export.")
Number = Annotated[int, typer.Argument(metavar="ITEM", help="Its number, as `review list` shows it.")]
Model = Annotated[str | None, typer.Option("--model", help="Only this one's.")]


class Which(StrEnum):
    """Which items: those that wait, all, or those in one state."""

    OPEN = "open"
    ALL = "all"
    WAITING = "waiting"
    CONFLICT = "conflict"
    DECIDED = "decided"
    USED = "used"
    ANSWERED = "answered"
    EXPIRED = "expired"

    @property
    def states(self) -> tuple[State, ...]:
        if self is Which.OPEN:
            return OPEN
        return tuple(State) if self is Which.ALL else (State(self.value),)


@app.command("list")
def list_(
    ctx: typer.Context,
    model: Model = None,
    state: Annotated[Which, typer.Option("--state", "-s", help="Which of them.")] = Which.OPEN,
    limit: Limit = 50,
    offset: Offset = 0,
    as_json: AsJson = False,
) -> None:
    """What waits for a person, conflicts first, then whose turn is next."""
    with opened(ctx) as console, console.database.read() as tx:
        found = reviews.page(tx, console.environment, model=model, states=state.states, limit=limit, offset=offset)
    if as_json:
        print_json([item_json(item) for item in found])
        return
    rows = [
        (item.id, f"{item.model}@{item.version}", item.state, item.why, _answer(item), item.entity, item.answered_at,
         item.skips, item.claimed_by if item.held_by(utc_now()) else None)
        for item in found
    ]  # fmt: skip
    columns = ("item", "model", "state", "why", "answer", "entity", "answered", "skips", "in the hand of")
    empty = "Nothing waits: [review] in a pipeline.toml says what does (docs/review.md)."
    print_table(columns, rows, empty=empty)


@app.command("next")
def next_(ctx: typer.Context, model: Model = None, as_json: AsJson = False) -> None:
    """Judge what waits, one after the other, a key each; without a terminal, take one and print it."""
    with opened(ctx) as console:
        if not as_json and sys.stdin.isatty() and sys.stdout.isatty():
            from quarterdeck.console.cli.review_ask import Session, read_key, read_line  # a terminal's libraries

            Session(console, model, read_key, read_line).run()
            return
        item = acts.take_review(console, model)
        if as_json:
            print_json(None if item is None else item_json(item))
        elif item is None:
            print("Nothing waits for you.")
        else:
            _print(console, item.id)


@app.command()
def show(ctx: typer.Context, item: Number, as_json: AsJson = False) -> None:
    """One prediction with its inputs, what is unusual about them, and what people said."""
    with opened(ctx) as console:
        if not as_json:
            _print(console, item)
            return
        with console.database.read() as tx:
            print_json(item_json(reviews.get(tx, item), reviews.said_of(tx, [item])[item]))


@app.command()
def accept(ctx: typer.Context, item: Number, as_json: AsJson = False) -> None:
    """The model was right: its answer is the label."""
    with opened(ctx) as console:
        _say(acts.accept_review(console, item), as_json=as_json)


@app.command()
def correct(
    ctx: typer.Context,
    item: Number,
    label: Annotated[str, typer.Argument(help="What is right: one of the model's classes, or a number.")],
    because: Annotated[
        str | None, typer.Option("--because", "-b", help="Why the model was wrong: one of [review] reasons.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what is right; a negative number stands behind --."""
    with opened(ctx) as console:
        _say(acts.correct_review(console, item, label, because=because), as_json=as_json)


@app.command()
def skip(ctx: typer.Context, item: Number, as_json: AsJson = False) -> None:
    """Not now: put it to the end of the queue."""
    with opened(ctx) as console:
        found = acts.skip_review(console, item)
    if as_json:
        print_json(item_json(found))
    else:
        print(f"item {found.id} is at the end of the queue; it was skipped {found.skips}x")


@app.command()
def undo(ctx: typer.Context, as_json: AsJson = False) -> None:
    """Take your last decision back, within a minute; the item is in your hand again."""
    with opened(ctx) as console:
        item, said = acts.undo_review(console)
    if as_json:
        print_json(item_json(item))
    else:
        print(f"taken back: {plain_label(said.label)} for item {item.id}, which is yours again")


@app.command("stats")
def stats_(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(help="The model's name.")],
    version: Annotated[int | None, typer.Option("--version", min=1, help="Else the champion.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Only predictions answered since: a time, or 7d.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """The queue, its people, how far they agree, and how good the model is on all its predictions by their labels."""
    with opened(ctx) as console, console.database.read() as tx:
        found = stats(tx, console.environment, model, version=version, since=time_or_ago(since))
    if as_json:
        print_json(stats_json(found))
    else:
        print_stats(found)


@app.command()
def export(
    ctx: typer.Context,
    model: Annotated[str, typer.Argument(help="The model's name.")],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="A .jsonl or .csv file.")],
    state: Annotated[Which, typer.Option("--state", "-s", help="Which of them.")] = Which.USED,
    as_json: AsJson = False,
) -> None:
    """Write a model's items with their labels and what people said into a file."""
    from quarterdeck.console.cli.review_export import export_items  # only this command needs it

    with opened(ctx) as console:
        rows = export_items(console, model, state.states, out)
    if as_json:
        print_json({"file": str(out), "rows": rows})
    else:
        print(f"{rows:,} items are in {out}")


def _answer(item: Item) -> str | None:
    return None if item.blind and item.label is None else plain_label(item.answer)


def _print(console: Console, item: int) -> None:
    with console.database.read() as tx:
        found = detail(tx, item, console.person, Profiles(console).get, utc_now())
    for line in item_lines(found):
        print(line)


def _say(item: Item, *, as_json: bool) -> None:
    if as_json:
        print_json(item_json(item))
    elif item.state is State.DECIDED:
        print(f"item {item.id} of {item.model} is {plain_label(item.label or 'null')}; it becomes a label in a minute")
    elif item.state is State.CONFLICT:
        print(f"item {item.id} of {item.model}: two people differ, a third settles it")
    else:
        print(f"item {item.id} of {item.model}: your word is kept, and waits for a second one")
